//! What waits, and why: read from the oldest deliveries alone. If there are more, how many wait follows from the totals of the days:
//! to count millions would take a second.

use jiff::Timestamp;
use rusqlite::Connection;

use super::{Columns, instant, number, string, text};
use crate::store::{
    Backlog,
    backlog::{BacklogSums, LOOKED_AT},
};

pub(super) fn read(db: &Connection, late: Timestamp) -> rusqlite::Result<Backlog> {
    if Columns::of(db)?.of_destinations("tlsrptd_started") == "NULL" {
        // sys4's file: it tells no reasons, and has no index; it is small.
        return count(db, late);
    }
    let sums = oldest(db, late)?;
    let looked_at = sums.looked_at();
    Ok(sums.end(match looked_at < u64::from(LOOKED_AT) {
        true => looked_at,
        false => by_totals(db)?.max(looked_at),
    }))
}

fn count(db: &Connection, late: Timestamp) -> rusqlite::Result<Backlog> {
    let select = "SELECT count(*), min(nexttry), sum(nexttry < ?1), min(CASE WHEN nexttry < ?1 THEN nexttry END) \
         FROM destinations WHERE status IS NULL";
    db.query_row(select, [text::nexttry(late)], |row| {
        Ok(Backlog {
            waiting: number(row.get_ref(0)?).unwrap_or(0),
            next_due: instant(row, 1)?,
            late: number(row.get_ref(2)?).unwrap_or(0),
            late_since: instant(row, 3)?,
            ..Backlog::default()
        })
    })
}

/// In the order of the index of pending deliveries.
fn oldest(db: &Connection, late: Timestamp) -> rusqlite::Result<BacklogSums> {
    let mut select = db.prepare(
        "SELECT nexttry, tlsrptd_reason, coalesce(tlsrptd_first, its) FROM destinations \
         WHERE status IS NULL AND tlsrptd_started IS NULL ORDER BY d_r_id LIMIT ?1",
    )?;
    let mut sums = BacklogSums::new(late);
    let mut rows = select.query([LOOKED_AT])?;
    while let Some(row) = rows.next()? {
        sums.add(instant(row, 0)?, string(row.get_ref(1)?), instant(row, 2)?);
    }
    Ok(sums)
}

/// Those that have not ended, by what is remembered of each day: of rows that are delivered now, too.
fn by_totals(db: &Connection) -> rusqlite::Result<u64> {
    if !db.table_exists(None, "tlsrptd_history_days")? {
        return Ok(0);
    }
    let select = "SELECT coalesce((SELECT sum(deliveries) FROM tlsrptd_history_days), 0) \
         - coalesce((SELECT sum(number) FROM tlsrptd_history_totals WHERE kind = 'delivery' AND day > ''), 0)";
    db.query_row(select, [], |row| Ok(number(row.get_ref(0)?).unwrap_or(0)))
}
