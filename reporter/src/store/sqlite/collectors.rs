//! The fetch jobs of days, as they are matched with the collectors of the settings: see `matching`.

use jiff::Timestamp;
use rusqlite::{Transaction, named_params};
use tlsrptd_proto::day::Day;

use super::{additions, jobs, text};
use crate::{
    model::CollectorCommand,
    store::{
        JobStage,
        matching::{DayJob, JobTable},
    },
};

/// The table `fetchjobs`, at a moment.
#[derive(Debug)]
pub(super) struct JobRows<'t> {
    pub(super) tx: &'t Transaction<'t>,
    pub(super) now: Timestamp,
}

/// From `status`, whether `tlsrptd_closed` is set, and `tlsrptd_given_up`.
pub(super) fn job_stage(status: Option<&str>, closed: bool, given_up: Option<i64>) -> JobStage {
    match (status, closed, given_up) {
        (None, false, _) => JobStage::Waiting,
        (None, true, Some(2)) | (Some(REMOVED), ..) => JobStage::Removed,
        (None, true, Some(1 | 3)) | (Some("timedout"), ..) => JobStage::GivenUp,
        (None, true, _) | (Some("ok"), ..) => JobStage::Answered,
        (Some(other), ..) => JobStage::Other(other.to_owned()),
    }
}

/// The status of a job whose collector was taken out of the settings before it had answered.
pub(super) const REMOVED: &str = "removed";

impl JobTable for JobRows<'_> {
    type Fault = rusqlite::Error;

    fn of_day(&self, day: Day) -> rusqlite::Result<Vec<DayJob>> {
        self.tx.prepare_cached(
            "SELECT fetcherindex, fetcher, coalesce(tlsrptd_place, fetcherindex), status, \
             tlsrptd_closed IS NOT NULL, tlsrptd_given_up, tlsrptd_seen IS NOT NULL FROM fetchjobs WHERE day = ?1 ORDER BY fetcherindex",
        )?
        .query_map([day.to_string()], |row| {
            let status: Option<String> = row.get(3)?;
            let (closed, given_up): (bool, Option<i64>) = (row.get(4)?, row.get(5)?);
            let stage = job_stage(status.as_deref(), closed, given_up);
            Ok(DayJob {
                index: row.get(0)?,
                command: row.get(1)?,
                place: row.get(2)?,
                stage,
                is_decided: status.is_some(),
                has_told: row.get(6)?,
            })
        })?
        .collect()
    }

    fn insert(&self, day: Day, index: i64, collector: &CollectorCommand) -> rusqlite::Result<()> {
        self.tx.prepare_cached(
            "INSERT INTO fetchjobs(day, fetcherindex, fetcher, retries, status, nexttry, its, tlsrptd_place) \
             VALUES(:day, :index, :command, 0, NULL, :now, :its, :place)",
        )?
        .execute(named_params! {
            ":day": day.to_string(), ":index": index, ":command": collector.command, ":place": collector.index,
            ":now": text::nexttry(self.now), ":its": text::its(self.now),
        })
        .map(drop)
    }

    fn stands_at(&self, day: Day, index: i64, place: i64) -> rusqlite::Result<()> {
        self.tx
            .prepare_cached(
                "UPDATE fetchjobs SET tlsrptd_place = ?3 WHERE day = ?1 AND fetcherindex = ?2",
            )?
            .execute((day.to_string(), index, place))
            .map(drop)
    }

    fn rename(&self, day: Day, job: &DayJob, collector: &CollectorCommand) -> rusqlite::Result<()> {
        self.tx.prepare_cached(
            "UPDATE fetchjobs SET fetcher = ?3, tlsrptd_place = ?4 WHERE day = ?1 AND fetcherindex = ?2",
        )?
        .execute((day.to_string(), job.index, &collector.command, collector.index))?;
        self.tx.prepare_cached(
            "UPDATE OR REPLACE reportdata SET fetcher = ?4 WHERE day = ?1 AND fetcherindex = ?2 AND fetcher = ?3",
        )?
        .execute((day.to_string(), job.index, &job.command, &collector.command))
        .map(drop)
    }

    fn remove(&self, day: Day, job: &DayJob) -> rusqlite::Result<()> {
        if job.has_told {
            additions::forget_part(self.tx, day, &job.command)?;
        }
        self.tx
            .prepare_cached(
                "UPDATE fetchjobs SET tlsrptd_closed = ?3, tlsrptd_given_up = 2, \
                 tlsrptd_reason = 'removed from fetchers' || coalesce('; ' || tlsrptd_reason, '') \
                 WHERE day = ?1 AND fetcherindex = ?2",
            )?
            .execute((day.to_string(), job.index, text::nexttry(self.now)))
            .map(drop)
    }

    fn wait_again(&self, day: Day, index: i64) -> rusqlite::Result<()> {
        self.tx
            .prepare_cached(
                "UPDATE reportdata SET status = NULL WHERE day = ?1 AND fetcherindex = ?2 AND data IS NULL \
                 AND status = 'timedout' AND tlsrptd_reason IS NULL",
            )?
            .execute((day.to_string(), index))?;
        jobs::reopen(self.tx, day, index, self.now)
    }
}
