//! sys4's tables, word for word, and what is ours beside them.
//!
//! Both programs use one file in turn, so sys4's texts stand exactly as it writes them. What is ours is only what
//! sys4 passes over: nullable columns and plain indexes. It names the columns in every INSERT, and asks for no
//! others.

use rusqlite::{Connection, OptionalExtension as _};
use tlsrptd_proto::report::InstallationId;

use super::{
    bounces, clock, days, digests, history, installation, mails, mx_hosts, named, requests,
    suppressed,
};

/// What sys4 writes into `dbversion`.
pub(super) const PURPOSE: &str = "TLSRPT-Reportd-DB-devel-2024-10-28";
/// The version beside it.
pub(super) const VERSION: i64 = 1;

const TABLES: &[(&str, &str)] = &[
    (
        "fetchjobs",
        "CREATE TABLE fetchjobs(day, fetcherindex, fetcher, retries, status, nexttry, \
         its datetime default CURRENT_TIMESTAMP, PRIMARY KEY(day, fetcherindex))",
    ),
    (
        "reportdata",
        "CREATE TABLE reportdata(day, domain, data, fetcher, fetcherindex, retries, status, nexttry, \
         its datetime default CURRENT_TIMESTAMP, PRIMARY KEY(day, domain, fetcher))",
    ),
    (
        "reports",
        "CREATE TABLE reports(r_id INTEGER PRIMARY KEY ASC, day, domain, uniqid, tlsrptrecord, report, \
         its datetime default CURRENT_TIMESTAMP)",
    ),
    (
        "destinations",
        "CREATE TABLE destinations(destination, d_r_id INTEGER, retries, status, nexttry, \
         its datetime default CURRENT_TIMESTAMP, PRIMARY KEY(destination, d_r_id), \
         FOREIGN KEY(d_r_id) REFERENCES reports(r_id))",
    ),
    (
        "dbversion",
        "CREATE TABLE dbversion(version, installdate, purpose)",
    ),
];

/// Our columns: table, name, affinity.
const COLUMNS: &[(&str, &str, &str)] = &[
    // When the collector's answer was complete, or it was given up; `status` stays NULL for sys4 until the day is decided.
    ("fetchjobs", "tlsrptd_closed", "TEXT"),
    // 1 when it was given up: `timedout` when the day is decided. 2 when its collector was taken out of the settings:
    // `removed` then.
    ("fetchjobs", "tlsrptd_given_up", "INTEGER"),
    // Where its collector stood in `fetchers` at the last look; NULL: at `fetcherindex`.
    ("fetchjobs", "tlsrptd_place", "INTEGER"),
    // 1 when sys4's protocol has given the list of domains: only details are missing.
    ("fetchjobs", "tlsrptd_listed", "INTEGER"),
    // 1 when a clock that was ahead asked before the day had ended, and data came: the collector is asked again.
    ("fetchjobs", "tlsrptd_early", "INTEGER"),
    // The number of additions to the day that it has reported; NULL before its answer, or if it cannot report additions.
    ("fetchjobs", "tlsrptd_seen", "INTEGER"),
    // Why the last attempt failed.
    ("fetchjobs", "tlsrptd_reason", "TEXT"),
    // A collector's answer, hidden from sys4 while another collector of that day has not answered.
    ("reportdata", "tlsrptd_data", "TEXT"),
    // Why a row could not be used, or came too late.
    ("reportdata", "tlsrptd_reason", "TEXT"),
    // Why a domain's day has no report.
    ("reports", "tlsrptd_reason", "TEXT"),
    // Sessions in the report, or in what was not reported.
    ("reports", "tlsrptd_sessions", "INTEGER"),
    // Those of them that failed.
    ("reports", "tlsrptd_failed", "INTEGER"),
    // The fetch jobs whose rows are in it, by their `fetcherindex`: see `used`.
    ("reports", "tlsrptd_jobs", "TEXT"),
    // 1: it is on a MX host, whose sessions are also in the reports on their domains.
    ("reports", "tlsrptd_mx", "INTEGER"),
    // Who named it: `record` or `operator`.
    ("destinations", "tlsrptd_origin", "TEXT"),
    // Its destination queue.
    ("destinations", "tlsrptd_queue", "TEXT"),
    // The first attempt: the retry window begins here.
    ("destinations", "tlsrptd_first", "TEXT"),
    // The mail's Date: when the first attempt began in which a server may have seen it.
    ("destinations", "tlsrptd_dated", "TEXT"),
    // An attempt has begun and its outcome is not recorded.
    ("destinations", "tlsrptd_started", "TEXT"),
    // What the last attempt ended with.
    ("destinations", "tlsrptd_reason", "TEXT"),
    // See `suppressed`: our own table, as an earlier version made it.
    ("tlsrptd_refusals", "taken", "TEXT"),
];

/// Our tables and indexes.
const EXTRAS: &[&str] = &[
    installation::TABLE,
    mails::TABLE,
    clock::TABLE,
    days::TABLE,
    digests::TABLE,
    named::TABLE,
    named::INDEX,
    "CREATE INDEX IF NOT EXISTS tlsrptd_reports ON reports(day, domain)",
    "CREATE INDEX IF NOT EXISTS tlsrptd_destinations ON destinations(d_r_id)",
    // In the order in which rows are made, whenever they are due: see `pending`. All that is asked is in the index.
    "CREATE INDEX IF NOT EXISTS tlsrptd_pending \
     ON destinations(d_r_id, nexttry, tlsrptd_queue, status, tlsrptd_started) \
     WHERE status IS NULL AND tlsrptd_started IS NULL",
    // What ended otherwise than sent: seldom, so that those of a day are found without looking through all that was sent.
    "CREATE INDEX IF NOT EXISTS tlsrptd_unsent ON destinations(status, d_r_id) WHERE status <> 'sent'",
    "CREATE INDEX IF NOT EXISTS tlsrptd_unfetched ON reportdata(day, fetcherindex, domain) WHERE data IS NULL",
];

