//! What was done on all days: counters that never fall. They are the sums of the days that are remembered, and of a row for those
//! that are not: what is forgotten of a day is added to it in the same transaction.

use rusqlite::{Connection, Transaction};
use tlsrptd_proto::day::Day;

use super::{
    failures::{FOLDED, count},
    read::has_tables,
};
use crate::store::{ResultTotals, RunningTotals};

/// So many failures of a day are looked at, those of the most sessions: of all ten thousand the texts alone take longer than a
/// metrics reader should wait.
const LOOKED_AT: i64 = 1000;

/// Before this day: adds what is known of it to what has been forgotten, under the day `''`, and forgets it.
pub(super) fn keep(tx: &Transaction<'_>, oldest: &str) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT INTO tlsrptd_history_totals(day, kind, name, number, failed) \
         SELECT '', kind, name, number, failed FROM tlsrptd_history_totals \
         WHERE day > '' AND day < ?1 AND kind IN ('policy', 'result', 'carrier', 'bounce') \
         ON CONFLICT(day, kind, name) DO UPDATE SET \
         number = min(number, 9223372036854775807 - excluded.number) + excluded.number, \
         failed = min(failed, 9223372036854775807 - excluded.failed) + excluded.failed",
        [oldest],
    )?;
    tx.execute(
        "DELETE FROM tlsrptd_history_totals WHERE day > '' AND day < ?1",
        [oldest],
    )?;
    Ok(())
}

/// See [`OperatorStore::running_totals`](crate::store::OperatorStore::running_totals).
pub(in super::super) fn running_totals(db: &Connection) -> rusqlite::Result<RunningTotals> {
    let mut totals = RunningTotals::default();
    if !has_tables(db)? {
        return Ok(totals);
    }
    let mut select = db.prepare_cached(
        "SELECT kind, name, number, failed FROM tlsrptd_history_totals \
         WHERE kind IN ('policy', 'result', 'carrier', 'bounce') ORDER BY kind, name",
    )?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (kind, name): (String, String) = (row.get(0)?, row.get(1)?);
        totals.add(&kind, name, count(row.get(2)?), count(row.get(3)?));
    }
    Ok(totals)
}

/// See [`OperatorStore::most_failed`](crate::store::OperatorStore::most_failed).
pub(in super::super) fn most_failed(
    db: &Connection,
    day: Day,
) -> rusqlite::Result<Vec<ResultTotals>> {
    if !has_tables(db)? {
        return Ok(Vec::new());
    }
    // A sum that no integer can hold is no error in total().
    db.prepare_cached(
        "SELECT result, CAST(max(sessions) AS INTEGER) FROM \
         (SELECT domain, result, min(total(sessions), 9e18) AS sessions \
         FROM (SELECT failure, sessions FROM tlsrptd_history_failing WHERE day = ?1 AND failure <> ?2 \
         ORDER BY sessions DESC LIMIT ?3) JOIN tlsrptd_failures ON id = failure GROUP BY domain, result) \
         GROUP BY result ORDER BY 2 DESC, result",
    )?
    .query_map((day.to_string(), FOLDED, LOOKED_AT), |row| {
        Ok(ResultTotals {
            result_type: row.get(0)?,
            sessions: count(row.get(1)?),
        })
    })?
    .collect()
}
