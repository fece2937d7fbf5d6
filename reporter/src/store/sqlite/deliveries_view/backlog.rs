//! What waits, and why: counted by the index of pending deliveries; reasons are read from the oldest of them alone.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::Connection;

use super::{Columns, instant, number, string, text};
use crate::store::{Backlog, SharedReason};

/// So many are looked at for their reasons: some hundredths of a second.
const LOOKED_AT: i64 = 20_000;

pub(super) fn read(db: &Connection, late: Timestamp) -> rusqlite::Result<Backlog> {
    if Columns::of(db)?.of_destinations("tlsrptd_started") == "NULL" {
        // sys4's file: it tells no reasons, and has no index; it is small.
        return count(db, "status IS NULL", late);
    }
    let mut backlog = count(db, "status IS NULL AND tlsrptd_started IS NULL", late)?;
    reasons(db, late, &mut backlog)?;
    Ok(backlog)
}

fn count(db: &Connection, is_waiting: &str, late: Timestamp) -> rusqlite::Result<Backlog> {
    let select = format!(
        "SELECT count(*), min(nexttry), sum(nexttry < ?1), min(CASE WHEN nexttry < ?1 THEN nexttry END) \
         FROM destinations WHERE {is_waiting}"
    );
    db.query_row(&select, [text::nexttry(late)], |row| {
        Ok(Backlog {
            waiting: number(row.get_ref(0)?).unwrap_or(0),
            next_due: instant(row, 1)?,
            late: number(row.get_ref(2)?).unwrap_or(0),
            late_since: instant(row, 3)?,
            ..Backlog::default()
        })
    })
}

fn reasons(db: &Connection, late: Timestamp, backlog: &mut Backlog) -> rusqlite::Result<()> {
    let mut select = db.prepare(
        "SELECT tlsrptd_reason, coalesce(tlsrptd_first, its) FROM destinations \
         WHERE status IS NULL AND tlsrptd_started IS NULL ORDER BY d_r_id LIMIT ?1",
    )?;
    let mut rows = select.query([LOOKED_AT])?;
    let mut kinds: HashMap<String, (u64, String)> = HashMap::new();
    while let Some(row) = rows.next()? {
        backlog.looked_at += 1;
        let Some(reason) = string(row.get_ref(0)?) else {
            continue;
        };
        backlog.tried += 1;
        let first = instant(row, 1)?;
        // While the relay takes nothing, no first attempt is recorded.
        backlog.tried_long += u64::from(first.is_some_and(|first| first < late));
        backlog.tried_since = [backlog.tried_since, first].into_iter().flatten().min();
        kinds.entry(without_names(&reason)).or_insert((0, reason)).0 += 1;
    }
    // Deterministic if several are equally frequent.
    backlog.reason = kinds
        .into_values()
        .max()
        .map(|(deliveries, reason)| SharedReason { deliveries, reason });
    Ok(())
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
