//! A member that keeps the calendar of a fleet, at a time long past.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use jiff::{SignedDuration, Timestamp};
use tlsrptd_fleet::PgDay;
use tlsrptd_proto::day::Day;
use tlsrptd_reporter::store::{self, ClosedDay, CommitHook, CommitSide, HookVerdict, Step, Store};

use crate::party::Fleet;

/// Looks come every few milliseconds, and no machine is so busy that the lease runs out.
const LEASE: f64 = 60.0;
/// Long past, whatever the database's clock says.
const NOW: &str = "2024-11-29T03:00:00Z";

pub struct Calendar {
    pub fleet: Fleet,
    pub store: Box<dyn Store>,
    /// How often its calendar was written to.
    pub steps: Arc<AtomicUsize>,
    pub now: Timestamp,
}

impl Calendar {
    /// The day before is open; these collectors ship, and are done with it or not.
    pub fn new(collectors: &[(&str, bool)]) -> Calendar {
        let fleet = Fleet::new(LEASE);
        let steps = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&steps);
        let hook: CommitHook = Box::new(move |step, side| {
            if (step, side) == (Step::JobsMade, CommitSide::Before) {
                counted.fetch_add(1, Ordering::SeqCst);
            }
            HookVerdict::Continue
        });
        let mut store = store::open(&fleet.settings, Some(hook)).unwrap();
        let now = NOW.parse().unwrap();
        for (at, (name, is_done)) in collectors.iter().enumerate() {
            let id = i32::try_from(at).unwrap() + 1;
            fleet.ask(
                "INSERT INTO collector(name, incarnation, first_day) VALUES($1, gen_random_uuid(), '2024-11-20')",
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
        Calendar {
            fleet,
            store,
            steps,
            now,
        }
    }

    /// A fetch job of the day.
    pub fn job(&self, number: i32, is_over: bool) {
        self.fleet.ask(
            "INSERT INTO fetch_job(day, job, command, place, next, created, closed) \
             VALUES($1, $2, 'one', 1, now(), now(), CASE WHEN $3 THEN now() END)",
            &[&yesterday(), &number, &is_over],
        );
    }

    /// With a deadline so many hours after the day was seen to have ended. Days that wait are looked at once a second.
    pub fn tend(&mut self, hours: i64) -> Vec<ClosedDay> {
        self.now += SignedDuration::from_secs(1);
        self.tend_now(hours)
    }

    pub fn tend_now(&mut self, hours: i64) -> Vec<ClosedDay> {
        let deadline = |_: Day, over: Timestamp| over + SignedDuration::from_hours(hours);
        self.store.tend(self.now, Some(&deadline)).unwrap().closed
    }

    pub fn state(&self) -> String {
        let sql = "SELECT state FROM day WHERE day = $1";
        self.fleet.ask(sql, &[&yesterday()])[0].get(0)
    }

    /// The jobs as everybody sees them who asks for a day's collectors.
    pub fn jobs(&self) -> Vec<String> {
        let sql = "SELECT command || ' ' || coalesce(outcome, '-') FROM fetch_job WHERE day = $1 ORDER BY command";
        let rows = self.fleet.ask(sql, &[&yesterday()]);
        rows.iter().map(|row| row.get(0)).collect()
    }

    pub fn late(&self) -> i64 {
        let sql = "SELECT count(*) FROM shipment WHERE day = $1 AND closed";
        self.fleet.ask(sql, &[&yesterday()])[0].get(0)
    }
}

pub fn yesterday() -> PgDay {
    PgDay(Day::parse("2024-11-28").unwrap())
}

pub fn closed(missing: &[&str]) -> Vec<ClosedDay> {
    vec![ClosedDay {
        day: yesterday().0,
        is_too_old: false,
        missing: missing.iter().map(|name| (*name).to_owned()).collect(),
    }]
}
