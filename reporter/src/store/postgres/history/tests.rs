use tlsrptd_cluster::{database, skip::or_skip};
use tlsrptd_fleet::{Address, SHARDS, Session, schema};

use super::*;
use crate::{
    model::{BounceResult, DecidedDomain, Destination, NamedBy},
    store::{
        DayTotals, FailureQuestion,
        history_failure::fixtures::{failing, question, shown},
    },
};

fn day(text: &str) -> Day {
    format!("2026-11-{text}").parse().unwrap()
}

fn open() -> Option<Session> {
    let address = or_skip(database(), "there is no PostgreSQL here")?;
    let db = Session::connect(Address::parse(&address).unwrap()).unwrap();
    schema::migrate(&db).unwrap();
    Some(db)
}

fn in_one<T>(db: &Session, work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>) -> T {
    let tx = db.begin().unwrap();
    let value = work(&tx).unwrap();
    tx.commit().unwrap();
    value
}

/// A member, with its part of the shards.
struct Fake {
    id: i64,
    shards: Vec<Shard>,
    failures: FailuresOfShards,
}

impl Fake {
    /// One of so many, of which each has as many shards.
    fn new(id: i64, members: i64, limit: usize) -> Fake {
        let is_its = |shard: &Shard| i64::from(*shard) % members == id - 1;
        let mut member = Fake {
            id,
            shards: (0..SHARDS).filter(is_its).collect(),
            failures: FailuresOfShards::new(limit),
        };
        member.failures.are_of(&member.shards);
        member
    }

    /// Those of these domains that are its own: domain, MX, sessions.
    fn decide(&mut self, db: &Session, on: &str, rows: &[(&str, &str, u64)]) {
        let is_its =
            |row: &&(&str, &str, u64)| self.shards.contains(&tlsrptd_fleet::shard_of(row.0));
        let decided: Vec<DecidedDomain> = rows.iter().filter(is_its).map(failing).collect();
        in_one(db, |tx| {
            let mut addition = Addition::default();
            for decided in &decided {
                addition.first(&day(on));
                addition.decided(&day(on), decided, 1);
            }
            write(tx, self.id, addition)?;
            self.failures.add(tx, day(on), &decided)
        });
    }
}

fn ask(db: &Session, question: &FailureQuestion) -> Vec<String> {
    shown(ranking::failures(db, question).unwrap())
}

/// Of the table `failure`.
fn texts(db: &Session) -> i64 {
    let row = db.query_opt("SELECT count(*) FROM failure", &[]).unwrap();
    row.unwrap().get(0)
}

/// Each member keeps those of its own domains, and the end of the day those of the most sessions among all.
#[test]
fn a_day_is_bounded_over_all_members() {
    let Some(db) = open() else { return };
    let names: Vec<String> = (1..=60).map(|n| format!("d{n}.example")).collect();
    let rows: Vec<(&str, &str, u64)> = (1..)
        .zip(&names)
        .map(|(n, name)| (name.as_str(), "mx", n))
        .collect();
    let mut members: Vec<Fake> = (1..=3).map(|id| Fake::new(id, 3, 5)).collect();
    let total: u64 = (1..=60).sum();
    let sums = || {
        let all = FailureQuestion {
            limit: 100,
            ..question("21", "21")
        };
        let rows = ranking::failures(&db, &all).unwrap();
        let sum: u64 = rows.iter().map(|row| row.sessions).sum();
        (rows.iter().filter(|row| row.domain.is_some()).count(), sum)
    };
    // Some of them in batches, as they come.
    for part in rows.chunks(7) {
        for member in &mut members {
            member.decide(&db, "21", part);
        }
    }
    assert_eq!(sums(), (15, total), "five a member, and nothing is lost");
    let totals = read::totals(&db, day("01"), day("30")).unwrap();
    let totals: Vec<_> = totals.iter().map(|of| (of.domains, of.sessions)).collect();
    assert_eq!(totals, [(60, total)], "of all members together");
    in_one(&db, |tx| members[0].failures.end_day(tx, day("21")));
    assert_eq!(sums(), (5, total));
    assert_eq!(texts(&db), 5, "what is folded leaves no texts");
    assert_eq!(
        ask(&db, &question("21", "21"))[..2],
        [
            "d60.example mx 60 on 1 from 21 to 21",
            "d59.example mx 59 on 1 from 21 to 21",
        ]
    );
    // Who takes over the shards of another has its failures, too.
    let mut heir = Fake::new(1, 1, 5);
    heir.decide(
        &db,
        "21",
        &[("late.example", "mx", 1000), ("few.example", "mx", 1)],
    );
    assert_eq!(sums(), (5, total + 1001));
    in_one(&db, |tx| {
        while clean(tx, day("22"))? {}
        Ok(())
    });
    assert_eq!(texts(&db), 0);
    assert!(ask(&db, &question("20", "21")).is_empty());
}

#[test]
fn deliveries_and_bounces_of_several_members() {
    let Some(db) = open() else { return };
    let mut one = Fake::new(1, 1, 5);
    one.decide(&db, "20", &[("a.example", "mx", 1)]);
    let to = Destination::new("mailto:r@a.example", NamedBy::Record);
    let ended = |member: i64, on: &str| {
        in_one(&db, |tx| {
            let mut addition = Addition::default();
            addition.ended(&day(on), &to, DeliveryStatus::Sent);
            write(tx, member, addition)
        });
    };
    ended(1, "20");
    ended(2, "20");
    let of = |on: &str| -> Option<DayTotals> { read::totals(&db, day(on), day(on)).unwrap().pop() };
    let told = |on: &str| of(on).map(|of| ["sent", "refused"].map(|status| of.ended(status)));
    assert_eq!(told("20"), Some([2, 0]));
    for (number, want) in [(1, [1, 1]), (2, [0, 2]), (1, [0, 2])] {
        // Another member has sent them than learns that they came back.
        in_one(&db, |tx| bounced(tx, 3, day("20"), number));
        assert_eq!(told("20"), Some(want), "no more come back than went out");
    }
    assert_eq!(of("20").unwrap().outcomes.len(), 1, "none is sent any more");
    // What comes late to a day of which nothing is known does not make it a known one.
    ended(1, "19");
    in_one(&db, |tx| {
        let mut addition = Addition::default();
        addition.delivers(&day("19"), 1);
        write(tx, 1, addition)?;
        bounced(tx, 1, day("18"), 1)?;
        for member in [OPERATOR, 1] {
            count_bounces(tx, member, day("20"), BounceResult::Repeated, 1)?;
        }
        Ok(())
    });
    assert_eq!((told("19"), told("18")), (None, None));
    let sums = || running_totals(&db).unwrap();
    let before = sums();
    assert_eq!(
        before.deliveries[0].deliveries, 3,
        "carriers' counters never fall"
    );
    assert_eq!(before.bounces[0].mails, 2);
    assert_eq!(
        bounces_of(&db, &[BounceResult::Repeated.as_str(), "x"]).unwrap(),
        2
    );
    in_one(&db, |tx| {
        while clean(tx, day("21"))? {}
        Ok(())
    });
    assert_eq!(sums(), before, "whatever is forgotten");
    assert_eq!(
        bounces_of(&db, &[BounceResult::Repeated.as_str()]).unwrap(),
        2
    );
    assert_eq!((told("20"), read::first_day(&db).unwrap()), (None, None));
    in_one(&db, |tx| day_is_known(tx, 1, day("25")));
    assert_eq!(told("25"), Some([0, 0]), "nobody counted a session");
    in_one(&db, |tx| undo_early(tx, day("25")));
    assert_eq!(told("25"), None, "it has not ended");
}
