//! Clocks that go astray, days that grow, and what the reporter makes of both, on a virtual clock.

use std::{sync::Arc, time::Duration};

use crate::environment::{
    self, TestEnvironment, counted, distinct, each_engine, lines, or_dash, settings, stored,
};
use tlsrptd_proto::day::Day;
use tlsrptd_reporter::{gather::GatherError, model::SuppressionTarget, store::OperatorAccess};

const HOUR: u64 = 3600;
const DAY: i64 = 86_400;

/// Closed days by the true time: a collector whose clock is right.
fn prompt(begin: &str) -> TestEnvironment {
    let mut environment = TestEnvironment::new(begin);
    let (zero, begin) = (environment.zero, environment.begin);
    environment.gather = Box::new(move |job, _| {
        let truth = begin + zero.elapsed();
        match job.day.next().start() <= truth {
            true => Ok(vec![counted("a.example", 5)]),
            false => Err(GatherError::NotReady {
                newest: Some(Day::of(truth).previous()),
            }),
        }
    });
    environment
}

fn play(
    make: impl FnOnce() -> TestEnvironment,
    options: &[&str],
    lives: &[Duration],
) -> (Vec<String>, usize) {
    let folder = environment::folder();
    let options: Vec<&str> = options
        .iter()
        .copied()
        .chain(["--spread_out_delivery=1", "--loop_guard=no"])
        .collect();
    let settings = settings(folder.path(), &options);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let taken = runtime.block_on(async {
        // Made here, its clock is the runtime's.
        let environment = Arc::new(make());
        for life in lives {
            environment::run(&settings, &environment, None, *life)
                .await
                .unwrap();
        }
        environment
            .seen
            .lock()
            .unwrap()
            .iter()
            .filter(|seen| seen.taken)
            .count()
    });
    let jobs = distinct(&stored(&settings).reports, |row| row.day.clone());
    (jobs, taken)
}

fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * HOUR)
}

/// The clock while the reporter runs: nobody is told anything twice, and no day is left out.
#[each_engine]
fn each_day_is_reported_once_whatever_the_clock_shows_for_a_moment() {
    for (why, steps) in [
        ("true", vec![]),
        (
            "20 days ahead for 3 s",
            vec![(40_000, 20 * DAY), (40_003, 0)],
        ),
        ("5 days ahead for 3 s", vec![(40_000, 5 * DAY), (40_003, 0)]),
        ("at midnight", vec![(43_190, 5 * DAY), (43_210, 0)]),
        (
            "5 days behind for 3 s",
            vec![(40_000, -5 * DAY), (40_003, 0)],
        ),
        (
            "800 days ahead, twelve times",
            (0..12_u64)
                .flat_map(|n| [(20_000 + n * 1000, 800 * DAY), (20_003 + n * 1000, 0)])
                .collect(),
        ),
    ] {
        let make = || TestEnvironment {
            steps: steps
                .into_iter()
                .map(|(from, off)| (Duration::from_secs(from), off))
                .collect(),
            ..prompt("2026-11-20T12:00:00Z")
        };
        let (days, taken) = play(make, &["--keep_days=10"], &[hours(60)]);
        // The three before, that of the 20th, and the 21st.
        let want = [
            "2026-11-17",
            "2026-11-18",
            "2026-11-19",
            "2026-11-20",
            "2026-11-21",
        ];
        assert_eq!(days, want, "{why}");
        assert_eq!(taken, 2 * want.len(), "{why}: each once");
    }
}

