//! What is kept of a report once it is sent: that it was.
//!
//! A row that gets shorter where it is leaves the rest of its page unused, for as long as the days around it are kept. So
//! the row goes, and comes back short.

use std::sync::LazyLock;

use rusqlite::{Transaction, types::Value};

use super::schema;

/// Empties a collector's row whose counts stand in a report now, and moves it to the end, among others of its kind. Not
/// NULL: to sys4 that is a row whose details are still to be asked for.
pub(super) const USED_ROW: &str = "UPDATE reportdata SET data = '', tlsrptd_data = NULL, \
    status = coalesce(status, 'fetched'), rowid = (SELECT max(rowid) + 1 FROM reportdata) \
    WHERE day = ?1 AND domain = ?2 AND fetcher = ?3";

/// Forgets the bytes of a report with nothing pending. The number of its row is its destinations', and stays. Where
/// nobody has counted the sessions sys4 made it, and it stays whole.
pub(super) fn report_json(tx: &Transaction<'_>, r_id: i64) -> rusqlite::Result<()> {
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
    tx.prepare_cached("DELETE FROM reports WHERE r_id = ?1")?
        .execute([r_id])?;
    let mut insert = tx.prepare_cached(&INSERT)?;
    insert.execute(rusqlite::params_from_iter(row)).map(drop)
}
