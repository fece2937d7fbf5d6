//! The days of a fleet: their partitions, and when nothing more is added to them.
//!
//! The owner of shard 0 does this for all. A day is closed when each collector that ships is done with it and each fetch job is
//! over, or at its deadline; what a shipper brings later is counted as late. The order of the steps is what makes it exact:
//! first each collector's row is closed, which waits for a batch that is being written; then nothing can come any more, and
//! the day is told to be closed.

use jiff::Timestamp;
use tlsrptd_fleet::{Fault, PgDay, PgTime, SHARDS, Transaction, schema};
use tlsrptd_proto::day::Day;
use tokio::time::Instant;

use super::{PostgresStore, at_step, unreadable};
use crate::store::{ClosedDay, Step, StoreError};

/// The collectors that are waited for on the day `d.day`. When a spool was lost its collector is another one, under the same
/// name: the old one is waited for no longer than on the day on which that one began.
const EXPECTED: &str = "SELECT c.id, c.name, coalesce(s.done, false) AS done \
    FROM collector c LEFT JOIN shipment s ON s.collector = c.id AND s.day = d.day \
    WHERE c.first_day <= d.day AND (c.retired IS NULL OR c.retired > d.day) \
    AND NOT EXISTS (SELECT 1 FROM collector n WHERE n.name = c.name AND n.id > c.id AND n.first_day < d.day)";

/// A day that is waited for.
struct WaitingDay {
    day: Day,
    over: Option<Timestamp>,
    /// Collectors and fetch jobs.
    sources: i64,
    /// Of these, shippers that are not done, and jobs that are not over.
    shippers: i64,
    jobs: i64,
}

impl PostgresStore {
    /// Makes the partitions of this day and the next, and of those that shippers ask for. Where nobody ships, days have no others
    /// than those that come with their first answer.
    pub(super) fn prepare_days(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let today = Day::of(now);
        let wanted = self.read(
            "the days to prepare",
            "SELECT n.day FROM (SELECT unnest(ARRAY[$1::date, $2::date]) AS day UNION SELECT day FROM day WHERE state = 'open') n \
             WHERE NOT EXISTS (SELECT 1 FROM day d WHERE d.day = n.day AND d.counts) \
             AND EXISTS (SELECT 1 FROM collector c WHERE c.first_day <= n.day AND (c.retired IS NULL OR c.retired > n.day)) \
             ORDER BY n.day",
            &[&PgDay(today), &PgDay(today.next())],
        )?;
        for row in &wanted {
            let made = row
                .try_get(0)
                .map_err(Fault::from)
                .and_then(|PgDay(day)| schema::make_day(&self.db, day));
            made.map_err(|fault| at_step(Step::Made, fault))?;
        }
        Ok(())
    }

    /// Closes the days that nothing is waited for any more. Gives them, and until when others are waited for, at most.
    pub(super) fn close_days(
        &mut self,
        now: Timestamp,
        deadlines: Option<&dyn Fn(Day, Timestamp) -> Timestamp>,
    ) -> Result<(Vec<ClosedDay>, Option<Timestamp>), StoreError> {
        let Some(deadline) = deadlines else {
            return Ok((Vec::new(), Some(now)));
        };
        let waiting = self.waiting_days(Day::of(now))?;
        if waiting.iter().any(|waiting| waiting.over.is_none()) {
            self.transact(Step::JobsMade, &[0], |tx| {
                tx.execute(
                    "UPDATE day SET over = $2 WHERE state = 'open' AND day < $1 AND over IS NULL",
                    &[&PgDay(Day::of(now)), &PgTime(now)],
                )
            })?;
        }
        let (mut closed, mut next) = (Vec::new(), None);
        for waiting in waiting {
            let until = deadline(waiting.day, waiting.over.unwrap_or(now));
            let (is_late, is_done) = (until <= now, waiting.sources > 0 && waiting.shippers == 0);
            if waiting.jobs > 0 || !is_done && !is_late {
                next = Some(next.map_or(until, |next: Timestamp| next.min(until)));
                continue;
            }
            match self.transact(Step::JobsMade, &[0], |tx| {
                close(tx, waiting.day, is_late, now)
            }) {
                Ok(Some(day)) => closed.push(day),
                Ok(None) => next = Some(now),
                // A shipper hangs in the middle of a batch: the server ends it, and the day is closed then.
                Err(error) if error.may_pass() => {
                    next = Some(now);
                    self.member.next_look = Some(Instant::now() + self.member.look_interval());
                    tracing::debug!(day = %waiting.day, %error, "the day cannot be closed yet");
                }
                Err(error) => return Err(error),
            }
        }
        Ok((closed, next))
    }