/// After days away the reporter knows only the time before the start: by that nobody is sent anything.
#[each_engine]
fn by_the_time_before_the_start_nothing_is_sent() {
    let folder = environment::folder();
    let settings = settings(folder.path(), &["--spread_out_delivery=1"]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let (away, life) = (Duration::from_secs(2 * 86_400), Duration::from_secs(120));
    let (seen, begin) = runtime.block_on(async {
        let environment = Arc::new(TestEnvironment {
            steps: vec![(life - Duration::from_secs(1), 2 * DAY)],
            // The second attempt is due minutes after the first, in the first minutes of the second life.
            receive: Box::new(|_, before| match before {
                0..5 => (environment::retry("451 later"), Duration::ZERO),
                _ => (environment::sent(), Duration::ZERO),
            }),
            ..TestEnvironment::new("2026-11-20T12:00:00Z")
        });
        for life in [life, hours(3)] {
            environment::run(&settings, &environment, None, life)
                .await
                .unwrap();
        }
        let seen = std::mem::take(&mut *environment.seen.lock().unwrap());
        (seen, environment.begin)
    });
    let (first, second): (Vec<_>, Vec<_>) = seen.iter().partition(|seen| seen.at < begin + away);
    let known = begin + away + life + Duration::from_secs(600);
    assert!(!first.is_empty() && second.iter().any(|seen| seen.taken));
    assert!(second.iter().all(|seen| seen.at >= known), "{second:?}");
    let reports = stored(&settings).reports;
    let made = reports.iter().filter(|row| row.day.as_str() > "2026-11-19");
    let made = made.map(|row| row.made.as_str()).min();
    assert!(made.unwrap() >= "2026-11-22 12:12", "composed too soon");
}

/// At the start the clock is four days ahead for forty seconds; the database knows better.
#[each_engine]
fn a_start_with_a_wrong_clock_decides_nothing() {
    for off in [4 * DAY, -4 * DAY, -20_000 * DAY] {
        let make = || TestEnvironment {
            // Between the lives the clock jumps.
            steps: vec![
                (Duration::from_secs(7199), off),
                (Duration::from_secs(7240), 0),
            ],
            ..prompt("2026-11-20T12:00:00Z")
        };
        let (days, taken) = play(make, &[], &[hours(2), hours(40)]);
        let want = [
            "2026-11-17",
            "2026-11-18",
            "2026-11-19",
            "2026-11-20",
            "2026-11-21",
        ];
        assert_eq!(
            (&days[..], taken),
            (&want.map(str::to_owned)[..], 10),
            "{off}"
        );
    }
}

/// The same on the first start of all, with a collector on the same clock: what was made is undone.
#[each_engine]
fn jobs_for_days_to_come_are_made_again() {
    let make = || {
        let mut environment = TestEnvironment::new("2026-11-20T12:00:00Z");
        let (zero, begin) = (environment.zero, environment.begin);
        environment.gather = Box::new(move |job, _| {
            // It closes whatever day it is asked for, and has counted nothing yet when its clock is ahead.
            let has_ended = job.day.next().start() <= begin + zero.elapsed();
            Ok(if has_ended {
                vec![counted("a.example", 5)]
            } else {
                Vec::new()
            })
        });
        environment.steps = vec![(Duration::ZERO, 4 * DAY), (Duration::from_secs(40), 0)];
        environment
    };
    let (days, taken) = play(make, &[], &[hours(90)]);
    let want = [
        "2026-11-17",
        "2026-11-18",
        "2026-11-19",
        "2026-11-20",
        "2026-11-21",
        "2026-11-22",
        "2026-11-23",
    ];
    assert!(days.iter().map(String::as_str).eq(want), "{days:?}");
    assert_eq!(taken, 2 * want.len());
}

/// `keep_days` 10, then 1, then 10.
#[each_engine]
fn what_was_decided_is_known_when_its_rows_are_gone() {
    let folder = environment::folder();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let environment = Arc::new(prompt("2026-11-20T12:00:00Z"));
        let mut taken = Vec::new();
        for keep in ["--keep_days=10", "--keep_days=1", "--keep_days=10"] {
            let options = [keep, "--spread_out_delivery=1", "--loop_guard=no"];
            let settings = settings(folder.path(), &options);
            environment::run(&settings, &environment, None, hours(1))
                .await
                .unwrap();
            taken.push(environment.seen.lock().unwrap().len());
            let days = distinct(&stored(&settings).reports, |row| row.day.clone());
            let kept = match keep.ends_with("=10") && taken.len() == 1 {
                true => 3,
                false => 1,
            };
            assert_eq!(days.len(), kept);
        }
        assert_eq!(taken, [6, 6, 6], "no day twice");
    });
}

