//! The digest of each day, once, whatever happens to the reporter and its clock.

use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

use crate::environment::{
    self, Engine, Statements, TestEnvironment, ask, counted, each_engine, folder, settings, stored,
};
use tlsrptd_reporter::{deliver::Outcome, gather::GatherError};

const DAY: i64 = 86_400;
const TO: &str = "--digest_address=op@sender.example";

fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3600)
}

/// The days whose digests went out, in their order, and when, in hours since the begin.
fn played(
    environment: TestEnvironment,
    options: &[&str],
    lives: &[Duration],
) -> (Vec<String>, Vec<u64>) {
    let folder = folder();
    let options: Vec<&str> = [TO, "--spread_out_delivery=1", "--loop_guard=no"]
        .iter()
        .chain(options)
        .copied()
        .collect();
    let settings = settings(folder.path(), &options);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        // Its clock is the runtime's.
        let environment = Arc::new(TestEnvironment {
            zero: tokio::time::Instant::now(),
            ..environment
        });
        let begun = environment.zero;
        let mut ends = Vec::new();
        for life in lives {
            environment::run(&settings, &environment, None, *life)
                .await
                .unwrap();
            ends.push(begun.elapsed());
        }
        let digests = environment.digests.lock().unwrap();
        let days = digests.iter().map(|(_, mail)| mail.period.to_string());
        let hour = |at: &jiff::Timestamp| at.duration_since(environment.begin).as_hours();
        let at = digests.iter().map(|(at, _)| hour(at).unsigned_abs());
        (days.collect(), at.collect())
    })
}

#[each_engine]
fn each_day_once() {
    let minute = |minutes: u64| Duration::from_secs(60 * minutes);
    let daily = "--digest=daily";
    let four = ["2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22"];
    let steps = |steps: &[(u64, i64)]| {
        let steps = steps.iter();
        steps
            .map(|(hour, off)| (hours(*hour), *off))
            .collect::<Vec<_>>()
    };
    for (frequency, lives, steps, want, why) in [
        (daily, vec![hours(80)], vec![], &four[..], "one life"),
        (
            daily,
            vec![hours(13), minute(5), hours(11), hours(55)],
            vec![],
            &four[..],
            "started again",
        ),
        (
            daily,
            vec![minute(3); 12],
            vec![],
            &four[..1],
            "again and again on one day",
        ),
        (
            daily,
            vec![hours(24), hours(56)],
            steps(&[(16, -3 * DAY), (20, 0)]),
            &four[..],
            "a clock that goes back for four hours",
        ),
        (
            daily,
            vec![hours(80)],
            steps(&[(16, 6 * DAY), (20, 0)]),
            &four[..],
            "a clock that goes ahead: nothing is mailed of days to come, and what waits comes when it is calm",
        ),
        (
            "--digest=never",
            vec![hours(40)],
            vec![],
            &[],
            "nobody wants one",
        ),
        (
            "--digest=failures",
            vec![hours(40)],
            vec![],
            &[],
            "nothing failed",
        ),
        (
            "--digest=weekly",
            vec![hours(40)],
            vec![],
            &["2026-11-09 to 2026-11-15"][..],
            "the first, at once",
        ),
    ] {
        let mut environment = TestEnvironment::new("2026-11-20T12:00:00Z");
        environment.steps = steps;
        if frequency == "--digest=weekly" {
            environment.begin = "2026-11-16T12:00:00Z".parse().unwrap();
        }
        let options = match frequency {
            "--digest=never" => vec![frequency, "--digest_address="],
            _ => vec![frequency],
        };
        let (days, _) = played(environment, &options, &lives);
        assert_eq!(days, want, "{why}");
    }
}

/// A week is over on Monday, when its Sunday is decided.
#[each_engine]
fn a_week_on_monday() {
    let environment = TestEnvironment::new("2026-11-18T00:00:00Z");
    let (weeks, at) = played(environment, &["--digest=weekly"], &[hours(24 * 13)]);
    let want = [
        "2026-11-09 to 2026-11-15",
        "2026-11-16 to 2026-11-22",
        "2026-11-23 to 2026-11-29",
    ];
    assert_eq!(weeks, want);
    // Monday is five days after that Wednesday, and the next one twelve.
    assert_eq!(at, [0, 24 * 5, 24 * 12]);
}

