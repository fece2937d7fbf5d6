//! Sessions that are added to a day after it was decided: collectors that report additions are asked for them, each by the
//! member that asks it for its days.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use tlsrptd_fleet::{Fault, PgDay, PgTime, Transaction};
use tlsrptd_proto::day::Day;

use super::{PostgresStore, jobs, unreadable};
use crate::{
    model::collector_of,
    store::{Additions, GrownDays, Step, StoreError},
};

/// The jobs of days, and whether additions are to be asked for: the day is decided, and its collector has answered
/// completely and reports more additions now. An answer that was too large is asked for again at midnight only.
const JOBS: &str = "SELECT j.day, j.job, j.command, j.decided AND coalesce(j.seen < g.additions, false) \
    AND j.outcome IS DISTINCT FROM 'too large' FROM unnest($1::date[], $2::bigint[]) AS g(day, additions) \
    JOIN fetch_job j ON j.day = g.day WHERE j.job > 0 ORDER BY j.day, j.job";

/// A job of a day that grew.
struct GrownJob {
    index: i64,
    command: String,
    has_grown: bool,
}

impl Additions for PostgresStore {
    fn collectors_of_additions(
        &self,
        days: &BTreeSet<Day>,
    ) -> Result<BTreeSet<String>, StoreError> {
        let what = "collectors of additions";
        let days: Vec<PgDay> = days.iter().copied().map(PgDay).collect();
        let rows = self.read(
            what,
            "SELECT DISTINCT command FROM fetch_job WHERE seen IS NOT NULL AND job > 0 AND day = ANY($1)",
            &[&days],
        )?;
        let mut collectors = BTreeSet::new();
        for row in rows {
            let command: &str = row
                .try_get(0)
                .map_err(|error| unreadable(what, error.into()))?;
            if self.asks(command) {
                collectors.insert(collector_of(command));
            }
        }
        Ok(collectors)
    }

    fn create_addition_jobs(
        &mut self,
        collector: &str,
        grown: &[(Day, u64)],
        reportable: &BTreeSet<Day>,
        is_too_old: &dyn Fn(Day) -> bool,
        now: Timestamp,
    ) -> Result<GrownDays, StoreError> {
        self.transact(Step::Reopened, &[jobs::shard_of_job(collector)], |tx| {
            let mut days = GrownDays::default();
            let jobs = jobs_of(tx, grown)?;
            for (day, additions) in grown {
                let additions = i64::try_from(*additions).unwrap_or(i64::MAX);
                let jobs = jobs.get(day).map_or(&[][..], Vec::as_slice);
                let mut its = jobs
                    .iter()
                    .filter(|job| collector_of(&job.command) == collector)
                    .peekable();
                if its.peek().is_none() && !jobs.is_empty() && reportable.contains(day) {
                    let index = jobs.iter().map(|job| job.index + 1).max().unwrap_or(1);
                    insert_told(tx, *day, index, collector, additions, now)?;
                    days.unasked.push(*day);
                }
                for job in its.filter(|job| job.has_grown) {
                    if reportable.contains(day) {
                        jobs::reopen(tx, *day, job.index, now)?;
                        days.asked.push(*day);
                    } else if is_too_old(*day) {
                        leave(tx, *day, job.index, additions)?;
                        days.too_old.push(*day);
                    }
                }
            }
            Ok(days)
        })
    }
}

fn jobs_of(
    tx: &Transaction<'_>,
    grown: &[(Day, u64)],
) -> Result<BTreeMap<Day, Vec<GrownJob>>, Fault> {
    let (days, additions): (Vec<PgDay>, Vec<i64>) = grown
        .iter()
        .map(|(day, additions)| (PgDay(*day), i64::try_from(*additions).unwrap_or(i64::MAX)))
        .unzip();
    let mut jobs: BTreeMap<Day, Vec<GrownJob>> = BTreeMap::new();
    for row in tx.query(JOBS, &[&days, &additions])? {
        let day: PgDay = row.try_get(0)?;
        jobs.entry(day.0).or_default().push(GrownJob {
            index: row.try_get::<_, i32>(1)?.into(),
            command: row.try_get(2)?,
            has_grown: row.try_get(3)?,
        });
    }
    Ok(jobs)
}

/// For a collector that is newer than the day's decision.
fn insert_told(
    tx: &Transaction<'_>,
    day: Day,
    index: i64,
    command: &str,
    additions: i64,
    now: Timestamp,
) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO fetch_job(day, job, command, place, next, created, closed, outcome, decided, seen, reason) \
         VALUES($1, $2, $3, 0, $4, $4, $4, 'answered', true, $5, 'the day was decided before') ON CONFLICT DO NOTHING",
        &[
            &PgDay(day),
            &jobs::number(index),
            &command,
            &PgTime(now),
            &additions,
        ],
    )
    .map(drop)
}

fn leave(tx: &Transaction<'_>, day: Day, index: i64, additions: i64) -> Result<(), Fault> {
    tx.execute(
        "UPDATE fetch_job SET seen = $3, reason = 'sessions were added after max_report_age' \
         WHERE day = $1 AND job = $2",
        &[&PgDay(day), &jobs::number(index), &additions],
    )
    .map(drop)
}

/// A question for additions is given up: a part of the answer would be told twice when it is asked again.
pub(super) fn forget_part(tx: &Transaction<'_>, day: Day, index: i64) -> Result<(), Fault> {
    tx.execute(
        "DELETE FROM answer WHERE day = $1 AND job = $2 AND state = 'late' AND data <> ''",
        &[&PgDay(day), &jobs::number(index)],
    )
    .map(drop)
}