/// All columns of `reports` but the report itself.
pub(super) fn columns_beside_report() -> String {
    let ours = COLUMNS.iter().filter(|(table, ..)| *table == "reports");
    let names = ours.map(|(_, name, _)| *name);
    let sys4 = ["r_id", "day", "domain", "uniqid", "tlsrptrecord", "its"];
    sys4.into_iter().chain(names).collect::<Vec<_>>().join(", ")
}

/// What a file is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    /// Empty, or a set-up that was interrupted.
    Empty,
    /// The reporter's database.
    Ours,
    /// Another program's: how it describes itself.
    Other(String),
}

/// Looks at a file before anything is written to it.
pub(super) fn kind(db: &Connection) -> rusqlite::Result<FileKind> {
    let mut names = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'")?;
    let names: Vec<String> = names
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let known = |name: &str| TABLES.iter().any(|(table, _)| *table == name);
    if !names.iter().any(|name| name == "dbversion") {
        return Ok(match names.iter().find(|name| !known(name)) {
            Some(other) => FileKind::Other(format!("it has a table {other} and no dbversion")),
            None => FileKind::Empty,
        });
    }
    let row = db
        .query_row("SELECT version, purpose FROM dbversion", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    Ok(match row {
        Some((version, purpose)) => kind_of_file(version, purpose),
        None if names.iter().all(|name| known(name)) => FileKind::Empty,
        None => FileKind::Other("its dbversion is empty".to_owned()),
    })
}

fn kind_of_file(version: rusqlite::types::Value, purpose: rusqlite::types::Value) -> FileKind {
    use rusqlite::types::Value::{Integer, Text};
    match (version, purpose) {
        (Integer(VERSION), Text(purpose)) if purpose == PURPOSE => FileKind::Ours,
        (version, purpose) => FileKind::Other(format!(
            "its version is {} and its purpose {}",
            plain(version),
            plain(purpose)
        )),
    }
}

fn plain(value: rusqlite::types::Value) -> String {
    use rusqlite::types::Value;
    match value {
        Value::Integer(number) => number.to_string(),
        Value::Text(text) => format!("{text:?}"),
        other => format!("{:?}", other.data_type()),
    }
}

/// Makes sys4's tables.
pub(super) fn create(db: &Connection) -> rusqlite::Result<()> {
    for (name, text) in TABLES {
        let there = db
            .query_row(
                "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1",
                [name],
                |_| Ok(()),
            )
            .optional()?;
        if there.is_none() {
            db.execute_batch(text)?;
        }
    }
    db.execute(
        "INSERT INTO dbversion(version, installdate, purpose) VALUES(?1, strftime('%Y-%m-%d %H-%M-%f', 'now'), ?2)",
        (VERSION, PURPOSE),
    )?;
    Ok(())
}

/// Adds what is ours, where it is missing: a file that sys4 made lacks all of it.
pub(super) fn extend(db: &Connection, id: &InstallationId) -> rusqlite::Result<()> {
    for text in suppressed::TABLES {
        db.execute_batch(text)?;
    }
    for (table, column, holds) in COLUMNS {
        let there = db
            .query_row(
                "SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2",
                [table, column],
                |_| Ok(()),
            )
            .optional()?;
        if there.is_none() {
            db.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN {column} {holds}"))?;
        }
    }
    let extras = EXTRAS
        .iter()
        .chain(bounces::TABLES)
        .chain(history::TABLES)
        .chain(requests::TABLES)
        .chain(mx_hosts::TABLES);
    extras
        .copied()
        .try_for_each(|text| db.execute_batch(text))?;
    installation::keep(db, id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_is() {
        for (sql, want, why) in [
            ("", FileKind::Empty, "a new file"),
            (
                TABLES[0].1,
                FileKind::Empty,
                "a set-up cut short after its first table",
            ),
            (
                "CREATE TABLE notes(x)",
                FileKind::Other("it has a table notes and no dbversion".into()),
                "not ours to fill",
            ),
            (
                "CREATE TABLE dbversion(version, installdate, purpose); INSERT INTO dbversion VALUES(1, '', 'TLSRPT-Reportd-DB-devel-2024-10-28')",
                FileKind::Ours,
                "sys4's word",
            ),
            (
                "CREATE TABLE dbversion(version, installdate, purpose); INSERT INTO dbversion VALUES(1, '', 'TLSRPT-Collectd-DB-devel-2024-10-28')",
                FileKind::Other(
                    "its version is 1 and its purpose \"TLSRPT-Collectd-DB-devel-2024-10-28\""
                        .into(),
                ),
                "the collector's file",
            ),
            (
                "CREATE TABLE dbversion(version, installdate, purpose); INSERT INTO dbversion VALUES(2, '', 'TLSRPT-Reportd-DB-devel-2024-10-28')",
                FileKind::Other(
                    "its version is 2 and its purpose \"TLSRPT-Reportd-DB-devel-2024-10-28\""
                        .into(),
                ),
                "a later version",
            ),
        ] {
            let db = Connection::open_in_memory().unwrap();
            db.execute_batch(sql).unwrap();
            assert_eq!(kind(&db).unwrap(), want, "{why}");
        }
    }

    #[test]
    fn extending_twice_is_once() {
        let db = Connection::open_in_memory().unwrap();
        create(&db).unwrap();
        for _ in 0..2 {
            extend(&db, &installation::of(&db).unwrap()).unwrap();
        }
        assert_eq!(kind(&db).unwrap(), FileKind::Ours);
    }
}
