//! What waits, and why: read from the oldest deliveries alone. If there are more, how many wait follows from the totals of the days:
//! to count millions would take a second.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::Connection;

use super::{Columns, instant, number, string, text};
use crate::store::{Backlog, SharedReason};

/// So many are looked at: some hundredths of a second.
const LOOKED_AT: u32 = 20_000;

pub(super) fn read(db: &Connection, late: Timestamp) -> rusqlite::Result<Backlog> {
    if Columns::of(db)?.of_destinations("tlsrptd_started") == "NULL" {
        // sys4's file: it tells no reasons, and has no index; it is small.
        return count(db, late);
    }
    let mut backlog = oldest(db, late)?;
    backlog.waiting = match backlog.looked_at < u64::from(LOOKED_AT) {
        true => backlog.looked_at,
        false => by_totals(db)?.max(backlog.looked_at),
    };
    Ok(backlog)
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
fn oldest(db: &Connection, late: Timestamp) -> rusqlite::Result<Backlog> {
    let mut select = db.prepare(
        "SELECT nexttry, tlsrptd_reason, coalesce(tlsrptd_first, its) FROM destinations \
         WHERE status IS NULL AND tlsrptd_started IS NULL ORDER BY d_r_id LIMIT ?1",
    )?;
    let mut backlog = Backlog::default();
    let mut rows = select.query([LOOKED_AT])?;
    let mut kinds: HashMap<String, (u64, String)> = HashMap::new();
    while let Some(row) = rows.next()? {
        backlog.looked_at += 1;
        let due = instant(row, 0)?;
        backlog.next_due = earlier(backlog.next_due, due);
        if let Some(due) = due.filter(|due| *due < late) {
            backlog.late += 1;
            backlog.late_since = earlier(backlog.late_since, Some(due));
        }
        let Some(reason) = string(row.get_ref(1)?) else {
            continue;
        };
        backlog.tried += 1;
        let first = instant(row, 2)?;
        // While the relay takes nothing, no first attempt is recorded.
        backlog.tried_long += u64::from(first.is_some_and(|first| first < late));
        backlog.tried_since = earlier(backlog.tried_since, first);
        kinds.entry(without_names(&reason)).or_insert((0, reason)).0 += 1;
    }
    // Deterministic if several are equally frequent.
    backlog.reason = kinds
        .into_values()
        .max()
        .map(|(deliveries, reason)| SharedReason { deliveries, reason });
    Ok(backlog)
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    [one, other].into_iter().flatten().min()
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

/// A reply without the addresses that it names, so that the same reply counts as one.
fn without_names(reason: &str) -> String {
    let mut parts = reason.split('<');
    let mut kind = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kind.push_str("<>");
        kind.push_str(part.split_once('>').map_or("", |(_, rest)| rest));
    }
    kind
}