/// A collector that is given up is news, even for who wants to know of failures alone.
#[each_engine]
fn a_collector_that_is_missing_is_told_of() {
    let mut environment = TestEnvironment::new("2026-11-20T12:00:00Z");
    environment.gather = Box::new(|job, _| match job.command.as_str() {
        "away" => Err(GatherError::NotReady { newest: None }),
        _ => Ok(vec![counted("a.example", 1)]),
    });
    let options = [
        "--fetchers=away,one",
        "--digest=failures",
        "--fetch_deadline=3600",
    ];
    let (days, _) = played(environment, &options, &[hours(16)]);
    assert_eq!(days, ["2026-11-19", "2026-11-20"]);
}

/// As a delivery, with pauses, for a day; then the next one has its turn. Reports go out all the while.
#[each_engine]
fn what_cannot_be_sent_is_given_up_after_a_day() {
    let refused = || Outcome::Refused {
        reason: "550 5.1.1 no such user".into(),
    };
    let denied = || Outcome::Denied {
        reason: "554 no".into(),
    };
    type Relay = Box<dyn Fn(usize) -> Outcome + Send + Sync>;
    let rows: [(Relay, usize, &[&str], &str); 4] = [
        (
            Box::new(|_| environment::sent()),
            3,
            &["sent", "sent"],
            "it works",
        ),
        (
            Box::new(|nth| match nth {
                0..3 => environment::unreachable("nobody"),
                _ => environment::sent(),
            }),
            6,
            &["sent", "sent"],
            "at the fourth attempt",
        ),
        (
            Box::new(move |_| denied()),
            0,
            &["timedout", "timedout"],
            "never",
        ),
        (
            Box::new(move |_| refused()),
            3,
            &["timedout", "timedout"],
            "no such address: that is final",
        ),
    ];
    for (relay, attempts, want, why) in rows {
        let mut environment = TestEnvironment::new("2026-11-20T12:00:00Z");
        environment.relay = relay;
        let folder = folder();
        let options = [
            TO,
            "--digest=daily",
            "--spread_out_delivery=1",
            "--loop_guard=no",
            "--max_report_age=86400",
        ];
        let settings = settings(folder.path(), &options);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let digests = runtime.block_on(async {
            environment.zero = tokio::time::Instant::now();
            let environment = Arc::new(environment);
            for life in [hours(3), hours(20), hours(14)] {
                environment::run(&settings, &environment, None, life)
                    .await
                    .unwrap();
            }
            std::mem::take(&mut *environment.digests.lock().unwrap())
        });
        let stored = stored(&settings);
        assert_eq!(
            stored.ended("sent"),
            stored.deliveries.len(),
            "{why}: reports"
        );
        let ended = Statements {
            sqlite: "SELECT status, subject IS NULL FROM tlsrptd_digests ORDER BY last LIMIT 2",
            postgres: "SELECT status, (subject IS NULL)::int::bigint FROM digest ORDER BY last LIMIT 2",
        };
        let ended = ask(&settings.dbname, &ended);
        let ended: Vec<&str> = ended
            .iter()
            .map(|(status, has_no_text)| {
                assert_eq!(*has_no_text, 1, "{why}: its text is not kept");
                status.as_str()
            })
            .collect();
        assert_eq!(ended[..2.min(ended.len())], want[..], "{why}");
        if attempts > 0 {
            assert_eq!(digests.len(), attempts, "{why}");
        } else {
            let of_first = digests
                .iter()
                .filter(|(_, mail)| mail.period == digests[0].1.period);
            let attempts = of_first.count();
            assert!((6..20).contains(&attempts), "{why}: {attempts} attempts");
        }
        let same = |(_, mail): &(_, tlsrptd_reporter::model::DigestMail)| {
            let first = digests
                .iter()
                .find(|(_, other)| other.period == mail.period)
                .unwrap();
            (mail.made, &mail.contents) == (first.1.made, &first.1.contents)
        };
        assert!(digests.iter().all(same), "{why}: a retry is the same mail");
    }
}

/// One that has ended while deliveries are waited for is waited for no longer: else the stop has no end.
#[each_engine]
fn a_digest_that_has_ended_holds_no_stop() {
    let (stopped, ended) = mpsc::channel();
    let engine = Engine::current();
    std::thread::spawn(move || {
        let mut environment = TestEnvironment::new("2026-11-20T12:00:00Z");
        environment.digest_takes = Duration::from_secs(5);
        environment.receive = Box::new(|_, _| (environment::sent(), Duration::from_secs(600)));
        let life = [Duration::from_secs(3)];
        let (days, _) = engine.run(|| played(environment, &["--digest=daily"], &life));
        stopped.send(days)
    });
    // The clock is virtual: a stop takes no time.
    let days = ended.recv_timeout(Duration::from_secs(60));
    assert_eq!(days, Ok(vec!["2026-11-19".to_owned()]));
}
