//! Midnights that nobody saw, and clocks that go astray, with the real programs under libfaketime.

use std::path::Path;

use tlsrptd_tests::harness::clock::FakeClock;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::ReportMail;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::program::Running;
use tlsrptd_tests::harness::sys4::Sys4;
use tlsrptd_tests::harness::wait::until_true;

use super::TXT;

/// A collector that ran on 2026-03-01 with two sessions is back at `back`: its end, and what is found then, `closed`
/// being the file of that day.
struct Row {
    killed: bool,
    back: &'static str,
    newest: &'static str,
    closed: &'static str,
    reason: &'static str,
}

#[test]
fn a_collector_that_was_away_closes_what_it_left() {
    let table = [
        Row {
            killed: false,
            back: "2026-03-02T06:00:00Z",
            newest: "2026-03-01",
            closed: "collectd.sqlite.yesterday",
            reason: "one midnight",
        },
        Row {
            killed: true,
            back: "2026-03-02T06:00:00Z",
            newest: "2026-03-01",
            closed: "collectd.sqlite.yesterday",
            reason: "one midnight, after a kill",
        },
        Row {
            killed: false,
            back: "2026-03-04T06:00:00Z",
            newest: "2026-03-03",
            closed: "collectd.sqlite.2026-03-01",
            reason: "three midnights",
        },
        Row {
            killed: true,
            back: "2026-03-04T06:00:00Z",
            newest: "2026-03-03",
            closed: "collectd.sqlite.2026-03-01",
            reason: "three midnights, after a kill",
        },
    ];
    for Row {
        killed,
        back,
        newest,
        closed,
        reason,
    } in table
    {
        let lab = Lab::new();
        lab.dns.tlsrpt("a.test", TXT);
        let Some(clock) = FakeClock::or_skip(lab.folder(), "2026-03-01T18:00:00Z") else {
            return;
        };
        let collectd = start(&lab, &clock);
        send(&lab, 2);
        lab.wait_for_sessions(&lab.collectd_db(), 2);
        if killed {
            collectd.kill();
        } else {
            collectd.stop().success();
        }
        clock.jump(back);
        let collectd = start(&lab, &clock);
        // Not today's file: a reader would keep it from being closed for a second.
        lab.wait_for_sessions(&lab.file(closed), 2);
        send(&lab, 3);
        lab.wait_for_sessions(&lab.collectd_db(), 3);
        assert_eq!(
            days(&lab, &lab.collectd_db()),
            [[&back[..10], "3"]],
            "{reason}"
        );
        assert_eq!(
            fetched(&lab, &clock, "2026-03-01"),
            (newest.to_owned(), vec!["a.test".to_owned()], 2),
            "{reason}"
        );
        assert_eq!(
            fetched(&lab, &clock, newest).0,
            newest,
            "{reason}: an empty day is complete too"
        );

        let reportd = lab.reportd().clock(&clock).start();
        let mails = lab.smtp.wait_for_mails(1);
        let report = ReportMail::parse(&mails[0].bytes).report();
        assert_eq!(
            report["date-range"]["start-datetime"], "2026-03-01T00:00:00Z",
            "{reason}: late rather than never"
        );
        assert_eq!(
            report["policies"][0]["summary"]["total-successful-session-count"], 2,
            "{reason}"
        );
        reportd.stop().success();
        collectd.stop().success();
    }
}

#[test]
fn older_days_are_kept_as_long_as_asked() {
    let lab = Lab::new();
    let Some(clock) = FakeClock::or_skip(lab.folder(), "2026-03-01T12:00:00Z") else {
        return;
    };
    let collectd = lab.start_ready(&lab.collectd().set("keep_days", 2).clock(&clock));
    send(&lab, 1);
    lab.wait_for_sessions(&lab.collectd_db(), 1);
    for (day, sessions) in [("02", 1), ("03", 2), ("04", 3), ("05", 4)] {
        clock.jump(&format!("2026-03-{day}T00:00:05Z"));
        lab.wait_for_sessions(&lab.closed_db(), sessions);
        send(&lab, usize::try_from(sessions).unwrap() + 1);
        lab.wait_for_sessions(&lab.collectd_db(), sessions + 1);
    }
    let kept = |day: &str| lab.file(&format!("collectd.sqlite.2026-03-{day}"));
    assert_eq!(days(&lab, &lab.closed_db()), [["2026-03-04", "4"]]);
    // One more than asked: this clock has moved.
    until_true("what is older to be gone", || !kept("01").exists());
    assert_eq!(days(&lab, &kept("03")), [["2026-03-03", "3"]]);
    assert!(kept("02").exists() && !kept("04").exists());
    for (day, domains, sessions) in [("01", 0, 0), ("02", 1, 2), ("03", 1, 3), ("04", 1, 4)] {
        let (newest, names, found) = fetched(&lab, &clock, &format!("2026-03-{day}"));
        assert_eq!(
            (newest.as_str(), names.len(), found),
            ("2026-03-04", domains, sessions),
            "{day}"
        );
    }
    collectd.stop().success();
}

