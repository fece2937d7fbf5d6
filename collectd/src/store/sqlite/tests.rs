//! What the SQLite store promises, on real files.

use std::{fs, path::PathBuf, sync::Arc};

use rusqlite::Connection;
use tlsrptd_proto::{
    datagram::{Datagram, TextLimits},
    day::Day,
    dayfile,
    session_result::SessionResult,
};

use super::{Flushed, FoldLimits, Sqlite, Store};
use crate::store::FailureKind;

mod first;
mod room;

struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        Bench {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("db")
    }

    fn store(&self) -> Sqlite {
        self.store_with(FoldLimits::new(100, 100))
    }

    fn store_with(&self, limits: FoldLimits) -> Sqlite {
        Sqlite::open("sqlite:///db", &self.path(), limits, 10).unwrap()
    }

    fn sum(&self, what: &str) -> i64 {
        let db = Connection::open(self.path()).unwrap();
        db.query_row(&format!("SELECT coalesce({what}, 0)"), [], |row| row.get(0))
            .unwrap()
    }

    fn total(&self) -> i64 {
        self.sum("(SELECT sum(cntrtotal) FROM finalresults)")
    }
}

fn today() -> Day {
    Day::parse("2026-11-20").unwrap()
}

fn success(domain: &str, string: &str) -> Arc<[SessionResult]> {
    results(&format!(
        r#"{{"d":"{domain}","pr":"v=TLSRPTv1;rua=mailto:a@b","policies":[{{"policy-type":2,"policy-domain":"{domain}","policy-string":["{string}"],"t":0,"f":0}}]}}"#
    ))
}

fn failure(domain: &str, reason: &str) -> Arc<[SessionResult]> {
    results(&format!(
        r#"{{"d":"{domain}","pr":"v=TLSRPTv1;rua=mailto:a@b","policies":[{{"policy-type":9,"policy-domain":"{domain}","failure-details":[{{"c":203,"f":"{reason}"}}],"t":1,"f":1}}]}}"#
    ))
}

fn results(text: &str) -> Arc<[SessionResult]> {
    Datagram::parse(text.as_bytes(), &TextLimits::default())
        .unwrap()
        .into_session_results()
        .into()
}

#[test]
fn counts_reach_their_rows() {
    let bench = Bench::new();
    let mut store = bench.store();
    store.add(today(), &success("a.test", "x"));
    store.add(today(), &failure("a.test", "y"));
    store.add(today(), &success("a.test", "x"));
    store.count(1, 4);
    assert_eq!(store.uncommitted(), 7);
    let flushed = store.flush().unwrap();
    assert_eq!(
        (flushed.datagrams, flushed.new_policies, flushed.new_domains),
        (7, 2, 1)
    );
    store.count(0, 10);
    store.count(1, 1);
    store.flush().unwrap();
    store.finish().unwrap();
    assert_eq!(bench.total(), 18);
    assert_eq!(bench.sum("(SELECT sum(cntrfailure) FROM finalresults)"), 6);
    assert_eq!(bench.sum("(SELECT sum(cntr) FROM failures)"), 6);
    assert_eq!(
        bench.sum("(SELECT count(*) FROM finalresults)"),
        2,
        "equal keys share a row"
    );
}

