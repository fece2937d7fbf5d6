//! The suppression list, and what adds to it.

mod refusal_rows;

use std::sync::Arc;

use rusqlite::{Connection, Transaction};
use tlsrptd_proto::day::Day;

use super::SqliteStore;
use crate::{
    model::SuppressionTarget,
    store::{StoreError, SuppressionSource},
    suppress::{Scope, SuppressionEntry, Suppressions, TargetForDomain},
};

/// Our two tables. `tlsrptctl suppress` makes them too, on a file that only sys4 has had so far.
pub(super) const TABLES: &[&str] = &[
    // What gets no reports: on which domain ('' on any), by whom (`operator` or `refusals`), since when, the last day
    // (NULL for ever), why, and the number of the suspension.
    "CREATE TABLE IF NOT EXISTS tlsrptd_suppressed(target TEXT, domain TEXT, until TEXT, reason TEXT, since TEXT, \
     by TEXT, times INTEGER, PRIMARY KEY(target, domain))",
    // Destinations that refuse reports on a domain: on how many days since the last that they took, and how often they
    // were suspended. `taken` is NULL where the receiver itself refuses; where mails come back, the day of the first one
    // since the last bounce, and '' before it.
    "CREATE TABLE IF NOT EXISTS tlsrptd_refusals(target TEXT, domain TEXT, days INTEGER, last TEXT, times INTEGER, \
     taken TEXT, PRIMARY KEY(target, domain))",
];

/// Destinations whose refusals are remembered from one cleaning to the next.
const MAX_REMEMBERED: i64 = 1_000_000;

/// The list as it was read last.
#[derive(Default)]
pub(super) struct CachedList {
    /// SQLite's number: it changes when another program has written.
    version: Option<i64>,
    list: Arc<Suppressions>,
}

impl CachedList {
    /// The list has changed: read it again.
    pub(super) fn invalidate(&mut self) {
        self.version = None;
    }
}

impl SuppressionSource for SqliteStore {
    fn suppressions(&mut self) -> Result<Arc<Suppressions>, StoreError> {
        let version = self.read("the version of its data", |db| {
            db.prepare_cached("PRAGMA data_version")?
                .query_row([], |row| row.get(0))
        })?;
        if self.suppressions.version != Some(version) {
            let list = self.read("the suppression list", entries)?;
            self.suppressions = CachedList {
                version: Some(version),
                list: Arc::new(list),
            };
        }
        Ok(Arc::clone(&self.suppressions.list))
    }
}

pub(super) fn entries(db: &Connection) -> rusqlite::Result<Suppressions> {
    let mut select =
        db.prepare_cached("SELECT target, domain, until, reason FROM tlsrptd_suppressed")?;
    let rows = select.query_map([], |row| {
        let (target, domain): (String, String) = (row.get(0)?, row.get(1)?);
        let until: Option<String> = row.get(2)?;
        let reason: Option<String> = row.get(3)?;
        Ok(SuppressionTarget::parse(&target).ok().map(|target| {
            let until = until.and_then(|until| Day::parse(&until).ok());
            let reason = reason.unwrap_or_default();
            let scope = match domain.is_empty() {
                true => Scope::All(target),
                false => Scope::One(TargetForDomain { target, domain }),
            };
            (scope, SuppressionEntry { until, reason })
        }))
    })?;
    rows.filter_map(Result::transpose).collect()
}

/// Removes entries that ended long ago, and refusals that were not repeated for a month, or for a month after the longest
/// suspension.
pub(super) fn clean(tx: &Transaction<'_>, oldest: &str) -> rusqlite::Result<()> {
    tx.execute("DELETE FROM tlsrptd_suppressed WHERE until < ?1", [oldest])?;
    tx.execute(
        "DELETE FROM tlsrptd_refusals \
         WHERE last < date(?1, CASE WHEN times > 0 THEN '-120 days' ELSE '-30 days' END)",
        [oldest],
    )?;
    let remembered: i64 = tx.query_row("SELECT count(*) FROM tlsrptd_refusals", [], |row| {
        row.get(0)
    })?;
    if remembered > MAX_REMEMBERED {
        tx.execute(
            "DELETE FROM tlsrptd_refusals WHERE rowid IN \
             (SELECT rowid FROM tlsrptd_refusals ORDER BY times, last LIMIT ?1)",
            [remembered - MAX_REMEMBERED],
        )?;
    }
    Ok(())
}
