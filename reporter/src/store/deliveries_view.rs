//! Port of lists of deliveries: those of a day, those that wait, and the collectors that a day was asked from.

use jiff::Timestamp;
use tlsrptd_proto::day::Day;

use super::{JobState, StoreError};
use crate::model::ReportSubject;

/// What the operator lists. Each answer takes well under a second, however many deliveries there are: by index, and no more
/// rows than were asked for.
///
/// # Errors
/// All fail when the engine cannot read.
pub trait DeliveriesView {
    /// Deliveries of a day's reports, by domain; at most `limit`.
    fn deliveries(&self, question: &DeliveryQuestion) -> Result<Vec<DeliveryRow>, StoreError>;

    /// Domains of a day without a report, by name; at most `limit`.
    fn without_report(
        &self,
        day: Day,
        domain: Option<&str>,
        limit: usize,
    ) -> Result<Vec<WithoutReportRow>, StoreError>;

    /// What waits, of whatever day. `late`: due before this, and still waiting.
    fn backlog(&self, late: Timestamp) -> Result<Backlog, StoreError>;

    /// The collectors that were or are asked for a day.
    fn jobs(&self, day: Day) -> Result<Vec<JobState>, StoreError>;
}

/// Which deliveries are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryQuestion {
    /// The day that the report is about.
    pub day: Day,
    /// Of this domain alone.
    pub domain: Option<String>,
    /// Only those.
    pub status: DeliveryFilter,
    /// At most so many rows.
    pub limit: usize,
}

/// Which of a day's deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryFilter {
    /// All.
    All,
    /// Those that have not ended. Where they are few, those in hand are not among them.
    Waiting(Frequency),
    /// Those that ended in this way, sys4's word or ours.
    Ended(String, Frequency),
}

/// How many of a day's deliveries a filter leaves, so that the way to them is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frequency {
    /// The first domains will have some.
    Usual,
    /// One would look through all domains.
    Rare,
}

/// One report to one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRow {
    /// The reported domain.
    pub domain: String,
    /// Distinct among the reports of a domain and day.
    pub uniqid: u64,
    /// Whether it is on the domain, or on the MX host of that name.
    pub subject: ReportSubject,
    /// Where to.
    pub destination: String,
    /// How it stands.
    pub progress: DeliveryProgress,
    /// Attempts that failed.
    pub failures: u64,
    /// The first attempt that counts.
    pub first_attempt: Option<Timestamp>,
    /// What the last attempt ended with; sys4 records none.
    pub answer: Option<String>,
}

/// How a delivery stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryProgress {
    /// It is due then.
    Waiting {
        /// When.
        next_try: Option<Timestamp>,
    },
    /// An attempt is under way, or was cut off.
    InHand {
        /// When it began.
        since: Option<Timestamp>,
    },
    /// It is over.
    Ended {
        /// sys4's word or ours.
        status: String,
        /// When; sys4 does not record that.
        at: Option<Timestamp>,
    },
}

/// A domain's day without a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithoutReportRow {
    /// The domain.
    pub domain: String,
    /// Its sessions.
    pub sessions: Option<u64>,
    /// Those that failed.
    pub failed: Option<u64>,
    /// Why.
    pub reason: String,
}

/// What waits to be delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// How many deliveries.
    pub waiting: u64,
    /// So many of them were looked at for what follows: the oldest.
    pub looked_at: u64,
    /// The earliest time at which one of these is due.
    pub next_due: Option<Timestamp>,
    /// How many of these were due before the time that was given.
    pub late: u64,
    /// When the first of those was due.
    pub late_since: Option<Timestamp>,
    /// How many of these have failed before.
    pub tried: u64,
    /// How many of these were first tried, or made, before the time that was given.
    pub tried_long: u64,
    /// When the first of them was first tried, or made.
    pub tried_since: Option<Timestamp>,
    /// Why most of them failed.
    pub reason: Option<SharedReason>,
}

/// A reason that several deliveries share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedReason {
    /// How many.
    pub deliveries: u64,
    /// The reason, in the words of one of them.
    pub reason: String,
}
