//! Port of what the operator asks and changes by `tlsrptctl`, while a reporter may be at work.

use tlsrptd_proto::day::Day;

use super::{DeliveriesView, DomainDays, History, MissingCollector, OperatorRequests, StoreError};
use crate::model::SuppressionTarget;

/// A store that exists, for one command.
///
/// # Errors
/// All fail when the engine cannot read or write; nothing has changed then.
pub trait OperatorStore: History + DomainDays + DeliveriesView + OperatorRequests {
    /// What there is to do and what was done.
    fn status_counts(&self) -> Result<StatusCounts, StoreError>;

    /// The collectors that were given up, of the days `from..=to` that are decided.
    fn missing_collectors(&self, from: Day, to: Day) -> Result<Vec<MissingCollector>, StoreError>;

    /// Puts a target on the suppression list, or changes its entry. `false`: it was there.
    fn suppress(
        &mut self,
        target: &SuppressionTarget,
        until: Option<Day>,
        reason: &str,
        today: Day,
    ) -> Result<bool, StoreError>;

    /// Takes a target off the list, and forgets what it refused: for reports on one domain, or for all. Gives the number
    /// of entries that were there.
    fn unsuppress(
        &mut self,
        target: &SuppressionTarget,
        domain: Option<&str>,
    ) -> Result<usize, StoreError>;

    /// What is suppressed on that day, in the order of the targets.
    fn suppressed(&self, today: Day) -> Result<Vec<SuppressionRow>, StoreError>;
}

/// The counts of all tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusCounts {
    /// Fetch jobs.
    pub jobs: Vec<StatusCount>,
    /// Report data.
    pub data: Vec<StatusCount>,
    /// Destinations, by the day of their report.
    pub destinations: Vec<StatusCount>,
    /// `None` when nothing that was tried is pending.
    pub why_pending: Option<WhyPending>,
}

/// The number of rows of a day with a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusCount {
    /// The day.
    pub day: String,
    /// The status; `None` is sys4's NULL: there is something to do.
    pub status: Option<String>,
    /// How many.
    pub number: i64,
}

/// Why deliveries that were tried are still pending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhyPending {
    /// How many were tried and are to be tried again.
    pub tried: u64,
    /// How many of them share the most frequent reason.
    pub number: u64,
    /// That reason, of one of them.
    pub reason: String,
}

/// One entry of the suppression list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuppressionRow {
    /// What gets nothing.
    pub target: String,
    /// On which domain; `None` on any.
    pub domain: Option<String>,
    /// The last day; `None` for ever.
    pub until: Option<String>,
    /// The first day.
    pub since: String,
    /// `operator` or `refusals`.
    pub by: String,
    /// How often it was suspended for its refusals.
    pub times: i64,
    /// Why.
    pub reason: String,
}
