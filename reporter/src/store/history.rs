//! Port of what was done: totals of days, what failed, and the reports that went out.

use std::io::{self, Read as _};

use flate2::read::GzDecoder;
use tlsrptd_proto::day::Day;

use super::StoreError;
use crate::model::NamedDestination;

/// What was done, for as long as it is remembered (`history_days`; reports: `keep_days` and `max_kept_reports_size`).
///
/// # Errors
/// All fail when the engine cannot read.
pub trait History {
    /// The first day of which there are totals. `None`: nothing is known, as in a database that only sys4 has worked on.
    fn first_day(&self) -> Result<Option<Day>, StoreError>;

    /// Totals of the days `from..=to`, oldest first; days without anything are absent.
    fn totals(&self, from: Day, to: Day) -> Result<Vec<DayTotals>, StoreError>;

    /// Failures, those of the most sessions first, at most `limit` rows. Behind them, beyond the limit, one row without a
    /// domain for what was folded; not where one domain, or what is new, is asked for.
    fn failures(&self, question: &FailureQuestion) -> Result<Vec<FailureRow>, StoreError>;

    /// What failed with these domains on each of the days `from..=to`, in the order of the days. It takes no longer than to
    /// read these days once, whatever the owners of the domains do.
    fn failures_by_day(
        &self,
        domains: &[&str],
        from: Day,
        to: Day,
    ) -> Result<Vec<FailedOnDay>, StoreError>;

    /// The reports of a domain's day whose contents are still there, sent or not, by their number.
    fn kept_reports(&self, day: Day, domain: &str) -> Result<Vec<KeptReport>, StoreError>;

    /// Whom the records of other domains named on the days `from..=to`, where they were many or something was left out; of each
    /// day those that most named come first, and no more than a hundred.
    fn named(&self, from: Day, to: Day) -> Result<Vec<NamedDestination>, StoreError>;
}

/// The totals of a day: of its sessions, and of its reports whenever they were delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayTotals {
    /// The day.
    pub day: Day,
    /// Domains that are decided on.
    pub domains: u64,
    /// All sessions.
    pub sessions: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// Reports that were made.
    pub reports: u64,
    /// Decisions against a report.
    pub without: u64,
    /// The same, by the kind of reason.
    pub without_reasons: Vec<WithoutReport>,
    /// Sessions by policy type, the most first.
    pub by_policy: Vec<PolicyTotals>,
    /// Failures by result type, the most first. A session may have several, or none that was told.
    pub by_result: Vec<ResultTotals>,
    /// Deliveries of these reports, however they stand.
    pub deliveries: u64,
    /// Deliveries that have ended, by sys4's status word, the most first.
    pub outcomes: Vec<OutcomeTotals>,
}

impl DayTotals {
    /// A day on which nothing was done.
    pub fn of(day: Day) -> DayTotals {
        DayTotals {
            day,
            domains: 0,
            sessions: 0,
            failed: 0,
            reports: 0,
            without: 0,
            without_reasons: Vec::new(),
            by_policy: Vec::new(),
            by_result: Vec::new(),
            deliveries: 0,
            outcomes: Vec::new(),
        }
    }

    /// Adds a part of it, a row of an engine's: each name of a kind once.
    pub(super) fn add(&mut self, kind: &str, name: String, number: u64, failed: u64) {
        match kind {
            "policy" => self.by_policy.push(PolicyTotals {
                policy_type: name,
                sessions: number,
                failed,
            }),
            "result" => self.by_result.push(ResultTotals {
                result_type: name,
                sessions: number,
            }),
            "without" => self.without_reasons.push(WithoutReport {
                reason: name,
                domains: number,
                sessions: failed,
            }),
            "delivery" => self.outcomes.push(OutcomeTotals {
                status: name,
                deliveries: number,
            }),
            // Of a later version.
            _ => {}
        }
    }

    /// Deliveries that have not ended.
    pub fn waiting(&self) -> u64 {
        self.deliveries.saturating_sub(self.all_ended())
    }

