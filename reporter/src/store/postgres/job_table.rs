//! The fetch jobs of days, as they are matched with the collectors of the settings: see `matching`.

use jiff::Timestamp;
use tlsrptd_fleet::{Fault, PgDay, PgTime, Transaction};
use tlsrptd_proto::day::Day;

use super::{additions, composing, jobs};
use crate::{
    model::CollectorCommand,
    store::{
        JobStage,
        matching::{DayJob, JobTable},
    },
};

/// The table `fetch_job`, at a moment, without the rows of shippers.
#[derive(Debug)]
pub(super) struct FetchJobTable<'t> {
    pub(super) tx: &'t Transaction<'t>,
    pub(super) now: Timestamp,
}

/// How far a job is, from its `closed` and `outcome`.
pub(super) fn job_stage(is_closed: bool, outcome: Option<&str>, is_decided: bool) -> JobStage {
    match (is_closed, outcome) {
        (false, _) if is_decided => JobStage::Answered,
        (false, _) => JobStage::Waiting,
        (true, Some("removed")) => JobStage::Removed,
        (true, Some("given up" | "too large")) => JobStage::GivenUp,
        (true, _) => JobStage::Answered,
    }
}

impl JobTable for FetchJobTable<'_> {
    type Fault = Fault;

    fn of_day(&self, day: Day) -> Result<Vec<DayJob>, Fault> {
        let rows = self.tx.query(
            "SELECT job, command, place, closed IS NOT NULL, outcome, decided, seen IS NOT NULL FROM fetch_job \
             WHERE day = $1 AND job > 0 ORDER BY job",
            &[&PgDay(day)],
        )?;
        let job = |row: &tlsrptd_fleet::Row| {
            let (is_closed, is_decided) = (row.try_get(3)?, row.try_get(5)?);
            Ok(DayJob {
                index: row.try_get::<_, i32>(0)?.into(),
                command: row.try_get(1)?,
                place: row.try_get::<_, i32>(2)?.into(),
                stage: job_stage(is_closed, row.try_get(4)?, is_decided),
                is_decided,
                has_told: row.try_get(6)?,
            })
        };
        rows.iter().map(job).collect()
    }

    fn insert(&self, day: Day, index: i64, collector: &CollectorCommand) -> Result<(), Fault> {
        self.tx
            .execute(
                "INSERT INTO fetch_job(day, job, command, place, next, created) VALUES($1, $2, $3, $4, $5, $5) \
                 ON CONFLICT DO NOTHING",
                &[
                    &PgDay(day),
                    &jobs::number(index),
                    &collector.command,
                    &jobs::number(collector.index),
                    &PgTime(self.now),
                ],
            )
            .map(drop)
    }

    fn stands_at(&self, day: Day, index: i64, place: i64) -> Result<(), Fault> {
        self.tx
            .execute(
                "UPDATE fetch_job SET place = $3 WHERE day = $1 AND job = $2",
                &[&PgDay(day), &jobs::number(index), &jobs::number(place)],
            )
            .map(drop)
    }

    fn rename(&self, day: Day, job: &DayJob, collector: &CollectorCommand) -> Result<(), Fault> {
        let (day, index) = (PgDay(day), jobs::number(job.index));
        self.tx.execute(
            "UPDATE fetch_job SET command = $3, place = $4 WHERE day = $1 AND job = $2",
            &[
                &day,
                &index,
                &collector.command,
                &jobs::number(collector.index),
            ],
        )?;
        self.tx
            .execute(
                "UPDATE answer SET command = $3 || repeat(' ', spelling) WHERE day = $1 AND job = $2",
                &[&day, &index, &collector.command],
            )
            .map(drop)
    }

    fn remove(&self, day: Day, job: &DayJob) -> Result<(), Fault> {
        if job.has_told {
            additions::forget_part(self.tx, day, job.index)?;
        }
        self.tx.execute(
            "UPDATE fetch_job SET closed = $3, outcome = 'removed', \
             reason = 'removed from fetchers' || coalesce('; ' || reason, '') WHERE day = $1 AND job = $2",
            &[&PgDay(day), &jobs::number(job.index), &PgTime(self.now)],
        )?;
        composing::begin_anew(self.tx, day)
    }

    fn wait_again(&self, day: Day, index: i64) -> Result<(), Fault> {
        self.tx.execute(
            "UPDATE answer SET state = 'listed' WHERE day = $1 AND job = $2 AND data IS NULL \
             AND state = 'given up' AND reason IS NULL",
            &[&PgDay(day), &jobs::number(index)],
        )?;
        jobs::reopen(self.tx, day, index, self.now)
    }
}
