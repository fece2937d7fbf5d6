//! When a day is closed: all have shipped it and all have answered, or its deadline has passed.

use jiff::Timestamp;
use tlsrptd_fleet::PgDay;
use tlsrptd_proto::day::Day;
use tlsrptd_reporter::store::{ClosedDay, Store};

use crate::{
    environment::Engine,
    party::{Fleet, wait_until},
};

/// Looks come every few milliseconds, and no machine is so busy that the lease runs out.
const LEASE: f64 = 60.0;
const NOW: &str = "2026-11-29T03:00:00Z";

struct Calendar {
    fleet: Fleet,
    store: Box<dyn Store>,
    now: Timestamp,
}

impl Calendar {
    /// The day before is open; these collectors ship, and are done with it or not.
    fn new(collectors: &[(&str, bool)]) -> Calendar {
        let fleet = Fleet::new(LEASE);
        let mut store = fleet.member();
        let now = NOW.parse().unwrap();
        for (at, (name, is_done)) in collectors.iter().enumerate() {
            let id = i32::try_from(at).unwrap() + 1;
            fleet.ask(
                "INSERT INTO collector(name, incarnation, first_day) VALUES($1, gen_random_uuid(), '2026-11-20')",
                &[name],
            );
            fleet.ask(
                "INSERT INTO day(day) VALUES($1) ON CONFLICT DO NOTHING",
                &[&yesterday()],
            );
            if *is_done {
                fleet.ask(
                    "INSERT INTO shipment(day, collector, done) VALUES($1, $2, true)",
                    &[&yesterday(), &id],
                );
            }
        }
        fleet.ask(
            "INSERT INTO day(day) VALUES($1) ON CONFLICT DO NOTHING",
            &[&yesterday()],
        );
        // Its tables are made, without a deadline nothing more.
        assert!(store.tend(now, None).unwrap().closed.is_empty());
        Calendar { fleet, store, now }
    }

    /// A fetch job of the day.
    fn job(&self, number: i32, is_over: bool) {
        self.fleet.ask(
            "INSERT INTO fetch_job(day, job, command, place, next, created, closed) \
             VALUES($1, $2, 'one', 1, now(), now(), CASE WHEN $3 THEN now() END)",
            &[&yesterday(), &number, &is_over],
        );
    }

    /// With a deadline so many hours after the day was seen to have ended.
    fn tend(&mut self, hours: i64) -> Vec<ClosedDay> {
        let deadline = |_: Day, over: Timestamp| over + jiff::SignedDuration::from_hours(hours);
        self.store.tend(self.now, Some(&deadline)).unwrap().closed
    }

    fn state(&self) -> String {
        let sql = "SELECT state FROM day WHERE day = $1";
        self.fleet.ask(sql, &[&yesterday()])[0].get(0)
    }

    /// The jobs as everybody sees them who asks for a day's collectors.
    fn jobs(&self) -> Vec<String> {
        let sql = "SELECT command || ' ' || coalesce(outcome, '-') FROM fetch_job WHERE day = $1 ORDER BY command";
        let rows = self.fleet.ask(sql, &[&yesterday()]);
        rows.iter().map(|row| row.get(0)).collect()
    }

    fn late(&self) -> i64 {
        let sql = "SELECT count(*) FROM shipment WHERE day = $1 AND closed";
        self.fleet.ask(sql, &[&yesterday()])[0].get(0)
    }
}

fn yesterday() -> PgDay {
    PgDay(Day::parse("2026-11-28").unwrap())
}

fn closed(missing: &[&str]) -> Vec<ClosedDay> {
    vec![ClosedDay {
        day: yesterday().0,
        missing: missing.iter().map(|name| (*name).to_owned()).collect(),
    }]
}

#[test]
fn tables_are_there_before_their_day_begins() {
    Engine::Postgres.test(|| {
        for (shippers, want, why) in [
            (
                &[("a", false)][..],
                &["2026-11-28", "2026-11-29", "2026-11-30"][..],
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
        calendar.now += jiff::SignedDuration::from_hours(1);
        assert_eq!(calendar.tend(6), [], "once");
    });
}

#[test]
fn a_day_is_closed_at_its_deadline_and_names_who_is_missing() {
    Engine::Postgres.test(|| {
        let mut calendar = Calendar::new(&[("a", true), ("b", false), ("c", false)]);
        calendar.job(1, false);
        assert_eq!(calendar.tend(6), []);
        calendar.now += jiff::SignedDuration::from_hours(6);
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

#[test]
fn who_is_waited_for() {
    for (change, missing, why) in [
        (
            "UPDATE collector SET first_day = '2026-11-29'",
            &[][..],
            "it began today",
        ),
        (
            "UPDATE collector SET first_day = '2026-11-28'",
            &["a"],
            "it began on that day",
        ),
        (
            "UPDATE collector SET retired = '2026-11-28'",
            &[],
            "it was taken out before",
        ),
        (
            "UPDATE collector SET retired = '2026-11-29'",
            &["a"],
            "it was taken out behind it",
        ),
        (
            "INSERT INTO collector(name, incarnation, first_day) VALUES('a', gen_random_uuid(), '2026-11-29')",
            &["a"],
            "its spool was lost today",
        ),
        (
            "INSERT INTO collector(name, incarnation, first_day) VALUES('a', gen_random_uuid(), '2026-11-28')",
            &["a", "a"],
            "its spool was lost on that day: both have a part of it",
        ),
        (
            "INSERT INTO collector(name, incarnation, first_day) VALUES('a', gen_random_uuid(), '2026-11-27')",
            &["a"],
            "its spool was lost before: the new one is waited for",
        ),
    ] {
        Engine::Postgres.test(|| {
            let mut calendar = Calendar::new(&[("a", false)]);
            calendar.job(1, true);
            calendar.fleet.ask(change, &[]);
            calendar.tend(6);
            calendar.now += jiff::SignedDuration::from_hours(7);
            calendar.tend(6);
            let found = calendar
                .fleet
                .ask("SELECT missing FROM day WHERE state = 'closed'", &[]);
            assert_eq!(found[0].get::<_, Vec<String>>(0), missing, "{why}");
        });
    }
}

/// A shipper holds the row of its collector while it writes a batch.
#[test]
fn a_batch_that_is_being_written_comes_before_the_close() {
    Engine::Postgres.test(|| {
        let mut calendar = Calendar::new(&[("a", true)]);
        let shipper = tlsrptd_fleet::Session::connect(calendar.fleet.db.address().clone()).unwrap();
        let batch = shipper.begin().unwrap();
        batch.execute("UPDATE shipment SET batch = 1, rows = 7", &[]).unwrap();
        let commit = std::thread::scope(|scope| {
            let watch = tlsrptd_fleet::Session::connect(calendar.fleet.db.address().clone()).unwrap();
            let closing = scope.spawn(|| calendar.tend(6));
            let waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%shipment%'";
            wait_until(|| !watch.query(waits, &[]).unwrap().is_empty(), "the closing waits");
            batch.commit().unwrap();
            closing.join().unwrap()
        });
        assert_eq!(commit, closed(&[]));
        let rows = "SELECT rows FROM shipment WHERE closed";
        assert_eq!(calendar.fleet.ask(rows, &[])[0].get::<_, i64>(0), 7);
    });
}
