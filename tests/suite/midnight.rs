//! Midnight, with the real programs under libfaketime.

use std::path::PathBuf;

use tlsrptd_tests::harness::clock::FakeClock;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::ReportMail;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::program::{Program, Running};
use tlsrptd_tests::harness::sys4::Sys4;

const TXT: &str = "v=TLSRPTv1; rua=mailto:a@reports.test";

#[test]
fn a_day_closes_its_reports_go_out_and_the_next_day_counts_on() {
    let lab = Lab::new();
    lab.dns.tlsrpt("a.test", TXT);
    let Some(clock) = FakeClock::or_skip(lab.folder(), "2026-02-28T23:50:00Z") else {
        return;
    };
    let collectd = a_day_closes(&lab, &lab.collectd(), &clock);
    let reportd = lab.reportd().clock(&clock).start();
    let mails = lab.smtp.wait_for_mails(1);
    let report = ReportMail::parse(&mails[0].bytes).report();
    assert_eq!(
        report["date-range"]["start-datetime"],
        "2026-02-28T00:00:00Z"
    );
    assert_eq!(
        report["policies"][0]["summary"]["total-successful-session-count"],
        2
    );

    // The next midnight comes while both run.
    clock.jump("2026-03-02T00:00:05Z");
    let mails = lab.smtp.wait_for_mails(2);
    let report = ReportMail::parse(&mails[1].bytes).report();
    assert_eq!(
        report["date-range"]["start-datetime"],
        "2026-03-01T00:00:00Z"
    );
    assert_eq!(
        report["policies"][0]["summary"]["total-successful-session-count"],
        1
    );
    reportd.stop().success();
    collectd.stop().success();
}

#[test]
fn so_does_sys4s() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    let lab = Lab::new();
    let Some(clock) = FakeClock::or_skip(lab.folder(), "2026-02-28T23:50:00Z") else {
        return;
    };
    a_day_closes(&lab, &lab.their_collectd(&sys4), &clock).stop();
}

/// Two sessions before midnight, one after it: each in the file of its day.
fn a_day_closes(lab: &Lab, collectd: &Program, clock: &FakeClock) -> Running {
    let collectd = lab.start_ready(&collectd.clone().clock(clock));
    lab.mta()
        .send_all([mta::success("a.test", TXT), mta::success("a.test", TXT)]);
    lab.wait_for_sessions(&lab.collectd_db(), 2);
    clock.jump("2026-03-01T00:00:05Z");
    lab.wait_for_sessions(&lab.closed_db(), 2);
    lab.mta().send(&mta::success("a.test", TXT));
    lab.wait_for_sessions(&lab.collectd_db(), 1);
    let days = |file: PathBuf| lab.day_file(&file).days();
    assert_eq!(days(lab.closed_db()), [("2026-02-28".to_owned(), 2)]);
    assert_eq!(days(lab.collectd_db()), [("2026-03-01".to_owned(), 1)]);
    collectd
}
