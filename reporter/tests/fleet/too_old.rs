//! Days that are told of when they are older than what is kept.

use jiff::SignedDuration;
use tlsrptd_fleet::PgDay;
use tlsrptd_proto::day::Day;
use tlsrptd_reporter::store::{self, ClosedDay, OperatorAccess};

use crate::{calendar::Calendar, environment::Engine, party::wait_until};

/// Its host was away, or retired, for so long.
#[test]
fn a_day_that_is_told_too_late_is_closed_at_once() {
    Engine::Postgres.test(|| {
        let mut calendar = Calendar::new(&[("a", true), ("b", true)]);
        let day = PgDay(Day::parse("2024-11-10").unwrap());
        calendar
            .fleet
            .ask("UPDATE collector SET retired = first_day WHERE id = 2", &[]);
        calendar
            .fleet
            .ask("INSERT INTO day(day) VALUES($1)", &[&day]);
        calendar.fleet.ask(
            "INSERT INTO shipment(day, collector) VALUES($1, 2)",
            &[&day],
        );
        let mut found = Vec::new();
        wait_until(
            || {
                found.extend(calendar.tend(6));
                found.iter().any(|of: &ClosedDay| of.is_too_old)
            },
            "it is closed",
        );
        found.retain(|of| of.is_too_old);
        let want = ClosedDay {
            day: day.0,
            missing: vec!["b".to_owned()],
            is_too_old: true,
        };
        assert_eq!(found, [want], "who has told it is named, and nobody else");
        let open = calendar.store.open_days().unwrap();
        assert!(!open.contains(&day.0), "nothing of it is to be composed");
        let gathered = calendar.store.gathered_days().unwrap();
        assert!(!gathered.contains(&day.0));
        // Its shipper sees that it is closed, and tells how much there is.
        let late = "UPDATE shipment SET late_sessions = 7 WHERE day = $1 AND closed RETURNING 1";
        assert_eq!(calendar.fleet.ask(late, &[&day]).len(), 1);
        let operator =
            store::open_for_operator(&calendar.fleet.settings, OperatorAccess::Read).unwrap();
        let fleet = operator.fleet().unwrap().unwrap();
        let shown = fleet.days.iter().find(|of| of.day == day.0).unwrap();
        assert_eq!((shown.state.as_str(), shown.late_sessions), ("composed", 7));
        assert_eq!(shown.missing, ["b"]);
        let today = Day::of(fleet.at);
        let told = operator.missing_collectors(today.previous(), today);
        let told: Vec<String> = told
            .unwrap()
            .into_iter()
            .filter_map(|of| (of.day == day.0).then(|| of.reason.unwrap()))
            .collect();
        assert_eq!(told.len(), 1, "the digest names it");
        assert!(told[0].contains("7 sessions"), "{told:?}");
        cleaned_when_it_was_there_as_long(&mut calendar, day, today);
    });
}

/// From the day on which it was closed.
fn cleaned_when_it_was_there_as_long(calendar: &mut Calendar, day: PgDay, today: Day) {
    let is_there = |calendar: &Calendar| {
        let rows = "SELECT 1 FROM shipment JOIN day USING (day) WHERE day = $1";
        !calendar.fleet.ask(rows, &[&day]).is_empty()
    };
    while calendar.store.clean(today.previous()).unwrap() {}
    assert!(is_there(calendar));
    while calendar.store.clean(today.next().next()).unwrap() {}
    assert!(!is_there(calendar));
}

/// Whoever has the password of a shipper may ask for any day.
#[test]
fn no_tables_are_made_for_days_that_nobody_has_counts_of() {
    Engine::Postgres.test(|| {
        let mut calendar = Calendar::new(&[("a", true)]);
        calendar
            .fleet
            .ask("UPDATE collector SET first_day = '2000-01-01'", &[]);
        calendar.fleet.ask(
            "INSERT INTO day(day) SELECT d::date FROM (SELECT generate_series('2024-01-01'::timestamp, '2024-11-25', '1 day') \
             UNION SELECT generate_series('2200-01-01'::timestamp, '2200-12-31', '1 day')) AS n(d)",
            &[],
        );
        calendar.now += SignedDuration::from_hours(24);
        calendar.tend(6);
        let sql = "SELECT count(*) FROM day WHERE counts AND day NOT BETWEEN '2024-11-20' AND \
                   (clock_timestamp() AT TIME ZONE 'UTC')::date + 1";
        let made: i64 = calendar.fleet.ask(sql, &[])[0].get(0);
        assert_eq!(made, 0, "days that are not kept, or have not begun");
        let sql = "SELECT min(day)::text FROM day WHERE counts";
        let oldest: String = calendar.fleet.ask(sql, &[])[0].get(0);
        assert_eq!(oldest, "2024-11-20", "ten days are kept");
        calendar.now += SignedDuration::from_hours(7);
        let closed = calendar.tend(6);
        assert!(closed.iter().any(|of| !of.is_too_old), "{closed:?}");
        for of in closed {
            let is_old = of.day < Day::parse("2024-11-20").unwrap();
            assert_eq!(of.is_too_old, is_old, "{of:?}");
        }
        let open = "SELECT 1 FROM day WHERE state = 'open' AND day < '2024-11-20' LIMIT 1";
        wait_until(
            || {
                calendar.tend(6);
                calendar.fleet.ask(open, &[]).is_empty()
            },
            "none waits for ever",
        );
    });
}
