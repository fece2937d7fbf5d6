//! Deliveries by the operator's programs: sendmail, `sendmail_script`, `http_script`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::unistd::Pid;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::{self, ReportMail};
use tlsrptd_tests::harness::sys4::Sys4;
use tlsrptd_tests::harness::wait::{until, until_true};

use super::{by_domain, fill, rua};

/// How programs end, by the local part of the address (or the path of the URL) that they are given.
const ENDINGS: &str = r#"
case "$name" in
    well) exit 0;;
    refused) echo "no such user" >&2; exit 67;;
    later) exit 75;;
    broken) exit 1;;
    killed) kill -9 $$;;
    # The child of a child would go on for a long time.
    hang) sh -c 'echo $$ > "$0"; sleep 600' "$out/hanging" & sleep 600;;
esac
"#;

#[rustfmt::skip]
const MAIL_ENDINGS: [(&str, &str, &str); 7] = [
    ("well", "sent", "status 0"),
    ("refused", "refused", "EX_NOUSER"),
    ("later", "kept", "EX_TEMPFAIL"),
    ("broken", "kept", "whatever else goes wrong"),
    ("killed", "kept", "ended by a signal, of which a shell tells as status 137"),
    ("hang", "retry", "killed at the time-out"),
    ("-bp", "sent", "an address is no option"),
];

/// Writes a program; `$out` in it is the folder.
fn program(lab: &Lab, name: &str, body: &str) -> PathBuf {
    let bin = lab.file("bin");
    fs::create_dir_all(&bin).unwrap();
    let path = bin.join(name);
    let out = lab.folder().display();
    // Renamed when it is whole and closed: a file that is written to cannot be started.
    let unfinished = bin.join(format!("{name}.new"));
    fs::write(&unfinished, format!("#!/bin/sh\nout='{out}'\n{body}")).unwrap();
    fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(&unfinished, &path).unwrap();
    path
}

fn domain(name: &str) -> String {
    format!("{}.test", name.trim_start_matches('-'))
}

/// Each ending has a domain and an address of its own.
fn addresses(lab: &Lab, endings: &[(&str, &str, &str)]) {
    let domains: Vec<(String, String)> = endings
        .iter()
        .map(|(name, ..)| (domain(name), rua(&format!("mailto:{name}@reports.test"))))
        .collect();
    fill(
        lab,
        domains
            .iter()
            .map(|(domain, record)| (domain.as_str(), record.clone())),
    );
}

fn check(lab: &Lab, endings: &[(&str, &str, &str)]) {
    let found = by_domain(lab, &lab.reportd_db(), endings.len());
    for (name, result, reason) in endings {
        let delivery = &found[&domain(name)];
        // Whether it is charged to the report depends on what became of the others.
        let is_kept = *result == "kept" && matches!(delivery.result(), "retry" | "waits");
        assert!(
            is_kept || delivery.result() == *result,
            "{name}: {reason}: {delivery:?}"
        );
    }
    let hanging = until("the hanging child's number", || {
        fs::read_to_string(lab.file("hanging"))
            .ok()?
            .trim()
            .parse()
            .ok()
    });
    until_true("the end of the hanging child", || {
        has_ended(Pid::from_raw(hanging))
    });
}

/// A process that nobody has waited for yet has ended too.
fn has_ended(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_none_or(|(_, state)| state.starts_with(['Z', 'X']))
}

/// The mail that a program was given, with the line ends that the MTA puts back.
fn given(path: &Path) -> Vec<u8> {
    let text = fs::read_to_string(path).unwrap();
    assert!(!text.contains('\r'), "programs get local line ends");
    text.replace('\n', "\r\n").into_bytes()
}

#[test]
fn the_sendmail_program_is_found_and_told_the_envelope() {
    let lab = Lab::new();
    let script = format!(
        "name=${{5%@*}}\nprintf '%s\\n' \"$@\" > \"$out/args-$name\"\ncat > \"$out/mail-$name\"\n{ENDINGS}"
    );
    let sendmail = program(&lab, "sendmail", &script);
    addresses(&lab, &MAIL_ENDINGS);
    let path = format!("{}:/usr/bin:/bin", sendmail.parent().unwrap().display());
    let reportd = lab
        .reportd()
        .set("mail_transport", "sendmail")
        .set("sendmail_timeout", 3)
        .set("bcc_address", "archive@sender.example")
        .env("PATH", path)
        .start();
    check(&lab, &MAIL_ENDINGS);
    reportd.stop().success();
    let args = fs::read_to_string(lab.file("args-well")).unwrap();
    let expected =
        "-i\n-f\nnoreply@sender.example\n--\nwell@reports.test\narchive@sender.example\n";
    assert_eq!(args, expected, "the envelope's sender, then its recipients");
    let bytes = given(&lab.file("mail-well"));
    let mail = ReportMail::parse(&bytes);
    assert_eq!(mail.header("To").as_deref(), Some("well@reports.test"));
    assert!(
        !String::from_utf8_lossy(&bytes).contains("archive@"),
        "the copy is in the envelope only"
    );
    if let Some(sys4) = Sys4::or_skip() {
        let verdicts = sys4.dkim([&bytes], &lab.dns.all_txt());
        assert_eq!(verdicts, [["ok rsa-sha256", "ok ed25519-sha256"]]);
    }
    assert!(lab.smtp.offered().is_empty());
}

