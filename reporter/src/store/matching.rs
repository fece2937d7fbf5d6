//! Matches a day's jobs with collectors when `fetchers` has changed since the jobs were made: the same on every engine.
//!
//! A collector is identified by the words of its command, not by its place in the list nor by white space. A job stays with
//! the collector that it was made for, under the name that its rows have. A command that changed in its place is the same
//! collector under a new name: it is not asked again for a day that it has answered. A collector that
//! is not in the list has no successor: a command that takes its place later is another collector.

use std::collections::BTreeSet;

use tlsrptd_proto::day::Day;

use super::{JobChange, JobNote, JobStage};
use crate::model::{CollectorCommand, collector_of};

/// A job that a day has.
#[derive(Clone, Debug)]
pub(super) struct DayJob {
    pub(super) index: i64,
    pub(super) command: String,
    /// Where its collector stood in the settings the last time.
    pub(super) place: i64,
    pub(super) stage: JobStage,
    /// Its day is decided.
    pub(super) is_decided: bool,
    /// The day was told wholly: it is asked for what was added.
    pub(super) has_told: bool,
}

/// The jobs as an engine has them, within a transaction.
pub(super) trait JobTable {
    /// Why the engine cannot read or write.
    type Fault;

    /// Those of a day, in the order of their numbers.
    fn of_day(&self, day: Day) -> Result<Vec<DayJob>, Self::Fault>;

    /// Makes one that is due now.
    fn insert(&self, day: Day, index: i64, collector: &CollectorCommand)
    -> Result<(), Self::Fault>;

    /// Notes where its collector stands.
    fn stands_at(&self, day: Day, index: i64, place: i64) -> Result<(), Self::Fault>;

    /// Gives the job to the command that has taken its collector's place. Its rows get the new name too, so that a second
    /// answer of the same collector replaces them.
    fn rename(
        &self,
        day: Day,
        job: &DayJob,
        collector: &CollectorCommand,
    ) -> Result<(), Self::Fault>;

    /// Its collector was taken out of the settings: it is not waited for.
    fn remove(&self, day: Day, job: &DayJob) -> Result<(), Self::Fault>;

    /// A job that was given up or removed waits again; one that waits is due now. A list that was not completed continues.
    fn wait_again(&self, day: Day, index: i64) -> Result<(), Self::Fault>;
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

/// See [`Days::make_jobs`](super::Days::make_jobs).
pub(super) fn make_jobs<T: JobTable>(
    table: &T,
    days: &[Day],
    collectors: &[CollectorCommand],
) -> Result<Vec<JobNote>, T::Fault> {
    let mut notes = Vec::new();
    for day in days {
        let jobs = table.of_day(*day)?;
        let found = match_jobs(&jobs, collectors);
        for (at, number) in &found.same {
            stands_at(table, *day, &jobs[*at], collectors[*number].index)?;
            if jobs[*at].stage == JobStage::Removed {
                table.wait_again(*day, jobs[*at].index)?;
            }
        }
        for (at, number) in &found.renamed {
            let (job, collector) = (&jobs[*at], &collectors[*number]);
            notes.push(rename(table, *day, job, collector)?);
        }
        for job in found.gone.iter().map(|at| &jobs[*at]) {
            stands_at(table, *day, job, NOWHERE)?;
            if job.stage == JobStage::Waiting {
                table.remove(*day, job)?;
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
            table.insert(*day, index, collector)?;
        }
    }
    Ok(notes)
}

/// See [`Days::reopen_given_up`](super::Days::reopen_given_up).
pub(super) fn reopen_given_up<T: JobTable>(
    table: &T,
    days: &BTreeSet<Day>,
    collectors: &[CollectorCommand],
) -> Result<Vec<JobNote>, T::Fault> {
    let mut notes = Vec::new();
    let all: Vec<(Day, Vec<DayJob>)> = days
        .iter()
        .map(|day| Ok((*day, table.of_day(*day)?)))
        .collect::<Result<_, T::Fault>>()?;
    let jobs = all.iter().flat_map(|(_, jobs)| jobs);
    let names: BTreeSet<String> = jobs.map(|job| collector_of(&job.command)).collect();
    for (day, jobs) in &all {
        let is_open = |job: &DayJob| {
            job.is_decided && matches!(job.stage, JobStage::GivenUp | JobStage::Removed)
        };
        let found = match_jobs(jobs, collectors);
        for (at, number) in &found.same {
            stands_at(table, *day, &jobs[*at], collectors[*number].index)?;
            if is_open(&jobs[*at]) {
                table.wait_again(*day, jobs[*at].index)?;
            }
        }
        for (at, number) in &found.renamed {
            let (job, collector) = (&jobs[*at], &collectors[*number]);
            if is_open(job) {
                notes.push(rename(table, *day, job, collector)?);
            } else if names.contains(&collector_of(&collector.command)) {
                // It has days of its own: it is back, and stands where another one stood.
                stands_at(table, *day, job, NOWHERE)?;
            } else {
                rename(table, *day, job, collector)?;
            }
        }
        for at in found.gone {
            stands_at(table, *day, &jobs[at], NOWHERE)?;
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

/// The place of a collector that is not in the settings: nobody takes it.
const NOWHERE: i64 = 0;

fn job_note(day: Day, job: &DayJob, change: JobChange) -> JobNote {
    JobNote {
        day,
        command: collector_of(&job.command),
        change,
    }
}

fn stands_at<T: JobTable>(table: &T, day: Day, job: &DayJob, place: i64) -> Result<(), T::Fault> {
    match job.place == place {
        true => Ok(()),
        false => table.stands_at(day, job.index, place),
    }
}

fn rename<T: JobTable>(
    table: &T,
    day: Day,
    job: &DayJob,
    collector: &CollectorCommand,
) -> Result<JobNote, T::Fault> {
    table.rename(day, job, collector)?;
    let to = collector_of(&collector.command);
    if matches!(job.stage, JobStage::Answered | JobStage::Other(_)) {
        return Ok(job_note(day, job, JobChange::AnsweredBefore { to }));
    }
    table.wait_again(day, job.index)?;
    Ok(job_note(day, job, JobChange::Renamed { to }))
}

#[cfg(test)]
mod tests;
