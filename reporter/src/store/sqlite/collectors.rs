//! Matches a day's jobs with collectors when `fetchers` has changed since the jobs were made.
//!
//! A collector is identified by the words of its command, not by its place in the list nor by white space. A job stays with
//! the collector that it was made for, under the name that its rows have. A command that changed in its place is the same
//! collector under a new name: it is not asked again for a day that it has answered. A collector that
//! is not in the list has no successor: a command that takes its place later is another collector.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Transaction, named_params};
use tlsrptd_proto::day::Day;

use super::{additions, jobs, text};
use crate::{
    model::{CollectorCommand, collector_of},
    store::{JobChange, JobNote, JobStage},
};

/// A job that a day has.
#[derive(Clone, Debug)]
struct DayJob {
    index: i64,
    command: String,
    /// Where its collector stood in the settings the last time.
    place: i64,
    stage: JobStage,
    /// Its day is decided.
    is_decided: bool,
    /// The day was told wholly: it is asked for what was added.
    has_told: bool,
}

/// Which jobs of a day belong to which collectors of the settings, both by their index in their lists.
#[derive(Debug, Default, PartialEq, Eq)]
struct JobMatch {
    /// Job and collector.
    same: Vec<(usize, usize)>,
    /// Job, and the collector that has taken its place.
    renamed: Vec<(usize, usize)>,
    /// Collectors without a job.
    new: Vec<usize>,
    /// Jobs without a collector.
    gone: Vec<usize>,
}

fn match_jobs(jobs: &[DayJob], collectors: &[CollectorCommand]) -> JobMatch {
    let mut found = JobMatch::default();
    let mut is_free = vec![true; jobs.len()];
    let mut left = Vec::new();
    for (number, collector) in collectors.iter().enumerate() {
        let wanted = collector_of(&collector.command);
        let same = |at: &usize| is_free[*at] && collector_of(&jobs[*at].command) == wanted;
        match (0..jobs.len()).find(same) {
            Some(at) => {
                is_free[at] = false;
                found.same.push((at, number));
            }
            None => left.push(number),
        }
    }
    for number in left {
        let in_place = |at: &usize| is_free[*at] && jobs[*at].place == collectors[number].index;
        match (0..jobs.len()).find(in_place) {
            Some(at) => {
                is_free[at] = false;
                found.renamed.push((at, number));
            }
            None => found.new.push(number),
        }
    }
    found.gone = (0..jobs.len()).filter(|at| is_free[*at]).collect();
    found
}

/// See [`Days::make_jobs`](crate::store::Days::make_jobs).
pub(super) fn make_jobs(
    tx: &Transaction<'_>,
    days: &[Day],
    collectors: &[CollectorCommand],
    now: Timestamp,
) -> rusqlite::Result<Vec<JobNote>> {
    let mut notes = Vec::new();
    for day in days {
        let jobs = jobs_of(tx, *day)?;
        let found = match_jobs(&jobs, collectors);
        for (at, number) in &found.same {
            stands_at(tx, *day, &jobs[*at], collectors[*number].index)?;
            if jobs[*at].stage == JobStage::Removed {
                wait_again(tx, *day, &jobs[*at], now)?;
            }
        }
        for (at, number) in &found.renamed {
            let (job, collector) = (&jobs[*at], &collectors[*number]);
            notes.push(rename(tx, *day, job, collector, now)?);
        }
        for job in found.gone.iter().map(|at| &jobs[*at]) {
            stands_at(tx, *day, job, NOWHERE)?;
            if job.stage == JobStage::Waiting {
                remove(tx, *day, job, now)?;
                notes.push(job_note(*day, job, JobChange::Removed));
            }
        }
        let mut used: BTreeSet<i64> = jobs.iter().map(|job| job.index).collect();
        for number in found.new {
            let collector = &collectors[number];
            let beyond = used.last().map_or(1, |last| last + 1);
            let is_free = !used.contains(&collector.index);
            let index = if is_free { collector.index } else { beyond };
            used.insert(index);
            insert(tx, *day, index, collector, now)?;
        }
    }
    Ok(notes)
}

