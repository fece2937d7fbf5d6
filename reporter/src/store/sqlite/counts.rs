//! What the operator may see, and what is old enough to go.

use std::{collections::HashMap, path::Path};

use rusqlite::{Connection, OpenFlags};
use tlsrptd_proto::day::Day;

use super::{Step, Store, StoreError, decided, mails, open, suppressed};

/// So many rows of a day with a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusCount {
    /// The day.
    pub day: String,
    /// The status; `None` is sys4's NULL: there is something to do.
    pub status: Option<String>,
    /// How many.
    pub number: i64,
}

/// Why deliveries that were tried are still pending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhyPending {
    /// How many were tried and are to be tried again.
    pub tried: u64,
    /// How many of them have the most shared reason.
    pub number: u64,
    /// That reason, of one of them.
    pub reason: String,
}

/// The counts of all tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusCounts {
    /// Fetch jobs.
    pub jobs: Vec<StatusCount>,
    /// Report data.
    pub data: Vec<StatusCount>,
    /// Destinations, by the day of their report.
    pub destinations: Vec<StatusCount>,
    /// `None` when nothing that was tried is pending.
    pub why_pending: Option<WhyPending>,
}

impl StatusCounts {
    /// Reads a database that a reporter may be working on. It needs none of our columns: sys4's file will do.
    pub fn read(path: &Path) -> Result<StatusCounts, StoreError> {
        let db = open::existing(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let counts = |sql: &str| counts(&db, sql).map_err(|source| open::fault(path, source));
        Ok(StatusCounts {
            jobs: counts(
                "SELECT day, status, count(*) FROM fetchjobs GROUP BY day, status ORDER BY day, status",
            )?,
            data: counts(
                "SELECT day, status, count(*) FROM reportdata GROUP BY day, status ORDER BY day, status",
            )?,
            destinations: counts(
                "SELECT day, status, count(*) FROM destinations JOIN reports ON r_id = d_r_id \
                 GROUP BY day, status ORDER BY day, status",
            )?,
            why_pending: why_pending(&db).map_err(|source| open::fault(path, source))?,
        })
    }
}

fn counts(db: &Connection, sql: &str) -> rusqlite::Result<Vec<StatusCount>> {
    db.prepare(sql)?
        .query_map([], |row| {
            Ok(StatusCount {
                day: row.get(0)?,
                status: row.get(1)?,
                number: row.get(2)?,
            })
        })?
        .collect()
}

/// Reasons that are told apart: beyond them each is counted, and none is new.
const MAX_REASONS: usize = 10_000;

fn why_pending(db: &Connection) -> rusqlite::Result<Option<WhyPending>> {
    let has_reasons = db
        .prepare("SELECT 1 FROM pragma_table_info('destinations') WHERE name = 'tlsrptd_reason'")?
        .exists([])?;
    if !has_reasons {
        return Ok(None);
    }
    let mut rows = db.prepare(
        "SELECT tlsrptd_reason FROM destinations WHERE status IS NULL AND tlsrptd_reason IS NOT NULL",
    )?;
    let mut rows = rows.query([])?;
    let (mut tried, mut reasons) = (0, HashMap::new());
    while let Some(row) = rows.next()? {
        let reason: String = row.get(0)?;
        tried += 1;
        let kind = without_names(&reason);
        let is_known = reasons.contains_key(&kind);
        if is_known || reasons.len() < MAX_REASONS {
            reasons.entry(kind).or_insert((0, reason)).0 += 1;
        }
    }
    // Of several that are shared alike always the same.
    let most = reasons.into_values().max();
    Ok(most.map(|(number, reason)| WhyPending {
        tried,
        number,
        reason,
    }))
}

/// A reply names the address that it is about: it is the same reply for each.
fn without_names(reason: &str) -> String {
    let mut parts = reason.split('<');
    let mut kind = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kind.push_str("<>");
        kind.push_str(part.split_once('>').map_or("", |(_, rest)| rest));
    }
    kind
}

/// Rows that go in one transaction: few enough that deliveries do not wait.
const CLEANED_AT_ONCE: usize = 10_000;

impl Store {
    /// Removes what is older than `oldest`, a part at a time. Gives whether there is more. Pending deliveries stay.
    pub fn clean(&mut self, oldest: Day) -> Result<bool, StoreError> {
        self.transact(Step::Cleaned, |tx| {
            let day = oldest.to_string();
            decided::note(tx, &day)?;
            let data = format!(
                "DELETE FROM reportdata WHERE rowid IN (SELECT rowid FROM reportdata WHERE day < ?1 LIMIT {CLEANED_AT_ONCE})"
            );
            // Data first, and wholly: data without a report looks like something still to be reported.
            if tx.execute(&data, [&day])? > 0 {
                return Ok(true);
            }
            let done = "day < ?1 AND NOT EXISTS (SELECT 1 FROM destinations d WHERE d.d_r_id = r_id AND d.status IS NULL)";
            let old_reports = format!("SELECT r_id FROM reports WHERE {done} LIMIT {CLEANED_AT_ONCE}");
            // A report goes when no destination is pending; its destinations go with it.
            tx.execute("CREATE TEMP TABLE IF NOT EXISTS old(r_id INTEGER PRIMARY KEY)", [])?;
            let removed = tx.execute(&format!("INSERT INTO old {old_reports}"), [&day])?;
            tx.execute("DELETE FROM destinations WHERE d_r_id IN (SELECT r_id FROM old)", [])?;
            tx.execute("DELETE FROM reports WHERE r_id IN (SELECT r_id FROM old)", [])?;
            tx.execute("DELETE FROM old", [])?;
            tx.execute("DELETE FROM fetchjobs WHERE day < ?1", [&day])?;
            mails::clean(tx, oldest)?;
            if removed == 0 {
                suppressed::clean(tx, &day)?;
            }
            Ok(removed > 0)
        })
    }
}
