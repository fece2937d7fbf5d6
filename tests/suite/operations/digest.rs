//! The digest by mail, from the datagram to the operator's mail program.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::smtp::{Act, Mail, Stage};
use tlsrptd_tests::harness::{library, mta, skip};

const OPERATOR: &str = "operator@sender.example";
const FORMULA: &str = "=HYPERLINK(\"http://evil.test\",\"x\")";

/// What Python's own email and csv find in a mail.
fn read(mail: &[u8]) -> Option<Value> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/python/read_mail.py");
    let child = Command::new("python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = skip::or_skip(child.ok(), "python3 is missing")?;
    child.stdin.take().unwrap().write_all(mail).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// A day on which sessions with two domains failed; one is a stranger's who wants to be run by a spreadsheet.
fn collected() -> Lab {
    let lab = Lab::new();
    for domain in ["bad.test", "good.test", "formula.test"] {
        lab.dns
            .tlsrpt(domain, &format!("v=TLSRPTv1; rua=mailto:r@{domain}"));
    }
    let txt = "v=TLSRPTv1; rua=mailto:r@bad.test";
    let mut policy = mta::policy(2, "formula.test", &[205]);
    policy["failure-details"][0]["f"] = json!(FORMULA);
    policy["failure-details"][0]["a"] = json!(FORMULA);
    lab.collect([
        mta::failure("bad.test", txt, 204),
        mta::failure("bad.test", txt, 204),
        mta::success("good.test", txt),
        mta::made("formula.test", txt, vec![policy]),
    ]);
    lab
}

fn digests(lab: &Lab) -> Vec<Mail> {
    lab.smtp.mails_to(OPERATOR)
}

#[test]
fn a_digest_of_the_day() {
    let lab = collected();
    let reportd = lab
        .reportd()
        .set("digest", "daily")
        .set("digest_address", OPERATOR);
    let running = reportd.start();
    lab.smtp.wait_for_mails(4);
    lab.deliveries();
    running.stop().success();
    let mails = digests(&lab);
    assert_eq!(mails.len(), 1);
    let Some(found) = read(&mails[0].bytes) else {
        return;
    };
    let day = lab.day();
    assert_eq!(found["defects"], json!([]), "{found:#}");
    let header = |name: &str| found["headers"][name].as_str().unwrap_or_default();
    for (name, want, why) in [
        (
            "subject",
            format!("TLS failures {day}: 2 domains, 3 sessions"),
            "the essence",
        ),
        (
            "from",
            "TLS Reports <noreply@sender.example>".to_owned(),
            "as reports",
        ),
        ("to", OPERATOR.to_owned(), "digest_address"),
        (
            "auto-submitted",
            "auto-generated".to_owned(),
            "nobody's vacation answers it",
        ),
        (
            "tls-required",
            "No".to_owned(),
            "its session is not reported on",
        ),
        ("tls-report-domain", String::new(), "it is no report"),
    ] {
        assert_eq!(header(name), want, "{name}: {why}");
    }
    assert_eq!(mails[0].from, "noreply@sender.example", "as reports");
    let signed = library::dkim(&mails[0].bytes, &lab.dns);
    assert_eq!(signed.len(), 2, "{signed:?}");
    assert!(
        signed.iter().all(|verdict| verdict.starts_with("ok")),
        "{signed:?}"
    );
    assert_eq!(found["types"], json!(["text/plain", "text/csv"]));
    let text = found["text"].as_str().unwrap().replace("\r\n", "\n");
    for part in [
        "4 sessions with 3 domains. 3 of them failed, with 2 domains.",
        "         2  bad.test\n            certificate-expired, policy MTA-STS\n            mx.bad.test[2001:db8::25]\n",
        "certificate-expired (2 sessions)\n",
    ] {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
    assert!(
        text.lines().all(|line| line.chars().count() <= 72),
        "{text}"
    );
    assert_eq!(found["file"], format!("tls-failures-{day}.csv"));
    let rows = found["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{rows:?}");
    let bad = &rows[0];
    for (column, want) in [
        ("first_day", day.as_str()),
        ("domain", "bad.test"),
        ("mx", "mx.bad.test"),
        ("address", "2001:db8::25"),
        ("policy_type", "sts"),
        ("result_type", "certificate-expired"),
        ("sessions", "2"),
    ] {
        assert_eq!(bad[column], want, "{column}");
    }
    let reason = rows[1]["reason_code"].as_str().unwrap();
    assert!(
        reason.contains("HYPERLINK") && !reason.starts_with('='),
        "{reason}"
    );
    assert!(reason.contains("\"x\""), "whole: {reason}");

    // It is no report, and it is sent once.
    let deliveries = lab.deliveries();
    assert!(
        deliveries.iter().all(|(to, _)| !to.contains("operator")),
        "{deliveries:?}"
    );
    let mut again = reportd.start();
    again.wait_for_log("tlsrpt-reportd is at work");
    let jobs = "SELECT count(*) FROM tlsrptd_digests WHERE status = 'sent'";
    lab.wait_for_query(&lab.reportd_db(), jobs, "1");
    again.stop().success();
    assert_eq!(digests(&lab).len(), 1, "not again after a restart");
}

/// An address that the relay refuses costs no report, and one warning.
#[test]
fn a_dead_address_throttles_no_report() {
    let lab = collected();
    lab.smtp
        .script_for(OPERATOR, Stage::Rcpt, Act::reply("550 5.1.1 no such user"));
    let mut running = lab
        .reportd()
        .set("digest", "failures")
        .set("digest_address", OPERATOR)
        .start();
    running.wait_for_log("the digest could not be sent, and is given up");
    let sent = lab.deliveries();
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|(_, status)| status == "sent"), "{sent:?}");
    let log = running.stop().success().stderr;
    assert_eq!(log.matches("is given up").count(), 1, "{log}");
    assert!(!log.contains("the relay takes no mail"), "{log}");
    assert!(digests(&lab).is_empty());
}
