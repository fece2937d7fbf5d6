use std::time::{Duration, Instant};

use tlsrptd_cluster::{database, skip::or_skip};
use tlsrptd_fleet::{Address, Session, key_hash, schema};

use super::*;
use crate::store::{JobStage, LoopGuard};

const DAY: &str = "2026-11-20";
const STS: &str = r#"{"policy-type": 2}"#;
const EXPIRED: &str = r#"{"c": 202}"#;

fn day() -> Day {
    DAY.parse().unwrap()
}

fn domain(name: &str) -> Domain {
    Domain::parse(name).unwrap()
}

fn reader() -> Option<PostgresReader> {
    let address = or_skip(database(), "there is no PostgreSQL here")?;
    let db = Session::connect(Address::parse(&address).unwrap()).unwrap();
    schema::migrate(&db).unwrap();
    schema::make_day(&db, day()).unwrap();
    Some(PostgresReader { db })
}

fn change(reader: &PostgresReader, sql: &str) {
    let tx = reader.db.begin().unwrap();
    tx.batch(sql).unwrap();
    tx.commit().unwrap();
}

/// So many sessions of a domain has a collector counted, and so many of them failed.
fn ship(reader: &PostgresReader, collector: i32, domain: &str, (total, failed): (i64, i64)) {
    let shard = shard_of(domain);
    let tx = reader.db.begin().unwrap();
    for (failure, total, failed) in [(None, total, failed), (Some(EXPIRED), failed, 0)] {
        let key = key_hash(domain, "v=TLSRPTv1", STS, failure);
        tx.execute(
            "INSERT INTO key VALUES($1, $2, $3, $4, 'v=TLSRPTv1', $5, $6) ON CONFLICT DO NOTHING",
            &[&PgDay(day()), &shard, &key, &domain, &STS, &failure],
        )
        .unwrap();
        tx.execute(
            "INSERT INTO count(total, failed, day, collector, shard, key) VALUES($1, $2, $3, $4, $5, $6)",
            &[&total, &failed, &PgDay(day()), &collector, &shard, &key],
        )
        .unwrap();
    }
    tx.commit().unwrap();
}

