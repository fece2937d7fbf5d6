//! Days and their end: those that were missed, those without a session, those that are old enough to go.

use tlsrptd_tests::harness::clock::FakeClock;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::ReportMail;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::smtp::{Act, Stage};
use tlsrptd_tests::harness::stored::lines;
use tlsrptd_tests::harness::wait::until_true;

const TXT: &str = "v=TLSRPTv1; rua=mailto:a@reports.test";

#[test]
fn days_that_were_missed_are_reported_late_unless_they_are_too_old() {
    let lab = Lab::new();
    let Some(clock) = FakeClock::or_skip(lab.folder(), "2026-03-01T12:00:00Z") else {
        return;
    };
    lab.dns.tlsrpt("a.test", TXT);
    let collectd = lab.start_ready(&lab.collectd().clock(&clock));
    // The reporter is down; on the 3rd nobody sends anything.
    for (day, sessions) in [(1, 1), (2, 2), (3, 0), (4, 4)] {
        lab.mta()
            .send_all(vec![mta::success("a.test", TXT); sessions]);
        lab.wait_for_sessions(&lab.collectd_db(), sessions as i64);
        clock.jump(&format!("2026-03-0{}T00:00:05Z", day + 1));
        until_true("the day's file", || lab.closed_db().exists());
        if sessions > 0 {
            lab.wait_for_sessions(&lab.closed_db(), sessions as i64);
        } else {
            until_true("the file of the day before has its name", || {
                lab.file("collectd.sqlite.2026-03-02").exists()
            });
        }
    }
    let reportd = lab.reportd().clock(&clock).start();
    let mails = lab.smtp.wait_for_mails(2);
    lab.deliveries();
    reportd.stop().success();
    collectd.stop().success();
    let mut reported: Vec<(String, i64)> = mails
        .iter()
        .map(|mail| {
            let report = ReportMail::parse(&mail.bytes).report();
            let sessions = &report["policies"][0]["summary"]["total-successful-session-count"];
            (
                report["date-range"]["start-datetime"]
                    .as_str()
                    .unwrap()
                    .to_owned(),
                sessions.as_i64().unwrap(),
            )
        })
        .collect();
    reported.sort();
    // The 1st ended more than max_report_age ago.
    assert_eq!(
        reported,
        [
            ("2026-03-02T00:00:00Z".to_owned(), 2),
            ("2026-03-04T00:00:00Z".to_owned(), 4)
        ]
    );
    let jobs = lines(&lab.stored().jobs, |job| {
        format!("{} {}", job.day, job.status())
    });
    let expected = ["2026-03-02 ok", "2026-03-03 ok", "2026-03-04 ok"];
    assert_eq!(jobs, expected, "an empty day is done too");
}

#[test]
fn what_is_older_than_keep_days_goes_unless_it_is_pending() {
    let lab = Lab::new();
    let Some(clock) = FakeClock::or_skip(lab.folder(), "2026-03-01T12:00:00Z") else {
        return;
    };
    lab.dns
        .tlsrpt("done.test", "v=TLSRPTv1; rua=mailto:a@done.test");
    lab.dns
        .tlsrpt("pending.test", "v=TLSRPTv1; rua=mailto:a@pending.test");
    lab.smtp
        .script_for("a@pending.test", Stage::Rcpt, Act::reply("451 4.2.1 later"));
    let collectd = lab.start_ready(&lab.collectd().clock(&clock));
    lab.mta()
        .send_all(["done.test", "pending.test"].map(|domain| mta::success(domain, TXT)));
    lab.wait_for_sessions(&lab.collectd_db(), 2);
    clock.jump("2026-03-02T00:00:05Z");
    lab.wait_for_sessions(&lab.closed_db(), 2);
    collectd.stop().success();
    let reportd = lab
        .reportd()
        .set("keep_days", 1)
        .set("max_retries_delivery", 1000)
        .set("min_wait_delivery", 1)
        .set("max_wait_delivery", 1)
        .clock(&clock)
        .start();
    lab.smtp.wait_for_mails(1);
    // Reports, destinations, data and jobs of that day.
    let wait_for_rows = |rows: [usize; 4]| {
        lab.wait_for_stored(&format!("{rows:?}"), |stored| {
            let is_first = |day: &str| day == "2026-03-01";
            let reports = stored.reports.iter().filter(|row| is_first(&row.day));
            let jobs = stored.jobs.iter().filter(|row| is_first(&row.day));
            let (reports, jobs) = (reports.count(), jobs.count());
            rows == [reports, stored.deliveries.len(), stored.data.len(), jobs]
        });
    };
    wait_for_rows([2, 2, 2, 1]);
    // Day by day: after a clock that moved further at once, nothing is removed for a day.
    clock.jump("2026-03-03T00:00:05Z");
    lab.wait_for_stored("the next day's job", |stored| {
        stored.jobs.iter().any(|job| job.day == "2026-03-02")
    });
    clock.jump("2026-03-04T00:00:05Z");
    wait_for_rows([1, 1, 0, 0]);
    lab.smtp.heal();
    assert_eq!(
        lab.smtp.wait_for_mails(2)[1].to,
        ["a@pending.test"],
        "it is still tried"
    );
    clock.jump("2026-03-05T00:00:05Z");
    wait_for_rows([0, 0, 0, 0]);
    reportd.stop().success();
}
