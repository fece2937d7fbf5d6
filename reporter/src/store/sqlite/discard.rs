//! Discards the contents of reports that are sent; their rows stay.
//!
//! An UPDATE that shortens a row leaves the rest of its page unused for as long as the neighbouring days are kept. So the
//! row is deleted and inserted again without its contents.

use std::sync::LazyLock;

use rusqlite::{Transaction, types::Value};

use super::{history::Keeping, schema};
use crate::store::AttemptEnd;

/// Empties a collector's row whose counts are in a report now, and moves it to the end, among other empty rows. Not NULL: for
/// sys4 that is a row whose details are still to be fetched.
pub(super) const USED_ROW: &str = "UPDATE reportdata SET data = '', tlsrptd_data = NULL, \
    status = coalesce(status, 'fetched'), rowid = (SELECT max(rowid) + 1 FROM reportdata) \
    WHERE day = ?1 AND domain = ?2 AND fetcher = ?3";

/// Discards the JSON of a report without pending deliveries; what is to be kept of it is kept elsewhere. The row keeps its number, to which its destinations refer. A
/// report without a number of sessions was made by sys4, and stays complete.
pub(super) fn report_json(
    tx: &Transaction<'_>,
    end: &AttemptEnd,
    keeping: &mut Keeping,
) -> rusqlite::Result<()> {
    let r_id = end.r_id;
    static SELECT: LazyLock<String> = LazyLock::new(|| {
        let columns = schema::columns_beside_report();
        format!(
            "SELECT {columns} FROM reports WHERE r_id = ?1 AND report IS NOT NULL AND tlsrptd_sessions IS NOT NULL \
             AND NOT EXISTS (SELECT 1 FROM destinations WHERE d_r_id = ?1 AND status IS NULL)"
        )
    });
    static INSERT: LazyLock<String> = LazyLock::new(|| {
        let columns = schema::columns_beside_report();
        let values = vec!["?"; columns.split(',').count()].join(", ");
        format!("INSERT INTO reports({columns}) VALUES({values})")
    });
    let mut select = tx.prepare_cached(&SELECT)?;
    let mut rows = select.query([r_id])?;
    let Some(row) = rows.next()? else {
        return Ok(());
    };
    let row: Vec<Value> = (0..row.as_ref().column_count())
        .map(|column| row.get(column))
        .collect::<Result<_, _>>()?;
    drop(rows);
    keeping.keep(tx, r_id, end.gzip.as_deref())?;
    tx.prepare_cached("DELETE FROM reports WHERE r_id = ?1")?
        .execute([r_id])?;
    let mut insert = tx.prepare_cached(&INSERT)?;
    insert.execute(rusqlite::params_from_iter(row)).map(drop)
}
