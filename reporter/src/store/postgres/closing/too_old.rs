//! Days that are told of by a collector that was away, or retired, for longer than `keep_days`. They get no tables any more: they
//! are closed at once, so that what it has counts as late, and is in no report.

use tlsrptd_fleet::{Fault, PgDay, Transaction};
use tlsrptd_proto::day::Day;

use super::{
    super::{PostgresStore, days::CALENDAR, expected::TODAY, held, unreadable},
    ClosedDay,
};
use crate::store::{Step, StoreError};

/// In one look: whoever has the password of a shipper could tell of any number.
const AT_ONCE: i64 = 32;

/// By our clock and by the database's.
fn too_old() -> String {
    format!(
        "SELECT day FROM day WHERE state = 'open' AND NOT counts AND day < least($1::date, {TODAY}) - $2::int \
         AND day <> ALL($3) ORDER BY day LIMIT $4"
    )
}

/// What shippers bring of it from now on is late. There is nothing to compose, unless fetchers were asked.
const CLOSE: &str = "WITH closed AS (UPDATE day SET state = 'closed', closed_at = clock_timestamp(), missing = $2 WHERE day = $1) \
    INSERT INTO composing(day, composed) \
    SELECT $1, NOT EXISTS (SELECT 1 FROM fetch_job j WHERE j.day = $1 AND NOT j.decided) \
    ON CONFLICT (day) DO UPDATE SET composed = excluded.composed";

impl PostgresStore {
    /// Closes them. Gives whether there may be more.
    pub(super) fn close_old_days(
        &mut self,
        today: Day,
        closed: &mut Vec<ClosedDay>,
    ) -> Result<bool, StoreError> {
        const WHAT: &str = "the days that are too old";
        let (kept, held) = (self.kept_days(), self.held.days());
        let rows = self.read(WHAT, &too_old(), &[&PgDay(today), &kept, &held, &AT_ONCE])?;
        for row in &rows {
            let PgDay(day) = row
                .try_get(0)
                .map_err(|error| unreadable(WHAT, error.into()))?;
            let tellers = self.transact_unless_held(Step::JobsMade, &[CALENDAR], day, |tx| {
                held::unless_held(tx, day, || close(tx, day))
            })?;
            closed.extend(tellers.flatten().map(|missing| ClosedDay {
                day,
                missing,
                is_too_old: true,
            }));
        }
        Ok(rows.len() as i64 >= AT_ONCE)
    }
}

/// Gives the collectors that have told of it; `None`: it is closed already.
fn close(tx: &Transaction<'_>, day: Day) -> Result<Option<Vec<String>>, Fault> {
    let of = PgDay(day);
    let open = "SELECT 1 FROM day WHERE day = $1 AND state = 'open' AND NOT counts FOR UPDATE";
    if tx.query_opt(open, &[&of])?.is_none() {
        return Ok(None);
    }
    tx.execute(
        "UPDATE shipment SET closed = true WHERE day = $1 AND NOT closed",
        &[&of],
    )?;
    let tellers = tx.query(
        "SELECT DISTINCT c.name FROM shipment s JOIN collector c ON c.id = s.collector WHERE s.day = $1 ORDER BY 1",
        &[&of],
    )?;
    let tellers: Vec<String> = tellers
        .iter()
        .map(|row| row.try_get(0))
        .collect::<Result<_, _>>()?;
    tx.execute(CLOSE, &[&of, &tellers])?;
    Ok(Some(tellers))
}
