//! Days that have jobs, are decided, or were asked for too early.
//!
//! A decided day is known forever: neither cleaning nor a clock that was wrong removes its row.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::Transaction;
use tlsrptd_proto::day::Day;

use super::{SqliteStore, collectors::JobRows, history, text, used};
use crate::{
    model::CollectorCommand,
    store::{Days, JobNote, Step, StoreError, matching},
};

/// One row a decided day, forever.
pub(super) const TABLE: &str = "CREATE TABLE IF NOT EXISTS tlsrptd_decided(day TEXT PRIMARY KEY)";

/// A day is decided when one of its jobs is done, by us or by sys4.
const RECORD_DECIDED: &str = "INSERT OR IGNORE INTO tlsrptd_decided(day) \
    SELECT DISTINCT day FROM fetchjobs WHERE status IS NOT NULL AND day < ?1";

impl Days for SqliteStore {
    fn undo_early(&mut self, today: Day) -> Result<usize, StoreError> {
        self.transact(Step::JobsMade, |tx| undo_early(tx, &today.to_string()))
    }

    fn known_days(&self) -> Result<BTreeSet<Day>, StoreError> {
        self.days(
            "known days",
            "SELECT day FROM fetchjobs UNION SELECT day FROM tlsrptd_decided",
        )
    }

    fn early_days(&self) -> Result<BTreeSet<Day>, StoreError> {
        self.days(
            "days asked for early",
            "SELECT DISTINCT day FROM fetchjobs WHERE tlsrptd_early = 1",
        )
    }

    fn open_days(&self) -> Result<BTreeSet<Day>, StoreError> {
        self.days(
            "open days",
            "SELECT DISTINCT day FROM fetchjobs WHERE status IS NULL",
        )
    }

    fn make_jobs(
        &mut self,
        days: &[Day],
        collectors: &[CollectorCommand],
        now: Timestamp,
    ) -> Result<Vec<JobNote>, StoreError> {
        self.transact(Step::JobsMade, |tx| {
            matching::make_jobs(&JobRows { tx, now }, days, collectors)
        })
    }

    fn reopen_given_up(
        &mut self,
        days: &BTreeSet<Day>,
        collectors: &[CollectorCommand],
        now: Timestamp,
    ) -> Result<Vec<JobNote>, StoreError> {
        self.transact(Step::Reopened, |tx| {
            matching::reopen_given_up(&JobRows { tx, now }, days, collectors)
        })
    }

    fn reopen_early(&mut self, days: &BTreeSet<Day>, now: Timestamp) -> Result<(), StoreError> {
        self.transact(Step::Reopened, |tx| {
            let mut job = tx.prepare_cached(
                "UPDATE fetchjobs SET status = NULL, retries = 0, nexttry = ?2, tlsrptd_closed = NULL, \
                 tlsrptd_given_up = NULL, tlsrptd_early = NULL, \
                 tlsrptd_seen = CASE WHEN status IS NULL THEN NULL ELSE tlsrptd_seen END \
                 WHERE day = ?1 AND tlsrptd_early = 1",
            )?;
            for day in days {
                job.execute((day.to_string(), text::nexttry(now)))?;
            }
            Ok(())
        })
    }
}

impl SqliteStore {
    pub(super) fn days(&self, what: &'static str, sql: &str) -> Result<BTreeSet<Day>, StoreError> {
        let days: Vec<String> = self.read(what, |db| {
            db.prepare_cached(sql)?
                .query_map([], |row| row.get(0))?
                .collect()
        })?;
        // Only sys4 and we write here; an invalid day cannot be worked on, and clean-up leaves it.
        Ok(days.iter().filter_map(|day| Day::parse(day).ok()).collect())
    }
}

/// Records decided days before that one; their rows may be removed next.
pub(super) fn record_decided(tx: &Transaction<'_>, before: &str) -> rusqlite::Result<()> {
    tx.execute(RECORD_DECIDED, [before]).map(drop)
}

/// Days from `today` on have not ended: a clock that was ahead has asked for them. Jobs without data are removed, and made
/// again when the day has ended; jobs with data are asked again then.
pub(super) fn undo_early(tx: &Transaction<'_>, today: &str) -> rusqlite::Result<usize> {
    let brought = format!(
        "(EXISTS (SELECT 1 FROM reportdata r WHERE r.day = fetchjobs.day \
         AND r.fetcherindex = fetchjobs.fetcherindex AND coalesce(r.data, r.tlsrptd_data) IS NOT NULL) \
         OR EXISTS (SELECT 1 FROM reports r WHERE r.day = fetchjobs.day AND {}))",
        used::has_counts_of("fetchjobs.fetcherindex")
    );
    let undone = tx.execute(
        &format!("DELETE FROM fetchjobs WHERE day >= ?1 AND NOT {brought}"),
        [today],
    )?;
    tx.execute(
        "DELETE FROM reportdata WHERE day >= ?1 AND data IS NULL AND tlsrptd_data IS NULL",
        [today],
    )?;
    let marked = tx.execute(
        "UPDATE fetchjobs SET tlsrptd_early = 1 WHERE day >= ?1 AND tlsrptd_early IS NULL",
        [today],
    )?;
    tx.execute(
        "DELETE FROM tlsrptd_decided WHERE day >= ?1 AND day NOT IN (SELECT day FROM fetchjobs)",
        [today],
    )?;
    history::undo_early(tx, today)?;
    Ok(undone + marked)
}