#[test]
fn a_sendmail_program_that_does_not_start_keeps_mails_waiting() {
    let lab = Lab::new();
    let sendmail = program(&lab, "sendmail", "exit 0");
    fs::set_permissions(&sendmail, fs::Permissions::from_mode(0o644)).unwrap();
    let records = [
        ("a.test", rua("mailto:a@reports.test")),
        ("b.test", rua(&lab.https.url("/b"))),
    ];
    fill(&lab, records);
    let reportd = lab
        .reportd()
        .set("mail_transport", "sendmail")
        .env("PATH", sendmail.parent().unwrap().display())
        .start();
    let found = by_domain(&lab, &lab.reportd_db(), 2);
    reportd.stop().success();
    let mail = &found["a.test"];
    assert_eq!(mail.result(), "waits", "it may be mended: {mail:?}");
    assert!(mail.reason.contains("cannot be started"), "{mail:?}");
    assert_eq!(found["b.test"].result(), "sent", "HTTPS needs none");
}

#[test]
fn a_sendmail_script_reads_the_headers() {
    let lab = Lab::new();
    let body = format!(
        "cat > \"$out/mail.$$\"\nname=$(sed -n 's/^To: \\(.*\\)@.*/\\1/p' \"$out/mail.$$\")\nmv \"$out/mail.$$\" \"$out/mail-$name\"\n{ENDINGS}"
    );
    let script = program(&lab, "mailer", &body);
    addresses(&lab, &MAIL_ENDINGS);
    // A shell command, not a path alone.
    let command = format!("env A=b {} -i -t && true", script.display());
    let reportd = lab
        .reportd()
        .unset("mail_transport")
        .set("sendmail_script", command)
        .set("sendmail_timeout", 3)
        .start();
    check(&lab, &MAIL_ENDINGS);
    reportd.stop().success();
    let bytes = given(&lab.file("mail-well"));
    assert_eq!(
        ReportMail::parse(&bytes).report()["contact-info"],
        "tlsrpt@sender.example"
    );
    assert!(lab.smtp.offered().is_empty());
}

#[test]
fn an_http_script_gets_the_bytes_and_one_quoted_word() {
    let lab = Lab::new();
    let body = format!(
        "name=${{2##*/}}; name=${{name%%\\?*}}\nprintf %s \"$2\" > \"$out/url-$name\"\ncat > \"$out/body-$name\"\necho $# > \"$out/words-$name\"\n{ENDINGS}"
    );
    let script = program(&lab, "poster", &body);
    // A shell would see more in it than a URL.
    let query = "?a'b$(touch+x)&*=~(c)|";
    let query = query.replace('|', "%7C");
    #[rustfmt::skip]
    let endings = [
        ("well", "sent", "status 0"),
        ("refused", "retry", "a script tells no more than that it failed"),
        ("later", "retry", "it failed"),
        ("hang", "retry", "killed at the time-out"),
        ("local", "refused", "a script is not told of addresses that are not global"),
    ];
    let url = |name: &str| {
        let host = if name == "local" {
            "127.0.0.1"
        } else {
            "reports.test"
        };
        format!("https://{host}/{name}{query}")
    };
    let domains: Vec<(String, String)> = endings
        .iter()
        .map(|(name, ..)| (format!("{name}.test"), rua(&url(name))))
        .collect();
    fill(
        &lab,
        domains
            .iter()
            .map(|(domain, record)| (domain.as_str(), record.clone())),
    );
    let reportd = lab
        .reportd()
        .set("allow_private_destinations", "no")
        .set("http_script", format!("{} --post", script.display()))
        .set("http_timeout", 3)
        .start();
    check(&lab, &endings);
    reportd.stop().success();
    assert_eq!(
        fs::read_to_string(lab.file("url-well")).unwrap(),
        url("well")
    );
    assert_eq!(fs::read_to_string(lab.file("words-well")).unwrap(), "2\n");
    let body = fs::read(lab.file("body-well")).unwrap();
    let id = lab.report_id("well.test");
    assert_eq!(mail::report(&body)["report-id"], id);
    assert!(!lab.file("url-local").exists());
    assert_eq!(lab.https.connections(), 0);
}
