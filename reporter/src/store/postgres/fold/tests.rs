use std::collections::BTreeMap;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use serde_json::{Value, json};
use tlsrptd_cluster::{database, skip::or_skip};
use tlsrptd_fleet::{Address, KeyHash, Session, key_hash, shard_of};
use tlsrptd_proto::{counts::ReportCounts, domain::Domain};

use super::*;

/// Domain, record, policy, failure.
type Texts = (String, String, String, Option<String>);
/// Sessions and those of them that failed, of a collector and key.
type Told = BTreeMap<(i32, Texts), (i64, i64)>;

fn day() -> Day {
    "2026-11-28".parse().unwrap()
}

fn open() -> Option<Session> {
    let address = or_skip(database(), "there is no PostgreSQL here")?;
    let db = Session::connect(Address::parse(&address).unwrap()).unwrap();
    schema::migrate(&db).unwrap();
    schema::make_day(&db, day()).unwrap();
    Some(db)
}

/// Texts as strangers write them.
fn text(rng: &mut StdRng, kind: &str) -> String {
    let odd = [
        "",
        "\"",
        "\\",
        "\\\"cntrfailure\\\": 9",
        "é\u{1f4e7}",
        "\n\u{1}",
        "{}",
        "NULL",
    ];
    let mut text = format!("{kind}{}", rng.random_range(0..3));
    text += odd[rng.random_range(0..odd.len())];
    if rng.random_bool(0.1) {
        text += &"x".repeat(6000);
    }
    text
}

/// What the collectors have counted in the end.
fn counted(rng: &mut StdRng) -> Told {
    let mut told = Told::new();
    for _ in 0..rng.random_range(1..60) {
        let domain = format!("d{}.example", rng.random_range(0..8));
        let (record, policy) = (text(rng, "v=TLSRPTv1;"), text(rng, "policy"));
        let failure = rng.random_bool(0.5).then(|| text(rng, "failure"));
        let total = match rng.random_bool(0.05) {
            true => i64::MAX - 3,
            false => rng.random_range(1..1000),
        };
        let failed = match failure {
            None => rng.random_range(0..=total),
            Some(_) => 0,
        };
        let collector = rng.random_range(1..4);
        told.insert(
            (collector, (domain, record, policy, failure)),
            (total, failed),
        );
    }
    told
}

/// As shippers send it: what stands there in the end, and some of what stood there before; rows twice; in any order.
fn shipped(rng: &mut StdRng, told: &Told) -> Vec<(i32, Texts, i64, i64)> {
    let mut rows = Vec::new();
    for ((collector, texts), (total, failed)) in told {
        let mut row = |total, failed| rows.push((*collector, texts.clone(), total, failed));
        row(*total, *failed);
        for _ in 0..rng.random_range(0..3) {
            row(*total, *failed);
        }
        for _ in 0..rng.random_range(0..3) {
            let before = rng.random_range(0..=*total);
            row(before, before.min(*failed));
        }
    }
    rows.shuffle(rng);
    rows
}

fn insert(db: &Session, rows: &[(i32, Texts, i64, i64)]) {
    let tx = db.begin().unwrap();
    for (collector, (domain, record, policy, failure), total, failed) in rows {
        let key: KeyHash = key_hash(domain, record, policy, failure.as_deref());
        let shard = shard_of(domain);
        tx.execute(
            "INSERT INTO key VALUES($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
            &[&PgDay(day()), &shard, &key, domain, record, policy, failure],
        )
        .unwrap();
        tx.execute(
            "INSERT INTO count VALUES($1, $2, $3, $4, $5, $6)",
            &[total, failed, &PgDay(day()), collector, &shard, &key],
        )
        .unwrap();
    }
    tx.commit().unwrap();
}

