//! `tlsrptctl fleet`: who works, who ships, how far the days are; and who is retired.

use jiff::{SignedDuration, Timestamp};
use tlsrptd_fleet::schema::make_day;
use tlsrptd_proto::day::Day;
use tlsrptd_reporter::{
    answers::fleet::FleetAnswer,
    store::{self, OperatorAccess, OperatorStore, Retired, Unretired},
};

use super::{database, made, run, settings};

/// Two members, of which one is dead; two collectors, of which one is silent; two days, of which one is late.
const FLEET: &str = "INSERT INTO member(name, process, until) VALUES \
       ('mx1:1', 'a', clock_timestamp() + interval '20 s'), ('mx2:2', 'b', clock_timestamp() - interval '1 min'); \
     UPDATE shard SET owner = CASE WHEN shard < 40 THEN 1 ELSE 2 END; \
     INSERT INTO collector(name, incarnation, first_day, seen) VALUES \
       ('mx1', gen_random_uuid(), '2026-11-01', clock_timestamp()), \
       (E'mx2\\u202e', gen_random_uuid(), '2026-11-01', clock_timestamp() - interval '1 h');";

fn fleet() -> Option<(Box<dyn OperatorStore>, Day)> {
    let dbname = database("view")?;
    let session = made(&dbname);
    let today = Day::of(Timestamp::now());
    let late = today.back(2);
    for day in [late, today] {
        make_day(&session, day).unwrap();
    }
    run(&session, FLEET);
    run(
        &session,
        &format!(
            "INSERT INTO shipment(day, collector, done, late_sessions) VALUES ('{late}', 1, true, 0), ('{today}', 1, false, 7); \
             INSERT INTO shipment(day, collector) VALUES ('{late}', 2)"
        ),
    );
    let store = store::open_for_operator(&settings(&dbname, &[]), OperatorAccess::Write);
    Some((store.unwrap(), late))
}

fn answer(store: &dyn OperatorStore) -> FleetAnswer {
    let deadline = std::time::Duration::from_secs(6 * 3600);
    FleetAnswer::find(deadline, store).unwrap().unwrap()
}

#[test]
fn what_a_fleet_is() {
    let Some((store, late)) = fleet() else { return };
    let fleet = answer(&*store);
    let state = &fleet.state;
    assert!(Timestamp::now().duration_since(state.at).abs() < SignedDuration::from_mins(1));
    let members: Vec<_> = state
        .members
        .iter()
        .map(|one| (one.name.as_str(), one.is_live, one.shards))
        .collect();
    assert_eq!(members, [("mx1:1", true, 40), ("mx2:2", false, 24)]);
    assert_eq!(state.shards_without_owner, (40..64).collect::<Vec<i16>>());
    assert_eq!(fleet.live_members(), 1);
    let collectors: Vec<_> = state
        .collectors
        .iter()
        .map(|one| (one.day, one.is_done, one.open_days, one.late_sessions))
        .collect();
    let today = Day::of(Timestamp::now());
    assert_eq!(
        collectors,
        [(Some(today), false, 0, 7), (Some(late), false, 0, 0)]
    );
    let silent: Vec<_> = fleet.silent().map(|one| one.name.as_str()).collect();
    assert_eq!(silent, ["mx2\u{202e}"]);
    let overdue: Vec<_> = fleet.overdue().map(|one| one.day).collect();
    assert_eq!(overdue, [late], "it is open beyond the deadline");
    let day = state.days.last().unwrap();
    assert_eq!((day.day, day.done, day.expected), (late, 1, 2));
}

#[test]
fn a_collector_that_is_gone_is_not_waited_for() {
    let Some((mut store, late)) = fleet() else {
        return;
    };
    assert_eq!(store.retire("mx3").unwrap(), Some(Retired::Nothing));
    let retired = Retired::Collector {
        collectors: 1,
        from: late,
    };
    assert_eq!(
        store.retire("mx2\u{202e}").unwrap(),
        Some(retired),
        "from the day that it was not done with"
    );
    assert_eq!(
        store.retire("mx2\u{202e}").unwrap(),
        Some(Retired::Nothing),
        "it is already"
    );
    let fleet = answer(&*store);
    assert_eq!(fleet.silent().count(), 0);
    let day = fleet.state.days.last().unwrap();
    assert_eq!((day.done, day.expected), (1, 1), "nobody is waited for");
    // The other one is done with the late day: it stays in it.
    let today = Day::of(Timestamp::now());
    assert_eq!(
        store.retire("mx1").unwrap(),
        Some(Retired::Collector {
            collectors: 1,
            from: today
        })
    );
    let day = answer(&*store).state.days.pop().unwrap();
    assert_eq!((day.done, day.expected), (1, 1));
}

