//! What a collector's file holds, for tests to compare. A second storage engine needs a second `read` and no other test.
//! Tests of sys4's file form itself ask SQLite.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Row};

/// A file's rows, each list in the order of its columns.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct DayFile {
    /// A policy's sessions.
    pub results: Vec<ResultRow>,
    /// A policy's failures.
    pub failures: Vec<FailureRow>,
    /// The days that are marked as complete.
    pub complete: Vec<String>,
}

/// The sessions of one policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultRow {
    /// `YYYY-MM-DD`.
    pub day: String,
    /// The reported domain.
    pub domain: String,
    /// Its TLSRPT record.
    pub record: String,
    /// The policy's JSON.
    pub policy: String,
    /// All sessions.
    pub total: i64,
    /// Those that failed.
    pub failed: i64,
}

/// The sessions that failed for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureRow {
    /// `YYYY-MM-DD`.
    pub day: String,
    /// The reported domain.
    pub domain: String,
    /// Its TLSRPT record.
    pub record: String,
    /// The policy's JSON.
    pub policy: String,
    /// The reason's JSON.
    pub reason: String,
    /// How many.
    pub count: i64,
}

/// All sessions of a file, or those of one domain, however many rows it has; 0 while there is none.
pub fn sessions(path: &Path, domain: Option<&str>) -> i64 {
    let sql =
        "SELECT coalesce(sum(cntrtotal), 0) FROM finalresults WHERE ?1 IS NULL OR domain = ?1";
    let read = || {
        let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        db.busy_timeout(Duration::from_secs(10))?;
        db.query_row(sql, [domain], |row| row.get(0))
    };
    read().unwrap_or(0)
}

impl DayFile {
    /// `None` while there is no file, or it has no tables.
    pub fn read(path: &Path) -> Option<DayFile> {
        let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
        db.busy_timeout(Duration::from_secs(10)).ok()?;
        let results = "SELECT day, domain, tlsrptrecord, policy, cntrtotal, cntrfailure FROM finalresults ORDER BY 1, 2, 3, 4";
        let failures = "SELECT day, domain, tlsrptrecord, policy, reason, cntr FROM failures ORDER BY 1, 2, 3, 4, 5";
        Some(DayFile {
            results: rows(&db, results, |row| {
                Ok(ResultRow {
                    day: row.get(0)?,
                    domain: row.get(1)?,
                    record: row.get(2)?,
                    policy: row.get(3)?,
                    total: row.get(4)?,
                    failed: row.get(5)?,
                })
            })?,
            failures: rows(&db, failures, |row| {
                Ok(FailureRow {
                    day: row.get(0)?,
                    domain: row.get(1)?,
                    record: row.get(2)?,
                    policy: row.get(3)?,
                    reason: row.get(4)?,
                    count: row.get(5)?,
                })
            })?,
            complete: rows(&db, "SELECT daycomplete FROM daystatus", |row| row.get(0))?,
        })
    }

    /// All sessions.
    pub fn sessions(&self) -> i64 {
        self.results.iter().map(|row| row.total).sum()
    }

    /// All failures with a reason.
    pub fn failed(&self) -> i64 {
        self.failures.iter().map(|row| row.count).sum()
    }

    /// The rows of one domain.
    pub fn of(mut self, domain: &str) -> DayFile {
        self.results.retain(|row| row.domain == domain);
        self.failures.retain(|row| row.domain == domain);
        self
    }

    /// The days and their sessions.
    pub fn days(&self) -> Vec<(String, i64)> {
        self.sums(|row| row.day.clone())
            .into_iter()
            .map(|(day, (total, _))| (day, total))
            .collect()
    }

    /// The domains, with all and with failed sessions.
    pub fn domains(&self) -> Vec<(String, i64, i64)> {
        self.sums(|row| row.domain.clone())
            .into_iter()
            .map(|(domain, (total, failed))| (domain, total, failed))
            .collect()
    }

    fn sums(
        &self,
        key: impl Fn(&ResultRow) -> String,
    ) -> std::collections::BTreeMap<String, (i64, i64)> {
        let mut sums = std::collections::BTreeMap::new();
        for row in &self.results {
            let sum: &mut (i64, i64) = sums.entry(key(row)).or_default();
            *sum = (sum.0 + row.total, sum.1 + row.failed);
        }
        sums
    }
}

fn rows<T>(
    db: &Connection,
    sql: &str,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> Option<Vec<T>> {
    let mut statement = db.prepare(sql).ok()?;
    let rows = statement.query_map([], |row| read(row)).ok()?;
    rows.collect::<Result<_, _>>().ok()
}
