//! Discards what nobody asks for once a report has no pending delivery; its rows stay.
//!
//! An UPDATE that shortens a row leaves the rest of its page unused for as long as the neighbouring days are kept. So the
//! row of the report is deleted and inserted again without its contents, and once more with its neighbours when all of them
//! are without; those of its deliveries move to the end of their table. There they stand close together.

use std::sync::LazyLock;

use rusqlite::{Transaction, types::Value};

use super::{history::Keeping, schema};
use crate::store::AttemptEnd;

/// A delivery that has ended. What orders attempts, and tells one from the next within a second, is over; a mail is dated by
/// its first attempt, unless that says otherwise; and what was sent at once, which has no `its`, has one time, that of its end.
const MOVE: &str = "UPDATE destinations SET rowid = (SELECT max(rowid) + 1 FROM destinations), \
    nexttry = substr(nexttry, 1, 19) || '+00:00', its = CASE status WHEN 'sent' THEN NULL ELSE its END, tlsrptd_queue = NULL, \
    tlsrptd_first = nullif(substr(tlsrptd_first, 1, 19), CASE status WHEN 'sent' THEN substr(nexttry, 1, 19) END), \
    tlsrptd_dated = nullif(substr(tlsrptd_dated, 1, 19), substr(tlsrptd_first, 1, 19)) WHERE rowid = ?1";
/// Reports that are made dense together, by their numbers: some pages.
const BLOCK: i64 = 64;

/// Discards the JSON of a report without pending deliveries; what is to be kept of it is kept elsewhere. The row keeps its number, to which its destinations refer. A
/// report without a number of sessions was made by sys4, and stays complete.
pub(super) fn of_ended_report(
    tx: &Transaction<'_>,
    end: &AttemptEnd,
    keeping: &mut Keeping,
) -> rusqlite::Result<()> {
    let r_id = end.r_id;
    static IS_OVER: &str = "SELECT 1 FROM reports WHERE r_id = ?1 AND report IS NOT NULL AND tlsrptd_sessions IS NOT NULL \
        AND NOT EXISTS (SELECT 1 FROM destinations WHERE d_r_id = ?1 AND status IS NULL)";
    if !tx.prepare_cached(IS_OVER)?.exists([r_id])? {
        return Ok(());
    }
    keeping.keep(tx, r_id, end.gzip.as_deref())?;
    rewrite(tx, r_id, r_id)?;
    make_dense(tx, r_id)?;
    move_deliveries(tx, r_id)
}

/// The rows of these reports, without their JSON.
fn rewrite(tx: &Transaction<'_>, first: i64, last: i64) -> rusqlite::Result<()> {
    static SELECT: LazyLock<String> = LazyLock::new(|| {
        let columns = schema::columns_beside_report();
        format!("SELECT {columns} FROM reports WHERE r_id BETWEEN ?1 AND ?2 ORDER BY r_id")
    });
    static INSERT: LazyLock<String> = LazyLock::new(|| {
        let columns = schema::columns_beside_report();
        let values = vec!["?"; columns.split(',').count()].join(", ");
        format!("INSERT INTO reports({columns}) VALUES({values})")
    });
    let mut select = tx.prepare_cached(&SELECT)?;
    let width = select.column_count();
    let rows: Vec<Vec<Value>> = select
        .query_map([first, last], |row| {
            (0..width).map(|column| row.get(column)).collect()
        })?
        .collect::<Result<_, _>>()?;
    tx.prepare_cached("DELETE FROM reports WHERE r_id BETWEEN ?1 AND ?2")?
        .execute([first, last])?;
    let mut insert = tx.prepare_cached(&INSERT)?;
    rows.into_iter()
        .try_for_each(|row| insert.execute(rusqlite::params_from_iter(row)).map(drop))
}

/// Whoever is the last of a block to lose its JSON finds pages that are half empty.
fn make_dense(tx: &Transaction<'_>, r_id: i64) -> rusqlite::Result<()> {
    let first = r_id - r_id.rem_euclid(BLOCK);
    let block = [first, first + BLOCK - 1];
    let has_json = tx
        .prepare_cached(
            "SELECT 1 FROM reports WHERE r_id BETWEEN ?1 AND ?2 AND report IS NOT NULL",
        )?
        .exists(block)?;
    match has_json {
        true => Ok(()),
        false => rewrite(tx, block[0], block[1]),
    }
}

/// In their order.
fn move_deliveries(tx: &Transaction<'_>, r_id: i64) -> rusqlite::Result<()> {
    // With ORDER BY, SQLite would prepare it anew for each report.
    let mut rows: Vec<i64> = tx
        .prepare_cached("SELECT rowid FROM destinations WHERE d_r_id = ?1")?
        .query_map([r_id], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    rows.sort_unstable();
    let mut to_the_end = tx.prepare_cached(MOVE)?;
    rows.iter()
        .try_for_each(|row| to_the_end.execute([row]).map(drop))
}
