//! Ports of what is fetched: days, jobs, answers.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tlsrptd_proto::day::Day;

use super::StoreError;
use crate::model::{CollectorCommand, FetchJob, Fetched};

/// Which days have jobs, and who is asked for them.
///
/// # Errors
/// All fail when the engine cannot read or write; nothing has changed then.
pub trait Days {
    /// Undoes what a clock that was ahead has made for days that have not ended: those from `today` on. Gives the number
    /// of jobs.
    fn undo_early(&mut self, today: Day) -> Result<usize, StoreError>;

    /// Days that have jobs or were decided, however long ago.
    fn known_days(&self) -> Result<BTreeSet<Day>, StoreError>;

    /// Days that a clock that was ahead has asked for before they had ended: more may have been counted since.
    fn early_days(&self) -> Result<BTreeSet<Day>, StoreError>;

    /// Days that are not decided.
    fn open_days(&self) -> Result<BTreeSet<Day>, StoreError>;

    /// Makes the jobs of days that have none, and brings those of days that are not decided in line with the settings.
    /// Gives what changed for jobs that existed.
    fn make_jobs(
        &mut self,
        days: &[Day],
        collectors: &[CollectorCommand],
        now: Timestamp,
    ) -> Result<Vec<JobNote>, StoreError>;

    /// Asks collectors of decided days once more that were given up, by us or by sys4, or were removed and are back: what
    /// no report has yet is reported late. A collector that is not in the settings is not asked.
    fn reopen_given_up(
        &mut self,
        days: &BTreeSet<Day>,
        collectors: &[CollectorCommand],
        now: Timestamp,
    ) -> Result<Vec<JobNote>, StoreError>;

    /// Asks again for those of these days that were asked for before they had ended.
    fn reopen_early(&mut self, days: &BTreeSet<Day>, now: Timestamp) -> Result<(), StoreError>;
}

/// What became of a job because the settings have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobNote {
    /// The job's day.
    pub day: Day,
    /// The command that it was made for.
    pub command: String,
    /// What.
    pub change: JobChange,
}

/// How the settings changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobChange {
    /// The collector is not in the settings any more, and its answer was not complete: it is not waited for.
    Removed,
    /// Another command stands in its place, and is asked instead of it.
    Renamed {
        /// The other command.
        to: String,
    },
    /// It was added to the settings when the day was decided already, and is not asked.
    AddedTooLate,
    /// Another command stands in its place, and is not asked: the day was answered before.
    AnsweredBefore {
        /// The other command.
        to: String,
    },
}

/// The jobs that wait for their collectors.
///
/// # Errors
/// All fail when the engine cannot read or write; nothing has changed then.
pub trait FetchJobs {
    /// Resumes jobs that sys4 left in the middle: it calls a job done when it has the list of domains. Gives their number.
    fn adopt_lists(&mut self, now: Timestamp) -> Result<usize, StoreError>;

    /// Whether that job is this reporter's: in a fleet it may be another's by now.
    fn is_ours(&self, _job: &FetchJob) -> bool {
        true
    }

    /// Jobs to run now, the oldest day first; but for those of a day whose answers cannot be stored yet: where several work on one
    /// database, somebody may hold it.
    fn due_jobs(&mut self, now: Timestamp) -> Result<Vec<FetchJob>, StoreError>;

    /// The next due time after `now`.
    fn next_job(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError>;

    /// The collector's answer is complete; `additions` is the day's number of them, if it can tell.
    fn job_answered(
        &mut self,
        job: &FetchJob,
        additions: Option<u64>,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// An attempt failed; the next is at `next`.
    fn job_failed(
        &mut self,
        job: &FetchJob,
        next: Timestamp,
        reason: &str,
    ) -> Result<(), StoreError>;

    /// The collector is asked again at `next`; nothing failed.
    fn job_postponed(
        &mut self,
        job: &FetchJob,
        next: Timestamp,
        reason: &str,
    ) -> Result<(), StoreError>;

    /// The collector is given up for this day. What it has answered is used.
    fn job_given_up(
        &mut self,
        job: &FetchJob,
        now: Timestamp,
        reason: &str,
    ) -> Result<(), StoreError>;

    /// The same, as its answer is larger than is allowed: it would be each time.
    fn job_too_large(
        &mut self,
        job: &FetchJob,
        now: Timestamp,
        reason: &str,
    ) -> Result<(), StoreError>;
}

/// What becomes of days that grew after they were decided.
#[derive(Debug, Default)]
pub struct GrownDays {
    /// Their collector is asked for what was added.
    pub asked: Vec<Day>,
    /// They are too old for a report: nobody is asked.
    pub too_old: Vec<Day>,
    /// They were decided before the collector was one of ours: only what is added from now on is asked for.
    pub unasked: Vec<Day>,
}

/// What collectors add to a day after it was decided.
///
/// # Errors
/// All fail when the engine cannot read or write; nothing has changed then.
pub trait Additions {
    /// The collectors that can tell what was added to one of these days, by the words of their commands.
    fn collectors_of_additions(&self, days: &BTreeSet<Day>)
    -> Result<BTreeSet<String>, StoreError>;

    /// A collector says that days grew. Those that were decided on less are asked for again, if they may still be
    /// reported. `is_too_old` speaks of days that surely cannot; of others nothing is done, as by a clock that is wrong.
    fn create_addition_jobs(
        &mut self,
        collector: &str,
        grown: &[(Day, u64)],
        reportable: &BTreeSet<Day>,
        is_too_old: &dyn Fn(Day) -> bool,
        now: Timestamp,
    ) -> Result<GrownDays, StoreError>;
}

/// What collectors have answered.
///
/// # Errors
/// All fail when the engine cannot read or write; nothing has changed then.
pub trait ReportData {
    /// Stores a part of an answer. A domain of an earlier attempt is replaced; one that is reported already is `late`, and
    /// gets a report of its own. Gives the number of late ones.
    fn store_rows(
        &mut self,
        job: &FetchJob,
        rows: &[Fetched],
        now: Timestamp,
    ) -> Result<usize, StoreError>;

    /// Stores that a domain's counts can never be used. No report waits for them; for sys4 they are given up.
    fn store_unusable(
        &mut self,
        job: &FetchJob,
        domain: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Stores sys4's list of domains; their details are asked for one by one.
    fn store_list(
        &mut self,
        job: &FetchJob,
        domains: &[String],
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// The list is complete.
    fn list_ended(&mut self, job: &FetchJob) -> Result<(), StoreError>;

    /// Listed domains whose details are missing, behind `after`, in order.
    fn unfetched(&self, job: &FetchJob, after: &str, limit: u32)
    -> Result<Vec<String>, StoreError>;
}