#[test]
fn a_clock_that_steps_back_does_not_open_a_closed_day() {
    let lab = Lab::new();
    let Some(clock) = FakeClock::or_skip(lab.folder(), "2026-03-01T23:59:00Z") else {
        return;
    };
    let collectd = start(&lab, &clock);
    send(&lab, 2);
    lab.wait_for_sessions(&lab.collectd_db(), 2);
    clock.jump("2026-03-02T00:00:02Z");
    lab.wait_for_sessions(&lab.closed_db(), 2);
    clock.jump("2026-03-01T23:59:58Z");
    send(&lab, 3);
    lab.wait_for_sessions(&lab.collectd_db(), 3);
    assert_eq!(
        days(&lab, &lab.collectd_db()),
        [["2026-03-02", "3"]],
        "its reports may be on their way"
    );
    assert_eq!(days(&lab, &lab.closed_db()), [["2026-03-01", "2"]]);
    collectd.stop().success();
}

#[test]
fn a_file_of_two_days_as_sys4_leaves_it_is_split() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    let lab = Lab::new();
    let Some(clock) = FakeClock::or_skip(lab.folder(), "2026-03-01T12:00:00Z") else {
        return;
    };
    let sys4 = lab.their_collectd(&sys4).clock(&clock);
    for (instant, sessions) in [("2026-03-01T12:00:00Z", 2), ("2026-03-02T12:00:00Z", 3)] {
        clock.jump(instant);
        let collectd = lab.start_ready(&sys4);
        send(&lab, sessions);
        let before = if sessions == 2 { 0 } else { 2 };
        lab.wait_for_sessions(
            &lab.collectd_db(),
            before + i64::try_from(sessions).unwrap(),
        );
        collectd.stop();
    }
    assert_eq!(
        days(&lab, &lab.collectd_db()).len(),
        2,
        "sys4 does not close a day that ended while it was away"
    );
    let collectd = start(&lab, &clock);
    lab.wait_for_sessions(&lab.closed_db(), 2);
    send(&lab, 1);
    lab.wait_for_sessions(&lab.collectd_db(), 4);
    assert_eq!(days(&lab, &lab.collectd_db()), [["2026-03-02", "4"]]);
    assert_eq!(days(&lab, &lab.closed_db()), [["2026-03-01", "2"]]);
    collectd.stop().success();
}

fn start(lab: &Lab, clock: &FakeClock) -> Running {
    lab.start_ready(&lab.collectd().clock(clock))
}

fn send(lab: &Lab, sessions: usize) {
    lab.mta()
        .send_all(vec![mta::success("a.test", TXT); sessions]);
}

/// The days of a file and their sessions.
fn days(lab: &Lab, file: &Path) -> Vec<Vec<String>> {
    let days = lab.day_file(file).days().into_iter();
    days.map(|(day, sessions)| vec![day, sessions.to_string()])
        .collect()
}

/// What the fetcher says of a day: the newest complete day, the domains, the sessions of a.test.
fn fetched(lab: &Lab, clock: &FakeClock, day: &str) -> (String, Vec<String>, i64) {
    let fetcher = lab.fetcher().clock(clock).arg(day);
    let list = fetcher.run().success().stdout;
    let lines: Vec<String> = list.lines().map(str::to_owned).collect();
    let details = fetcher.arg("a.test").run().success().stdout;
    let details: serde_json::Value = serde_json::from_str(&details).unwrap();
    let policies = details["policies"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|policies| policies.as_object().unwrap().values());
    let sessions = policies
        .map(|counts| counts["cntrtotal"].as_i64().unwrap())
        .sum();
    (
        lines[2].clone(),
        lines[3..lines.len() - 1].to_vec(),
        sessions,
    )
}
