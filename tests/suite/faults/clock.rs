//! Clocks that are wrong for a moment or for days, signals that come together, and days that grow after they were told.

use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tlsrptd_tests::harness::clock::FakeClock;
use tlsrptd_tests::harness::day::DayFile;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::ReportMail;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::smtp::{Act, Stage};
use tlsrptd_tests::harness::stored::{JobRow, distinct};
use tlsrptd_tests::harness::wait::{until_true, within};

const TXT: &str = "v=TLSRPTv1; rua=mailto:a@reports.test";
/// Far more than a test lasts: no jump is believed.
const LONG: u32 = 3600;

fn send(lab: &Lab, sessions: usize) {
    lab.mta()
        .send_all(vec![mta::success("a.test", TXT); sessions]);
}

/// Days and their sessions; none while the file is on its way to another name.
fn days(file: &Path) -> Vec<Vec<String>> {
    let days = DayFile::read(file).unwrap_or_default().days().into_iter();
    days.map(|(day, sessions)| vec![day, sessions.to_string()])
        .collect()
}

/// Day and sessions of each report that was mailed.
fn reported(lab: &Lab) -> Vec<(String, i64)> {
    let mails = lab.smtp.mails();
    let mut reported: Vec<(String, i64)> = mails
        .iter()
        .map(|mail| {
            let report = ReportMail::parse(&mail.bytes).report();
            let day = report["date-range"]["start-datetime"].as_str().unwrap();
            let sessions = &report["policies"][0]["summary"]["total-successful-session-count"];
            (day[..10].to_owned(), sessions.as_i64().unwrap())
        })
        .collect();
    reported.sort();
    reported
}

#[test]
fn a_start_with_a_clock_four_days_ahead() {
    let lab = Lab::new();
    lab.dns.tlsrpt("a.test", TXT);
    let Some(clock) = FakeClock::or_skip(lab.folder(), "2026-03-01T12:00:00Z") else {
        return;
    };
    let collectd = lab.collectd().set("clock_confirmation", LONG).clock(&clock);
    let reportd = lab.reportd().set("clock_confirmation", LONG).clock(&clock);
    let mut first = (lab.start_ready(&collectd), reportd.start());
    send(&lab, 5);
    lab.wait_for_sessions(&lab.collectd_db(), 5);
    first.1.wait_for_log("is at work");
    until_true("the jobs of the days before", || {
        let answered = |job: &&JobRow| job.status() == "ok";
        lab.stored().jobs.iter().filter(answered).count() == 3
    });
    first.0.stop().success();
    first.1.stop().success();

    clock.jump("2026-03-05T12:00:00Z");
    let mut running = (lab.start_ready(&collectd), reportd.start());
    for log in [&mut running.0, &mut running.1] {
        log.wait_for_log("the clock has jumped");
    }
    send(&lab, 2);
    lab.wait_for_sessions(&lab.collectd_db(), 7);
    let jobs = lab.stored().jobs;
    let is_over = |job: &JobRow| *job.day < *"2026-03-01";
    assert!(
        jobs.iter().all(is_over),
        "no day was made that has not ended"
    );

    clock.jump("2026-03-01T23:59:55Z");
    for log in [&mut running.0, &mut running.1] {
        log.wait_for_log("accepted the new system time");
    }
    send(&lab, 1);
    // Midnight comes by itself.
    lab.wait_for_sessions(&lab.closed_db(), 8);
    assert_eq!(days(&lab.closed_db()), [["2026-03-01", "8"]]);
    lab.smtp.wait_for_mails(1);
    lab.deliveries();
    assert_eq!(reported(&lab), [("2026-03-01".to_owned(), 8)]);
    running.0.stop().success();
    running.1.stop().success();
}

