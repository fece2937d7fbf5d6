//! What keeps the owner of the calendar from looking after the days: it neither waits, nor forgets what it has learnt.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tlsrptd_fleet::{PgDay, Session, Transaction, schema};
use tlsrptd_proto::day::Day;
use tlsrptd_reporter::{model::CollectorCommand, store::Store};

use crate::{
    environment::Engine,
    party::{Fleet, wait_until},
};

const LEASE: f64 = 60.0;

fn now() -> Timestamp {
    "2024-11-29T03:00:00Z".parse().unwrap()
}

fn ships(fleet: &Fleet) {
    let collector = "INSERT INTO collector(name, incarnation, first_day) VALUES('a', gen_random_uuid(), '2024-11-20')";
    fleet.ask(collector, &[]);
}

fn at_once(_: Day, over: Timestamp) -> Timestamp {
    over - SignedDuration::from_secs(1)
}

/// Whoever has the password of a shipper may lock the rows of days, and say nothing any more.
#[test]
fn a_transaction_that_does_not_end_holds_up_nothing_but_the_day() {
    Engine::Postgres.test(|| {
        let fleet = Fleet::new(LEASE);
        ships(&fleet);
        fleet.ask("INSERT INTO day(day) VALUES('2024-11-28')", &[]);
        let mut store = fleet.member();
        store.tend(now(), None).unwrap();
        let other = Session::connect(fleet.db.address().clone()).unwrap();
        let held = other.begin().unwrap();
        held.query("SELECT 1 FROM day FOR SHARE", &[]).unwrap();
        let begun = Instant::now();
        for second in 1..4 {
            let now = now() + SignedDuration::from_secs(second);
            let tended = store.tend(now, Some(&at_once)).unwrap();
            assert_eq!(tended.closed, []);
        }
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "it would wait for 30 s each time"
        );
        drop(held);
        drop(other);
        let (mut second, mut closed) = (4, Vec::new());
        wait_until(
            || {
                second += 1;
                let now = now() + SignedDuration::from_secs(second);
                closed = store.tend(now, Some(&at_once)).unwrap().closed;
                !closed.is_empty()
            },
            "it is tried again",
        );
        assert_eq!(closed.len(), 1);
    });
}

/// Of many collectors that catch up, one always holds its row.
#[test]
fn a_day_ends_at_its_deadline_whoever_still_writes() {
    Engine::Postgres.test(|| {
        let fleet = Fleet::new(LEASE);
        ships(&fleet);
        ships(&fleet);
        fleet.ask("INSERT INTO day(day) VALUES('2024-11-28')", &[]);
        let shipments =
            "INSERT INTO shipment(day, collector) SELECT DATE '2024-11-28', id FROM collector";
        fleet.ask(shipments, &[]);
        let mut store = fleet.member();
        store.tend(now(), None).unwrap();
        let connect = || Session::connect(fleet.db.address().clone()).unwrap();
        let (one, other) = (connect(), connect());
        let hold = |held: &Transaction<'_>, which: &str| {
            let sql = format!(
                "SELECT 1 FROM shipment WHERE collector = (SELECT {which}(id) FROM collector) FOR UPDATE"
            );
            assert_eq!(held.query(&sql, &[]).unwrap().len(), 1);
        };
        let first = one.begin().unwrap();
        hold(&first, "min");
        let mut second = 0;
        let mut tend = || {
            second += 1;
            let now = now() + SignedDuration::from_secs(second);
            store.tend(now, Some(&at_once)).unwrap().closed
        };
        assert_eq!(tend(), []);
        let closed = fleet.ask("SELECT 1 FROM shipment WHERE closed", &[]);
        assert_eq!(closed.len(), 1, "what it brings is late");
        let writes = other.begin().unwrap();
        hold(&writes, "max");
        drop(first);
        drop(one);
        wait_until(|| !tend().is_empty(), "the day is closed");
    });
}

