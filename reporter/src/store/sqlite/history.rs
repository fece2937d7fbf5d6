//! What was done, remembered: totals of each day, what failed most, and the reports that went out.
//!
//! Totals are added in the transaction that they count, so they are what the rows would give, long after the rows are gone.
//! sys4's programs name their tables, and pass over these.

mod adjust;
mod bounced;
mod by_day;
mod failures;
mod kept;
mod ranking;
mod read;
mod running;

use rusqlite::{OptionalExtension as _, Transaction};
use tlsrptd_proto::day::Day;

use super::{SqliteStore, decisions::integer, named};
use crate::{
    model::DeliveryStatus,
    store::{AttemptEnd, history_addition::Kind},
};

pub(super) use crate::store::history_addition::Addition;
pub(super) use adjust::{adjust, count_sys4s};
pub(super) use bounced::{bounced, bounces_of, count_bounce};
pub(super) use failures::TopFailures;
pub(super) use kept::{Keeping, KeptReports, clean as clean_kept};
pub(super) use running::{most_failed, running_totals};

/// A row a day, whose absence says that nothing is known of it: a day that we have decided on has one, even if nobody counted
/// a session; one that sys4 has decided on has none. `totals`: a day's parts of one kind. Without row numbers, as the key is
/// most of a row.
pub(super) const TABLES: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS tlsrptd_history_days(day TEXT PRIMARY KEY, domains INTEGER, sessions INTEGER, \
     failed INTEGER, reports INTEGER, without INTEGER, deliveries INTEGER) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS tlsrptd_history_totals(day TEXT, kind TEXT, name TEXT, number INTEGER, failed INTEGER, \
     PRIMARY KEY(day, kind, name)) WITHOUT ROWID",
    failures::TABLE,
    failures::TEXTS,
    failures::BY_DOMAIN,
    failures::BY_LAST_DAY,
    kept::TABLE,
    kept::INDEX,
    kept::TOTAL,
];

/// Rows that go in one transaction.
const CLEANED_AT_ONCE: usize = 10_000;

/// Not as a join: SQLite would prepare that anew for each delivery, as its plan would depend on the values.
const DAY_OF_OPEN_DELIVERY: &str = "SELECT (SELECT day FROM reports WHERE r_id = d_r_id AND typeof(day) = 'text') \
    FROM destinations WHERE destination = ?1 AND d_r_id = ?2 AND status IS NULL";

impl Addition<'_, String> {
    /// A delivery is about to end with this status. Only what had not ended counts: asked before the row changes.
    pub(super) fn ends(
        &mut self,
        tx: &Transaction<'_>,
        end: &AttemptEnd,
        status: DeliveryStatus,
    ) -> rusqlite::Result<()> {
        let day: Option<Option<String>> = tx
            .prepare_cached(DAY_OF_OPEN_DELIVERY)?
            .query_row((end.destination.uri(), end.r_id), |row| row.get(0))
            .optional()?;
        if let Some(day) = day.flatten() {
            self.ended(&day, &end.destination, status);
        }
        Ok(())
    }

    /// Adds it to what the tables have. A sum that no counter can hold stays at the end of its range.
    pub(super) fn write(self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        // What comes late to a day of which nothing is known does not make it a known one.
        let mut day = tx.prepare_cached(
            "INSERT INTO tlsrptd_history_days(day, domains, sessions, failed, reports, without, deliveries) \
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 \
             WHERE ?2 > 0 OR EXISTS (SELECT 1 FROM tlsrptd_history_days WHERE day = ?1) \
             ON CONFLICT(day) DO UPDATE SET domains = domains + ?2, \
             sessions = min(sessions, 9223372036854775807 - ?3) + ?3, failed = min(failed, 9223372036854775807 - ?4) + ?4, \
             reports = reports + ?5, without = without + ?6, deliveries = deliveries + ?7",
        )?;
        for (name, numbers) in self.days {
            day.execute((
                name,
                integer(numbers.domains),
                integer(numbers.sessions),
                integer(numbers.failed),
                integer(numbers.reports),
                integer(numbers.without),
                integer(numbers.deliveries),
            ))?;
        }
        let mut part = tx.prepare_cached(
            "INSERT INTO tlsrptd_history_totals(day, kind, name, number, failed) VALUES(?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT(day, kind, name) DO UPDATE SET number = min(number, 9223372036854775807 - ?4) + ?4, \
             failed = min(failed, 9223372036854775807 - ?5) + ?5",
        )?;
        for ((day, kind, name), (number, failed)) in self.parts {
            part.execute((day, kind.as_str(), name, integer(number), integer(failed)))?;
        }
        Ok(())
    }
}

/// A day is decided: if all its collectors have answered, it is known that what they have not counted there was not.
pub(super) fn day_is_known(tx: &Transaction<'_>, day: &str) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT OR IGNORE INTO tlsrptd_history_days(day, domains, sessions, failed, reports, without, deliveries) \
         SELECT ?1, 0, 0, 0, 0, 0, 0 FROM fetchjobs WHERE day = ?1 \
         GROUP BY day HAVING count(*) = sum(status IS 'ok')",
        [day],
    )
    .map(drop)
}

/// Days from this one on have not ended: a clock that was ahead has decided that nothing was counted there.
pub(super) fn undo_early(tx: &Transaction<'_>, today: &str) -> rusqlite::Result<()> {
    tx.execute(
        "DELETE FROM tlsrptd_history_days WHERE day >= ?1 AND domains = 0 AND reports = 0 AND without = 0 AND deliveries = 0",
        [today],
    )
    .map(drop)
}

impl SqliteStore {
    /// From now on no more than this number of failures is remembered of a day, and so many bytes of reports.
    pub fn limit_history(&mut self, failures: usize, kept_bytes: u64) {
        self.failures = TopFailures::new(failures);
        self.kept = KeptReports::new(kept_bytes);
    }
}

/// See [`Upkeep::clean_history`](crate::store::Upkeep::clean_history).
pub(super) fn clean(tx: &Transaction<'_>, oldest: Day) -> rusqlite::Result<bool> {
    let oldest = oldest.to_string();
    if failures::clean(tx, &oldest)? {
        return Ok(true);
    }
    running::keep(tx, &oldest)?;
    named::clean(tx, &oldest)?;
    tx.execute("DELETE FROM tlsrptd_history_days WHERE day < ?1", [&oldest])?;
    Ok(false)
}

#[cfg(test)]
mod tests;
