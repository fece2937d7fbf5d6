//! Reports as files: `directory:` out of a map, and the copies of `debug_send_file_dest`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::{self, ReportMail};

use super::{fill, outcomes, rua};

/// The files of a folder by name.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(Result::unwrap);
    files
        .map(|file| {
            let name = file.file_name().into_string().unwrap();
            (name, fs::read(file.path()).unwrap())
        })
        .collect()
}

#[test]
fn a_map_may_lead_into_a_folder() {
    let lab = Lab::new();
    let folder = lab.file("reports");
    fs::create_dir(&folder).unwrap();
    let map = lab.file("mail.map");
    let lines = [
        format!("kept.test REPLACE directory:{}", folder.display()),
        format!("missing.test REPLACE directory:{}/none", folder.display()),
        "up.test REPLACE directory:/tmp/../etc".to_owned(),
        "relative.test REPLACE directory:reports".to_owned(),
        "odd.test REPLACE gopher://reports.test/".to_owned(),
    ];
    fs::write(&map, lines.join("\n")).unwrap();
    #[rustfmt::skip]
    let table = [
        ("kept.test", "sent", "a folder that is there"),
        ("missing.test", "retry", "the operator may make it"),
        ("up.test", "refused", "no way up"),
        ("relative.test", "refused", "relative to what?"),
        ("odd.test", "unknownrua", "a scheme that nobody delivers to"),
    ];
    let domains: Vec<(&str, String)> = table
        .iter()
        .map(|(domain, ..)| (*domain, rua(&format!("mailto:a@{domain}"))))
        .collect();
    fill(&lab, domains);
    // A record of its own cannot lead into a folder: its mail goes out, and nothing else.
    let reportd = lab
        .reportd()
        .set("mail_destination_map", map.display())
        .start();
    let found = outcomes(&lab, &lab.reportd_db(), table.len());
    reportd.stop().success();
    for (domain, result, reason) in table {
        let (_, delivery) = found
            .iter()
            .find(|((found, _), _)| found == domain)
            .unwrap();
        assert_eq!(
            delivery.result(),
            result,
            "{domain}: {reason}: {delivery:?}"
        );
    }
    let files = files(&folder);
    let (name, content) = files.first_key_value().unwrap();
    assert_eq!(files.len(), 1, "{:?}", files.keys());
    let begins = format!("tlsrpt-kept.test-{}_idx", lab.day());
    assert!(
        name.starts_with(&begins) && name.ends_with(".json"),
        "{name}"
    );
    let report: serde_json::Value = serde_json::from_slice(content).unwrap();
    let id = lab.report_id("kept.test");
    assert_eq!(report["report-id"], id);
    let mode = fs::metadata(folder.join(name))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(
        mode & 0o027,
        0,
        "who mails whom is not for everybody: {mode:o}"
    );
}

#[test]
fn copies_are_for_the_operators_eyes() {
    let lab = Lab::new();
    let folder = lab.file("copies");
    fs::create_dir(&folder).unwrap();
    let url = lab.https.url("/a/b");
    fill(
        &lab,
        [("copied.test", rua(&format!("{url},mailto:a@reports.test")))],
    );
    let reportd = lab
        .reportd()
        .set("debug_send_file_dest", folder.display())
        .start();
    outcomes(&lab, &lab.reportd_db(), 1);
    reportd.stop().success();
    let files = files(&folder);
    let id = lab.report_id("copied.test");
    let id = id.trim_end_matches("_copied.test");
    let start = format!("testreport-copied.test-{id}-");
    let posted = mail::gunzip(&lab.https.posts()[0].body);
    let url_name = format!("{start}{}.json", url.replace('/', "_"));
    for name in [&url_name, &format!("{start}mailto:a@reports.test.json")] {
        let content = files
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not in {:?}", files.keys()));
        assert_eq!(String::from_utf8_lossy(content), posted, "{name}");
    }
    let mail = &files[&format!("{start}THE_EMAIL_TO_a@reports.test.json")];
    assert_eq!(mail, &lab.smtp.mails()[0].bytes, "the mail as it was sent");
    assert_eq!(
        ReportMail::parse(mail).header("To").as_deref(),
        Some("a@reports.test")
    );
    assert_eq!(files.len(), 3, "{:?}", files.keys());
}
