//! The database as `tlsrptctl` uses it: one that a reporter may be working on, ours or sys4's.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rusqlite::{Connection, MAIN_DB, OpenFlags, Transaction, TransactionBehavior, named_params};
use tlsrptd_proto::day::Day;

use super::{digests, history, open, suppressed::TABLES};
use crate::{
    model::SuppressionTarget,
    store::{
        FleetView, MissingCollector, OperatorAccess, OperatorStore, ResultTotals, RunningTotals,
        StoreError, SuppressionRow,
    },
};

/// Of whoever shall not wait long for locks: longer than a commit takes, or a start that changes the journal.
const A_MOMENT: Duration = Duration::from_secs(2);
/// Instructions of SQLite's between two looks at the clock: a millisecond, or less.
const BETWEEN_LOOKS: i32 = 10_000;

/// Open for one command. The file's journal mode stays as it is.
#[derive(Debug)]
pub struct ExistingDatabase {
    db: Connection,
    path: PathBuf,
}

impl ExistingDatabase {
    /// Opens a file that a reporter has made.
    ///
    /// # Errors
    /// When there is none, or it cannot be used.
    pub fn open(path: &Path, access: OperatorAccess) -> Result<ExistingDatabase, StoreError> {
        let flags = match access {
            OperatorAccess::Read | OperatorAccess::ReadWithin(_) => {
                OpenFlags::SQLITE_OPEN_READ_ONLY
            }
            OperatorAccess::Write => OpenFlags::SQLITE_OPEN_READ_WRITE,
        };
        let patience = match access {
            OperatorAccess::Read | OperatorAccess::Write => open::PATIENCE,
            OperatorAccess::ReadWithin(_) => A_MOMENT,
        };
        let mut db = open::existing(path, flags, patience)?;
        if let OperatorAccess::ReadWithin(limit) = access {
            let end = Instant::now() + limit;
            db.progress_handler(BETWEEN_LOOKS, Some(move || Instant::now() >= end))
                .map_err(|source| open::unreadable(path, source))?;
        }
        Ok(ExistingDatabase {
            db,
            path: path.to_owned(),
        })
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.db
    }

    pub(super) fn change<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let changed = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .and_then(|tx| {
                let value = work(&tx)?;
                tx.commit()?;
                Ok(value)
            });
        changed.map_err(|source| self.fault(source))
    }

    /// Reads; what the engine says is told with the database's path.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        work(&self.db).map_err(|source| self.fault(source))
    }

    fn fault(&self, source: rusqlite::Error) -> StoreError {
        match self.db.is_readonly(MAIN_DB) {
            Ok(true) => open::unreadable(&self.path, source),
            _ => open::fault(&self.path, source),
        }
    }
}

impl FleetView for ExistingDatabase {}

impl OperatorStore for ExistingDatabase {
    fn missing_collectors(&self, from: Day, to: Day) -> Result<Vec<MissingCollector>, StoreError> {
        digests::missing_collectors(&self.db, from, to).map_err(|source| self.fault(source))
    }

    fn running_totals(&self) -> Result<RunningTotals, StoreError> {
        self.read(history::running_totals)
    }

    fn most_failed(&self, day: Day) -> Result<Vec<ResultTotals>, StoreError> {
        self.read(|db| history::most_failed(db, day))
    }

    fn suppress(
        &mut self,
        target: &SuppressionTarget,
        until: Option<Day>,
        reason: &str,
        today: Day,
    ) -> Result<bool, StoreError> {
        self.change(|tx| {
            TABLES.iter().try_for_each(|table| tx.execute_batch(table))?;
            let there = tx
                .prepare("SELECT 1 FROM tlsrptd_suppressed WHERE target = ?1 AND domain = ''")?
                .exists([target.as_str()])?;
            tx.execute(
                "INSERT INTO tlsrptd_suppressed(target, domain, until, reason, since, by, times) \
                 VALUES(:target, '', :until, :reason, :since, 'operator', 0) \
                 ON CONFLICT(target, domain) DO UPDATE SET until = :until, reason = :reason, by = 'operator'",
                named_params! {
                    ":target": target.as_str(), ":until": until.map(|day| day.to_string()), ":reason": reason,
                    ":since": today.to_string(),
                },
            )?;
            Ok(!there)
        })
    }

    fn unsuppress(
        &mut self,
        target: &SuppressionTarget,
        domain: Option<&str>,
    ) -> Result<usize, StoreError> {
        self.change(|tx| {
            let mut removed = [0, 0];
            let tables = ["tlsrptd_suppressed", "tlsrptd_refusals"];
            for (removed, table) in removed.iter_mut().zip(tables) {
                if has(tx, table)? {
                    let delete = format!(
                        "DELETE FROM {table} WHERE target = ?1 AND (?2 IS NULL OR domain = ?2)"
                    );
                    *removed = tx.execute(&delete, (target.as_str(), domain))?;
                }
            }
            Ok(removed[0])
        })
    }

    fn suppressed(&self, today: Day) -> Result<Vec<SuppressionRow>, StoreError> {
        let read = || {
            if !has(&self.db, "tlsrptd_suppressed")? {
                return Ok(Vec::new());
            }
            self.db
                .prepare(
                    "SELECT target, until, since, by, times, reason, nullif(domain, '') FROM tlsrptd_suppressed \
                     WHERE until IS NULL OR until >= ?1 ORDER BY target, domain",
                )?
                .query_map([today.to_string()], |row| {
                    Ok(SuppressionRow {
                        target: row.get(0)?,
                        domain: row.get(6)?,
                        until: row.get(1)?,
                        since: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
                        by: row.get::<_, Option<String>>(3)?.unwrap_or_default(),
                        times: row.get::<_, Option<i64>>(4)?.unwrap_or_default(),
                        reason: row.get::<_, Option<String>>(5)?.unwrap_or_default(),
                    })
                })?
                .collect()
        };
        read().map_err(|source| self.fault(source))
    }
}

pub(super) fn has(db: &Connection, table: &str) -> rusqlite::Result<bool> {
    db.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1")?
        .exists([table])
}
