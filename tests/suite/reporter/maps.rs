//! Destination maps and the options that replace destinations.

use std::fs;

use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::ReportMail;
use tlsrptd_tests::harness::mta;

use super::{assert_arrived, report};

/// A domain's lines in the three maps and its record, then its destinations with their status, and why.
/// `{d}` is the row's own domain, `{m}` its own mail domain, `{u}` its own URL, `{f}` the test's folder.
struct Row {
    domain: &'static str,
    maps: [&'static str; 3],
    rua: &'static str,
    expected: &'static [(&'static str, &'static str)],
    why: &'static str,
}

const fn row(
    domain: &'static str,
    maps: [&'static str; 3],
    rua: &'static str,
    expected: &'static [(&'static str, &'static str)],
    why: &'static str,
) -> Row {
    Row {
        domain,
        maps,
        rua,
        expected,
        why,
    }
}

const SENT: &str = "sent";

#[rustfmt::skip]
const ROWS: &[Row] = &[
    row("{d}", ["", "", ""], "mailto:a@{m}", &[("mailto:a@{m}", SENT)], "no line matches: unchanged"),
    row("{d}", ["{d} ACCEPT", "{m} ACCEPT", ""], "mailto:a@{m}", &[("mailto:a@{m}", SENT)], "ACCEPT"),
    row("{d}", ["{d} DISCARD", "", ""], "mailto:a@{m}", &[], "DISCARD"),
    row("{d}", ["{d} REPLACE mailto:x@{m} {u}", "", ""], "mailto:a@{m}", &[("mailto:x@{m}", SENT), ("{u}", SENT)], "REPLACE by two"),
    row("{d}", ["{d} APPEND mailto:x@{m}", "", ""], "mailto:a@{m}", &[("mailto:a@{m}", SENT), ("mailto:x@{m}", SENT)], "APPEND"),
    row("{d}", ["{d} APPEND mailto:a@{m}", "", ""], "mailto:a@{m}", &[("mailto:a@{m}", SENT)], "APPEND of what is there: one delivery"),
    row("{d}", [r"{d} REGEXP mailto:([^@]*)@ mailto:x-\1@", "", ""], "mailto:a@{m},mailto:b@{m}", &[("mailto:x-a@{m}", SENT), ("mailto:x-b@{m}", SENT)], "REGEXP in each destination"),
    row("sub.{d}", [".{d} DISCARD", "", ""], "mailto:a@{m}", &[], "a subdomain"),
    row("{d}", [".{d} DISCARD", "", ""], "mailto:a@{m}", &[("mailto:a@{m}", SENT)], "not the name itself"),
    row("{d}", ["domain:{D} DISCARD", "", ""], "mailto:a@{m}", &[], "without case, spelled out"),
    row("{d}", ["regexp:(?=row10)row(?<!x)(1)0.test DISCARD", "", ""], "mailto:a@{m}", &[], "look-around in a match"),
    row("{d}", ["{d} DISCARD\n{d} ACCEPT", "", ""], "mailto:a@{m}", &[], "the first matching line wins"),
    row("{d}", ["", "{m} DISCARD", ""], "mailto:a@{m},mailto:a@other-{m}", &[("mailto:a@other-{m}", SENT)], "one of two addresses"),
    row("{d}", ["", r"regexp:mailto:(\w+)-\1@(?!bad).*{m} REGEXP mailto:(\w+)-\1@(?P<host>.*) mailto:\1@\g<host>", ""], "mailto:ab-ab@{m},mailto:ab-ab@bad.{m},mailto:ab-ba@{m}",
        &[("mailto:ab-ab@bad.{m}", SENT), ("mailto:ab-ba@{m}", SENT), ("mailto:ab@{m}", SENT)], "back-references and a look-ahead"),
    row("{d}", ["", "{m} REPLACE directory:{f}", ""], "mailto:a@{m}", &[("directory:{f}", SENT)], "a directory"),
    row("{d}", ["{d} REPLACE ftp://x.test/ mailto:a@{m}", "", ""], "mailto:b@{m}", &[("ftp://x.test/", "unknownrua"), ("mailto:a@{m}", SENT)], "a scheme that nobody knows"),
    row("{d}", ["", "", "regexp:.*/row16/(?=secret) DISCARD"], "{u}/public,{u}/secret", &[("{u}/public", SENT)], "a URL by its path"),
    row("{d}", ["", "", "regexp:.*/row17$ REGEXP $ ?token=1"], "{u}", &[("{u}?token=1", SENT)], "a URL is completed"),
    row("{d}", ["", "{m} DISCARD", "regexp:.*/row18$ REPLACE mailto:a@{m}"], "{u}", &[("mailto:a@{m}", SENT)], "what a kind's map produces is final"),
    row("{d}", ["{d} REPLACE mailto:x@{m}", "{m} DISCARD", ""], "mailto:a@y.test", &[], "what the record map produces is not"),
    row("{d}", ["", r"regexp:mailto:(x)(?:a|aa|\1)*c@{m} ACCEPT", ""], "mailto:xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@{m}", &[], "a pattern that fails when it runs delivers nothing"),
    row("{d}", ["# {d} DISCARD\n\n   ", "", ""], "mailto:a@{m}", &[("mailto:a@{m}", SENT)], "a comment"),
];

#[test]
fn each_map_does_what_its_lines_say() {
    let lab = Lab::new();
    let folder = lab.file("reports");
    fs::create_dir(&folder).unwrap();
    let fill = |text: &str, number: usize| {
        let url = lab.https.url(&format!("/row{number:02}"));
        text.replace("{d}", &format!("row{number:02}.test"))
            .replace("{D}", &format!("Row{number:02}.TEST"))
            .replace("{m}", &format!("mail{number:02}.test"))
            .replace("{u}", &url)
            .replace("{f}", &folder.display().to_string())
    };
    let mut maps = [const { String::new() }; 3];
    for (number, row) in ROWS.iter().enumerate() {
        for (map, lines) in maps.iter_mut().zip(row.maps) {
            *map += &format!("{}\n", fill(lines, number));
        }
        let record = format!("v=TLSRPTv1; rua={}", fill(row.rua, number));
        lab.dns.tlsrpt(&fill(row.domain, number), &record);
    }
    lab.collect(
        (0..)
            .zip(ROWS)
            .map(|(number, row)| mta::success(&fill(row.domain, number), "v=TLSRPTv1; x=y")),
    );
    let mut reportd = lab.reportd();
    for (option, map) in [
        "tlsrpt_record_map",
        "mail_destination_map",
        "http_upload_map",
    ]
    .iter()
    .zip(maps)
    {
        fs::write(lab.file(option), map).unwrap();
        reportd = reportd.set(option, lab.file(option).display());
    }
    let fates = report(&lab, &reportd);
    for (number, row) in ROWS.iter().enumerate() {
        let fate = &fates[&fill(row.domain, number)];
        let mut expected: Vec<(String, String)> = row
            .expected
            .iter()
            .map(|(uri, status)| (fill(uri, number), (*status).to_owned()))
            .collect();
        expected.sort();
        assert_eq!(
            fate.destinations, expected,
            "row {number}: {}: {fate:?}",
            row.why
        );
        assert_eq!(
            fate.reason.is_empty(),
            !expected.is_empty(),
            "{}: {fate:?}",
            row.why
        );
    }
    assert_eq!(fates["row02.test"].reason, "discarded by a map");
    assert!(
        fates["row20.test"].reason.contains("mail map line"),
        "{:?}",
        fates["row20.test"]
    );
    assert_arrived(&lab, &fates);
    let files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .flatten()
        .map(|file| file.file_name().into_string().unwrap())
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    assert!(
        files[0].starts_with("tlsrpt-row14.test-") && files[0].ends_with(".json"),
        "{files:?}"
    );
    let text = fs::read_to_string(folder.join(&files[0])).unwrap();
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        report["policies"][0]["policy"]["policy-domain"],
        "row14.test"
    );
}

#[rustfmt::skip]
const MISTAKES: &[(&str, &str, &[&str], &str)] = &[
    ("tlsrpt_record_map", "a.test", &["rua map line 1: Missing action"], "no action"),
    ("mail_destination_map", "# x\n\na.test ALLOW", &["mail map line 3: Unknown action ALLOW"], "no such action"),
    ("http_upload_map", "accept accept", &["http map line 1: Unknown action accept"], "actions have a case"),
    ("http_upload_map", "host:a.test ACCEPT", &["http map line 1: Unsupported match type 'host'"], "no such match"),
    ("tlsrpt_record_map", ". ACCEPT x", &["rua map line 1: Map action ACCEPT does not accept additional parameters"], "one too many"),
    ("tlsrpt_record_map", ". DISCARD x", &["rua map line 1: Map action DISCARD does not accept additional parameters"], "one too many"),
    ("tlsrpt_record_map", ". REPLACE", &["rua map line 1: Map action REPLACE needs additional parameters"], "one too few"),
    ("tlsrpt_record_map", ". APPEND", &["rua map line 1: Map action APPEND needs additional parameters"], "one too few"),
    ("mail_destination_map", ". REGEXP a", &["mail map line 1: Map action REGEXP needs 2 additional parameters but got 1"], "one too few"),
    ("mail_destination_map", ". REGEXP a b c", &["mail map line 1: Map action REGEXP needs 2 additional parameters but got 3"], "one too many"),
    ("mail_destination_map", "regexp:( ACCEPT", &["mail map line 1: ", "unterminated subpattern"], "a broken pattern"),
    ("mail_destination_map", r". REGEXP a \1", &["mail map line 1: ", "invalid group reference"], "a broken substitution"),
    ("mail_destination_map", ". NO\n. ACCEPT\nx", &["mail map line 1: ", "mail map line 3: "], "all mistakes of a file at once"),
];

#[test]
fn a_mistake_in_a_map_is_named_at_start() {
    let lab = Lab::new();
    let map = lab.file("the.map");
    for (option, text, messages, why) in MISTAKES {
        fs::write(&map, text).unwrap();
        let ended = lab.reportd().set(option, map.display()).run();
        assert_eq!(ended.code(), Some(2), "{why}: {}", ended.stderr);
        for message in *messages {
            assert!(ended.stderr.contains(message), "{why}: {}", ended.stderr);
        }
        assert!(
            ended.stderr.contains("the.map"),
            "{why}: it names the file: {}",
            ended.stderr
        );
    }
    let ended = lab
        .reportd()
        .set("http_upload_map", "/nonexistent/map")
        .run();
    assert_eq!(ended.code(), Some(2), "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .contains("http map: cannot read /nonexistent/map"),
        "{}",
        ended.stderr
    );
    assert!(!lab.reportd_db().exists(), "nothing is begun");
}

#[test]
fn a_debug_option_beside_its_map_is_refused() {
    let lab = Lab::new();
    fs::write(lab.file("map"), "").unwrap();
    for (debug, map) in [
        ("debug_send_mail_dest", "mail_destination_map"),
        ("debug_send_http_dest", "http_upload_map"),
        ("debug_send_file_dest", "tlsrpt_record_map"),
    ] {
        let reportd = lab
            .reportd()
            .set(debug, "x")
            .set(map, lab.file("map").display());
        let ended = reportd.run();
        assert_eq!(ended.code(), Some(2), "{debug}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(&format!("{debug}: set beside {map}")),
            "{debug}: {}",
            ended.stderr
        );
        let ended = reportd.unset(map).arg("--check-config").run();
        assert!(
            !ended.stderr.contains("set beside"),
            "{debug}: alone it is no problem: {}",
            ended.stderr
        );
    }
}

#[test]
fn debug_options_replace_destinations_and_save_reports() {
    let lab = Lab::new();
    let folder = lab.file("copies");
    fs::create_dir(&folder).unwrap();
    let url = lab.https.url("/debug");
    lab.dns.tlsrpt("a.test", "v=TLSRPTv1; rua=mailto:a@x.test,mailto:b@x.test,https://nobody.test/a,https://nobody.test/b");
    lab.dns.tlsrpt("b.test", "v=TLSRPTv1; rua=mailto:c@x.test");
    lab.collect(["a.test", "b.test"].map(|domain| mta::success(domain, "v=TLSRPTv1; x=y")));
    let reportd = lab
        .reportd()
        .set("debug_send_mail_dest", "debug@here.test")
        .set("debug_send_http_dest", &url)
        .set("debug_send_file_dest", folder.display());
    let fates = report(&lab, &reportd);
    assert_eq!(
        fates["a.test"].sent(),
        [url.as_str(), "mailto:debug@here.test"]
    );
    assert_eq!(fates["b.test"].sent(), ["mailto:debug@here.test"]);
    assert_arrived(&lab, &fates);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .flatten()
        .map(|file| file.file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(
        files.len(),
        5,
        "each report to each destination, and each mail: {files:?}"
    );
    assert!(
        files
            .iter()
            .all(|name| name.starts_with("testreport-") && name.ends_with(".json")),
        "{files:?}"
    );
    let mail = files.iter().find(|name| {
        name.starts_with("testreport-b.test-") && name.contains("THE_EMAIL_TO_debug@here.test")
    });
    let mail = fs::read(folder.join(mail.unwrap_or_else(|| panic!("{files:?}")))).unwrap();
    assert_eq!(
        ReportMail::parse(&mail)
            .header("TLS-Report-Domain")
            .as_deref(),
        Some("b.test")
    );
}
