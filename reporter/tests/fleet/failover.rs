//! The primary server is lost and its replica takes its place: the address names both.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use rand::seq::SliceRandom as _;
use tlsrptd_cluster::Cluster;
use tlsrptd_reporter::store::{CommitHook, CommitSide, HookVerdict, Step};

use super::world::{HOUR, World};
use crate::environment::{self, Engine, Folder, make_tables};

const DAYS: [&str; 3] = ["2026-11-19", "2026-11-20", "2026-11-21"];

/// A primary, its replica, and a folder that names a database in whichever of them can be written to.
fn pair() -> (Cluster, Cluster, Folder) {
    let primary = Cluster::start(&["wal_level=replica"]).unwrap();
    primary.query("postgres", "CREATE DATABASE fleet").unwrap();
    make_tables(&primary.address("fleet"));
    let replica = primary.replica(&[]);
    let folder = Engine::Sqlite.folder();
    folder.redirect(&Cluster::address_in(&[&primary, &replica], "fleet"));
    (primary, replica, folder)
}

/// Waits until the replica has all that the primary has.
fn catch_up(primary: &Cluster, replica: &Cluster) {
    let end = primary
        .query("postgres", "SELECT pg_current_wal_lsn()")
        .unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    let has = format!("SELECT pg_last_wal_replay_lsn() >= '{end}'");
    while !replica.query("postgres", &has).is_ok_and(|has| has == "t") {
        assert!(Instant::now() < until, "the replica does not follow");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The primary crashes, and the replica takes its place.
fn fail_over(primary: &mut Cluster, replica: &Cluster) {
    primary.stop("QUIT");
    promote(replica);
}

fn promote(replica: &Cluster) {
    let promoted = replica.query("postgres", "SELECT pg_promote()").unwrap();
    assert_eq!(promoted, "t");
}

/// Each COMMIT is on both before it is answered: nothing is lost, and nothing happens twice. The suite plays three of these,
/// others each time; `make soak` plays all.
#[test]
fn a_synchronous_replica_has_all() {
    Engine::Postgres.test_on_virtual_clock(|| async {
        let mut places = vec![
            (Step::RowsStored, CommitSide::Before, 1),
            (Step::DayDecided, CommitSide::Before, 1),
            (Step::DayDecided, CommitSide::After, 1),
            (Step::Started, CommitSide::After, 3),
            (Step::Recorded, CommitSide::Before, 5),
            (Step::Recorded, CommitSide::After, 20),
        ];
        if environment::soak().is_zero() {
            places.shuffle(&mut rand::rng());
            places.truncate(3);
        }
        for (step, side, nth) in places {
            let what = format!("{side:?} {step:?} {nth}");
            let (primary, replica, folder) = pair();
            for sql in [
                "ALTER SYSTEM SET synchronous_standby_names = '*'",
                "SELECT pg_reload_conf()",
            ] {
                primary.query("postgres", sql).unwrap();
            }
            let mut world = World::new(folder.path());
            let servers = Arc::new(Mutex::new((primary, replica)));
            let left = Arc::new(Mutex::new(nth));
            let hook = || {
                let (servers, left) = (Arc::clone(&servers), Arc::clone(&left));
                let hook: CommitHook = Box::new(move |at, when| {
                    let mut left = left.lock().unwrap();
                    if (at, when) == (step, side) && *left > 0 {
                        *left -= 1;
                        if *left == 0 {
                            let (primary, replica) = &mut *servers.lock().unwrap();
                            fail_over(primary, replica);
                        }
                    }
                    HookVerdict::Continue
                });
                Some(hook)
            };
            world.live(HOUR * 40, hook).await;
            assert_eq!(*left.lock().unwrap(), 0, "{what}: it was never reached");
            world.judge(&what, &DAYS, &BTreeSet::new());
        }
    });
}

/// It follows later, and the tail of what was done is lost with the primary: that is done again, the same bytes, and no more.
#[test]
fn an_asynchronous_replica_lacks_the_tail() {
    Engine::Postgres.test_on_virtual_clock(|| async {
        for (falls_behind, lost, why) in [
            (HOUR * 5, HOUR * 7, "outcomes alone"),
            (HOUR * 2 + HOUR / 2, HOUR * 16, "all outcomes"),
            (
                HOUR * 3 / 2,
                HOUR * 6,
                "the day's answers, decisions and outcomes",
            ),
        ] {
            let (mut primary, mut replica, folder) = pair();
            let mut world = World::new(folder.path());
            let servers = tokio::spawn(async move {
                tokio::time::sleep(falls_behind).await;
                catch_up(&primary, &replica);
                replica.stop("INT");
                tokio::time::sleep(lost - falls_behind).await;
                // It would ask the primary for the tail as soon as it runs.
                primary.stop("QUIT");
                replica.run();
                promote(&replica);
                (primary, replica)
            });
            world.live(HOUR * 48, || None).await;
            let _servers = servers.await.unwrap();
            let tail = world.arrived_between(falls_behind, lost);
            let repeated = world.environment.taken();
            let repeated = repeated.values().filter(|seen| seen.len() > 1).count();
            assert!(repeated > 0, "{why}: nothing was lost, so nothing is shown");
            world.judge(why, &DAYS, &tail);
            println!("{why}: {repeated} of {} came again", tail.len());
        }
    });
}
