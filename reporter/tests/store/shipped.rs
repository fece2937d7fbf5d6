//! Counts that collectors ship: into one database alone, so on one engine.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use tlsrptd_config::reportd::Reportd;
use tlsrptd_fleet::{Address, PgDay, Session, key_hash, schema, shard_of};
use tlsrptd_reporter::{
    model::{CollectorRow, DecidedDomain, DomainDay},
    store::Store,
};

use crate::{
    at, claim, day, decision,
    environment::{Engine, counted, lines, settings, stored},
    jobs, open,
};

/// A look at the store's database from beside it.
fn session(settings: &Reportd) -> Session {
    let address = Address::parse(settings.dbname.to_str().unwrap());
    Session::connect(address.unwrap()).unwrap()
}

/// So many domains.
fn names(number: usize) -> Vec<String> {
    (0..number).map(|at| format!("d{at}.example")).collect()
}

/// So many sessions of each.
fn each(names: &[String], sessions: i64) -> Vec<(&str, i64)> {
    names.iter().map(|name| (name.as_str(), sessions)).collect()
}

/// A collector that has shipped so many sessions of each of these domains, and closed the day.
fn ship(db: &Session, name: &str, domains: &[(&str, i64)]) {
    // A member makes them when the first collector asks for the day.
    schema::make_day(db, day()).unwrap();
    let tx = db.begin().unwrap();
    let row = tx
        .query_opt(
            "INSERT INTO collector(name, incarnation, first_day) VALUES($1, gen_random_uuid(), $2) RETURNING id",
            &[&name, &PgDay(day())],
        )
        .unwrap();
    let id: i32 = row.unwrap().try_get(0).unwrap();
    tx.execute(
        "INSERT INTO shipment(day, collector, done, closed) VALUES($1, $2, true, true)",
        &[&PgDay(day()), &id],
    )
    .unwrap();
    for (domain, sessions) in domains {
        let (shard, key) = (shard_of(domain), key_hash(domain, "v=TLSRPTv1", "{}", None));
        tx.execute(
            "INSERT INTO key(day, shard, key, domain, record, policy) VALUES($1, $2, $3, $4, 'v=TLSRPTv1', '{}') \
             ON CONFLICT DO NOTHING",
            &[&PgDay(day()), &shard, &key, domain],
        )
        .unwrap();
        for told in [*sessions, sessions / 2] {
            tx.execute(
                "INSERT INTO count(total, failed, day, collector, shard, key) VALUES($1, 0, $2, $3, $4, $5)",
                &[&told, &PgDay(day()), &id, &shard, &key],
            )
            .unwrap();
        }
    }
    tx.commit().unwrap();
}

fn close(db: &Session) {
    let tx = db.begin().unwrap();
    tx.execute(
        "UPDATE day SET state = 'closed' WHERE day = $1",
        &[&PgDay(day())],
    )
    .unwrap();
    tx.commit().unwrap();
}

/// All domains of the day, a few at a time.
pub fn all_undecided(store: &mut dyn Store) -> Vec<DomainDay> {
    store.normalize_domains(day(), at("21T01:00:00")).unwrap();
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let found = store
            .undecided(day(), after.as_deref(), 3, 1 << 20)
            .unwrap();
        let Some(last) = found.last() else {
            return all;
        };
        after = Some(last.domain.clone());
        all.extend(found);
    }
}

