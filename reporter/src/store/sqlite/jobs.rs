//! Fetch jobs: one a collector and day.
//!
//! `status` stays NULL until the whole day is decided, because any other word tells sys4 that the day is done.
//! What we know before that stands in our own columns: closed (answered or given up), listed.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Row, named_params};
use tlsrptd_proto::day::Day;

use super::{Step, Store, StoreError, collectors::identity, decided, late, text};

/// A job that waits for its collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchJob {
    /// The closed day that is asked for.
    pub day: Day,
    /// The job's number among those of its day, from 1. It is not the collector's: see [`FetchJob::collector`].
    pub index: i64,
    /// The command, as it stood in the settings when the job was made. It names the job's rows too, so that one
    /// collector's rows are never counted twice.
    pub command: String,
    /// Attempts that failed.
    pub failures: u32,
    /// sys4's list of domains is stored: only details are missing.
    pub listed: bool,
    /// When the job was made.
    pub created: Timestamp,
    /// The day was told wholly, with so many additions: only later ones are asked for.
    pub seen: Option<u64>,
}

impl FetchJob {
    /// Who is asked, however the command is spaced.
    pub fn collector(&self) -> String {
        identity(&self.command)
    }
}

/// A collector to make jobs for.
#[derive(Clone, Debug)]
pub struct CollectorCommand {
    /// Its place in the settings, from 1.
    pub index: i64,
    /// The command, as the operator wrote it.
    pub command: String,
}

const WAITING: &str = "status IS NULL AND tlsrptd_closed IS NULL";

impl Store {
    /// Days that have jobs, whatever became of them.
    pub fn days_with_jobs(&self) -> Result<BTreeSet<Day>, StoreError> {
        self.days("days with jobs", "SELECT DISTINCT day FROM fetchjobs")
    }

    /// Days that are not decided.
    pub fn open_days(&self) -> Result<BTreeSet<Day>, StoreError> {
        self.days(
            "open days",
            "SELECT DISTINCT day FROM fetchjobs WHERE status IS NULL",
        )
    }

    /// Days whose collectors have all answered or been given up, and which are not decided.
    pub fn gathered_days(&self) -> Result<BTreeSet<Day>, StoreError> {
        self.days(
            "gathered days",
            "SELECT day FROM fetchjobs GROUP BY day \
             HAVING sum(status IS NULL) > 0 AND sum(status IS NULL AND tlsrptd_closed IS NULL) = 0",
        )
    }

    /// Days that a clock that was ahead has asked for before they had ended; what they have brought is not all.
    pub fn early_days(&self) -> Result<BTreeSet<Day>, StoreError> {
        self.days(
            "days asked for early",
            "SELECT DISTINCT day FROM fetchjobs WHERE tlsrptd_early = 1",
        )
    }

    /// Days from `today` on have not ended: what a clock that was ahead has made for them is undone. Gives the number of
    /// jobs.
    pub fn undo_early(&mut self, today: Day) -> Result<usize, StoreError> {
        self.transact(Step::JobsMade, |tx| {
            decided::undo_early(tx, &today.to_string())
        })
    }

    /// Those of days that have ended now are asked again.
    pub fn reopen_early(&mut self, days: &BTreeSet<Day>, now: Timestamp) -> Result<(), StoreError> {
        self.transact(Step::Reopened, |tx| {
            let mut job = tx.prepare_cached(
                "UPDATE fetchjobs SET status = NULL, retries = 0, nexttry = ?2, tlsrptd_closed = NULL, \
                 tlsrptd_given_up = NULL, tlsrptd_early = NULL, \
                 tlsrptd_seen = CASE WHEN status IS NULL THEN NULL ELSE tlsrptd_seen END \
                 WHERE day = ?1 AND tlsrptd_early = 1",
            )?;
            for day in days {
                job.execute((day.to_string(), text::nexttry(now)))?;
            }
            Ok(())
        })
    }

    pub(super) fn days(&self, what: &'static str, sql: &str) -> Result<BTreeSet<Day>, StoreError> {
        let days: Vec<String> = self.read(what, |db| {
            db.prepare_cached(sql)?
                .query_map([], |row| row.get(0))?
                .collect()
        })?;
        // Only sys4 and we write here; what is no day cannot be worked on, and clean-up leaves it.
        Ok(days.iter().filter_map(|day| Day::parse(day).ok()).collect())
    }

    /// Takes up what sys4 left in the middle: it calls a job done when it has the list of domains.
    pub fn adopt_lists(&mut self, now: Timestamp) -> Result<usize, StoreError> {
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

    /// Jobs to run now, the oldest day first.
    pub fn due_jobs(&self, now: Timestamp) -> Result<Vec<FetchJob>, StoreError> {
        self.jobs(&format!("{WAITING} AND nexttry <= ?1"), &text::nexttry(now))
    }

    /// All jobs that wait, due or not.
    pub fn waiting_jobs(&self) -> Result<Vec<FetchJob>, StoreError> {
        self.jobs(&format!("{WAITING} AND ?1 = ''"), "")
    }

    fn jobs(&self, condition: &str, parameter: &str) -> Result<Vec<FetchJob>, StoreError> {
        let sql = format!(
            "SELECT day, fetcherindex, fetcher, retries, tlsrptd_listed, its, tlsrptd_seen FROM fetchjobs \
             WHERE {condition} ORDER BY day, fetcherindex"
        );
        let jobs: Vec<Option<FetchJob>> = self.read("jobs", |db| {
            db.prepare_cached(&sql)?
                .query_map([parameter], job)?
                .collect()
        })?;
        Ok(jobs.into_iter().flatten().collect())
    }

    /// When the next job is due that is not due now.
    pub fn next_job(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let next: Option<String> = self.read("the next job", |db| {
            db.prepare_cached(&format!(
                "SELECT min(nexttry) FROM fetchjobs WHERE {WAITING} AND nexttry > ?1"
            ))?
            .query_row([text::nexttry(now)], |row| row.get(0))
        })?;
        Ok(next.as_deref().and_then(text::instant))
    }

    /// The collector has answered wholly; with so many additions to the day, if it can tell.
    pub fn job_answered(
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

    /// An attempt failed; the next is at `next`.
    pub fn job_failed(
        &mut self,
        job: &FetchJob,
        next: Timestamp,
        reason: &str,
    ) -> Result<(), StoreError> {
        let change = "retries = retries + 1, nexttry = :at, tlsrptd_reason = :reason";
        self.move_job(Step::JobFailed, job, change, next, Some(reason))
    }

    /// The collector is asked again at `next`; nothing failed.
    pub fn job_postponed(
        &mut self,
        job: &FetchJob,
        next: Timestamp,
        reason: &str,
    ) -> Result<(), StoreError> {
        let change = "nexttry = :at, tlsrptd_reason = :reason";
        self.move_job(Step::JobFailed, job, change, next, Some(reason))
    }

    /// The collector is given up for this day. What it has brought is used.
    pub fn job_given_up(
        &mut self,
        job: &FetchJob,
        now: Timestamp,
        reason: &str,
    ) -> Result<(), StoreError> {
        let change = "tlsrptd_closed = :at, tlsrptd_given_up = 1, \
                      tlsrptd_reason = :reason || coalesce('; ' || tlsrptd_reason, '')";
        self.move_job(Step::JobGivenUp, job, change, now, Some(reason))
    }

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
                Step::JobGivenUp => late::forget_part(tx, job),
                _ => Ok(()),
            }
        })
    }
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
