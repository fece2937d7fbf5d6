//! What was done on all days: counters that never fall. They are the sums of the days that are remembered, and of rows for those
//! that are not: what is forgotten of a day is added to them in the same statement.

use tlsrptd_fleet::{Fault, PgDay, Row, Session, Transaction};
use tlsrptd_proto::day::Day;

use super::read::wide;
use crate::store::{ResultTotals, RunningTotals};

/// So many failures of a day are looked at, those of the most sessions.
const LOOKED_AT: i64 = 1000;

/// Before this day: adds what is known of it to what has been forgotten, and forgets it.
pub(super) fn keep(tx: &Transaction<'_>, oldest: Day) -> Result<(), Fault> {
    tx.execute(
        "WITH gone AS (DELETE FROM history_total WHERE day < $1 RETURNING kind, name, number, failed) \
         INSERT INTO history_forgotten AS h(kind, name, number, failed) \
         SELECT kind, name, least(sum(number), 9223372036854775807)::bigint, least(sum(failed), 9223372036854775807)::bigint \
         FROM gone WHERE kind IN ('policy', 'result', 'carrier', 'bounce') GROUP BY kind, name \
         ON CONFLICT (kind, name) DO UPDATE SET \
         number = least(h.number, 9223372036854775807 - excluded.number) + excluded.number, \
         failed = least(h.failed, 9223372036854775807 - excluded.failed) + excluded.failed",
        &[&PgDay(oldest)],
    )
    .map(drop)
}

/// See [`OperatorStore::running_totals`](crate::store::OperatorStore::running_totals).
pub(in super::super) fn running_totals(db: &Session) -> Result<RunningTotals, Fault> {
    let rows = db.query(
        "SELECT kind, name, least(sum(number), 18446744073709551615)::text, least(sum(failed), 18446744073709551615)::text FROM \
         (SELECT kind, name, number, failed FROM history_total WHERE kind IN ('policy', 'result', 'carrier', 'bounce') \
         UNION ALL SELECT kind, name, number, failed FROM history_forgotten) AS every \
         GROUP BY kind, name ORDER BY kind, name",
        &[],
    )?;
    let mut totals = RunningTotals::default();
    for row in rows {
        let (number, failed) = (wide(&row, 2)?, wide(&row, 3)?);
        totals.add(row.try_get(0)?, row.try_get(1)?, number, failed);
    }
    Ok(totals)
}

/// See [`OperatorStore::most_failed`](crate::store::OperatorStore::most_failed).
pub(in super::super) fn most_failed(db: &Session, day: Day) -> Result<Vec<ResultTotals>, Fault> {
    let rows = db.query(
        "SELECT result, least(max(sessions), 18446744073709551615)::text FROM \
         (SELECT t.domain, t.result, sum(top.sessions) AS sessions FROM \
         (SELECT failure, sessions FROM failing WHERE day = $1 AND failure <> 0 ORDER BY sessions DESC LIMIT $2) AS top \
         JOIN failure t ON t.id = top.failure GROUP BY t.domain, t.result) AS of_domain \
         GROUP BY result ORDER BY max(sessions) DESC, result",
        &[&PgDay(day), &LOOKED_AT],
    )?;
    let row = |row: &Row| {
        Ok(ResultTotals {
            result_type: row.try_get(0)?,
            sessions: wide(row, 1)?,
        })
    };
    rows.iter().map(row).collect()
}

/// How many mails came back with these results.
pub(in super::super) fn bounces_of(db: &Session, results: &[&str]) -> Result<u64, Fault> {
    let sum = db.query_opt(
        "SELECT least(coalesce(sum(number), 0), 18446744073709551615)::text FROM \
         (SELECT number FROM history_total WHERE kind = 'bounce' AND name = ANY($1) \
         UNION ALL SELECT number FROM history_forgotten WHERE kind = 'bounce' AND name = ANY($1)) AS every",
        &[&results],
    )?;
    sum.map_or(Ok(0), |row| wide(&row, 0))
}