/// Somebody has made a table of that name.
#[test]
fn a_day_does_not_wait_for_tables_of_another() {
    Engine::Postgres.test(|| {
        let fleet = Fleet::new(LEASE);
        ships(&fleet);
        fleet.ask("INSERT INTO day(day) VALUES('2024-11-28')", &[]);
        let mut store = fleet.member();
        store.tend(now(), None).unwrap();
        fleet.ask("CREATE TABLE delivery_20241201 (a int)", &[]);
        let tomorrow = now() + SignedDuration::from_hours(24);
        store.tend(tomorrow, Some(&at_once)).unwrap_err();
        let closed = fleet.ask(
            "SELECT 1 FROM day WHERE day = '2024-11-28' AND state = 'closed'",
            &[],
        );
        assert_eq!(closed.len(), 1);
        fleet.ask("DROP TABLE delivery_20241201", &[]);
        let told = store.tend(tomorrow, Some(&at_once)).unwrap().closed;
        assert!(told.iter().any(|of| of.day == day()), "{told:?}");
    });
}

/// A member at work on a day of fetchers without domains, and somebody who may lock its row.
struct Scene {
    fleet: Fleet,
    store: Box<dyn Store>,
    other: Session,
}

const DAY: &str = "2024-11-28";

fn day() -> Day {
    Day::parse(DAY).unwrap()
}

impl Scene {
    fn new() -> Scene {
        let fleet = Fleet::new(LEASE);
        let store = fleet.member();
        let other = Session::connect(fleet.db.address().clone()).unwrap();
        let scene = Scene {
            fleet,
            store,
            other,
        };
        scene.make(day());
        scene
    }

    fn make(&self, day: Day) {
        schema::make_reports(&self.fleet.db, day).unwrap();
        self.fleet.ask(
            "INSERT INTO fetch_job(day, job, command, place, next, created, closed, outcome) \
             VALUES($1, 1, 'one', 1, now(), now(), now(), 'answered')",
            &[&PgDay(day)],
        );
    }

    fn compose(&mut self, day: Day) {
        assert!(self.store.normalize_domains(day, now()).unwrap());
        self.store.close_day(day, &[], now()).unwrap();
        assert!(self.is_composed(day));
    }

    fn is_composed(&self, day: Day) -> bool {
        let sql = "SELECT 1 FROM composing WHERE day = $1 AND composed";
        !self.fleet.ask(sql, &[&PgDay(day)]).is_empty()
    }

    fn has(&self, day: Day) -> bool {
        let sql = "SELECT 1 FROM day WHERE day = $1";
        !self.fleet.ask(sql, &[&PgDay(day)]).is_empty()
    }
}

fn hold(other: &Session, day: Day) -> Transaction<'_> {
    let held = other.begin().unwrap();
    let lock = "SELECT 1 FROM day WHERE day = $1 FOR UPDATE";
    assert_eq!(held.query(lock, &[&PgDay(day)]).unwrap().len(), 1);
    held
}

fn its_tables_are_made(scene: &mut Scene) {
    ships(&scene.fleet);
    let (today, made) = (Day::of(now()), "SELECT day::text FROM day WHERE counts");
    let insert = "INSERT INTO day(day) VALUES($1)";
    scene.fleet.ask(insert, &[&PgDay(today)]);
    let _held = hold(&scene.other, today);
    for _ in 0..3 {
        scene.store.tend(now(), None).unwrap();
    }
    let made: Vec<String> = scene
        .fleet
        .ask(made, &[])
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(made, [DAY, "2024-11-30"], "those of the others");
}

fn it_is_begun(scene: &mut Scene) {
    assert!(scene.store.gathered_days().unwrap().contains(&day()));
    let _held = hold(&scene.other, day());
    for _ in 0..3 {
        assert!(!scene.store.normalize_domains(day(), now()).unwrap());
        assert!(!scene.store.gathered_days().unwrap().contains(&day()));
    }
}

fn it_is_ended(scene: &mut Scene) {
    assert!(scene.store.normalize_domains(day(), now()).unwrap());
    let _held = hold(&scene.other, day());
    assert!(scene.store.store_mx_decisions(day(), &[], now()).unwrap());
    scene.store.close_day(day(), &[], now()).unwrap();
    assert!(scene.is_composed(day()));
}

