//! The database as sys4 leaves it, and files that are none of ours: of SQLite, the engine that it knows.

use std::path::Path;

use rusqlite::Connection;
use tlsrptd_reporter::{
    model::{CollectorCommand, NamedBy},
    store::{
        Claimed, FailureQuestion, History as _, OperatorAccess, Store, StoreError,
        sqlite::{ExistingDatabase, SqliteStore},
    },
};

use crate::{at, day, environment::Engine};

/// sys4's file as it makes it.
pub const SYS4: &str = "
CREATE TABLE fetchjobs(day, fetcherindex, fetcher, retries, status, nexttry, its datetime default CURRENT_TIMESTAMP, PRIMARY KEY(day, fetcherindex));
CREATE TABLE reportdata(day, domain, data, fetcher, fetcherindex, retries, status, nexttry, its datetime default CURRENT_TIMESTAMP, PRIMARY KEY(day, domain, fetcher));
CREATE TABLE reports(r_id INTEGER PRIMARY KEY ASC, day, domain, uniqid, tlsrptrecord, report, its datetime default CURRENT_TIMESTAMP);
CREATE TABLE destinations(destination, d_r_id INTEGER, retries, status, nexttry, its datetime default CURRENT_TIMESTAMP, PRIMARY KEY(destination, d_r_id), FOREIGN KEY(d_r_id) REFERENCES reports(r_id));
CREATE TABLE dbversion(version, installdate, purpose);
INSERT INTO dbversion VALUES(1, '2026-11-20 23-43-30.312', 'TLSRPT-Reportd-DB-devel-2024-10-28');";

fn open(folder: &Path) -> Box<dyn Store> {
    let store = SqliteStore::open(&folder.join("db"), false, None);
    Box::new(store.unwrap())
}

fn sql(folder: &Path, text: &str) -> Connection {
    let db = Connection::open(folder.join("db")).unwrap();
    db.execute_batch(text).unwrap();
    db
}

#[test]
fn a_file_of_either_program() {
    let folder = Engine::Sqlite.folder();
    sql(folder.path(), SYS4);
    for _ in 0..2 {
        let mut store = open(folder.path());
        let job = CollectorCommand {
            index: 1,
            command: "one".into(),
        };
        store
            .make_jobs(&[day()], &[job], at("21T00:00:00"))
            .unwrap();
        assert_eq!(store.due_jobs(at("21T00:00:00")).unwrap().len(), 1);
        store.close().unwrap();
    }
    let db = sql(folder.path(), "");
    let mode: String = db
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "delete", "as sys4 leaves it");
    let texts = |db: &Connection| -> Vec<String> {
        let sql = "SELECT replace(sql, substr(sql, instr(sql, ', tlsrptd')), ')') FROM sqlite_master \
                   WHERE type = 'table' AND name NOT LIKE 'tlsrptd%' ORDER BY name";
        db.prepare(sql)
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect()
    };
    let ours = Engine::Sqlite.folder();
    open(ours.path()).close().unwrap();
    assert_eq!(
        texts(&db),
        texts(&sql(ours.path(), "")),
        "the same tables whoever made them"
    );
}

#[test]
fn what_sys4_did_is_not_known() {
    let folder = Engine::Sqlite.folder();
    sql(folder.path(), SYS4)
        .execute_batch("INSERT INTO reports(day, domain, uniqid, report) VALUES('2026-11-20', 'a.example', 1, '{}');")
        .unwrap();
    let store = ExistingDatabase::open(&folder.path().join("db"), OperatorAccess::Read).unwrap();
    assert_eq!(store.first_day().unwrap(), None);
    assert!(store.totals(day(), day()).unwrap().is_empty());
    let question = FailureQuestion {
        from: day(),
        to: day(),
        domain: None,
        new_since: None,
        limit: 9,
    };
    assert!(store.failures(&question).unwrap().is_empty());
    let kept = store.kept_reports(day(), "a.example").unwrap();
    assert_eq!(
        kept[0].contents.json().unwrap(),
        "{}",
        "it keeps what it sent"
    );
}

#[test]
fn files_that_are_not_ours() {
    let folder = Engine::Sqlite.folder();
    let purpose = sql(folder.path(), SYS4).execute("UPDATE dbversion SET purpose = 'other'", []);
    purpose.unwrap();
    let error = SqliteStore::open(&folder.path().join("db"), false, None).unwrap_err();
    assert!(matches!(error, StoreError::Purpose { .. }), "{error}");
    let error = SqliteStore::open(&folder.path().join("no/db"), false, None).unwrap_err();
    assert!(matches!(error, StoreError::NoFolder { .. }), "{error}");
    std::fs::write(
        folder.path().join("text"),
        "not a database at all, but long enough to be read as one",
    )
    .unwrap();
    let error = SqliteStore::open(&folder.path().join("text"), false, None).unwrap_err();
    assert!(matches!(error, StoreError::Open { .. }), "{error}");
    let held = folder.path().join("held");
    let _holder = SqliteStore::open(&held, false, None).unwrap();
    let error = SqliteStore::open(&held, false, None)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(&std::process::id().to_string()),
        "it names the holder: {error}"
    );
}

#[test]
fn what_sys4_left_is_taken_up() {
    let folder = Engine::Sqlite.folder();
    sql(folder.path(), SYS4).execute_batch(
        "INSERT INTO fetchjobs(day, fetcherindex, fetcher, retries, status, nexttry) VALUES
           ('2026-11-19', 1, 'one', 0, 'ok', '2026-11-20 00:00:01.5+00:00'),
           ('2026-11-20', 1, 'one', 3, 'ok', '2026-11-21 00:00:01.5+00:00');
         INSERT INTO reportdata(day, domain, data, fetcher, fetcherindex, retries, status, nexttry) VALUES
           ('2026-11-19', 'a.example', '{}', 'one', 1, 0, 'fetched', ''),
           ('2026-11-20', 'a.example', '{}', 'one', 1, 0, 'fetched', ''),
           ('2026-11-20', 'b.example', NULL, 'one', 1, 2, NULL, '');
         INSERT INTO reports(day, domain, uniqid, report) VALUES('2026-11-20', 'a.example', 1, '{}');
         INSERT INTO destinations(destination, d_r_id, retries, status, nexttry) VALUES
           ('mailto:r@a.example', 1, 1, NULL, '2026-11-21 00:00:02.5+00:00'),
           ('mailto:s@a.example', 1, 0, 'sent', '2026-11-21 00:00:02.5+00:00');",
    ).unwrap();
    let mut store = open(folder.path());
    assert_eq!(store.adopt_lists(at("21T01:00:00")).unwrap(), 1);
    let job = store.due_jobs(at("21T01:00:00")).unwrap().remove(0);
    assert!(job.listed && job.day == day());
    assert_eq!(store.unfetched(&job, "", 10).unwrap(), ["b.example"]);
    assert_eq!(
        store.leftover_days().unwrap().len(),
        1,
        "2026-11-19 has no report yet"
    );
    assert_eq!(store.release().unwrap(), 0);
    let claimed = store.claim(at("21T01:00:00"), 10.into(), &|_| 2).unwrap();
    assert_eq!(claimed.len(), 1, "what is sent is not sent again");
    let Claimed::Delivery(delivery) = &claimed[0] else {
        panic!("{claimed:?}");
    };
    assert_eq!(
        (delivery.attempt(), delivery.destination.named_by),
        (2, NamedBy::Record)
    );
}