/// The same in Rust.
fn expected(told: &Told) -> BTreeMap<String, Value> {
    let mut domains: BTreeMap<String, Value> = BTreeMap::new();
    let add = |value: &mut Value, more: i64| {
        let sum = value.as_i64().unwrap().saturating_add(more);
        *value = sum.into();
    };
    for ((_, (domain, record, policy, failure)), (total, failed)) in told {
        let domain = domains.entry(domain.clone()).or_insert_with(|| json!({}));
        let record = &mut domain
            .as_object_mut()
            .unwrap()
            .entry(record)
            .or_insert_with(|| json!({}));
        let policy = record
            .as_object_mut()
            .unwrap()
            .entry(policy)
            .or_insert_with(|| json!({"cntrtotal": 0, "cntrfailure": 0, "failures": {}}));
        match failure {
            None => {
                add(&mut policy["cntrtotal"], *total);
                add(&mut policy["cntrfailure"], *failed);
            }
            Some(failure) => {
                let failures = policy["failures"].as_object_mut().unwrap();
                add(failures.entry(failure).or_insert(json!(0)), *total);
            }
        }
    }
    domains
}

fn folded(db: &Session) -> BTreeMap<String, String> {
    let rows = db
        .query(
            "SELECT domain, data FROM answer WHERE job = 0 AND command = 'shipped' AND state = 'fetched'",
            &[],
        )
        .unwrap();
    rows.iter()
        .map(|row| (row.try_get(0).unwrap(), row.try_get(1).unwrap()))
        .collect()
}

#[test]
fn is_the_sum_over_collectors_of_the_largest() {
    let Some(db) = open() else {
        return;
    };
    for seed in 0..40 {
        let mut rng = StdRng::seed_from_u64(seed);
        let told = counted(&mut rng);
        insert(&db, &shipped(&mut rng, &told));
        let tx = db.begin().unwrap();
        for shard in 0..tlsrptd_fleet::SHARDS {
            tx.batch(&folding(day(), shard)).unwrap();
        }
        tx.commit().unwrap();
        let found = folded(&db);
        let parsed: BTreeMap<String, Value> = found
            .iter()
            .map(|(domain, data)| (domain.clone(), serde_json::from_str(data).unwrap()))
            .collect();
        assert_eq!(parsed, expected(&told), "seed {seed}");
        for (domain, data) in &found {
            let name = Domain::parse(domain).unwrap();
            let counts = ReportCounts::from_json(data, &name).unwrap();
            let sessions = counts.sessions();
            let told: i64 = told
                .iter()
                .filter(|((_, texts), _)| texts.0 == *domain && texts.3.is_none())
                .fold(0, |sum, (_, (total, _))| i64::saturating_add(sum, *total));
            assert!(
                sessions >= u64::try_from(told).unwrap(),
                "seed {seed}: {domain}"
            );
        }
        let tx = db.begin().unwrap();
        tx.batch("DELETE FROM answer; DELETE FROM count; DELETE FROM key")
            .unwrap();
        tx.commit().unwrap();
    }
}

#[test]
fn whether_a_domain_fails_is_seen_in_its_text() {
    let Some(db) = open() else {
        return;
    };
    let of = |domain: &str, failed| {
        let texts = (
            domain.to_owned(),
            "\\\"cntrfailure\\\" : 7".to_owned(),
            "\"cntrfailure\": 5".to_owned(),
            None,
        );
        (1, texts, 9, failed)
    };
    insert(&db, &[of("fails.example", 2), of("works.example", 0)]);
    let tx = db.begin().unwrap();
    for domain in ["fails.example", "works.example"] {
        tx.batch(&folding(day(), shard_of(domain))).unwrap();
    }
    let fails = tx
        .query(
            "SELECT domain FROM answer WHERE data ~ '\"cntrfailure\" ?: ?[1-9]'",
            &[],
        )
        .unwrap();
    let fails: Vec<String> = fails.iter().map(|row| row.try_get(0).unwrap()).collect();
    assert_eq!(fails, ["fails.example"]);
}
