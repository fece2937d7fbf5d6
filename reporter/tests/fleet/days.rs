//! When a day is closed: all have shipped it and all have answered, or its deadline has passed.

use std::sync::atomic::Ordering;

use jiff::SignedDuration;
use tlsrptd_fleet::{PgDay, Session};
use tlsrptd_proto::day::Day;
use tlsrptd_reporter::{
    model::CollectorCommand,
    store::{self, OperatorAccess},
};

use crate::{
    calendar::{Calendar, closed, yesterday},
    environment::Engine,
    party::wait_until,
};

#[test]
fn tables_are_there_before_their_day_begins() {
    Engine::Postgres.test(|| {
        for (shippers, want, why) in [
            (
                &[("a", false)][..],
                &["2024-11-28", "2024-11-29", "2024-11-30"][..],
                "and that which was asked for",
            ),
            (&[], &[], "nobody ships"),
        ] {
            let calendar = Calendar::new(shippers);
            let sql = "SELECT day::text FROM day WHERE made AND counts ORDER BY 1";
            let made = calendar.fleet.ask(sql, &[]);
            let made: Vec<String> = made.iter().map(|row| row.get(0)).collect();
            assert_eq!(made, want, "{why}");
        }
    });
}

#[test]
fn a_day_is_closed_when_all_are_done() {
    Engine::Postgres.test(|| {
        let mut calendar = Calendar::new(&[("a", true), ("b", false)]);
        calendar.job(1, false);
        assert_eq!(
            calendar.tend(6),
            [],
            "a shipper and a fetcher are waited for"
        );
        let done = "INSERT INTO shipment(day, collector, done) VALUES($1, 2, true)";
        calendar.fleet.ask(done, &[&yesterday()]);
        assert_eq!(calendar.tend(6), [], "the fetcher is waited for");
        calendar.fleet.ask(
            "UPDATE fetch_job SET closed = now(), outcome = 'answered'",
            &[],
        );
        assert_eq!(calendar.tend(6), closed(&[]));
        assert_eq!(calendar.state(), "closed");
        assert_eq!(calendar.late(), 2, "what comes now is late");
        assert_eq!(
            calendar.jobs(),
            ["one answered", "shipper:a answered", "shipper:b answered"]
        );
        let shards = calendar
            .fleet
            .ask("SELECT count(*) FROM compose WHERE NOT done", &[]);
        assert_eq!(shards[0].get::<_, i64>(0), 64, "to be composed");
        calendar.now += SignedDuration::from_hours(1);
        assert_eq!(calendar.tend(6), [], "once");
    });
}

#[test]
fn a_day_is_closed_at_its_deadline_and_names_who_is_missing() {
    Engine::Postgres.test(|| {
        let mut calendar = Calendar::new(&[("a", true), ("b", false), ("c", false)]);
        calendar.job(1, false);
        assert_eq!(calendar.tend(6), []);
        calendar.now += SignedDuration::from_hours(6);
        assert_eq!(
            calendar.tend(6),
            [],
            "a fetch job has a deadline of its own, and ends by it"
        );
        calendar.fleet.ask(
            "UPDATE fetch_job SET closed = now(), outcome = 'given up'",
            &[],
        );
        assert_eq!(calendar.tend(6), closed(&["b", "c"]));
        assert_eq!(calendar.late(), 3, "those too that have shipped nothing");
        let missing = calendar
            .fleet
            .ask("SELECT missing FROM day WHERE state = 'closed'", &[]);
        assert_eq!(missing[0].get::<_, Vec<String>>(0), ["b", "c"]);
        assert_eq!(
            calendar.jobs(),
            [
                "one given up",
                "shipper:a answered",
                "shipper:b given up",
                "shipper:c given up"
            ]
        );
    });
}

#[test]
fn without_shippers_the_fetch_jobs_decide() {
    Engine::Postgres.test(|| {
        let mut calendar = Calendar::new(&[]);
        assert_eq!(calendar.tend(6), [], "nobody has been asked yet");
        calendar.job(1, true);
        assert_eq!(calendar.tend(6), closed(&[]));
    });
}

/// A failover may have lost that they were made.
#[test]
fn fetch_jobs_are_made_for_a_day_that_shippers_have_ended() {
    Engine::Postgres.test(|| {
        let mut calendar = Calendar::new(&[("a", true)]);
        assert_eq!(calendar.tend(6), closed(&[]));
        let day = yesterday().0;
        assert!(!calendar.store.known_days().unwrap().contains(&day));
        assert!(calendar.store.open_days().unwrap().contains(&day));
        let one = CollectorCommand {
            index: 1,
            command: "one".to_owned(),
        };
        let now = calendar.now;
        calendar.store.make_jobs(&[day], &[one], now).unwrap();
        assert_eq!(calendar.jobs(), ["one -", "shipper:a answered"]);
        assert!(calendar.store.known_days().unwrap().contains(&day));
        assert!(
            calendar.store.gathered_days().unwrap().is_empty(),
            "the fetcher is waited for"
        );
    });
}

