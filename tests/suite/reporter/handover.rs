//! One database, two reporters in turn: sys4's and ours, with work pending. What was sent is not sent again, what is
//! pending goes out once, what was decided against stays so.

use std::collections::BTreeMap;

use serde_json::Value;
use tlsrptd_tests::harness::https::Answer;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::ReportMail;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::smtp::{Act, Stage};
use tlsrptd_tests::harness::sys4::Sys4;
use tlsrptd_tests::harness::wait::until_true;

use super::assert_law;
use crate::in_turn::{PENDING, our_domains, patient, their_domains, their_reporter};

#[test]
fn what_ours_left_pending_sys4_sends_and_nothing_else() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    let lab = Lab::new();
    let url = lab.https.url("/post");
    let record = |domain: &str, more: &str| format!("v=TLSRPTv1; rua=mailto:a@{domain}{more}");
    let records = [
        ("sent.test", record("sent.test", "")),
        ("pending.test", record("pending.test", "")),
        ("hand.test", record("hand.test", "")),
        ("refused.test", record("refused.test", "")),
        ("both.test", record("both.test", &format!(",{url}"))),
    ];
    for (domain, record) in &records {
        lab.dns.tlsrpt(domain, record);
    }
    // It has opted out since: sys4, which reads what the MTA saw, would report.
    let out = ("out.test", record("out.test", ""));
    lab.collect(
        records
            .iter()
            .chain([&out])
            .map(|(domain, record)| mta::failure(domain, record, 203)),
    );
    lab.smtp
        .script_for("a@pending.test", Stage::Rcpt, Act::reply("451 4.2.1 later"));
    lab.smtp
        .script_for("a@hand.test", Stage::End, Act::AcceptAndHang);
    lab.smtp
        .script_for("a@refused.test", Stage::Rcpt, Act::reply("550 5.1.1 never"));
    lab.https.script("/post", Answer::status(503));
    let ours = patient(lab.reportd());
    let running = ours.start();
    // All but the one in hand: an outcome that is not recorded at a kill is repeated.
    let settled = "SELECT count(*) FROM destinations WHERE status IS NOT NULL OR retries > 0";
    lab.wait_for_query(&lab.reportd_db(), settled, "5");
    lab.smtp.wait_for_mails(3);
    running.kill();
    assert_eq!(our_domains(&lab), ["both.test", "hand.test", "sent.test"]);
    let posts = lab.https.posts().len();

    let running = their_reporter(&lab, &sys4, "nobody").start();
    lab.wait_for_query(&lab.reportd_db(), PENDING, "1");
    running.stop();
    assert_eq!(
        their_domains(&lab),
        ["hand.test", "pending.test"],
        "the pending ones, once; in hand is pending"
    );
    assert_eq!(lab.their_posts().len(), 1);

    lab.smtp.heal();
    let mut running = ours.start();
    running.wait_for_log("is at work");
    assert_eq!(lab.deliveries().len(), 6);
    running.stop().success();
    assert_eq!(
        our_domains(&lab),
        ["both.test", "hand.test", "sent.test"],
        "nothing is sent again"
    );
    assert_eq!(lab.https.posts().len(), posts, "nothing is posted again");
    let out = "SELECT count(*), max(report IS NULL), max(tlsrptd_reason LIKE 'opted out%') FROM reports WHERE domain = 'out.test'";
    assert_eq!(
        lab.query(&lab.reportd_db(), out),
        [["1", "1", "1"]],
        "decided against stays so"
    );
    assert_law(&lab);
}

#[test]
fn what_sys4_left_pending_ours_sends_and_nothing_else() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    let lab = Lab::new();
    let record = |address: &str| format!("v=TLSRPTv1; rua=mailto:{address}");
    // Where a record changes during the day, sys4 makes two reports.
    lab.collect([
        mta::failure("sent.test", &record("a@sent.test"), 203),
        mta::failure("pending.test", &record("a@pending.test"), 203),
        mta::success("pending.test", &record("b@pending.test")),
    ]);
    let running = their_reporter(&lab, &sys4, "pending").start();
    let tried = "SELECT group_concat(coalesce(status, 'pending' || (retries > 0)), ' ') FROM (SELECT * FROM destinations ORDER BY destination)";
    lab.wait_for_query(&lab.reportd_db(), tried, "pending1 sent pending1");
    running.stop();
    let stored: Vec<Value> = lab
        .query(
            &lab.reportd_db(),
            "SELECT report FROM reports WHERE domain = 'pending.test' ORDER BY uniqid",
        )
        .iter()
        .map(|row| serde_json::from_str(&row[0]).unwrap())
        .collect();

    let running = lab.reportd().start();
    lab.deliveries();
    running.stop().success();
    assert_eq!(their_domains(&lab), ["sent.test"]);
    assert_eq!(
        our_domains(&lab),
        ["pending.test", "pending.test"],
        "what was pending, once"
    );
    let reports = lab
        .smtp
        .mails()
        .iter()
        .map(|mail| ReportMail::parse(&mail.bytes).report())
        .collect::<Vec<_>>();
    assert!(
        stored.iter().all(|report| reports.contains(report)),
        "sys4's reports, as it made them"
    );
    for mail in lab.smtp.mails() {
        let subject = ReportMail::parse(&mail.bytes).header("Subject").unwrap();
        let id = subject.split("Report-ID: ").nth(1).unwrap_or_default();
        assert!(
            id.starts_with('<') && !id.contains(':'),
            "a msg-id has no colon: {subject}"
        );
    }
    let running = their_reporter(&lab, &sys4, "nobody").start();
    until_true("sys4 has looked", || {
        running.log().contains("Send out reports")
    });
    running.stop();
    assert_eq!(their_domains(&lab), ["sent.test"], "nothing is sent again");
}

#[test]
fn a_sys4_reporter_that_is_killed_in_the_middle_leaves_nothing_lost_to_ours() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    let lab = Lab::new();
    let domains: Vec<String> = (0..30).map(|number| format!("d{number:02}.test")).collect();
    let record = |domain: &str| format!("v=TLSRPTv1; rua=mailto:a@{domain}");
    for domain in &domains {
        lab.dns.tlsrpt(domain, &record(domain));
    }
    lab.collect(
        domains
            .iter()
            .map(|domain| mta::success(domain, &record(domain))),
    );
    // Killed while it asks for one domain after the other, ...
    let running = their_reporter(&lab, &sys4, "nobody").start();
    lab.wait_for_query(
        &lab.reportd_db(),
        "SELECT count(*) >= 5 FROM reportdata WHERE status = 'fetched'",
        "1",
    );
    running.kill();
    // ... and again while it sends.
    let running = their_reporter(&lab, &sys4, "nobody").start();
    until_true("some mails of sys4's", || lab.their_mails().len() >= 5);
    running.kill();
    let running = lab.reportd().start();
    lab.deliveries();
    running.stop().success();
    let mut mails: BTreeMap<String, usize> = BTreeMap::new();
    for domain in their_domains(&lab).into_iter().chain(our_domains(&lab)) {
        *mails.entry(domain).or_default() += 1;
    }
    assert_eq!(
        mails.keys().collect::<Vec<_>>(),
        domains.iter().collect::<Vec<_>>(),
        "nothing is lost"
    );
    let twice = mails.values().filter(|number| **number > 1).count();
    assert!(
        twice <= 1 && mails.values().all(|number| *number <= 2),
        "only what was in hand: {mails:?}"
    );
    assert_law(&lab);
}