fn a_job_of_it_ends(scene: &mut Scene) {
    scene.compose(day());
    let reopen = "UPDATE fetch_job SET decided = false, closed = NULL, outcome = NULL";
    scene.fleet.ask(reopen, &[]);
    let job = scene.store.due_jobs(Timestamp::now()).unwrap().remove(0);
    let _held = hold(&scene.other, day());
    scene.store.job_answered(&job, None, now()).unwrap();
    assert!(!scene.is_composed(day()), "it is composed once more");
}

/// Whoever has the password of a shipper may make its row, and not end.
fn its_jobs_are_made(scene: &mut Scene) {
    let (held_day, now) = (day().next(), now() + SignedDuration::from_hours(24));
    let held = scene.other.begin().unwrap();
    let make = "INSERT INTO day(day) VALUES($1)";
    held.execute(make, &[&PgDay(held_day)]).unwrap();
    let reopen = "DELETE FROM fetch_job";
    scene.fleet.ask(reopen, &[]);
    let one = [CollectorCommand {
        index: 1,
        command: "one".to_owned(),
    }];
    let days = [day(), held_day];
    scene.store.make_jobs(&days, &one, now).unwrap();
    let mut due = || -> Vec<Day> {
        let due = scene.store.due_jobs(now).unwrap();
        due.iter().map(|job| job.day).collect()
    };
    for _ in 0..3 {
        assert_eq!(due(), [day()], "what is asked could not be stored");
    }
    drop(held);
    scene.other.query("SELECT 1", &[]).unwrap();
    wait_until(|| due() == days, "it is free");
}

fn it_is_removed(scene: &mut Scene) {
    let later = day().next();
    scene.make(later);
    scene.compose(day());
    scene.compose(later);
    let _held = hold(&scene.other, day());
    while scene.store.clean(later.next().next()).unwrap() {}
    assert!(scene.has(day()), "another time");
    assert!(!scene.has(later), "the others go");
}

/// Each of them would wait for 30 s, and nothing else would be done meanwhile.
#[test]
fn no_step_waits_for_a_day_that_somebody_holds() {
    Engine::Postgres.test(|| {
        for (step, what) in [
            (its_tables_are_made as fn(&mut Scene), "its tables are made"),
            (its_jobs_are_made, "its jobs are made"),
            (it_is_begun, "it is begun"),
            (it_is_ended, "it is ended"),
            (a_job_of_it_ends, "a job of it ends"),
            (it_is_removed, "it is removed"),
        ] {
            let mut scene = Scene::new();
            let begun = Instant::now();
            step(&mut scene);
            let took = begun.elapsed();
            assert!(took < Duration::from_secs(20), "{what}: {took:?}");
        }
    });
}

#[test]
fn what_was_taken_in_a_look_that_failed_is_told_with_the_next() {
    Engine::Postgres.test(|| {
        let fleet = Fleet::new(LEASE);
        let (first, mut second) = (fleet.member(), fleet.member());
        assert_eq!(second.tend(now(), None).unwrap().taken, 0);
        ships(&fleet);
        let today = schema::of_day("key", Day::of(now()));
        fleet.ask(&format!("CREATE TABLE {today}(in_the_way int)"), &[]);
        // It goes, and leaves the calendar to the second.
        drop(first.close());
        let until = Instant::now() + Duration::from_secs(40);
        let mut taken = 0;
        while let Ok(tended) = second.tend(now(), None) {
            assert!(Instant::now() < until, "nothing was taken");
            taken += tended.taken;
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(
            taken, 0,
            "the calendar came with all, and its tables cannot be made"
        );
        fleet.ask(&format!("DROP TABLE {today}"), &[]);
        assert_eq!(second.tend(now(), Some(&at_once)).unwrap().taken, 64);
        assert_eq!(second.tend(now(), None).unwrap().taken, 0, "once");
    });
}