/// Sessions that are added to a day after it was reported.
#[each_engine]
fn what_is_added_to_a_day_is_reported_late() {
    let folder = environment::folder();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let environment = Arc::new(prompt("2026-11-20T12:00:00Z"));
        let options = ["--spread_out_delivery=1", "--loop_guard=no"];
        let settings = settings(folder.path(), &options);
        environment::run(&settings, &environment, None, hours(1))
            .await
            .unwrap();
        let sessions = || {
            let mut reports = stored(&settings).reports;
            reports.retain(|row| row.day == "2026-11-19");
            lines(&reports, |row| {
                format!("{}|{}|{}", row.domain, row.uniqid, row.sessions)
            })
        };
        assert_eq!(sessions(), ["a.example|1|5"]);
        for (added, want) in [
            (
                vec![counted("a.example", 3), counted("new.example", 1)],
                &["a.example|1|5", "a.example|2|3", "new.example|1|1"][..],
            ),
            (
                vec![counted("a.example", 2)],
                &[
                    "a.example|1|5",
                    "a.example|2|3",
                    "a.example|3|2",
                    "new.example|1|1",
                ][..],
            ),
        ] {
            environment
                .added
                .lock()
                .unwrap()
                .entry("2026-11-19".into())
                .or_default()
                .push(added);
            environment::run(&settings, &environment, None, hours(3))
                .await
                .unwrap();
            assert_eq!(sessions(), want);
        }
        let status = distinct(&stored(&settings).jobs, |row| row.status().to_owned());
        assert_eq!(status, ["ok"]);
        let ended = distinct(&stored(&settings).deliveries, |row| row.status().to_owned());
        assert_eq!(ended, ["sent"]);
    });
}

/// Ahead for so long that it is believed, with a collector that is away: what the other one has told is reported when the
/// clock is back.
#[each_engine]
async fn a_clock_that_is_believed_and_wrong_ends_no_day() {
    for (days, minutes) in [(2, 20), (5, 20), (60, 20), (5, 300)] {
        let folder = environment::folder();
        let options = [
            "--fetchers=away,b",
            "--spread_out_delivery=1",
            "--loop_guard=no",
        ];
        let settings = settings(folder.path(), &options);
        let mut environment = prompt("2026-11-20T00:05:00Z");
        let there = std::mem::replace(&mut environment.gather, Box::new(|_, _| Ok(Vec::new())));
        environment.gather = Box::new(move |job, now| match job.command.trim() {
            "away" => Err(GatherError::NotReady { newest: None }),
            _ => there(job, now),
        });
        let from = Duration::from_secs(3600);
        environment.steps = vec![
            (from, days * DAY),
            (from + Duration::from_secs(60 * minutes), 0),
        ];
        let environment = Arc::new(environment);
        environment::run(&settings, &environment, None, hours(30))
            .await
            .unwrap();
        let found = lines(&stored(&settings).reports, |row| {
            format!("{}|{}|{}", row.day, row.sessions, or_dash(&row.reason))
        });
        let want = ["17", "18", "19", "20"].map(|day| format!("2026-11-{day}|5|-"));
        assert_eq!(found[..3], want[..3], "{days} days for {minutes} minutes");
    }
}

/// The same with reports that wait for their time, and an operator's suppression.
#[each_engine]
async fn a_clock_that_is_believed_and_wrong_expires_and_removes_nothing() {
    let folder = environment::folder();
    let settings = settings(folder.path(), &["--spread_out_delivery=36000"]);
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let environment = Arc::new(prompt("2026-11-20T00:05:00Z"));
    environment::run(&settings, &environment, None, minutes(10))
        .await
        .unwrap();
    let before = stored(&settings).deliveries.len();
    let until = Day::parse("2026-12-31").ok();
    let target = SuppressionTarget::parse("mailto:v@victim.example").unwrap();
    environment::operator(&settings.dbname, OperatorAccess::Write)
        .suppress(&target, until, "asked", Day::parse("2026-11-01").unwrap())
        .unwrap();
    for days in [2, 60] {
        let mut environment = prompt("2026-11-20T00:20:00Z");
        environment.steps = vec![(minutes(10), days * DAY), (minutes(30), 0)];
        let environment = Arc::new(environment);
        environment::run(&settings, &environment, None, minutes(60))
            .await
            .unwrap();
        assert_eq!(stored(&settings).ended("expired"), 0, "{days} days");
    }
    let environment = Arc::new(prompt("2026-11-20T02:20:00Z"));
    environment::run(&settings, &environment, None, hours(20))
        .await
        .unwrap();
    let stored = stored(&settings);
    let sent = stored
        .deliveries
        .iter()
        .filter(|row| row.day.as_str() < "2026-11-20");
    assert!(sent.clone().all(|row| row.status() == "sent"));
    assert_eq!(sent.count(), before);
    let until = lines(&stored.suppressed, |row| or_dash(&row.until).to_owned());
    assert_eq!(until, ["2026-12-31"]);
}