/// See [`Days::reopen_given_up`](crate::store::Days::reopen_given_up).
pub(super) fn reopen_given_up(
    tx: &Transaction<'_>,
    days: &BTreeSet<Day>,
    collectors: &[CollectorCommand],
    now: Timestamp,
) -> rusqlite::Result<Vec<JobNote>> {
    let mut notes = Vec::new();
    let all: Vec<(Day, Vec<DayJob>)> = days
        .iter()
        .map(|day| Ok((*day, jobs_of(tx, *day)?)))
        .collect::<rusqlite::Result<_>>()?;
    let jobs = all.iter().flat_map(|(_, jobs)| jobs);
    let names: BTreeSet<String> = jobs.map(|job| collector_of(&job.command)).collect();
    for (day, jobs) in &all {
        let is_open = |job: &DayJob| {
            job.is_decided && matches!(job.stage, JobStage::GivenUp | JobStage::Removed)
        };
        let found = match_jobs(jobs, collectors);
        for (at, number) in &found.same {
            stands_at(tx, *day, &jobs[*at], collectors[*number].index)?;
            if is_open(&jobs[*at]) {
                wait_again(tx, *day, &jobs[*at], now)?;
            }
        }
        for (at, number) in &found.renamed {
            let (job, collector) = (&jobs[*at], &collectors[*number]);
            if is_open(job) {
                notes.push(rename(tx, *day, job, collector, now)?);
            } else if names.contains(&collector_of(&collector.command)) {
                // It has days of its own: it is back, and stands where another one stood.
                stands_at(tx, *day, job, NOWHERE)?;
            } else {
                rename(tx, *day, job, collector, now)?;
            }
        }
        for at in found.gone {
            stands_at(tx, *day, &jobs[at], NOWHERE)?;
        }
        let is_decided = !jobs.is_empty() && jobs.iter().all(|job| job.is_decided);
        let new = found.new.iter().filter(|_| is_decided);
        notes.extend(new.map(|number| JobNote {
            day: *day,
            command: collector_of(&collectors[*number].command),
            change: JobChange::AddedTooLate,
        }));
    }
    Ok(notes)
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

fn jobs_of(tx: &Transaction<'_>, day: Day) -> rusqlite::Result<Vec<DayJob>> {
    tx.prepare_cached(
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

/// The place of a collector that is not in the settings: nobody takes it.
const NOWHERE: i64 = 0;

/// The status of a job whose collector was taken out of the settings before it had answered.
pub(super) const REMOVED: &str = "removed";

fn job_note(day: Day, job: &DayJob, change: JobChange) -> JobNote {
    JobNote {
        day,
        command: collector_of(&job.command),
        change,
    }
}

fn insert(
    tx: &Transaction<'_>,
    day: Day,
    index: i64,
    collector: &CollectorCommand,
    now: Timestamp,
) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO fetchjobs(day, fetcherindex, fetcher, retries, status, nexttry, its, tlsrptd_place) \
         VALUES(:day, :index, :command, 0, NULL, :now, :its, :place)",
    )?
    .execute(named_params! {
        ":day": day.to_string(), ":index": index, ":command": collector.command, ":place": collector.index,
        ":now": text::nexttry(now), ":its": text::its(now),
    })
    .map(drop)
}

fn stands_at(tx: &Transaction<'_>, day: Day, job: &DayJob, place: i64) -> rusqlite::Result<()> {
    if job.place == place {
        return Ok(());
    }
    tx.prepare_cached(
        "UPDATE fetchjobs SET tlsrptd_place = ?3 WHERE day = ?1 AND fetcherindex = ?2",
    )?
    .execute((day.to_string(), job.index, place))
    .map(drop)
}

/// Gives the job to the command that has taken its collector's place. Its rows get the new name too, so that a second answer
/// of the same collector replaces them.
fn rename(
    tx: &Transaction<'_>,
    day: Day,
    job: &DayJob,
    collector: &CollectorCommand,
    now: Timestamp,
) -> rusqlite::Result<JobNote> {
    tx.prepare_cached(
        "UPDATE fetchjobs SET fetcher = ?3, tlsrptd_place = ?4 WHERE day = ?1 AND fetcherindex = ?2",
    )?
    .execute((day.to_string(), job.index, &collector.command, collector.index))?;
    tx.prepare_cached(
        "UPDATE OR REPLACE reportdata SET fetcher = ?4 WHERE day = ?1 AND fetcherindex = ?2 AND fetcher = ?3",
    )?
    .execute((day.to_string(), job.index, &job.command, &collector.command))?;
    let to = collector_of(&collector.command);
    if matches!(job.stage, JobStage::Answered | JobStage::Other(_)) {
        return Ok(job_note(day, job, JobChange::AnsweredBefore { to }));
    }
    wait_again(tx, day, job, now)?;
    Ok(job_note(day, job, JobChange::Renamed { to }))
}

fn remove(tx: &Transaction<'_>, day: Day, job: &DayJob, now: Timestamp) -> rusqlite::Result<()> {
    if job.has_told {
        additions::forget_part(tx, day, &job.command)?;
    }
    tx.prepare_cached(
        "UPDATE fetchjobs SET tlsrptd_closed = ?3, tlsrptd_given_up = 2, \
         tlsrptd_reason = 'removed from fetchers' || coalesce('; ' || tlsrptd_reason, '') \
         WHERE day = ?1 AND fetcherindex = ?2",
    )?
    .execute((day.to_string(), job.index, text::nexttry(now)))
    .map(drop)
}

/// A job that was given up or removed waits again; one that waits is due now.
fn wait_again(
    tx: &Transaction<'_>,
    day: Day,
    job: &DayJob,
    now: Timestamp,
) -> rusqlite::Result<()> {
    // A list that was not completed continues.
    tx.prepare_cached(
        "UPDATE reportdata SET status = NULL WHERE day = ?1 AND fetcherindex = ?2 AND data IS NULL \
         AND status = 'timedout' AND tlsrptd_reason IS NULL",
    )?
    .execute((day.to_string(), job.index))?;
    jobs::reopen(tx, day, job.index, now)
}

#[cfg(test)]
mod tests;