#[test]
fn a_clock_far_ahead_for_seconds_ends_nothing() {
    let lab = Lab::new();
    lab.dns.tlsrpt("a.test", TXT);
    let Some(clock) = FakeClock::or_skip(lab.folder(), "2026-03-01T12:00:00Z") else {
        return;
    };
    let collectd = lab.start_ready(&lab.collectd().clock(&clock));
    send(&lab, 2);
    lab.wait_for_sessions(&lab.collectd_db(), 2);
    clock.jump("2026-03-02T00:00:05Z");
    lab.wait_for_sessions(&lab.closed_db(), 2);
    collectd.stop().success();
    // Of the address: what a relay says of itself would make it wait longer each time.
    lab.smtp
        .script_for("a@reports.test", Stage::Rcpt, Act::reply("450 4.2.1 later"));
    let suppress = [
        "suppress",
        "add",
        "other@reports.test",
        "--until",
        "2026-03-15",
    ];
    let program = lab
        .reportd()
        .set("clock_confirmation", LONG)
        .set("min_wait_delivery", 1)
        .set("max_wait_delivery", 1)
        .set("max_retries_delivery", 10_000)
        .clock(&clock);
    let mut reportd = program.start();
    reportd.wait_for_log("4.2.1 later");
    let ctl = suppress
        .iter()
        .fold(lab.ctl().clock(&clock), |ctl, word| ctl.arg(word));
    ctl.run().success();
    for (ahead, back) in [
        ("2026-03-22T00:01:00Z", "2026-03-02T00:01:03Z"),
        ("2026-03-07T00:02:00Z", "2026-03-02T00:02:03Z"),
        ("2024-03-07T00:03:00Z", "2026-03-02T00:03:03Z"),
    ] {
        let doubts = reportd.log().matches("the clock has jumped").count();
        clock.jump(ahead);
        until_true("a doubt", || {
            reportd.log().matches("the clock has jumped").count() > doubts
        });
        // It works on meanwhile.
        let tries = reportd.log().matches("4.2.1 later").count();
        until_true("another attempt", || {
            reportd.log().matches("4.2.1 later").count() > tries
        });
        clock.jump(back);
    }
    let stored = lab.stored();
    let pending = stored.deliveries.iter().filter(|row| row.status.is_none());
    assert_eq!(pending.count(), 1);
    assert_eq!((stored.jobs.len(), stored.suppressed.len()), (3, 1));
    assert_eq!(stored.jobs[2].day, "2026-03-01");
    lab.smtp.heal();
    lab.smtp.wait_for_mails(1);
    lab.deliveries();
    assert_eq!(reported(&lab), [("2026-03-01".to_owned(), 2)], "once");
    reportd.stop().success();
}

#[test]
fn what_was_decided_once_is_not_sent_again() {
    let lab = Lab::new();
    lab.dns.tlsrpt("a.test", TXT);
    let Some(clock) = FakeClock::or_skip(lab.folder(), "2026-03-01T12:00:00Z") else {
        return;
    };
    let collectd = lab.start_ready(&lab.collectd().clock(&clock));
    for day in 1..=3 {
        send(&lab, day);
        lab.wait_for_sessions(&lab.collectd_db(), day as i64);
        clock.jump(&format!("2026-03-0{}T00:00:05Z", day + 1));
        until_true("the day's end", || {
            days(&lab.closed_db()) == [[format!("2026-03-0{day}"), day.to_string()]]
        });
    }
    collectd.stop().success();
    let want = [1, 2, 3].map(|day| (format!("2026-03-0{day}"), day));
    for keep in [10, 1, 10] {
        let reportd = lab.reportd().set("keep_days", keep).clock(&clock).start();
        let days = if lab.smtp.mails().is_empty() { 3 } else { 1 };
        lab.wait_for_stored("days of reports", |stored| {
            distinct(&stored.reports, |row| row.day.clone()).len() == days
        });
        lab.smtp.wait_for_mails(3);
        lab.deliveries();
        // A day that is asked for again would be sent at once.
        within(Duration::from_millis(500), || {
            (lab.smtp.mails().len() > 3).then_some(())
        });
        reportd.stop().success();
        assert_eq!(reported(&lab), want, "keep_days {keep}");
    }
}

#[test]
fn sigusr2_and_then_the_end() {
    let lab = Lab::new();
    let mut sent = 0;
    for end in [
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGTERM,
    ] {
        let collectd = lab.start_collectd();
        send(&lab, 3);
        sent += 3;
        collectd.signal(Signal::SIGUSR2);
        collectd.signal(end);
        collectd.wait().success();
        let closed = days(&lab.closed_db());
        assert_eq!(
            closed[0][1],
            sent.to_string(),
            "{end}: what was sent before belongs to the day that was ended"
        );
        assert_eq!(days(&lab.collectd_db()), Vec::<Vec<String>>::new(), "{end}");
    }
}

