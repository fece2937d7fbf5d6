//! Port of what is known of one domain's day, from the collectors' answers to the last answer of a receiver.

use jiff::Timestamp;
use tlsrptd_proto::{
    day::Day,
    domain::Domain,
    report::{InstallationId, Summary},
};

use super::StoreError;
use crate::{
    model::{CollectorRow, Destination, DomainDay, OurMails, ReportSubject},
    suppress::Suppressions,
};

/// What the operator asks about one domain.
///
/// # Errors
/// All fail when the engine cannot read.
pub trait DomainDays {
    /// All that is stored about a domain's day. `as_asked` is the name as it was typed: rows of sys4's collectors may have
    /// that spelling.
    fn domain_day(
        &self,
        day: Day,
        domain: &Domain,
        as_asked: &str,
    ) -> Result<DomainDayState, StoreError>;

    /// Days that have jobs, with the domain in a row or not, the newest first.
    fn days_of(&self, domain: &Domain) -> Result<Vec<(Day, DomainPresence)>, StoreError>;

    /// Domains of that day above and below this one: a few.
    fn relatives(&self, day: Day, domain: &Domain) -> Result<Vec<String>, StoreError>;

    /// Which reporter works on this database; `None` before one of ours has opened it.
    fn installation(&self) -> Result<Option<InstallationId>, StoreError>;

    /// The whole suppression list.
    fn suppression_list(&self) -> Result<Suppressions, StoreError>;
}

/// Whether a day has a row of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DomainPresence {
    /// It was counted.
    Counted,
    /// No collector has named it.
    Absent,
}

/// All that is stored about a domain's day.
#[derive(Clone, Debug, Default)]
pub struct DomainDayState {
    /// The collectors that were or are asked for that day; none when the day was never asked for, or is cleaned.
    pub jobs: Vec<JobState>,
    /// The day is known to be decided, even if its rows are cleaned.
    pub is_decided: bool,
    /// What collectors have answered about the domain.
    pub rows: Vec<RowState>,
    /// Reports, or the reasons for none; several when sessions came late.
    pub reports: Vec<ReportState>,
    /// Counts that no decision has used yet.
    pub undecided: Vec<CollectorRow>,
    /// Mails of ours that may have been sessions with the domain.
    pub our_mails: OurMails,
}

impl DomainDayState {
    /// Adds the collectors whose rows were removed when they were used, beside those that are there.
    pub(super) fn add_used(&mut self, fetchers: impl IntoIterator<Item = String>) {
        for fetcher in fetchers {
            if self.rows.iter().all(|row| row.fetcher != fetcher) {
                self.rows.push(RowState {
                    fetcher,
                    stage: RowStage::Decided,
                    reason: None,
                });
            }
        }
        self.rows
            .sort_by(|one, other| one.fetcher.cmp(&other.fetcher));
    }

    /// What is to be decided on, if there is anything; as the daemon's.
    pub fn to_decide(&self, domain: &Domain, guard: LoopGuard) -> Option<DomainDay> {
        (!self.undecided.is_empty()).then(|| self.domain_day(domain, self.undecided.clone(), guard))
    }

    /// The same of other counts.
    pub fn domain_day(
        &self,
        domain: &Domain,
        rows: Vec<CollectorRow>,
        guard: LoopGuard,
    ) -> DomainDay {
        DomainDay {
            domain: domain.to_string(),
            rows,
            our_mails: match guard {
                LoopGuard::On => self.our_mails,
                LoopGuard::Off => OurMails::default(),
            },
            mx_mails: Vec::new(),
            reports: self
                .reports
                .iter()
                .map(|report| report.uniqid)
                .max()
                .unwrap_or(0),
        }
    }
}

/// Whether mails of ours are set against the sessions: `loop_guard`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoopGuard {
    /// They are.
    On,
    /// They are not.
    Off,
}

/// One collector's job for a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobState {
    /// The command.
    pub command: String,
    /// How far it is.
    pub stage: JobStage,
    /// Its day is decided.
    pub is_decided: bool,
    /// Attempts that failed.
    pub failures: u64,
    /// When it is asked next, while it is waited for.
    pub next: Option<Timestamp>,
    /// Why the last attempt failed, or what became of it.
    pub reason: Option<String>,
}

/// How far a job is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobStage {
    /// The collector has not answered, or not wholly.
    Waiting,
    /// It has answered wholly.
    Answered,
    /// It was given up.
    GivenUp,
    /// Its collector was taken out of the settings before it had answered.
    Removed,
    /// A word of another program.
    Other(String),
}

/// What one collector answered about the domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowState {
    /// Whose.
    pub fetcher: String,
    /// How far it is.
    pub stage: RowStage,
    /// Why it cannot be used, or under which name it is.
    pub reason: Option<String>,
}

/// How far a row is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowStage {
    /// In sys4's list of domains; the counts are to be asked for.
    Listed,
    /// There, and undecided.
    Stored,
    /// There, after a report was made: for one of its own.
    Late,
    /// Used by a decision.
    Decided,
    /// It will never come, or cannot be used.
    GivenUp,
    /// A word of another program.
    Other(String),
}

/// A report, or the reason why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportState {
    /// Its row.
    pub r_id: i64,
    /// Distinct a day and domain.
    pub uniqid: u64,
    /// Whether it is on the domain, or on the MX host of that name.
    pub subject: ReportSubject,
    /// When it was decided.
    pub created: Option<Timestamp>,
    /// Why there is none.
    pub reason: Option<String>,
    /// Sessions in it, or in what was not reported; sys4 records none.
    pub sessions: Option<u64>,
    /// Those that failed.
    pub failed: Option<u64>,
    /// Its bytes, while they are here.
    pub json: Option<String>,
    /// Where it goes; empty without a report.
    pub deliveries: Vec<DeliveryState>,
}

impl ReportState {
    /// Its sessions, and those that failed: as they were recorded, or as its bytes say.
    pub fn counts(&self) -> Option<(u64, u64)> {
        match (self.sessions, self.failed) {
            (Some(sessions), failed) => Some((sessions, failed.unwrap_or(0))),
            (None, _) => {
                let summary = Summary::from_json(self.json.as_deref()?).ok()?;
                Some((summary.sessions, summary.failures))
            }
        }
    }
}

/// One report to one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryState {
    /// Where to.
    pub destination: Destination,
    /// A final word, ours or sys4's; `None`: it is pending.
    pub status: Option<String>,
    /// Attempts that failed.
    pub failures: u64,
    /// When it is due; of ours that have ended, when that was.
    pub next: Option<Timestamp>,
    /// The first attempt that counts.
    pub first: Option<Timestamp>,
    /// The mail's Date.
    pub dated: Option<Timestamp>,
    /// An attempt began then and is under way, or was cut off.
    pub started: Option<Timestamp>,
    /// What the last attempt ended with; sys4 records none.
    pub reason: Option<String>,
}
