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
            add_up(&tx, day(), shard, large::MOST).unwrap();
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
        add_up(&tx, day(), shard_of(domain), large::MOST).unwrap();
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

/// What is folded of a domain, read as a reporter reads it and with its details left away.
fn without_details(domain: &str, data: &str) -> ReportCounts {
    let name = Domain::parse(domain).unwrap();
    let mut counts = ReportCounts::from_json(data, &name).unwrap();
    counts.fold(&name);
    counts
}

/// By policy: sessions, those that failed, and failures; of all records together.
fn by_policy(counts: &ReportCounts) -> BTreeMap<String, (u64, u64, BTreeMap<String, u64>)> {
    let mut sums: BTreeMap<String, (u64, u64, BTreeMap<String, u64>)> = BTreeMap::new();
    for (policy, counts) in counts.records.values().flatten() {
        let sum = sums.entry(format!("{policy:?}")).or_default();
        sum.0 = sum.0.saturating_add(counts.total);
        sum.1 = sum.1.saturating_add(counts.failed);
        for (failure, times) in &counts.failures {
            let of = sum.2.entry(format!("{failure:?}")).or_default();
            *of = of.saturating_add(*times);
        }
    }
    sums
}

/// Texts as collectors make them, and others.
fn counted_in_kinds(rng: &mut StdRng) -> Told {
    let policies = [
        r#"{"policy-type": 2, "policy-domain": "d.example", "policy-string": ["a \"policy-type\": 1"]}"#,
        r#"{"policy-type": 2, "policy-domain": "d.example"}"#,
        r#"{"policy-type": 1, "policy-domain": "d.example", "policy-string": ["3 1 1 AB"]}"#,
        r#"{"policy-type":9,"policy-domain":"x"}"#,
        r#"{"policy-type": 7}"#,
        "no policy",
    ];
    let failures = [
        r#"{"c": 201, "s": "192.0.2.1"}"#,
        r#"{"c": 201, "f": "\"c\": 202"}"#,
        r#"{"c": 303}"#,
        r#"{"c": 999}"#,
        "no failure",
    ];
    let mut told = Told::new();
    for _ in 0..rng.random_range(1..60) {
        let domain = format!("d{}.example", rng.random_range(0..4));
        let record = format!("v=TLSRPTv1;rua=mailto:{}@a.example", rng.random_range(0..3));
        let policy = policies[rng.random_range(0..policies.len())].to_owned();
        let failure = rng.random_bool(0.5);
        let failure = failure.then(|| failures[rng.random_range(0..failures.len())].to_owned());
        let total = rng.random_range(1..1000);
        let failed = match failure {
            None => rng.random_range(0..=total),
            Some(_) => 0,
        };
        let texts = (domain, record, policy, failure);
        told.insert((rng.random_range(1..4), texts), (total, failed));
    }
    told
}

/// Each domain has too much to say: details are gone, and no session.
#[test]
fn what_is_too_much_is_counted_by_kind() {
    let Some(db) = open() else {
        return;
    };
    for seed in 0..40 {
        let mut rng = StdRng::seed_from_u64(seed);
        let told = counted_in_kinds(&mut rng);
        insert(&db, &shipped(&mut rng, &told));
        let fold = |most| {
            let tx = db.begin().unwrap();
            for shard in 0..tlsrptd_fleet::SHARDS {
                add_up(&tx, day(), shard, most).unwrap();
            }
            let rows = tx
                .query("DELETE FROM answer RETURNING domain, data", &[])
                .unwrap();
            tx.commit().unwrap();
            let row = |row: &tlsrptd_fleet::Row| (row.get::<_, String>(0), row.get::<_, String>(1));
            rows.iter().map(row).collect::<BTreeMap<_, _>>()
        };
        let (whole, by_kind) = (fold(large::MOST), fold(0));
        assert!(whole.keys().eq(by_kind.keys()), "seed {seed}");
        for (domain, data) in &by_kind {
            let (found, want) = (
                without_details(domain, data),
                without_details(domain, &whole[domain]),
            );
            assert_eq!(by_policy(&found), by_policy(&want), "seed {seed}: {domain}");
            // Of failures alone nobody knows which record their sessions saw.
            let is_seen = want.sessions() > 0;
            let want = want.seen_records().first().copied().filter(|_| is_seen);
            assert_eq!(
                found.seen_records().first().copied(),
                want,
                "seed {seed}: {domain}"
            );
        }
        let tx = db.begin().unwrap();
        tx.batch("DELETE FROM count; DELETE FROM key").unwrap();
        tx.commit().unwrap();
    }
}

/// Tells so many policies of a domain, a kilobyte each, and of each three sessions of collector 1, one of which failed.
pub(in super::super) fn many_policies(day: Day, domain: &str, policies: u32) -> String {
    let shard = shard_of(domain);
    format!(
        "INSERT INTO key SELECT DATE '{day}', {shard}, substr(encode(sha256( \
         int8send(octet_length(domain)) || convert_to(domain, 'UTF8') || int8send(octet_length(record)) || convert_to(record, 'UTF8') || \
         int8send(octet_length(policy)) || convert_to(policy, 'UTF8')), 'hex'), 1, 32)::uuid, domain, record, policy, NULL FROM ( \
         SELECT '{domain}' AS domain, 'v=TLSRPTv1' AS record, \
         '{{\"policy-type\": 2, \"x\": \"' || at || repeat('x', 1000) || '\"}}' AS policy FROM generate_series(1, {policies}) at) t; \
         INSERT INTO count SELECT 3, 1, day, 1, shard, key FROM key WHERE domain = '{domain}'"
    )
}

/// Somebody has told a hundred thousand policies of one domain: 100 MB.
#[test]
fn a_domain_of_any_size_is_a_small_answer_beside_others() {
    let Some(db) = open() else {
        return;
    };
    let shard = shard_of("large.example");
    let beside = (0..).map(|at| format!("d{at}.example"));
    let beside = beside
        .into_iter()
        .find(|name| shard_of(name) == shard)
        .unwrap();
    let texts = (
        beside.clone(),
        "v=TLSRPTv1".to_owned(),
        "{}".to_owned(),
        None,
    );
    insert(&db, &[(1, texts, 7, 2)]);
    let tx = db.begin().unwrap();
    tx.batch(&many_policies(day(), "large.example", 100_000))
        .unwrap();
    // It may have become so large in this moment: it is found by the same look that adds up.
    tx.batch(&folding(day(), shard, large::MOST)).unwrap();
    let at_once: Vec<String> = folded(&db).into_keys().collect();
    assert_eq!(at_once, std::slice::from_ref(&beside));
    let large = add_up(&tx, day(), shard, large::MOST).unwrap();
    let names: Vec<&str> = large.iter().map(|domain| domain.name.as_str()).collect();
    assert_eq!(names, ["large.example"]);
    tx.commit().unwrap();
    let found = folded(&db);
    assert!(found.contains_key(&beside), "the other one is as ever");
    let data = &found["large.example"];
    assert!(data.len() < 1000, "{}", data.len());
    let counts = ReportCounts::from_json(data, &Domain::parse("large.example").unwrap()).unwrap();
    assert_eq!((counts.sessions(), counts.failed()), (300_000, 100_000));
}
