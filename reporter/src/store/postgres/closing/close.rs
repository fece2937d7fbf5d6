//! A day is closed, in one transaction. The order of its statements is what makes it exact: first each collector's row is
//! closed, which waits for a batch that is being written; then nothing can come any more, and the day is told to be closed.

use jiff::Timestamp;
use tlsrptd_fleet::{Fault, PgDay, PgTime, SHARDS, Transaction};
use tlsrptd_proto::day::Day;

use super::super::{
    expected::{IS_EXPECTED, TODAY},
    held::{self, Try},
};

/// What came of it.
pub(super) enum DayEnd {
    Closed {
        /// The collectors that were not done with it.
        missing: Vec<String>,
    },
    /// It is closed already, or something is waited for after all.
    Waits,
}

/// The collectors that are waited for on the day `d.day`.
fn expected() -> String {
    format!(
        "SELECT c.id, c.name, coalesce(s.done, false) AS done FROM collector c \
         LEFT JOIN shipment s ON s.collector = c.id AND s.day = d.day WHERE {IS_EXPECTED}"
    )
}

/// Unless all are done with it, only where its deadline has passed.
pub(super) fn close(
    tx: &Transaction<'_>,
    day: Day,
    is_late: bool,
    now: Timestamp,
) -> Result<Try<DayEnd>, Fault> {
    tx.batch("SAVEPOINT untouched")?;
    let end = held::unless_held(tx, day, || match close_shipments(tx, day)? {
        true => close_day(tx, day, is_late, now),
        false => Ok(DayEnd::Waits),
    })?;
    if matches!(end, Try::Done(DayEnd::Waits)) {
        tx.batch("ROLLBACK TO SAVEPOINT untouched")?;
    }
    Ok(end)
}

/// From here on what shippers bring is late. Gives whether the day is open.
fn close_shipments(tx: &Transaction<'_>, day: Day) -> Result<bool, Fault> {
    let of = PgDay(day);
    let open = tx.query_opt(
        &format!(
            "SELECT 1 FROM day WHERE day = $1 AND state = 'open' AND day < {TODAY} FOR UPDATE"
        ),
        &[&of],
    )?;
    if open.is_none() {
        return Ok(false);
    }
    // Those that have shipped nothing get a row too: what they bring later is late.
    tx.execute(
        &format!(
            "INSERT INTO shipment(day, collector, closed) SELECT d.day, e.id, true \
             FROM day d, LATERAL ({}) e WHERE d.day = $1 ON CONFLICT (day, collector) DO NOTHING",
            expected()
        ),
        &[&of],
    )?;
    // It waits for the batches that are being written.
    tx.execute(
        "UPDATE shipment SET closed = true WHERE day = $1 AND NOT closed",
        &[&of],
    )?;
    Ok(true)
}

/// What collectors bring whose rows nobody holds now is late from here on, as the deadline of the day has passed: it stays open only
/// until the others let theirs go.
pub(super) fn close_free(tx: &Transaction<'_>, day: Day) -> Result<(), Fault> {
    tx.execute(
        &format!(
            "UPDATE shipment SET closed = true WHERE day = $1 AND collector IN ( \
             SELECT s.collector FROM shipment s JOIN day d ON d.day = s.day \
             WHERE s.day = $1 AND NOT s.closed AND d.state = 'open' AND d.day < {TODAY} FOR UPDATE OF s SKIP LOCKED)"
        ),
        &[&PgDay(day)],
    )
    .map(drop)
}

fn close_day(
    tx: &Transaction<'_>,
    day: Day,
    is_late: bool,
    now: Timestamp,
) -> Result<DayEnd, Fault> {
    let of = PgDay(day);
    let missing = tx.query(
        &format!(
            "SELECT e.name FROM day d, LATERAL ({}) e WHERE d.day = $1 AND NOT e.done ORDER BY e.name, e.id",
            expected()
        ),
        &[&of],
    )?;
    let missing: Vec<String> = missing
        .iter()
        .map(|row| row.try_get(0))
        .collect::<Result<_, _>>()?;
    if !missing.is_empty() && !is_late {
        // Another collector has come since the look, or one sends the day once more.
        return Ok(DayEnd::Waits);
    }
    tx.execute(
        "UPDATE day SET state = 'closed', closed_at = clock_timestamp(), missing = $2 WHERE day = $1",
        &[&of, &missing],
    )?;
    // From now on whoever asks for a day's collectors sees the shippers beside the fetchers.
    tx.execute(
        &format!(
            "INSERT INTO fetch_job(day, job, command, place, next, created, closed, outcome, reason) \
             SELECT $1, -e.id, 'shipper:' || e.name, 0, $2, $2, $2, CASE WHEN e.done THEN 'answered' ELSE 'given up' END, \
             CASE WHEN NOT e.done THEN 'the fetch deadline has passed: not all of its counts had come' END \
             FROM day d, LATERAL ({}) e WHERE d.day = $1 ON CONFLICT (day, job) DO NOTHING",
            expected()
        ),
        &[&of, &PgTime(now)],
    )?;
    tx.execute(
        "INSERT INTO compose(day, shard) SELECT $1, generate_series(0, $2::int - 1) ON CONFLICT DO NOTHING",
        &[&of, &i32::from(SHARDS)],
    )?;
    Ok(DayEnd::Closed { missing })
}
