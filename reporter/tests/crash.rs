//! The reporter killed at every step, and started again.
#![allow(clippy::unwrap_used)]

mod world;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tlsrptd_reporter::{
    gather::GatherError,
    state::{Go, Moment, STEPS, Step},
};
use world::{World, counted, folder, retry, rows, run, sent, settings};

const DAY: Duration = Duration::from_secs(86_400);
const BEGIN: &str = "2026-11-21T12:00:00Z";
/// Only yesterday may be reported, so that a table of results stays small.
const YESTERDAY_ONLY: &str = "--max_report_age=86400";

/// Every step, before and after its commit: nothing is lost, nothing is sent twice but what nobody could know.
#[tokio::test(start_paused = true)]
async fn a_crash_at_every_step() {
    for row in STEPS {
        for moment in [Moment::Before, Moment::After] {
            assert!(
                crash(row.step, moment, 1).await,
                "{:?} was never reached: the test has to",
                row.step
            );
            crash(row.step, moment, 2).await;
        }
    }
}

/// A collector of ours that fails once, the peer's, and one that never answers; a receiver that fails once.
fn troubled_world() -> World {
    let mut world = World::new(BEGIN);
    let failed = AtomicBool::new(false);
    world.peers = vec![2];
    world.gather = Box::new(move |job, _| match job.index {
        1 if !failed.swap(true, Ordering::SeqCst) => Err(GatherError::NotReady { newest: None }),
        1 => Ok(vec![counted("a.example", 1), counted("b.example", 1)]),
        2 => Ok(vec![counted("b.example", 1), counted("c.example", 1)]),
        _ => Err(GatherError::NotReady { newest: None }),
    });
    world.receive = Box::new(|delivery, before| match delivery.report.domain.as_str() {
        "b.example" if before == 0 => (retry("451 later"), Duration::from_millis(20)),
        _ => (sent(), Duration::from_millis(20)),
    });
    world
}

/// Runs until the step, crashes, and runs again. Gives whether the step was reached.
async fn crash(step: Step, moment: Moment, nth: usize) -> bool {
    let folder = folder();
    let settings = settings(
        folder.path(),
        &[
            YESTERDAY_ONLY,
            "--spread_out_delivery=1",
            "--fetchers=one,two,three",
            "--fetch_deadline=900",
        ],
    );
    let world = Arc::new(troubled_world());
    let mut left = nth;
    let watcher = Box::new(move |at: Step, when: Moment| {
        left -= usize::from(at == step && when == moment && left > 0);
        if left > 0 { Go::On } else { Go::Crash }
    });
    let crashed = run(&settings, &world, Some(watcher), DAY / 24).await;
    let what = format!("{step:?} {moment:?} {nth}: {crashed:?}");
    let in_hand = match step {
        Step::Made => Vec::new(),
        _ => rows(
            &settings,
            "SELECT destination FROM destinations WHERE tlsrptd_started IS NOT NULL AND status IS NULL",
        ),
    };
    // A crash early in the day leaves the time until the deadline; a step that never came left nothing to do.
    run(&settings, &world, None, DAY / 24).await.unwrap();
    let ends = rows(
        &settings,
        "SELECT domain, tlsrptd_sessions, destinations.status, count(*) FROM reports JOIN destinations ON r_id = d_r_id \
         WHERE day = '2026-11-20' GROUP BY domain, destinations.status ORDER BY domain",
    );
    assert_eq!(
        ends,
        [
            "a.example|1|sent|2",
            "b.example|2|sent|2",
            "c.example|1|sent|2"
        ],
        "{what}"
    );
    assert_eq!(
        rows(
            &settings,
            "SELECT count(*) FROM reports WHERE day = '2026-11-20'"
        ),
        ["3"],
        "{what}"
    );
    let jobs = rows(
        &settings,
        "SELECT status FROM fetchjobs WHERE day = '2026-11-20' ORDER BY fetcherindex",
    );
    assert_eq!(jobs, ["ok", "ok", "timedout"], "{what}");
    for (key, seen) in world.taken() {
        // Only an attempt that was under way may be repeated: nobody knows how it ended.
        assert!(
            seen.len() == 1 || in_hand.contains(&key.2),
            "{what}: {key:?} was sent {} times",
            seen.len()
        );
        assert!(
            seen.windows(2).all(|pair| pair[0].bytes == pair[1].bytes),
            "{what}: a repeat is the same bytes"
        );
    }
    crashed.is_err()
}
