//! From recorded sessions to reports that others can read.

use std::collections::BTreeSet;

use serde_json::Value;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::{self, ReportMail};
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::sys4::Sys4;

#[test]
fn every_recorded_datagram_comes_out_in_a_report_that_others_accept() {
    let datagrams: Vec<Vec<u8>> = mta::recorded()
        .into_iter()
        .map(|(_, bytes)| bytes)
        .collect();
    reports_say_what_datagrams_said(&datagrams);
}

#[test]
fn what_the_format_allows_beyond_the_recorded_comes_out_too() {
    let txt = "v=TLSRPTv1; rua=mailto:a@reports.test";
    let several = mta::several_policies("several.test", txt);
    let datagrams = vec![
        mta::invalid_utf8("invalid.test", txt),
        several.clone(),
        several,
        mta::failure("unknown-code.test", txt, 299),
        // Two spellings of one domain.
        mta::success("Trailing.Dot.test.", txt),
        mta::success("trailing.dot.test", txt),
    ];
    reports_say_what_datagrams_said(&datagrams);
}

#[test]
fn the_largest_datagram_that_the_kernel_carries_is_counted() {
    let lab = Lab::new();
    lab.dns
        .tlsrpt("huge.test", "v=TLSRPTv1; rua=mailto:a@reports.test");
    lab.collect([mta::huge(
        "huge.test",
        "v=TLSRPTv1; rua=mailto:a@reports.test",
        200_000,
    )]);
    let reportd = lab.reportd().start();
    let mails = lab.smtp.wait_for_mails(1);
    let report = ReportMail::parse(&mails[0].bytes).report();
    assert_eq!(
        report["policies"][0]["summary"]["total-successful-session-count"],
        1
    );
    assert_eq!(report["policies"][0]["policy"]["policy-type"], "sts");
    reportd.stop().success();
}

/// Sends them through all programs, each domain with an address and a URL, and lets others judge what arrives.
fn reports_say_what_datagrams_said(datagrams: &[Vec<u8>]) {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    let lab = Lab::new();
    let domains: BTreeSet<String> = datagrams
        .iter()
        .map(|datagram| mta::domain_of(datagram))
        .collect();
    for domain in &domains {
        let url = lab.https.url(&format!("/{domain}"));
        lab.dns.tlsrpt(
            domain,
            &format!("v=TLSRPTv1; rua=mailto:tlsrpt@{domain},{url}"),
        );
    }
    lab.collect(datagrams);
    let reportd = lab.reportd().start();
    let mails = lab.smtp.wait_for_mails(domains.len());
    let posts = lab.https.wait_for_posts(domains.len());
    assert!(
        lab.deliveries().iter().all(|(_, status)| status == "sent"),
        "{:?}",
        lab.deliveries()
    );
    reportd.stop().success();
    assert_eq!(
        (mails.len(), posts.len()),
        (domains.len(), domains.len()),
        "nothing arrives twice"
    );

    let expected = sys4.expected(datagrams);
    assert_same(
        "mailed",
        &sys4.parsed(mails.iter().map(|mail| &mail.bytes)),
        &expected,
    );
    assert_same(
        "posted",
        &sys4.parsed(posts.iter().map(|post| &post.body)),
        &expected,
    );
    for verdicts in sys4.dkim(mails.iter().map(|mail| &mail.bytes), &lab.dns.all_txt()) {
        assert_eq!(verdicts, ["ok rsa-sha256", "ok ed25519-sha256"]);
    }
    let reports: Vec<Value> = posts.iter().map(|post| mail::report(&post.body)).collect();
    assert_eq!(sys4.schema_errors(&reports), [""; 0]);
    for mail in &mails {
        assert_eq!(
            mail.from, "noreply@sender.example",
            "the envelope has its sender"
        );
        let report = ReportMail::parse(&mail.bytes).report();
        assert!(
            reports.contains(&report),
            "mail and post carry the same report"
        );
    }
}

/// Domain by domain, so that a failure shows what differs.
fn assert_same(how: &str, parsed: &Value, expected: &Value) {
    let domains = |reports: &Value| {
        reports
            .as_object()
            .map(|map| map.keys().cloned().collect::<BTreeSet<_>>())
    };
    assert_eq!(domains(parsed), domains(expected), "{how} reports");
    for domain in domains(expected).unwrap_or_default() {
        let pretty = |reports: &Value| format!("{:#}", reports[&domain]);
        assert_eq!(
            pretty(parsed),
            pretty(expected),
            "{how} report for {domain}"
        );
    }
}
