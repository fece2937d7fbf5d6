//! What sys4's reporter did with the database while it had it: it writes its own tables alone, so deliveries that were counted
//! as ours may have ended, and others may be there.
//!
//! Deliveries that wait by the totals are those that wait by the rows, always. So at a start one sum is held against the other,
//! and only if they differ, the days are counted.

use std::collections::BTreeMap;

use rusqlite::Transaction;

use super::Kind;

/// Deliveries that wait, as the index has them: none is in hand at a start.
const WAITING: &str = "status IS NULL AND tlsrptd_started IS NULL";
/// An outcome of which nobody knows more: sys4 has removed the row.
const UNKNOWN: &str = "unknown";

/// Deliveries of reports that sys4 has made, when they get their queue: of days of which there are totals.
pub(in super::super) fn count_sys4s(tx: &Transaction<'_>, r_id: i64) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE tlsrptd_history_days SET deliveries = deliveries + 1 WHERE day = (SELECT day FROM reports WHERE r_id = ?1)",
    )?
    .execute([r_id])
    .map(drop)
}

/// Makes the totals right. Nothing is in hand.
pub(in super::super) fn adjust(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    let select = format!("SELECT count(*) FROM destinations WHERE {WAITING}");
    let rows: i64 = tx.query_row(&select, [], |row| row.get(0))?;
    let totals = waiting_by_totals(tx)?;
    if totals.values().sum::<i64>() == rows {
        return Ok(());
    }
    let rows = waiting_by_rows(tx)?;
    for (day, told) in totals {
        let found = rows.get(&day).copied().unwrap_or(0);
        if told > found {
            more_ended(tx, &day, told - found)?;
        } else if told < found {
            tx.execute(
                "UPDATE tlsrptd_history_days SET deliveries = deliveries + ?2 WHERE day = ?1",
                (day, found - told),
            )?;
        }
    }
    Ok(())
}

/// Of all days that have totals.
fn waiting_by_totals(tx: &Transaction<'_>) -> rusqlite::Result<BTreeMap<String, i64>> {
    tx.prepare(
        "SELECT day, deliveries - coalesce((SELECT sum(number) FROM tlsrptd_history_totals t \
         WHERE t.day = d.day AND kind = ?1), 0) FROM tlsrptd_history_days d",
    )?
    .query_map([Kind::Delivery.as_str()], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?
    .collect()
}

fn waiting_by_rows(tx: &Transaction<'_>) -> rusqlite::Result<BTreeMap<String, i64>> {
    tx.prepare(&format!(
        "SELECT day, count(*) FROM destinations JOIN reports ON r_id = d_r_id \
         WHERE {WAITING} AND typeof(day) = 'text' GROUP BY day"
    ))?
    .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
    .collect()
}

/// So many have ended that no total has: as the rows say, as far as they are still there.
fn more_ended(tx: &Transaction<'_>, day: &str, mut number: i64) -> rusqlite::Result<()> {
    let by_status: Vec<(String, i64)> = tx
        .prepare(
            "SELECT d.status, max(count(*) - coalesce((SELECT t.number FROM tlsrptd_history_totals t \
             WHERE t.day = ?1 AND t.kind = ?2 AND t.name = d.status), 0), 0) \
             FROM reports r JOIN destinations d ON d.d_r_id = r.r_id \
             WHERE r.day = ?1 AND typeof(d.status) = 'text' GROUP BY d.status",
        )?
        .query_map((day, Kind::Delivery.as_str()), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<Result<_, _>>()?;
    let mut add = tx.prepare(
        "INSERT INTO tlsrptd_history_totals(day, kind, name, number, failed) VALUES(?1, ?2, ?3, ?4, 0) \
         ON CONFLICT(day, kind, name) DO UPDATE SET number = number + ?4",
    )?;
    let of_no_row = (UNKNOWN.to_owned(), i64::MAX);
    for (status, more) in by_status.into_iter().chain([of_no_row]) {
        let more = more.min(number);
        number -= more;
        if more > 0 {
            add.execute((day, Kind::Delivery.as_str(), status, more))?;
        }
    }
    Ok(())
}