#[test]
fn a_day_that_is_open_has_what_was_shipped_so_far() {
    let Some(reader) = reader() else { return };
    let collector = |name: &str, first: &str, retired: &str| {
        let sql = format!(
            "INSERT INTO collector(name, incarnation, first_day, retired) VALUES('{name}', gen_random_uuid(), '{first}', {retired})"
        );
        change(&reader, &sql);
    };
    for (name, first, retired) in [
        ("one", DAY, "NULL"),
        ("two", DAY, "NULL"),
        ("three", DAY, "NULL"),
        ("gone", "2026-11-01", "'2026-11-20'"),
        // Its spool was lost before: another has come under its name.
        ("lost", "2026-11-01", "NULL"),
        ("lost", "2026-11-19", "NULL"),
        ("to come", "2026-11-21", "NULL"),
    ] {
        collector(name, first, retired);
    }
    change(
        &reader,
        "INSERT INTO shipment(day, collector, done) VALUES('2026-11-20', 1, true), ('2026-11-20', 2, false)",
    );
    let stages = || {
        let jobs = jobs(&reader.db, day()).unwrap();
        let text = |job: &crate::store::JobState| format!("{} {:?}", job.command, job.stage);
        jobs.iter().map(text).collect::<Vec<_>>()
    };
    assert_eq!(
        stages(),
        [
            "shipper:one Answered",
            "shipper:two Waiting",
            "shipper:three Waiting",
            "shipper:lost Waiting"
        ],
        "each that is waited for, once"
    );
    ship(&reader, 1, "a.example", (10, 1));
    ship(&reader, 1, "a.example", (15, 2));
    ship(&reader, 2, "a.example", (4, 0));
    ship(&reader, 1, "mail.a.example", (1, 0));
    let ask = |name: &str| reader.domain_day(day(), &domain(name), name).unwrap();
    let state = ask("a.example");
    let rows = state
        .rows
        .iter()
        .map(|row| (row.fetcher.as_str(), &row.stage));
    assert_eq!(
        rows.collect::<Vec<_>>(),
        [
            ("shipper:one", &RowStage::Stored),
            ("shipper:two", &RowStage::Stored)
        ]
    );
    assert_eq!(
        state
            .jobs
            .iter()
            .filter(|job| job.stage == JobStage::Waiting)
            .count(),
        3
    );
    let data: Vec<_> = state
        .undecided
        .iter()
        .map(|row| row.data.clone().unwrap())
        .collect();
    let of = |total, failed, failures: serde_json::Value| {
        serde_json::json!({"v=TLSRPTv1": {STS: {"cntrtotal": total, "cntrfailure": failed, "failures": failures}}})
            .to_string()
    };
    let want = [
        of(15, 2, serde_json::json!({EXPIRED: 2})),
        of(4, 0, serde_json::json!({EXPIRED: 0})),
    ];
    assert_eq!(
        data, want,
        "the largest of each collector, as it would answer"
    );
    assert!(
        state
            .to_decide(&domain("a.example"), LoopGuard::Off)
            .is_some()
    );
    assert!(ask("b.example").rows.is_empty());
    assert_eq!(
        reader.relatives(day(), &domain("a.example")).unwrap(),
        ["mail.a.example"]
    );
    assert_eq!(
        reader.relatives(day(), &domain("mail.a.example")).unwrap(),
        ["a.example"]
    );
    let days = |name: &str| reader.days_of(&domain(name)).unwrap();
    assert_eq!(days("a.example"), [(day(), DomainPresence::Counted)]);
    assert_eq!(days("b.example"), [(day(), DomainPresence::Absent)]);
    // Once they are added up, the answer has them.
    let shard = shard_of("a.example");
    change(
        &reader,
        &format!(
            "INSERT INTO compose(day, shard, folded) VALUES('{DAY}', {shard}, true);
             INSERT INTO answer(day, shard, domain, job, command, state, data) VALUES('{DAY}', {shard}, 'a.example', 0, 'shipped', 'fetched', '{{}}');
             INSERT INTO fetch_job(day, job, command, place, next, created, closed, outcome)
                 SELECT day, -collector, 'shipper:x', 0, now(), now(), now(), 'answered' FROM shipment;
             UPDATE day SET state = 'closed'"
        ),
    );
    let state = ask("a.example");
    assert_eq!(
        (state.rows.len(), state.rows[0].fetcher.as_str()),
        (1, "shipped")
    );
    assert_eq!(stages(), ["shipper:x Answered"; 2]);
}

#[test]
fn whoever_reads_changes_nothing_and_waits_no_longer_than_was_allowed() {
    let Some(reader) = reader() else { return };
    let address = reader.db.address().clone();
    let limit = Duration::from_millis(300);
    let brief = Session::new(address)
        .read_only()
        .within(limit)
        .connected()
        .unwrap();
    let refused = brief.query("DELETE FROM day", &[]).unwrap_err().to_string();
    assert!(refused.contains("read-only"), "{refused}");
    let begin = Instant::now();
    for _ in 0..3 {
        assert!(brief.query("SELECT pg_sleep(60)", &[]).is_err());
    }
    assert!(
        begin.elapsed() < Duration::from_secs(30),
        "all of them together"
    );
    assert!(brief.query("SELECT 1", &[]).is_err(), "the time is over");
}

/// Somebody has told 40 MB of one domain.
#[test]
fn a_domain_of_any_size_is_looked_at() {
    let Some(reader) = reader() else { return };
    change(
        &reader,
        "INSERT INTO collector(name, incarnation, first_day) VALUES('one', gen_random_uuid(), '2026-11-20')",
    );
    let many = |name, number| super::super::fold::tests::many_policies(day(), name, number);
    change(&reader, &many("large.example", 40_000));
    change(&reader, &many("usual.example", 40));
    for (name, fetcher, sessions) in [
        ("large.example", "shipped", 120_000),
        ("usual.example", "shipper:one", 120),
    ] {
        let state = reader.domain_day(day(), &domain(name), name).unwrap();
        let [row] = state.undecided.as_slice() else {
            panic!("{name}: {} rows", state.undecided.len());
        };
        assert_eq!(
            (row.fetcher.as_str(), &state.rows[0].stage),
            (fetcher, &RowStage::Stored)
        );
        let data = row.data.as_deref().unwrap();
        assert!(data.len() < 100_000, "{name}: {}", data.len());
        let counts = tlsrptd_proto::counts::ReportCounts::from_json(data, &domain(name)).unwrap();
        assert_eq!(counts.sessions(), sessions, "{name}");
    }
}
