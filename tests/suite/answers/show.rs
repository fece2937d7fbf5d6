//! `show`: the report as it was sent, as it will be, as it would be.

use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::{self, ReportMail};
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::smtp::{Act, Stage};

use super::{ask, ask_json};

const RECORD: &str = "v=TLSRPTv1; rua=mailto:tls@a.test";

/// A closed day: one domain that wants reports by mail and by https, one by mail twice, one that wants none.
fn fill(lab: &Lab) {
    lab.dns.tlsrpt("a.test", RECORD);
    lab.dns.tlsrpt(
        "two.test",
        "v=TLSRPTv1; rua=mailto:one@two.test,mailto:other@two.test",
    );
    let url = lab.https.url("/report");
    lab.dns
        .tlsrpt("web.test", &format!("v=TLSRPTv1; rua={url}"));
    lab.collect([
        mta::failure("a.test", RECORD, 203),
        mta::success("a.test", RECORD),
        mta::success("two.test", RECORD),
        mta::success("web.test", RECORD),
        mta::success("none.test", RECORD),
    ]);
}

#[test]
fn a_report_that_was_sent() {
    let lab = Lab::new();
    fill(&lab);
    let reportd = lab.reportd().start();
    lab.deliveries();
    sent(&lab);
    reportd.stop().success();
    sent(&lab);
}

fn sent(lab: &Lab) {
    let sent = lab.smtp.mails_to("tls@a.test").remove(0).bytes;
    let report = mail::gunzip(&ReportMail::parse(&sent).gzip());
    let json = ask(lab, &["show", "a.test", "--json"]).success();
    assert_eq!(json.stdout, report, "as it was sent, to the byte");
    let mail = ask(lab, &["show", "a.test", "--mail"]).success();
    assert_eq!(
        mail.stdout,
        String::from_utf8(sent).unwrap(),
        "the mail, signed, to the byte"
    );
    assert_eq!(mail.stderr, "");
    let text = ask(lab, &["show", "A.TEST.", &lab.day()]).success().stdout;
    for part in [
        &format!("Report on a.test of {} (UTC)\n", lab.day()),
        &format!("Report-ID:       {}\n", lab.report_id("a.test")),
        "Reported by:     Sender Example, tlsrpt@sender.example\n",
        "Sessions:        2, 1 of them failed\n",
        "To:              mailto:tls@a.test\n                 sent 20",
        "Policy sts of a.test: 0 successful, 1 failed\n",
        "  MX patterns:   mx.a.test\n",
        "  Sending MTA:   192.0.2.1\n",
        "RESULT ",
        "mx.a.test     2001:db8::25         1\n",
        "Policy no-policy-found of a.test: 1 successful, 0 failed\n",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    let both = ask(lab, &["show", "two.test", "--mail"]).success();
    assert_eq!(
        both.stdout.matches("\nTo: ").count(),
        2,
        "a mail a destination"
    );
    assert!(
        both.stdout.starts_with("From MAILER-DAEMON "),
        "as a mailbox file"
    );
    assert!(
        both.stderr.contains("2 mails, as a mailbox file"),
        "{}",
        both.stderr
    );
    let web = ask(lab, &["show", "web.test", "--mail"]);
    assert_eq!(web.code(), Some(1), "no mail goes there");
    assert!(
        web.stdout.contains("the report goes elsewhere"),
        "{}",
        web.stdout
    );
    let posted = mail::gunzip(&lab.https.posts_to("/report").remove(0).body);
    assert_eq!(
        ask(lab, &["show", "web.test", "--json"]).success().stdout,
        posted
    );
    let none = ask(lab, &["show", "none.test"]);
    assert_eq!(none.code(), Some(1));
    assert!(none.stdout.contains("NXDOMAIN"), "{}", none.stdout);
}

#[test]
fn a_report_that_waits() {
    let lab = Lab::new();
    fill(&lab);
    lab.smtp.script(Stage::Rcpt, Act::reply("450 4.2.1 later"));
    let mut reportd = lab.reportd().start();
    reportd.wait_for_log("450 4.2.1 later");
    let text = ask(&lab, &["show", "a.test"]).success().stdout;
    assert!(
        text.contains("\n                 waiting, next try 20"),
        "{text}"
    );
    let json = ask(&lab, &["show", "a.test", "--json"]).success().stdout;
    let unsigned = lab
        .full_ctl()
        .set("dkim_keys", format!("x:{}", lab.file("none.pem").display()));
    let unsigned = unsigned
        .arg("show")
        .arg("a.test")
        .arg("--mail")
        .run()
        .success();
    assert!(
        unsigned.stderr.contains("without its DKIM signatures: "),
        "{}",
        unsigned.stderr
    );
    let parsed = ReportMail::parse(unsigned.stdout.as_bytes());
    assert_eq!(parsed.headers("DKIM-Signature").len(), 0);
    assert_eq!(mail::gunzip(&parsed.gzip()), json);
    reportd.stop().success();
    let sql = "SELECT report FROM reports WHERE domain = 'a.test'";
    assert_eq!(lab.query(&lab.reportd_db(), sql), [[json]]);
}

#[test]
fn what_is_not_there() {
    let lab = Lab::new();
    let ended = ask(&lab, &["show", "a.test"]);
    assert_ne!(ended.code(), Some(0), "no database yet");
    assert!(
        ended.stderr.contains("there is no database"),
        "{}",
        ended.stderr
    );
    lab.collect([mta::success("a.test", RECORD)]);
    let reportd = lab.reportd().start();
    lab.wait_for_query(&lab.reportd_db(), "SELECT count(*) > 0 FROM reports", "1");
    reportd.stop().success();
    for (words, says, why) in [
        (
            vec!["show", "b.test"],
            "no collector has counted a session with b.test",
            "unknown",
        ),
        (
            vec!["show", "a.test", "2026-01-01"],
            "collectors were never asked for 2026-01-01",
            "long ago",
        ),
        (
            vec!["show", "b.test", "--mail"],
            "no collector has counted a session with b.test",
            "nor a mail",
        ),
    ] {
        let ended = ask(&lab, &words);
        assert_eq!(ended.code(), Some(1), "{why}: {}", ended.stderr);
        assert!(ended.stdout.contains(says), "{why}: {}", ended.stdout);
        let (json, code) = ask_json(&lab, &words);
        assert_eq!(code, Some(1), "{why}");
        assert!(
            json["reason"].as_str().unwrap().contains(says),
            "{why}: {json}"
        );
    }
    for (words, says) in [
        (["show", "not a domain"], "DOMAIN: "),
        (["show", "a.test\u{1b}[31m"], "DOMAIN: "),
    ] {
        let ended = ask(&lab, &words);
        assert_eq!(ended.code(), Some(2));
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
        assert!(!ended.stderr.contains('\u{1b}'));
    }
    let ahead = ask(&lab, &["show", "a.test", "2999-01-01"]);
    assert!(
        ahead.stderr.contains("2999-01-01 has not begun"),
        "{}",
        ahead.stderr
    );
}
