//! What members hold of what is not one's alone, and for how long.

use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use super::*;
use crate::{
    model::{BounceBlame, BounceKind},
    store::{Bounces as _, NewBounce, OperatorBounces as _, postgres::PostgresReader},
};

/// Another session of the same database.
fn another(fleet: &Fleet) -> Session {
    Session::connect(fleet.db.address().clone()).unwrap()
}

/// Many domains name one address, so each member ends deliveries to it all the time; and one of them stands still in the middle.
#[test]
fn nobody_waits_for_who_delivers_to_the_same_destination() {
    let Some(mut fleet) = Fleet::new(None) else {
        return;
    };
    let uri = "mailto:reports@hoster.example";
    for n in 0..4 {
        fleet.decide(&format!("d{n}.example"), &[uri.to_owned()]);
    }
    let mut claims: Vec<Vec<AttemptEnd>> = Vec::new();
    for member in &mut fleet.members {
        claims.push(claim(member, "21T00:00:06").iter().map(sent).collect());
    }
    let ends: Vec<AttemptEnd> = claims.concat();
    assert_eq!(ends.len(), 4);
    let number = claims.iter().position(|its| !its.is_empty()).unwrap();
    let (first, rest) = claims[number].split_first().unwrap();
    let member = &mut fleet.members[number];
    member
        .record(std::slice::from_ref(first), at("21T00:00:07"))
        .unwrap();
    let other = another(&fleet);
    let stands_still = other.begin().unwrap();
    let held = stands_still
        .query("SELECT day FROM arrived FOR UPDATE", &[])
        .unwrap();
    assert_eq!(held.len(), 1);
    let begun = Instant::now();
    for (its, of) in [(rest, number), (&claims[1 - number], 1 - number)] {
        let member = &mut fleet.members[of];
        member.record(its, at("21T00:00:08")).unwrap();
    }
    assert!(begun.elapsed() < Duration::from_secs(10));
    stands_still.commit().unwrap();
    let all = "SELECT count(*) FROM delivery WHERE status = 'sent'";
    assert_eq!(fleet.number(all), 4);
    // In a week it is told once more that reports arrive there.
    fleet.decide("late.example", &[uri.to_owned()]);
    let later = claim(fleet.owner("late.example"), "29T00:00:06");
    let owner = fleet.owner("late.example");
    owner.record(&[sent(&later[0])], at("29T00:00:07")).unwrap();
    let day = "SELECT day - DATE '2026-11-01' + 0::bigint FROM arrived";
    assert_eq!(fleet.number(day), 28);
}

#[test]
fn a_step_that_another_was_in_the_way_of_is_made_once_more() {
    let Some(mut fleet) = Fleet::new(None) else {
        return;
    };
    let hashes = ["one", "two"].map(text_hash);
    let day = PgDay(day());
    for hash in &hashes {
        let row = "INSERT INTO arrived(uri_hash, day) VALUES($1, $2)";
        fleet.db.query(row, &[hash, &day]).unwrap();
    }
    let other = another(&fleet);
    let member = &mut fleet.members[0];
    let lock = "SELECT 1 FROM arrived WHERE uri_hash = $1 FOR UPDATE";
    let (holds, held) = mpsc::channel();
    let (ends, ended) = mpsc::channel();
    let tries = thread::scope(|scope| {
        let (ready, is_ready) = mpsc::channel();
        scope.spawn(move || {
            let crossing = other.begin().unwrap();
            // Whoever has waited for so long looks whether all wait for each other, and gives way: the member, after a second.
            crossing
                .batch("SET LOCAL deadlock_timeout = '10min'")
                .unwrap();
            crossing.query(lock, &[&hashes[1]]).unwrap();
            ready.send(()).unwrap();
            held.recv().unwrap();
            crossing.query(lock, &[&hashes[0]]).unwrap();
            crossing.commit().unwrap();
            ends.send(()).unwrap();
        });
        is_ready.recv().unwrap();
        let mut tries = 0;
        let made = member.transact(Step::Recorded, &[0], |tx| {
            tries += 1;
            if tries > 1 {
                // Or it might be in the way once more.
                ended.recv().unwrap();
            }
            tx.query(lock, &[&hashes[0]])?;
            let _ = holds.send(());
            tx.query(lock, &[&hashes[1]])
        });
        made.unwrap();
        tries
    });
    assert_eq!(tries, 2);
}