#[test]
fn who_is_waited_for() {
    for (change, missing, why) in [
        (
            "UPDATE collector SET first_day = '2024-11-29'",
            &[][..],
            "it began today",
        ),
        (
            "UPDATE collector SET first_day = '2024-11-28'",
            &["a"],
            "it began on that day",
        ),
        (
            "UPDATE collector SET retired = '2024-11-28'",
            &[],
            "it was taken out before",
        ),
        (
            "UPDATE collector SET retired = '2024-11-29'",
            &["a"],
            "it was taken out behind it",
        ),
        (
            "INSERT INTO collector(name, incarnation, first_day) VALUES('a', gen_random_uuid(), '2024-11-29')",
            &["a"],
            "its spool was lost today",
        ),
        (
            "INSERT INTO collector(name, incarnation, first_day) VALUES('a', gen_random_uuid(), '2024-11-28')",
            &["a", "a"],
            "its spool was lost on that day: both have a part of it",
        ),
        (
            "INSERT INTO collector(name, incarnation, first_day) VALUES('a', gen_random_uuid(), '2024-11-27')",
            &["a"],
            "its spool was lost before: the new one is waited for",
        ),
    ] {
        Engine::Postgres.test(|| {
            let mut calendar = Calendar::new(&[("a", false)]);
            calendar.job(1, true);
            calendar.fleet.ask(change, &[]);
            calendar.tend(6);
            calendar.now += SignedDuration::from_hours(7);
            calendar.tend(6);
            let found = calendar
                .fleet
                .ask("SELECT missing FROM day WHERE state = 'closed'", &[]);
            assert_eq!(found[0].get::<_, Vec<String>>(0), missing, "{why}");
        });
    }
}

/// A shipper holds the row of its collector while it writes a batch. Whoever keeps the calendar has other work, too: it does not
/// stand in line.
#[test]
fn a_batch_that_is_being_written_comes_before_the_close() {
    Engine::Postgres.test(|| {
        let mut calendar = Calendar::new(&[("a", true), ("b", true)]);
        let shipper = Session::connect(calendar.fleet.db.address().clone()).unwrap();
        let batch = shipper.begin().unwrap();
        let tell = "UPDATE shipment SET batch = 1, rows = 7 WHERE collector = 2";
        batch.execute(tell, &[]).unwrap();
        assert_eq!(calendar.tend(6), [], "it is written to");
        let tried = calendar.steps.load(Ordering::SeqCst);
        for _ in 0..3 {
            assert_eq!(calendar.tend(6), []);
            assert_eq!(calendar.tend_now(6), []);
        }
        assert_eq!(
            calendar.steps.load(Ordering::SeqCst),
            tried,
            "it waits once"
        );
        assert_eq!(calendar.late(), 0, "nothing half done stays");
        batch.commit().unwrap();
        let mut found = Vec::new();
        wait_until(
            || {
                found = calendar.tend(6);
                !found.is_empty()
            },
            "it is tried again",
        );
        assert_eq!(found, closed(&[]));
        let rows = "SELECT sum(rows)::bigint FROM shipment WHERE closed";
        assert_eq!(calendar.fleet.ask(rows, &[])[0].get::<_, i64>(0), 7);
    });
}

/// The clock of the keeper is ahead, by a day or by local time.
#[test]
fn a_day_is_over_when_it_is_by_the_databases_clock_too() {
    Engine::Postgres.test(|| {
        let mut calendar = Calendar::new(&[("a", true), ("b", false)]);
        let today = "SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date + 1";
        // By the database it is tomorrow, however long this takes.
        let running: PgDay = calendar.fleet.ask(today, &[])[0].get(0);
        calendar.now = running.0.next().start();
        calendar.fleet.ask("DELETE FROM shipment", &[]);
        calendar.fleet.ask(
            "INSERT INTO day(day) VALUES($1) ON CONFLICT DO NOTHING",
            &[&running],
        );
        calendar.fleet.ask(
            "INSERT INTO shipment(day, collector, done) VALUES($1, 1, true)",
            &[&running],
        );
        let state = |calendar: &Calendar| {
            let sql = "SELECT state, over IS NULL FROM day WHERE day = $1";
            let row = calendar.fleet.ask(sql, &[&running]).remove(0);
            (row.get::<_, String>(0), row.get::<_, bool>(1))
        };
        for hours in [0, 1, 7, 24] {
            calendar.now += SignedDuration::from_hours(hours);
            let closed = calendar.tend(6);
            assert!(
                closed.iter().all(|closed| closed.day != running.0),
                "{hours} h later: {closed:?}"
            );
            assert_eq!(state(&calendar), ("open".to_owned(), true));
        }
        assert_eq!(calendar.state(), "closed", "the day of long ago is over");
        // Though all are done.
        calendar.fleet.ask(
            "INSERT INTO shipment(day, collector, done) VALUES($1, 2, true)",
            &[&running],
        );
        assert_eq!(calendar.tend(6), []);
        assert_eq!(state(&calendar), ("open".to_owned(), true));
    });
}

/// Whoever has the password of a shipper may ask for each day of thousands of years.
#[test]
fn days_to_come_are_not_looked_at_and_go() {
    Engine::Postgres.test(|| {
        let mut calendar = Calendar::new(&[("a", false)]);
        calendar.fleet.ask(
            "INSERT INTO day(day) SELECT DATE '2100-01-01' + n FROM generate_series(1, 20000) AS n",
            &[],
        );
        let operator =
            store::open_for_operator(&calendar.fleet.settings, OperatorAccess::Read).unwrap();
        let fleet = operator.fleet().unwrap().unwrap();
        let shown = fleet.days.iter().map(|of| of.day).max();
        assert_eq!(
            shown,
            Some(Day::of(calendar.now).next()),
            "the days that are at hand"
        );
        assert_eq!(
            fleet.collectors[0].open_days, 3,
            "of those that it may have shipped"
        );
        while calendar.store.clean(yesterday().0.back(30)).unwrap() {}
        let left = "SELECT 1 FROM day WHERE day > '2100-01-01'";
        assert_eq!(calendar.fleet.ask(left, &[]).len(), 0);
    });
}