/// A mistake, or a host that was thought to be gone.
#[test]
fn a_collector_that_was_retired_is_taken_back() {
    let Some((mut store, late)) = fleet() else {
        return;
    };
    assert_eq!(
        store.unretire("mx1").unwrap(),
        Some(Unretired::Nothing),
        "it is waited for"
    );
    let before = answer(&*store).state.collectors;
    store.retire("mx2\u{202e}").unwrap();
    assert_ne!(answer(&*store).state.collectors, before);
    let from = Unretired::Collector { from: late };
    for (want, why) in [
        (from, "from the first open day on that it is not done with"),
        (Unretired::Nothing, "it is no more"),
    ] {
        assert_eq!(store.unretire("mx2\u{202e}").unwrap(), Some(want), "{why}");
        let fleet = answer(&*store);
        assert_eq!(fleet.state.collectors, before, "{why}");
        assert_eq!(fleet.silent().count(), 1, "{why}");
        let day = fleet.state.days.last().unwrap();
        assert_eq!((day.done, day.expected), (1, 2), "{why}");
    }
    assert_eq!(
        store.unretire("mx1:1").unwrap(),
        Some(Unretired::Nothing),
        "a member joins by itself"
    );
}

/// After a lost disk its host ships under the same name, as another collector.
#[test]
fn the_next_of_its_name_stays_when_one_is_retired() {
    let Some(dbname) = database("again") else {
        return;
    };
    let session = made(&dbname);
    run(&session, FLEET);
    run(
        &session,
        "INSERT INTO collector(name, incarnation, first_day, seen) \
         VALUES(E'mx2\\u202e', gen_random_uuid(), '2026-11-02', clock_timestamp())",
    );
    let store = store::open_for_operator(&settings(&dbname, &[]), OperatorAccess::Write);
    let mut store = store.unwrap();
    let silent = answer(&*store).silent().count();
    assert_eq!(silent, 0, "nobody need see to the former one");
    let one = Retired::Collector {
        collectors: 1,
        from: Day::of(Timestamp::now()),
    };
    for (want, left, why) in [
        (one.clone(), 2, "the former one"),
        (one, 1, "asked for again, the one that ships"),
        (Retired::Nothing, 1, "there is no other"),
    ] {
        assert_eq!(store.retire("mx2\u{202e}").unwrap(), Some(want), "{why}");
        let collectors = answer(&*store).state.collectors;
        let active = collectors.iter().filter(|one| one.retired.is_none());
        assert_eq!(active.count(), left, "{why}");
    }
    // And back: first the one that ships.
    for (left, why) in [(2, "the one that ships"), (3, "the former one")] {
        store.unretire("mx2\u{202e}").unwrap();
        let collectors = answer(&*store).state.collectors;
        let active: Vec<_> = collectors
            .iter()
            .filter(|one| one.retired.is_none())
            .collect();
        assert_eq!(active.len(), left, "{why}");
        let ships = active
            .iter()
            .any(|one| one.first_day.to_string() == "2026-11-02");
        assert!(ships, "{why}");
    }
}

/// Two hosts from one image, or with one short name.
#[test]
fn two_hosts_of_one_name_are_told_of() {
    let Some(dbname) = database("doubled") else {
        return;
    };
    let session = made(&dbname);
    run(&session, FLEET);
    let settings = settings(&dbname, &[]);
    let store = store::open_for_operator(&settings, OperatorAccess::Read).unwrap();
    let seen = "UPDATE collector SET seen = clock_timestamp()";
    for (sql, want, why) in [
        ("", &[][..], "each has its own name"),
        (
            "INSERT INTO collector(name, incarnation, first_day) VALUES('mx1', gen_random_uuid(), '2026-11-02')",
            &[],
            "the former one has lost its disk: it ships no more",
        ),
        (&format!("{seen} WHERE name = 'mx1'"), &["mx1"], "both ship"),
        (
            &format!("{seen} - interval '20 min' WHERE id = 1"),
            &[],
            "one has got another name since, or is off",
        ),
        (
            &format!("{seen}, retired = '2026-11-03' WHERE id = 1"),
            &[],
            "it is known that no day waits for it",
        ),
    ] {
        if !sql.is_empty() {
            run(&session, sql);
        }
        let fleet = answer(&*store);
        let names: Vec<&str> = fleet.doubled().map(|one| one.name.as_str()).collect();
        assert_eq!(names, want, "{why}");
        let server = store::fleet_server(&settings).unwrap();
        assert_eq!(server.doubled, want, "{why}");
    }
}

#[test]
fn a_member_gives_up_its_shards() {
    let Some((mut store, _)) = fleet() else {
        return;
    };
    for (name, id, shards, was_live, why) in [
        ("mx1:1", 1, 40, true, "one at work"),
        ("2", 2, 24, false, "one that is dead, by its number"),
    ] {
        let retired = Retired::Member {
            id,
            shards,
            was_live,
        };
        assert_eq!(store.retire(name).unwrap(), Some(retired), "{why}");
    }
    let fleet = answer(&*store);
    assert_eq!(
        (fleet.live_members(), fleet.state.shards_without_owner.len()),
        (0, 64)
    );
}

/// The database of one host says that it is none.
#[test]
fn a_file_is_no_fleet() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("r.sqlite").display().to_string();
    let settings = settings(&file, &["--fetchers=f"]);
    store::open(&settings, None).unwrap().close().unwrap();
    let mut store = store::open_for_operator(&settings, OperatorAccess::Write).unwrap();
    assert_eq!(store.fleet().unwrap(), None);
    assert_eq!(store.retire("x").unwrap(), None);
    assert_eq!(store.unretire("x").unwrap(), None);
}