#[test]
fn sys4s_schema_and_types() {
    let bench = Bench::new();
    let mut store = bench.store();
    store.add(today(), &failure("a.test", "y"));
    store.flush().unwrap();
    store.finish().unwrap();
    let db = Connection::open(bench.path()).unwrap();
    let mut statement = db
        .prepare("SELECT sql FROM sqlite_master WHERE name=?1")
        .unwrap();
    for (name, want) in [
        ("finalresults", dayfile::CREATE_FINALRESULTS),
        ("failures", dayfile::CREATE_FAILURES),
        ("daystatus", dayfile::CREATE_DAYSTATUS),
        ("dbversion", dayfile::CREATE_DBVERSION),
    ] {
        let sql: String = statement.query_row([name], |row| row.get(0)).unwrap();
        assert_eq!(sql, want, "{name}");
    }
    let types: String = db
        .query_row(
            "SELECT typeof(day)||' '||typeof(domain)||' '||typeof(tlsrptrecord)||' '||typeof(policy)||' '||typeof(cntrtotal)||' '||typeof(cntrfailure)||' '||typeof(its)||' '||length(its) FROM finalresults",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(types, "text text text text integer integer text 19");
    assert_eq!(
        db.query_row("PRAGMA journal_mode", [], |row| row.get::<_, String>(0))
            .unwrap(),
        "delete"
    );
    assert_eq!(
        fs::read_dir(bench.dir.path()).unwrap().count(),
        1,
        "nothing is left beside it"
    );
}

#[test]
fn limits_fold_and_hold_across_restarts() {
    let bench = Bench::new();
    for run in 0..2 {
        let mut store = bench.store_with(FoldLimits::new(3, 2));
        for n in 0..20 {
            store.add(today(), &success("a.test", &format!("policy {run} {n}")));
            store.add(today(), &failure("b.test", &format!("reason {run} {n}")));
        }
        store.count(39, 5);
        store.flush().unwrap();
        store.count(38, 5);
        store.flush().unwrap();
        store.finish().unwrap();
    }
    assert_eq!(bench.total(), 100, "counters are exact");
    assert_eq!(bench.sum("(SELECT sum(cntr) FROM failures)"), 50);
    assert_eq!(
        bench.sum("(SELECT count(*) FROM finalresults WHERE domain='a.test')"),
        4,
        "three and the folded one"
    );
    assert_eq!(
        bench.sum("(SELECT count(*) FROM failures)"),
        3,
        "two and the folded one"
    );
    let folded = r#"(SELECT cntrtotal FROM finalresults WHERE policy='{"policy-type": 2, "policy-domain": "a.test"}')"#;
    assert_eq!(bench.sum(folded), 47);
    assert_eq!(
        bench.sum(r#"(SELECT cntr FROM failures WHERE reason='{"c": 203}')"#),
        48
    );
    let alone = "(SELECT count(*) FROM failures WHERE (day, domain, tlsrptrecord, policy) NOT IN
                 (SELECT day, domain, tlsrptrecord, policy FROM finalresults))";
    assert_eq!(bench.sum(alone), 0, "no failure without its session");
}

#[test]
fn folding_does_not_follow_a_changing_record() {
    let bench = Bench::new();
    let mut store = bench.store_with(FoldLimits::new(2, 2));
    for n in 0..10 {
        store.add(today(), &results(&format!(
            r#"{{"d":"a.test","pr":"v=TLSRPTv1;rua=mailto:a{n}@b","policies":[{{"policy-type":2,"policy-domain":"a.test","policy-string":["x"],"failure-details":[{{"c":203}}],"t":1,"f":1}}]}}"#
        )));
    }
    store.flush().unwrap();
    store.finish().unwrap();
    assert_eq!(bench.total(), 10);
    assert_eq!(bench.sum("(SELECT count(*) FROM finalresults)"), 3);
    assert_eq!(bench.sum("(SELECT sum(cntr) FROM failures)"), 10);
}

#[test]
fn locked_then_free() {
    let bench = Bench::new();
    let mut store = bench.store();
    store.add(today(), &success("a.test", "x"));
    store.flush().unwrap();
    let other = Connection::open(bench.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    store.count(0, 2);
    store.add(today(), &success("b.test", "x"));
    assert!(store.flush().is_err());
    assert_eq!(store.uncommitted(), 3, "counts stay in memory");
    store.count(0, 1);
    store.count(1, 1);
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(store.flush().unwrap().datagrams, 5);
    drop(other);
    store.finish().unwrap();
    assert_eq!(bench.total(), 6);
}

#[test]
fn a_removed_file_is_written_anew() {
    let bench = Bench::new();
    let mut store = bench.store();
    store.add(today(), &success("a.test", "x"));
    store.flush().unwrap();
    fs::remove_file(bench.path()).unwrap();
    store.count(0, 2);
    assert_eq!(store.flush().unwrap_err().kind, FailureKind::Replaced);
    let mut saved = Vec::new();
    let lost = store.recover_replaced_file(&mut saved).unwrap();
    assert_eq!(lost, 0, "nothing is lost");
    assert_eq!(saved[0].datagrams, 2);
    store.add(today(), &success("a.test", "x"));
    store.flush().unwrap();
    store.finish().unwrap();
    assert_eq!(bench.total(), 4);
}

#[test]
fn a_replaced_file_is_told_of() {
    let bench = Bench::new();
    let mut store = bench.store();
    store.add(today(), &success("a.test", "x"));
    store.flush().unwrap();
    let other = Bench::new();
    other.store().finish().unwrap();
    fs::rename(other.path(), bench.path()).unwrap();
    store.count(0, 2);
    assert!(store.flush().is_err());
    assert_eq!(
        store.recover_replaced_file(&mut Vec::new()).unwrap(),
        2,
        "nobody knows any more what it was"
    );
    store.add(today(), &success("b.test", "x"));
    store.flush().unwrap();
    store.finish().unwrap();
    assert_eq!(bench.total(), 1, "the other file is not harmed");
}

#[test]
fn what_was_committed_survives_a_kill() {
    let bench = Bench::new();
    let mut store = bench.store();
    store.add(today(), &success("a.test", "x"));
    store.flush().unwrap();
    store.count(0, 4);
    store.flush().unwrap();
    store.count(0, 9);
    // As a kill leaves it: file, WAL and its index, copied while the store is in use.
    let copy = Bench::new();
    for suffix in ["", "-wal", "-shm"] {
        let name = format!("db{suffix}");
        fs::copy(bench.dir.path().join(&name), copy.dir.path().join(&name)).unwrap();
    }
    let mut next = copy.store();
    next.add(today(), &success("a.test", "x"));
    next.flush().unwrap();
    next.finish().unwrap();
    assert_eq!(copy.total(), 6);
}

#[test]
fn foreign_files_are_refused_and_left_alone() {
    let text = |sql: &str| {
        let bench = Bench::new();
        Connection::open(bench.path())
            .unwrap()
            .execute_batch(sql)
            .unwrap();
        let before = fs::read(bench.path()).unwrap();
        let error = Sqlite::open("u", &bench.path(), FoldLimits::new(1, 1), 1)
            .err()
            .unwrap();
        assert_eq!(fs::read(bench.path()).unwrap(), before);
        crate::error::Error::Store(error.into()).exit_code()
    };
    for (sql, want, why) in [
        ("CREATE TABLE t(x)", 4, "another program's"),
        (
            "CREATE TABLE dbversion(version, installdate, purpose); INSERT INTO dbversion VALUES(1, '', 'TLSRPT-Reportd-DB-devel-2024-10-28')",
            4,
            "the reporter's",
        ),
        (
            "CREATE TABLE dbversion(version, installdate, purpose); INSERT INTO dbversion VALUES(2, '', 'TLSRPT-Collectd-DB-devel-2024-10-28')",
            4,
            "a later version",
        ),
    ] {
        assert_eq!(text(sql), want, "{why}");
    }
    let bench = Bench::new();
    fs::write(
        bench.path(),
        "this is not a database, whatever its name says ".repeat(100),
    )
    .unwrap();
    let error = Sqlite::open("u", &bench.path(), FoldLimits::new(1, 1), 1)
        .err()
        .unwrap();
    assert_eq!(crate::error::Error::Store(error.into()).exit_code(), 3);
}
