//! Days that were decided once, known for good: cleaning and a clock that was wrong take rows, but not that.

use std::collections::BTreeSet;

use rusqlite::Transaction;
use tlsrptd_proto::day::Day;

use super::{Store, StoreError};

/// One row a day, for ever.
pub(super) const TABLE: &str = "CREATE TABLE IF NOT EXISTS tlsrptd_decided(day TEXT PRIMARY KEY)";

/// A day has a job that is done, by us or by sys4.
const NOTE: &str = "INSERT OR IGNORE INTO tlsrptd_decided(day) \
    SELECT DISTINCT day FROM fetchjobs WHERE status IS NOT NULL AND day < ?1";

impl Store {
    /// Days that were decided, however long ago.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn decided_days(&self) -> Result<BTreeSet<Day>, StoreError> {
        self.days("decided days", "SELECT day FROM tlsrptd_decided")
    }
}

/// Notes the days before that one, of which rows may be about to go.
pub(super) fn note(tx: &Transaction<'_>, before: &str) -> rusqlite::Result<()> {
    tx.execute(NOTE, [before]).map(drop)
}

/// Days from `today` on have not ended: a clock that was ahead has asked for them. Jobs that brought nothing go, and are
/// made again when the day has ended; those that brought something are asked again then.
pub(super) fn undo_early(tx: &Transaction<'_>, today: &str) -> rusqlite::Result<usize> {
    let brought = "EXISTS (SELECT 1 FROM reportdata r WHERE r.day = fetchjobs.day \
        AND r.fetcherindex = fetchjobs.fetcherindex AND coalesce(r.data, r.tlsrptd_data) IS NOT NULL)";
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
    Ok(undone + marked)
}