/// What was shipped is folded beside everything else.
fn wait_until_gathered(store: &dyn Store) {
    let until = Instant::now() + Duration::from_secs(120);
    while store.gathered_days().unwrap().is_empty() {
        assert!(Instant::now() < until, "the day is never gathered");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn batch(db: &Session, sql: &str) {
    let tx = db.begin().unwrap();
    tx.batch(sql).unwrap();
    tx.commit().unwrap();
}

/// With all rows used.
pub fn decided(found: &DomainDay) -> DecidedDomain {
    let mut decided = decision(&found.domain, &["mailto:x@b.example"], at("21T02:00:00"));
    let names = found.rows.iter().map(|row| row.fetcher.clone());
    decided.rows.used = names.collect();
    decided
}

pub fn sessions(row: &CollectorRow) -> i64 {
    let data: serde_json::Value = serde_json::from_str(row.data.as_deref().unwrap()).unwrap();
    let policies = data.as_object().unwrap().values();
    let counts = policies.flat_map(|policies| policies.as_object().unwrap().values());
    counts
        .map(|counts| counts["cntrtotal"].as_i64().unwrap())
        .sum()
}

/// What is told of each domain, by all collectors together.
fn told(found: &[DomainDay]) -> BTreeSet<(&str, i64)> {
    let sum = |of: &DomainDay| of.rows.iter().map(sessions).sum();
    found
        .iter()
        .map(|of| (of.domain.as_str(), sum(of)))
        .collect()
}

#[test]
fn are_one_answer_a_domain_beside_those_of_fetchers() {
    Engine::Postgres.test(|| {
        let folder = Engine::Postgres.folder();
        let settings = settings(folder.path(), &[]);
        let mut store = open(&settings);
        let made = jobs(&mut *store, &["one"]);
        let db = session(&settings);
        let names = names(20);
        let counts = each(&names, 10);
        ship(&db, "mx1", &counts);
        ship(&db, "mx2", &counts[..5]);
        store
            .store_rows(&made[0], &[counted("d0.example", 1)], at("21T00:00:01"))
            .unwrap();
        store
            .job_answered(&made[0], None, at("21T00:00:02"))
            .unwrap();
        assert!(
            store.gathered_days().unwrap().is_empty(),
            "it is not closed"
        );
        assert!(store.open_days().unwrap().contains(&day()));
        close(&db);
        wait_until_gathered(&*store);
        assert_eq!(store.gathered_days().unwrap(), BTreeSet::from([day()]));
        let found = all_undecided(&mut *store);
        let told = told(&found);
        let want: BTreeSet<(&str, i64)> = (0..)
            .zip(&names)
            .map(|(at, name)| match at {
                0 => (name.as_str(), 21),
                1..5 => (name.as_str(), 20),
                _ => (name.as_str(), 10),
            })
            .collect();
        assert_eq!(told, want);
        assert_eq!(found.len(), 20, "each once");
        let decisions: Vec<DecidedDomain> = found.iter().map(decided).collect();
        store
            .store_decisions(day(), &decisions[..15], at("21T01:00:01"))
            .unwrap();
        let named = store.close_day(day(), &decisions[15..], at("21T01:00:02"));
        assert!(named.unwrap().is_empty());
        assert!(store.gathered_days().unwrap().is_empty());
        assert!(store.open_days().unwrap().is_empty());
        assert!(all_undecided(&mut *store).is_empty());
        let reports = stored(&settings).reports;
        assert_eq!(reports.len(), 20);
        assert!(reports.iter().all(|report| report.deliveries == 1));
    });
}

/// As whoever has the password of a shipper can: a domain's counts under another spelling. In another shard the database takes none.
#[test]
fn that_stand_where_their_domain_does_not_belong_are_in_no_report() {
    Engine::Postgres.test(|| {
        let folder = Engine::Postgres.folder();
        let settings = settings(folder.path(), &[]);
        let mut store = open(&settings);
        let db = session(&settings);
        ship(&db, "mx1", &[("a.example", 10), ("b.example", 10)]);
        for name in ["A.example", "a.example."] {
            let shard = shard_of(name);
            let key = key_hash(name, "v=TLSRPTv1", "{}", None);
            for sql in [
                "INSERT INTO key(day, shard, key, domain, record, policy) VALUES($1, $2, $3, $4, 'v=TLSRPTv1', '{}')",
                "INSERT INTO count(total, failed, day, collector, shard, key) \
                 SELECT 5, 0, $1, 1, $2, $3 WHERE $4::text <> ''",
            ] {
                db.query(sql, &[&PgDay(day()), &shard, &key, &name]).unwrap();
            }
        }
        close(&db);
        wait_until_gathered(&*store);
        let found = all_undecided(&mut *store);
        assert_eq!(told(&found), BTreeSet::from([("a.example", 10), ("b.example", 10)]));
        let decisions: Vec<DecidedDomain> = found.iter().map(decided).collect();
        store
            .close_day(day(), &decisions, at("21T01:00:00"))
            .unwrap();
        assert!(
            store.gathered_days().unwrap().is_empty(),
            "and the day has an end"
        );
        let reasons = db.query("SELECT domain FROM answer WHERE state = 'unusable' AND reason IS NOT NULL ORDER BY 1", &[]);
        let left: Vec<String> = reasons.unwrap().iter().map(|row| row.get(0)).collect();
        assert_eq!(left, ["A.example", "a.example."]);
    });
}

/// Somebody has the table of one shard for longer than a statement may take.
#[test]
fn a_fold_that_lasts_holds_up_nothing() {
    Engine::Postgres.test(|| {
        let folder = Engine::Postgres.folder();
        let settings = settings(folder.path(), &[]);
        let mut store = open(&settings);
        let db = session(&settings);
        ship(&db, "mx1", &[("a.example", 1), ("b.example", 2)]);
        close(&db);
        let now = at("21T01:00:00");
        let of_another_day = decision("c.example", &["mailto:x@b.example"], now);
        store
            .store_decisions(day().previous(), &[of_another_day], now)
            .unwrap();
        let other = session(&settings);
        let lock = other.begin().unwrap();
        let leaf = schema::leaf("count", day(), shard_of("a.example"));
        lock.batch(&format!("LOCK TABLE {leaf} IN ACCESS EXCLUSIVE MODE"))
            .unwrap();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(2) {
            let asked = Instant::now();
            assert!(store.gathered_days().unwrap().is_empty());
            let held_up = asked.elapsed();
            assert!(held_up < Duration::from_secs(1), "{held_up:?}");
        }
        assert_eq!(claim(&mut *store, now, 9).len(), 1, "deliveries go on");
        drop(lock);
        drop(other);
        wait_until_gathered(&*store);
        assert_eq!(all_undecided(&mut *store).len(), 2);
    });
}

/// Whatever is wrong with one shard of a day, the others are composed, and no member ends by it.
#[test]
fn a_shard_that_cannot_be_folded_is_left() {
    Engine::Postgres.test(|| {
        let folder = Engine::Postgres.folder();
        let settings = settings(folder.path(), &[]);
        let mut store = open(&settings);
        let db = session(&settings);
        let names = names(20);
        let counts = each(&names, 10);
        ship(&db, "mx1", &counts);
        close(&db);
        let bad = shard_of("d0.example");
        let is_bad = |name: &str| shard_of(name) == bad;
        let leaf = schema::leaf("count", day(), bad);
        batch(&db, &format!("ALTER TABLE {leaf} RENAME TO somewhere_else"));
        wait_until_gathered(&*store);
        let compose = |store: &mut dyn Store| {
            let found = all_undecided(store);
            let decisions: Vec<DecidedDomain> = found.iter().map(decided).collect();
            store
                .close_day(day(), &decisions, at("21T01:00:02"))
                .unwrap();
            found
                .into_iter()
                .map(|of| of.domain)
                .collect::<BTreeSet<_>>()
        };
        let told = compose(&mut *store);
        let expected = |of_bad| {
            let names = names.iter().filter(move |name| is_bad(name) == of_bad);
            names.cloned().collect::<BTreeSet<_>>()
        };
        assert_eq!(told, expected(false));
        for _ in 0..3 {
            assert!(store.gathered_days().unwrap().is_empty(), "nothing is left");
        }
        assert!(store.open_days().unwrap().contains(&day()));
        batch(&db, &format!("ALTER TABLE somewhere_else RENAME TO {leaf}"));
        store.close().unwrap();
        // It is tried again after a while, and after a restart.
        let mut store = open(&settings);
        wait_until_gathered(&*store);
        assert_eq!(compose(&mut *store), expected(true));
        assert!(!store.open_days().unwrap().contains(&day()), "all is done");
        assert_eq!(stored(&settings).reports.len(), 20);
    });
}

#[test]
fn a_step_that_comes_twice_counts_once() {
    Engine::Postgres.test(|| {
        let folder = Engine::Postgres.folder();
        let settings = settings(folder.path(), &[]);
        let mut store = open(&settings);
        let made = jobs(&mut *store, &["one"]);
        store
            .store_rows(&made[0], &[counted("a.example", 4)], at("21T00:00:01"))
            .unwrap();
        for _ in 0..2 {
            store
                .job_failed(&made[0], at("21T00:10:00"), "not ready")
                .unwrap();
        }
        assert_eq!(stored(&settings).jobs[0].failures, 1);
        store
            .job_answered(&made[0], None, at("21T00:20:00"))
            .unwrap();
        let found = all_undecided(&mut *store);
        let decisions = [decided(&found[0])];
        // As when the answer to a COMMIT is lost.
        for _ in 0..3 {
            store
                .store_decisions(day(), &decisions, at("21T01:00:00"))
                .unwrap();
        }
        for _ in 0..2 {
            store
                .close_day(day(), &decisions, at("21T01:00:00"))
                .unwrap();
        }
        let totals = store.totals(day(), day()).unwrap();
        assert_eq!(totals.len(), 1);
        assert_eq!(
            (totals[0].domains, totals[0].reports, totals[0].sessions),
            (1, 1, 1)
        );
        let stored = stored(&settings);
        let reports = lines(&stored.reports, |row| {
            format!("{} {}", row.domain, row.uniqid)
        });
        assert_eq!(reports, ["a.example 1"]);
        assert_eq!(stored.deliveries.len(), 1);
    });
}