#[test]
fn a_day_that_grows_after_it_was_reported() {
    let lab = Lab::new();
    lab.dns.tlsrpt("a.test", TXT);
    lab.collect([mta::success("a.test", TXT), mta::success("a.test", TXT)]);
    let mut reportd = lab.reportd().set("late_interval", 1).start();
    lab.smtp.wait_for_mails(1);
    lab.deliveries();
    let collectd = lab.start_collectd();
    send(&lab, 3);
    lab.close_day(&collectd, 3);
    lab.smtp.wait_for_mails(2);
    reportd.wait_for_log("they are reported late");
    send(&lab, 1);
    lab.close_day(&collectd, 1);
    lab.smtp.wait_for_mails(3);
    lab.deliveries();
    let day = lab.day();
    assert_eq!(
        reported(&lab),
        [1, 2, 3].map(|sessions| (day.clone(), sessions))
    );
    let ids: std::collections::BTreeSet<String> = lab
        .smtp
        .mails()
        .iter()
        .map(|mail| ReportMail::parse(&mail.bytes).report()["report-id"].to_string())
        .collect();
    assert_eq!(ids.len(), 3, "each has a name of its own");
    collectd.stop().success();
    reportd.stop().success();
}

const DOUBTED: &str = "the clock has jumped";
const BELIEVED: &str = "accepted the new system time";
const BACK: &str = "the clock is back where it was";

/// Ahead and back, twelve times, with closed days beside: whether such a jump is believed or not, and whether it goes
/// always to the same day or further each time, no day that is real is lost, and each is answered.
#[test]
fn twelve_jumps_ahead_and_back_cost_no_day() {
    for (confirmation, told, apart, back, why) in [
        (LONG, DOUBTED, 0, BACK, "not believed"),
        (1, BELIEVED, 0, BELIEVED, "believed, to the same day"),
        (
            0,
            BELIEVED,
            40,
            BELIEVED,
            "believed at once, further each time",
        ),
    ] {
        let lab = Lab::new();
        let Some(clock) = FakeClock::or_skip(lab.folder(), "2026-03-01T12:00:00Z") else {
            return;
        };
        let program = five_days(&lab, &clock).set("clock_confirmation", confirmation);
        let mut collectd = lab.start_ready(&program);
        // It has looked at the clock by then.
        collectd.wait_for_log("day closed day=2026-03-05");
        let began = Instant::now();
        for jump in 1..=12 {
            let count = |text: &str| collectd.log().matches(text).count();
            let before = count(told);
            let noon: jiff::Timestamp = "2026-03-06T12:00:00Z".parse().unwrap();
            let days_ahead = 800 + apart * jump;
            clock.jump(&(noon + jiff::SignedDuration::from_hours(24 * days_ahead)).to_string());
            until_true("the jump ahead", || count(told) > before);
            send(&lab, 1);
            until_true("a session", || !days(&lab.collectd_db()).is_empty());
            let before = count(back);
            // To where the time runs on: a minute beside it would be another jump.
            let elapsed = jiff::SignedDuration::from_secs(began.elapsed().as_secs() as i64);
            clock.jump(&(noon + elapsed).to_string());
            until_true("the jump back", || count(back) > before);
        }
        send(&lab, 1);
        for day in 1..=5 {
            let date = format!("2026-03-0{day}");
            let fetcher = lab.fetcher().clock(&clock).arg(&date).arg(".");
            let told = fetcher.run().success().stdout;
            assert!(told.contains("a.test"), "{why}, {date}: {told}");
        }
        collectd.stop().success();
        assert_eq!(sessions(&lab), 15 + 13, "{why}: each is counted once");
    }
}

/// Five closed days, the first with one session and the last with five: as many as are kept. It is noon of the sixth.
fn five_days(lab: &Lab, clock: &FakeClock) -> Program {
    let program = lab.collectd().set("keep_days", 5).clock(clock);
    for day in 1..=5 {
        clock.jump(&format!("2026-03-0{day}T12:00:00Z"));
        let collectd = lab.start_ready(&program);
        send(lab, day);
        lab.wait_for_sessions(&lab.collectd_db(), day as i64);
        collectd.stop().success();
    }
    clock.jump("2026-03-06T12:00:00Z");
    program
}

/// Of all days.
fn sessions(lab: &Lab) -> i64 {
    let files = std::fs::read_dir(lab.folder()).unwrap().flatten();
    let files = files.map(|file| file.path());
    let days = files
        .filter(|file| is_day_file(lab, file))
        .flat_map(|file| days(&file));
    days.map(|day| day[1].parse::<i64>().unwrap()).sum()
}

fn is_day_file(lab: &Lab, file: &Path) -> bool {
    let (name, today) = (file.display().to_string(), lab.collectd_db());
    // Named by a date, or yesterday's.
    let end = name.strip_prefix(&*today.display().to_string());
    end.is_some_and(|end| {
        end.is_empty() || end == ".yesterday" || end.starts_with(".2") && end.len() == 11
    })
}
