//! Mails that came back: what they change in the totals.

use rusqlite::{Connection, Transaction};
use tlsrptd_proto::day::Day;

use super::{Kind, failures::count, read::has_tables};
use crate::model::{BounceResult, DeliveryStatus};

const ONE_MORE: &str = "INSERT INTO tlsrptd_history_totals(day, kind, name, number, failed) VALUES(?1, ?2, ?3, 1, 0) \
    ON CONFLICT(day, kind, name) DO UPDATE SET number = min(number, 9223372036854775806) + 1";

/// A delivery of that day's reports counted as sent, and is refused. What carriers did is left as it is: these counters never
/// fall, and what came back is counted beside them.
pub(in super::super) fn bounced(tx: &Transaction<'_>, day: &str) -> rusqlite::Result<()> {
    let key = (day, Kind::Delivery.as_str(), DeliveryStatus::Sent.as_str());
    let taken_back = tx
        .prepare_cached(
            "UPDATE tlsrptd_history_totals SET number = number - 1 \
             WHERE day = ?1 AND kind = ?2 AND name = ?3 AND number > 0",
        )?
        .execute(key)?;
    // Of a day that is forgotten, or was sys4's, nothing is known.
    if taken_back == 0 {
        return Ok(());
    }
    tx.prepare_cached(
        "DELETE FROM tlsrptd_history_totals WHERE day = ?1 AND kind = ?2 AND name = ?3 AND number = 0",
    )?
    .execute(key)?;
    let refused = DeliveryStatus::Refused.as_str();
    tx.prepare_cached(ONE_MORE)?
        .execute((day, Kind::Delivery.as_str(), refused))
        .map(drop)
}

/// A mail came back on that day.
pub(in super::super) fn count_bounce(
    tx: &Transaction<'_>,
    day: Day,
    result: BounceResult,
) -> rusqlite::Result<()> {
    tx.prepare_cached(ONE_MORE)?
        .execute((day.to_string(), Kind::Bounce.as_str(), result.as_str()))
        .map(drop)
}

/// How many came back with these results.
pub(in super::super) fn bounces_of<const N: usize>(
    db: &Connection,
    results: [&str; N],
) -> rusqlite::Result<u64> {
    if !has_tables(db)? {
        return Ok(0);
    }
    let mut sum = 0_u64;
    let mut select = db.prepare_cached(
        "SELECT CAST(min(total(number), 9e18) AS INTEGER) FROM tlsrptd_history_totals WHERE kind = ?1 AND name = ?2",
    )?;
    for result in results {
        let found = select.query_row((Kind::Bounce.as_str(), result), |row| row.get(0))?;
        sum = sum.saturating_add(count(found));
    }
    Ok(sum)
}
