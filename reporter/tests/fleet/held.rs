//! What keeps the owner of the calendar from looking after the days: it neither waits, nor forgets what it has learnt.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tlsrptd_fleet::{Session, schema};
use tlsrptd_proto::day::Day;

use crate::{environment::Engine, party::Fleet};

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
        let closed = |minute: i64| {
            let now = now() + SignedDuration::from_mins(minute);
            store.tend(now, Some(&at_once)).unwrap().closed.len()
        };
        // Noted as over, then closed; the server may still have the transaction when it is looked at first.
        assert_eq!((1..20).map(closed).sum::<usize>(), 1);
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