/// Two members that want the same rows take them in the same order, or both wait.
#[test]
fn bounces_hold_what_others_want_in_the_order_of_all() {
    let Some(mut fleet) = Fleet::new(None) else {
        return;
    };
    let all: Vec<Shard> = (0..SHARDS).collect();
    fleet.give(1, &[]);
    fleet.give(0, &all);
    let mut uris = ["mailto:a@a.example", "mailto:b@b.example"].map(str::to_owned);
    // The last one comes back first.
    uris.sort_by_key(|uri| std::cmp::Reverse(text_hash(uri)));
    let key = fleet.members[0].bounce_key.clone();
    let mut reader = PostgresReader {
        db: another(&fleet),
    };
    for (n, uri) in uris.iter().enumerate() {
        let domain = format!("d{n}.example");
        let decided = DecidedDomain {
            domain,
            uniqid: 1,
            rows: CountedRows::default(),
            decision: Decision::Report(NewReport {
                json: "{}".to_owned(),
                destinations: vec![(
                    Destination::new(uri.as_str(), NamedBy::Record),
                    at("21T00:00:00"),
                )],
                suppressed: Vec::new(),
            }),
            named: Vec::new(),
        };
        let member = &mut fleet.members[0];
        member
            .store_decisions(day(), &[decided], at("21T00:00:00"))
            .unwrap();
        let claims = claim(member, "21T00:10:00");
        let [delivery] = &claims[..] else {
            panic!("{claims:?}");
        };
        member.record(&[sent(delivery)], at("21T00:10:01")).unwrap();
        let bounce = NewBounce {
            tag: key.tag_of(delivery),
            kind: BounceKind::Failed,
            blame: BounceBlame::Address,
            text: "550 no".to_owned(),
        };
        assert!(reader.add_bounce(&bounce, at("21T01:00:00")).unwrap());
    }
    let (other, watch) = (another(&fleet), another(&fleet));
    let holds = other.begin().unwrap();
    let first = "SELECT 1 FROM arrived WHERE uri_hash = $1 FOR UPDATE";
    holds.query(first, &[&text_hash(&uris[1])]).unwrap();
    let member = &mut fleet.members[0];
    let applied = thread::scope(|scope| {
        let applying = scope.spawn(|| member.apply_bounces(at("21T02:00:00")).unwrap());
        let waits = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() \
                     AND wait_event_type = 'Lock' AND query LIKE '%arrived%'";
        let until = Instant::now() + Duration::from_secs(60);
        while watch.query(waits, &[]).unwrap().is_empty() {
            assert!(Instant::now() < until, "it waits for nothing");
            thread::sleep(Duration::from_millis(10));
        }
        let free = "SELECT 1 FROM arrived FOR UPDATE SKIP LOCKED";
        let free = watch.query(free, &[]).unwrap().len();
        assert_eq!(free, 1, "what comes behind it is free");
        let refusals = watch.query("SELECT 1 FROM refusal", &[]).unwrap();
        assert!(refusals.is_empty());
        holds.commit().unwrap();
        applying.join().unwrap()
    });
    assert_eq!(applied.applied.len(), 2);
    for (sql, want) in [
        ("SELECT count(*) FROM arrived", 0),
        ("SELECT count(*) FROM refusal", 2),
        ("SELECT count(*) FROM delivery WHERE status = 'refused'", 2),
        ("SELECT count(*) FROM bounce WHERE result = 'refused'", 2),
    ] {
        assert_eq!(fleet.number(sql), want, "{sql}");
    }
}
