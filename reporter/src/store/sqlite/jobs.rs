//! Fetch jobs: one a collector and day.
//!
//! `status` stays NULL until the day is decided, because any other word tells sys4 that the day is done. Until then the
//! state of a job is in our own columns: closed (answered or given up), listed.

use jiff::Timestamp;
use rusqlite::{Row, Transaction, named_params};
use tlsrptd_proto::day::Day;

use super::{SqliteStore, additions, text};
use crate::{
    model::FetchJob,
    store::{FetchJobs, Step, StoreError},
};

const WAITING: &str = "status IS NULL AND tlsrptd_closed IS NULL";

impl FetchJobs for SqliteStore {
    fn adopt_lists(&mut self, now: Timestamp) -> Result<usize, StoreError> {
        self.transact(Step::JobsMade, |tx| {
            tx.execute(
                "UPDATE fetchjobs SET status = NULL, retries = 0, nexttry = ?1, tlsrptd_listed = 1, \
                 tlsrptd_closed = NULL WHERE status = 'ok' AND EXISTS (SELECT 1 FROM reportdata r \
                 WHERE r.day = fetchjobs.day AND r.fetcherindex = fetchjobs.fetcherindex AND r.data IS NULL \
                 AND r.status IS NULL)",
                [text::nexttry(now)],
            )
        })
    }

    fn due_jobs(&mut self, now: Timestamp) -> Result<Vec<FetchJob>, StoreError> {
        let jobs: Vec<Option<FetchJob>> = self.read("jobs", |db| {
            db.prepare_cached(&format!(
                "SELECT day, fetcherindex, fetcher, retries, tlsrptd_listed, its, tlsrptd_seen FROM fetchjobs \
                 WHERE {WAITING} AND nexttry <= ?1 ORDER BY day, fetcherindex"
            ))?
            .query_map([text::nexttry(now)], job)?
            .collect()
        })?;
        Ok(jobs.into_iter().flatten().collect())
    }

    fn next_job(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let next: Option<String> = self.read("the next job", |db| {
            db.prepare_cached(&format!(
                "SELECT min(nexttry) FROM fetchjobs WHERE {WAITING} AND nexttry > ?1"
            ))?
            .query_row([text::nexttry(now)], |row| row.get(0))
        })?;
        Ok(next.as_deref().and_then(text::instant))
    }

    fn job_answered(
        &mut self,
        job: &FetchJob,
        additions: Option<u64>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let seen = additions.map_or("tlsrptd_seen".to_owned(), |additions| additions.to_string());
        let change =
            format!("tlsrptd_closed = :at, tlsrptd_reason = :reason, tlsrptd_seen = {seen}");
        self.move_job(Step::JobAnswered, job, &change, now, None)
    }

    fn job_failed(
        &mut self,
        job: &FetchJob,
        next: Timestamp,
        reason: &str,
    ) -> Result<(), StoreError> {
        let change = "retries = retries + 1, nexttry = :at, tlsrptd_reason = :reason";
        self.move_job(Step::JobFailed, job, change, next, Some(reason))
    }

    fn job_postponed(
        &mut self,
        job: &FetchJob,
        next: Timestamp,
        reason: &str,
    ) -> Result<(), StoreError> {
        let change = "nexttry = :at, tlsrptd_reason = :reason";
        self.move_job(Step::JobFailed, job, change, next, Some(reason))
    }

    fn job_given_up(
        &mut self,
        job: &FetchJob,
        now: Timestamp,
        reason: &str,
    ) -> Result<(), StoreError> {
        let change = "tlsrptd_closed = :at, tlsrptd_given_up = 1, \
                      tlsrptd_reason = :reason || coalesce('; ' || tlsrptd_reason, '')";
        self.move_job(Step::JobGivenUp, job, change, now, Some(reason))
    }

    fn job_too_large(
        &mut self,
        job: &FetchJob,
        now: Timestamp,
        reason: &str,
    ) -> Result<(), StoreError> {
        let change = "tlsrptd_closed = :at, tlsrptd_given_up = 3, \
                      tlsrptd_reason = :reason || coalesce('; ' || tlsrptd_reason, '')";
        self.move_job(Step::JobGivenUp, job, change, now, Some(reason))
    }
}

impl SqliteStore {
    /// One step of a waiting job.
    fn move_job(
        &mut self,
        step: Step,
        job: &FetchJob,
        change: &str,
        at: Timestamp,
        reason: Option<&str>,
    ) -> Result<(), StoreError> {
        self.transact(step, |tx| {
            tx.prepare_cached(&format!(
                "UPDATE fetchjobs SET {change} WHERE day = :day AND fetcherindex = :index AND {WAITING}"
            ))?
            .execute(named_params! {
                ":at": text::nexttry(at), ":reason": reason, ":day": job.day.to_string(), ":index": job.index,
            })?;
            match step {
                Step::JobGivenUp if job.seen.is_some() => {
                    additions::forget_part(tx, job.day, &job.command)
                }
                _ => Ok(()),
            }
        })
    }
}

/// A job waits, whatever became of it before, and is due now.
pub(super) fn reopen(
    tx: &Transaction<'_>,
    day: Day,
    index: i64,
    now: Timestamp,
) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE fetchjobs SET status = NULL, retries = 0, nexttry = ?3, tlsrptd_closed = NULL, \
         tlsrptd_given_up = NULL WHERE day = ?1 AND fetcherindex = ?2",
    )?
    .execute((day.to_string(), index, text::nexttry(now)))
    .map(drop)
}

fn job(row: &Row<'_>) -> rusqlite::Result<Option<FetchJob>> {
    let (day, its): (String, String) = (row.get(0)?, row.get(5)?);
    let Ok(day) = Day::parse(&day) else {
        return Ok(None);
    };
    Ok(Some(FetchJob {
        day,
        index: row.get(1)?,
        command: row.get(2)?,
        failures: row.get(3)?,
        listed: row.get::<_, Option<bool>>(4)? == Some(true),
        created: text::instant(&its).unwrap_or_else(|| day.next().start()),
        seen: row
            .get::<_, Option<i64>>(6)?
            .and_then(|seen| u64::try_from(seen).ok()),
    }))
}
