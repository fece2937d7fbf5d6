//! Test reports, and words that nobody should type.

use serde_json::json;
use tlsrptd_tests::harness::https::Answer;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::{self, ReportMail};
use tlsrptd_tests::harness::smtp::{Act, Stage};

use super::{ctl, json_of, reported, rows};

#[test]
fn a_test_report_goes_the_whole_way_and_says_that_it_is_one() {
    let lab = Lab::new();
    let running = reported(&lab);
    let before = rows(&lab);
    let ended = ctl(&lab, &["send-test", "mailto:me@here.test"]).success();
    assert!(
        ended
            .stdout
            .starts_with("mailto:me@here.test: sent after 0."),
        "{}",
        ended.stdout
    );
    let mail = ReportMail::parse(&lab.smtp.mails_to("me@here.test")[0].bytes);
    let subject = mail.header("Subject").unwrap();
    assert!(
        subject.starts_with(
            "Report Domain: sender.example Submitter: sender.example Report-ID: <test-"
        ),
        "{subject}"
    );
    assert!(subject.ends_with("> (TEST, please ignore)"), "{subject}");
    assert!(
        mail.text().starts_with("This is a TEST."),
        "{}",
        mail.text()
    );
    assert_eq!(
        mail.headers("DKIM-Signature").len(),
        2,
        "signed as any report"
    );
    let report = mail.report();
    assert_eq!(report["organization-name"], "Sender Example (TEST)");
    assert_eq!(
        report["policies"][0]["policy"],
        json!({"policy-type": "no-policy-found", "policy-domain": "sender.example"})
    );

    let url = lab.https.url("/test");
    let ended = ctl(&lab, &["send-test", &url, "--json"]).success();
    let said = json_of(&ended);
    assert_eq!(
        (&said["kind"], &said["requests"][0]["state"]),
        (&json!("test"), &json!("sent"))
    );
    let post = &lab.https.posts_to("/test")[0];
    let id = mail::report(&post.body)["report-id"].clone();
    assert!(id.as_str().unwrap().starts_with("test-"), "{id}");

    for (to, act, want, why) in [
        (
            "later@here.test",
            "451 4.2.1 greylisted",
            "failed",
            "one attempt: this is the answer",
        ),
        (
            "gone@here.test",
            "550 5.1.1 no such user",
            "refused",
            "the address",
        ),
        (
            "denied@here.test",
            "554 5.7.1 relay access denied",
            "failed",
            "the relay says it of us",
        ),
    ] {
        lab.smtp.script_for(to, Stage::Rcpt, Act::reply(act));
        let ended = ctl(&lab, &["send-test", to]);
        assert_eq!(ended.code(), Some(1), "{why}: {}", ended.stdout);
        assert!(
            ended
                .stdout
                .starts_with(&format!("mailto:{to}: {want} after ")),
            "{why}: {}",
            ended.stdout
        );
        assert!(ended.stdout.contains(act), "{why}: {}", ended.stdout);
    }
    lab.https.script("/busy", Answer::status(503));
    let ended = ctl(&lab, &["send-test", &lab.https.url("/busy")]);
    assert!(
        ended.stdout.contains("failed after ") && ended.stdout.contains("503"),
        "{}",
        ended.stdout
    );
    assert_eq!(lab.https.posts_to("/busy").len(), 1, "one attempt");
    assert_eq!(rows(&lab), before, "it is in no table of reports");
    let suspended = "SELECT count(*) FROM tlsrptd_refusals";
    assert_eq!(
        lab.query(&lab.reportd_db(), suspended),
        [["0"]],
        "nothing is held against anybody"
    );
    running.stop().success();
}

#[test]
fn hostile_words_are_refused_and_leave_no_row() {
    let lab = Lab::new();
    let running = reported(&lab);
    #[rustfmt::skip]
    let rows: &[(&[&str], i32, &str, &str)] = &[
        (&["send-test", "mailto:a@x.test%0d%0aBcc:b@y.test"], 2, "URI: ", "a header"),
        (&["send-test", "mailto:a@x.test,b@x.test"], 2, "one address is wanted", "two at once"),
        (&["send-test", "mailto://a@x.test"], 2, "URI: ", "no address"),
        (&["send-test", "http://x.test/"], 2, "scheme is unusable", "in plain"),
        (&["send-test", "file:///etc/passwd"], 2, "scheme is unusable", "no carrier"),
        (&["send-test", "directory:/tmp"], 2, "scheme is unusable", "a map's"),
        (&["send-test", "mailto:root@localhost"], 2, "URI: ", "a name of ours"),
        (&["send-test", "\"a@y.test\"@x.test"], 2, "URI: ", "a route"),
        (&["send-test", ""], 2, "URI: ", "nothing"),
        (&["resend", "one.test", "yesterday", "--to", "https://"], 2, "--to: ", "no host"),
        (&["resend", "no domain", "yesterday"], 2, "DOMAIN: ", "no domain"),
        (&["resend", "one.test", "2026-13-01"], 2, "DAY", "no day"),
        (&["resend", "two.test", "yesterday"], 1, "there is no report on two.test", "not reported"),
        (&["resend", "one.test", "2020-01-01"], 1, "there is no report on one.test", "long ago"),
        (&["send-test", "a@x.test", "--wait", "0"], 2, "--wait", "no time"),
    ];
    for (command, code, want, why) in rows {
        let ended = ctl(&lab, command);
        assert_eq!(
            ended.code(),
            Some(*code),
            "{why}: {}{}",
            ended.stdout,
            ended.stderr
        );
        let said = ended.stdout + &ended.stderr;
        assert!(said.contains(want), "{why}: {said}");
    }
    // An operator wrote it by hand.
    let db = rusqlite::Connection::open(lab.reportd_db()).unwrap();
    db.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    db.execute_batch(
        "INSERT INTO tlsrptd_requests(kind) VALUES('nothing'), (NULL), (x'ff00');
         INSERT INTO tlsrptd_requests(kind, destination, r_id, failures) VALUES('resend', x'ff', 'a', 'b'), ('resend', 'mailto:', 99, -1);",
    )
    .unwrap();
    drop(db);
    let failed = "SELECT count(*) FROM tlsrptd_requests WHERE state = 'failed'";
    lab.wait_for_query(&lab.reportd_db(), failed, "2");
    ctl(&lab, &["send-test", "a@x.test"]).success();
    running.stop().success();
}
