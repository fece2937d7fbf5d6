//! Fetch jobs: one a collector and day. A collector is asked by the member that owns the shard of its command.

use jiff::Timestamp;
use tlsrptd_fleet::{Fault, PgDay, PgTime, Row, Shard, Transaction, shard_of, stored_text};
use tlsrptd_proto::day::Day;

use super::{PostgresStore, additions, composing, unreadable};
use crate::{
    model::{FetchJob, collector_of},
    store::{FetchJobs, Step, StoreError},
};

/// Of fetchers alone: shippers are not asked.
const WAITING: &str = "NOT decided AND closed IS NULL AND job > 0";

impl FetchJobs for PostgresStore {
    fn adopt_lists(&mut self, _: Timestamp) -> Result<usize, StoreError> {
        // sys4's reporter does not work on this database.
        Ok(0)
    }

    fn is_ours(&self, job: &FetchJob) -> bool {
        self.asks(&job.command)
    }

    fn due_jobs(&mut self, now: Timestamp) -> Result<Vec<FetchJob>, StoreError> {
        let rows = self.read(
            "jobs",
            &format!(
                "SELECT day, job, command, failures, listed, created, seen, \
                 EXISTS (SELECT 1 FROM day d WHERE d.day = j.day AND d.made) FROM fetch_job j \
                 WHERE {WAITING} AND next <= $1 ORDER BY day, job"
            ),
            &[&PgTime(now)],
        )?;
        let due = |row: &Row| Ok((job(row)?, row.try_get(7)?));
        let due: Result<Vec<(FetchJob, bool)>, Fault> = rows.iter().map(due).collect();
        let mut jobs = Vec::new();
        for (job, has_tables) in due.map_err(|fault| unreadable("jobs", fault))? {
            if self.asks(&job.command)
                && (has_tables || self.has_partitions(job.day, Step::JobsMade)?)
            {
                jobs.push(job);
            }
        }
        Ok(jobs)
    }

    fn next_job(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let rows = self.read(
            "the next job",
            &format!(
                "SELECT command, next FROM fetch_job WHERE {WAITING} AND next > $1 ORDER BY next"
            ),
            &[&PgTime(now)],
        )?;
        for row in rows {
            let read = || Ok::<(&str, PgTime), Fault>((row.try_get(0)?, row.try_get(1)?));
            let (command, next) = read().map_err(|fault| unreadable("the next job", fault))?;
            if self.asks(command) {
                return Ok(Some(next.0));
            }
        }
        Ok(None)
    }

    fn job_answered(
        &mut self,
        job: &FetchJob,
        additions: Option<u64>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let seen = additions.map(|additions| i64::try_from(additions).unwrap_or(i64::MAX));
        self.transact(Step::JobAnswered, &[shard_of_job(&job.command)], |tx| {
            tx.execute(
                &format!(
                    "UPDATE fetch_job SET closed = $3, outcome = 'answered', reason = NULL, seen = coalesce($4, seen) \
                     WHERE day = $1 AND job = $2 AND {WAITING}"
                ),
                &[&PgDay(job.day), &number(job.index), &PgTime(now), &seen],
            )?;
            composing::begin_anew(tx, job.day)
        })
    }

    fn job_failed(
        &mut self,
        job: &FetchJob,
        next: Timestamp,
        reason: &str,
    ) -> Result<(), StoreError> {
        // Of a step that comes twice one attempt is counted.
        let change =
            "failures = failures + CASE WHEN next = $3 THEN 0 ELSE 1 END, next = $3, reason = $4";
        self.wait_on(job, change, next, reason)
    }

    fn job_postponed(
        &mut self,
        job: &FetchJob,
        next: Timestamp,
        reason: &str,
    ) -> Result<(), StoreError> {
        self.wait_on(job, "next = $3, reason = $4", next, reason)
    }

    fn job_given_up(
        &mut self,
        job: &FetchJob,
        now: Timestamp,
        reason: &str,
    ) -> Result<(), StoreError> {
        self.give_up(job, "given up", now, reason)
    }

    fn job_too_large(
        &mut self,
        job: &FetchJob,
        now: Timestamp,
        reason: &str,
    ) -> Result<(), StoreError> {
        self.give_up(job, "too large", now, reason)
    }
}

impl PostgresStore {
    /// Whether this member asks that collector.
    pub(super) fn asks(&self, command: &str) -> bool {
        self.member.shards().contains(&shard_of_job(command))
    }

    /// A waiting job is asked later.
    fn wait_on(
        &mut self,
        job: &FetchJob,
        change: &str,
        next: Timestamp,
        reason: &str,
    ) -> Result<(), StoreError> {
        let sql =
            format!("UPDATE fetch_job SET {change} WHERE day = $1 AND job = $2 AND {WAITING}");
        let (day, index, next) = (PgDay(job.day), number(job.index), PgTime(next));
        self.transact(Step::JobFailed, &[shard_of_job(&job.command)], |tx| {
            tx.execute(&sql, &[&day, &index, &next, &stored_text(reason)])
                .map(drop)
        })
    }

    fn give_up(
        &mut self,
        job: &FetchJob,
        outcome: &str,
        now: Timestamp,
        reason: &str,
    ) -> Result<(), StoreError> {
        self.transact(Step::JobGivenUp, &[shard_of_job(&job.command)], |tx| {
            tx.execute(
                &format!(
                    "UPDATE fetch_job SET closed = $3, outcome = $4, reason = $5 || coalesce('; ' || reason, '') \
                     WHERE day = $1 AND job = $2 AND {WAITING}"
                ),
                &[
                    &PgDay(job.day),
                    &number(job.index),
                    &PgTime(now),
                    &outcome,
                    &stored_text(reason),
                ],
            )?;
            if job.seen.is_some() {
                additions::forget_part(tx, job.day, job.index)?;
            }
            composing::begin_anew(tx, job.day)
        })
    }
}

/// Who asks a collector, however its command is spaced.
pub(super) fn shard_of_job(command: &str) -> Shard {
    shard_of(&collector_of(command))
}

/// A job's number or place, as the tables have it.
pub(super) fn number(index: i64) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}

/// A job waits, whatever became of it before, and is due now.
pub(super) fn reopen(
    tx: &Transaction<'_>,
    day: Day,
    index: i64,
    now: Timestamp,
) -> Result<(), Fault> {
    tx.execute(
        "UPDATE fetch_job SET decided = false, failures = 0, next = $3, closed = NULL, outcome = NULL \
         WHERE day = $1 AND job = $2",
        &[&PgDay(day), &number(index), &PgTime(now)],
    )
    .map(drop)
}

fn job(row: &Row) -> Result<FetchJob, Fault> {
    Ok(FetchJob {
        day: row.try_get::<_, PgDay>(0)?.0,
        index: row.try_get::<_, i32>(1)?.into(),
        command: row.try_get(2)?,
        failures: u32::try_from(row.try_get::<_, i32>(3)?).unwrap_or(0),
        listed: row.try_get(4)?,
        created: row.try_get::<_, PgTime>(5)?.0,
        seen: row
            .try_get::<_, Option<i64>>(6)?
            .and_then(|seen| u64::try_from(seen).ok()),
    })
}