    fn waiting_days(&self, today: Day) -> Result<Vec<WaitingDay>, StoreError> {
        const WHAT: &str = "the open days";
        let sql = format!(
            "SELECT d.day, d.over, e.number + j.number, e.waiting, j.waiting FROM day d, \
             LATERAL (SELECT count(*) AS number, count(*) FILTER (WHERE NOT e.done) AS waiting FROM ({EXPECTED}) e) e, \
             LATERAL (SELECT count(*) AS number, count(*) FILTER (WHERE closed IS NULL) AS waiting \
             FROM fetch_job WHERE day = d.day AND job > 0) j \
             WHERE d.state = 'open' AND d.day < $1 ORDER BY d.day"
        );
        let rows = self.read(WHAT, &sql, &[&PgDay(today)])?;
        let days = rows.iter().map(|row| {
            let (PgDay(day), over): (_, Option<PgTime>) = (row.try_get(0)?, row.try_get(1)?);
            Ok(WaitingDay {
                day,
                over: over.map(|over| over.0),
                sources: row.try_get(2)?,
                shippers: row.try_get(3)?,
                jobs: row.try_get(4)?,
            })
        });
        days.collect::<Result<_, Fault>>()
            .map_err(|fault| unreadable(WHAT, fault))
    }
}

/// `None`: it is closed already, or something is waited for after all.
fn close(
    tx: &Transaction<'_>,
    day: Day,
    is_late: bool,
    now: Timestamp,
) -> Result<Option<ClosedDay>, Fault> {
    let (of, now) = (PgDay(day), PgTime(now));
    tx.batch("SET LOCAL lock_timeout = '3s'; SAVEPOINT untouched")?;
    let open = tx.query_opt(
        "SELECT 1 FROM day WHERE day = $1 AND state = 'open' FOR UPDATE",
        &[&of],
    )?;
    if open.is_none() {
        return Ok(None);
    }
    // Those that have shipped nothing get a row too: what they bring later is late.
    tx.execute(
        &format!(
            "INSERT INTO shipment(day, collector, closed) SELECT d.day, e.id, true \
             FROM day d, LATERAL ({EXPECTED}) e WHERE d.day = $1 \
             ON CONFLICT (day, collector) DO NOTHING"
        ),
        &[&of],
    )?;
    // It waits for the batches that are being written.
    tx.execute(
        "UPDATE shipment SET closed = true WHERE day = $1 AND NOT closed",
        &[&of],
    )?;
    let expected = tx.query(
        &format!(
            "SELECT e.name, e.done FROM day d, LATERAL ({EXPECTED}) e WHERE d.day = $1 ORDER BY e.name, e.id"
        ),
        &[&of],
    )?;
    let mut missing: Vec<String> = Vec::new();
    for row in &expected {
        if !row.try_get::<_, bool>(1)? {
            missing.push(row.try_get(0)?);
        }
    }
    if !missing.is_empty() && !is_late {
        // Another collector has come since the look, or one sends the day once more.
        tx.batch("ROLLBACK TO SAVEPOINT untouched")?;
        return Ok(None);
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
             FROM day d, LATERAL ({EXPECTED}) e WHERE d.day = $1 ON CONFLICT (day, job) DO NOTHING"
        ),
        &[&of, &now],
    )?;
    tx.execute(
        "INSERT INTO compose(day, shard) SELECT $1, generate_series(0, $2::int - 1) ON CONFLICT DO NOTHING",
        &[&of, &i32::from(SHARDS)],
    )?;
    Ok(Some(ClosedDay { day, missing }))
}