    /// Deliveries that have ended, in whatever way.
    pub fn all_ended(&self) -> u64 {
        let ended = self.outcomes.iter().map(|outcome| outcome.deliveries);
        ended.fold(0, u64::saturating_add)
    }

    /// Deliveries that ended with this status.
    pub fn ended(&self, status: &str) -> u64 {
        let of_it = self.outcomes.iter().filter(|of| of.status == status);
        of_it.map(|of| of.deliveries).fold(0, u64::saturating_add)
    }
}

/// Decisions against a report, of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithoutReport {
    /// What the reason begins with: `no record`, `suppressed`, `min_sessions`.
    pub reason: String,
    /// How many.
    pub domains: u64,
    /// Their sessions.
    pub sessions: u64,
}

/// The sessions of one policy type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyTotals {
    /// RFC 8460's word: `tlsa`, `sts`, `no-policy-found`.
    pub policy_type: String,
    /// Sessions.
    pub sessions: u64,
    /// Those of them that failed.
    pub failed: u64,
}

/// The failures of one result type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultTotals {
    /// RFC 8460's word, such as `certificate-expired`.
    pub result_type: String,
    /// How many sessions had it.
    pub sessions: u64,
}

/// The deliveries that ended in one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeTotals {
    /// sys4's word and ours: see [`DeliveryStatus`](crate::model::DeliveryStatus).
    pub status: String,
    /// How many.
    pub deliveries: u64,
}

/// Which failures are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureQuestion {
    /// The first day.
    pub from: Day,
    /// The last day.
    pub to: Day,
    /// Of this domain alone, in the form of `Domain`.
    pub domain: Option<String>,
    /// Only what did not fail between this day and the one before `from`: neither that domain with that result type.
    pub new_since: Option<Day>,
    /// At most so many rows.
    pub limit: usize,
}

/// What failed alike on the days that were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureRow {
    /// The first of these days on which it failed.
    pub first_day: Day,
    /// The last of them.
    pub day: Day,
    /// On how many of them it failed.
    pub days: u32,
    /// The reported domain; `None`: folded, and the types are empty.
    pub domain: Option<String>,
    /// The MX host (RFC 8460 `receiving-mx-hostname`).
    pub mx: Option<String>,
    /// Its address (`receiving-ip`).
    pub address: Option<String>,
    /// RFC 8460's word.
    pub policy_type: String,
    /// RFC 8460's word.
    pub result_type: String,
    /// What the MTA says beside it (`failure-reason-code`).
    pub reason_code: Option<String>,
    /// How many sessions had it.
    pub sessions: u64,
}

/// What failed on one day with one domain alike, at whichever of its hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedOnDay {
    /// The day.
    pub day: Day,
    /// The reported domain.
    pub domain: String,
    /// RFC 8460's word.
    pub policy_type: String,
    /// RFC 8460's word.
    pub result_type: String,
    /// How many sessions had it.
    pub sessions: u64,
}

/// A report whose contents are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptReport {
    /// The row of the report.
    pub r_id: i64,
    /// Distinct among the reports of a domain and day.
    pub uniqid: u64,
    /// When it was made, in the form that sys4 writes.
    pub made: String,
    /// Its contents.
    pub contents: ReportContents,
}

/// The contents of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportContents {
    /// As it was sent: compressed.
    Sent(Vec<u8>),
    /// It was not sent, or not yet.
    Json(String),
}

/// A kept report is not expanded beyond this: no report is so large.
const LONGEST_REPORT: u64 = 256 << 20;

impl ReportContents {
    /// The report's JSON.
    ///
    /// # Errors
    /// When the kept bytes are damaged.
    pub fn json(&self) -> io::Result<String> {
        match self {
            ReportContents::Json(json) => Ok(json.clone()),
            ReportContents::Sent(gzip) => {
                let mut json = String::new();
                let mut reader = GzDecoder::new(gzip.as_slice()).take(LONGEST_REPORT);
                reader.read_to_string(&mut json)?;
                Ok(json)
            }
        }
    }
}
