//! Port of the digests: which were made, and which is to be sent.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tlsrptd_proto::day::Day;

use super::StoreError;
use crate::model::{DigestContents, DigestMail, DigestPeriod, DigestStatus};

/// Digests: each period gets one.
///
/// # Errors
/// All fail when the engine cannot read or write; nothing has changed then.
pub trait Digests {
    /// The last days of the periods of that length that have a digest, whatever became of it. One that a clock has made
    /// that was ahead by more than a day is not among them.
    fn digests_made(&self, days: u32, now: Timestamp) -> Result<BTreeSet<Day>, StoreError>;

    /// Stores a digest, to be sent at once. `None`: there is nothing to say, and that is remembered.
    fn store_digest(
        &mut self,
        period: DigestPeriod,
        contents: Option<&DigestContents>,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// The oldest digest that is due.
    fn due_digest(&self, now: Timestamp) -> Result<Option<DigestMail>, StoreError>;

    /// When the next one is due that waits.
    fn next_digest(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Records how an attempt to send one ended.
    fn record_digest(&mut self, end: &DigestEnd, now: Timestamp) -> Result<(), StoreError>;

    /// Forgets all digests: the operator wants none.
    fn forget_digests(&mut self) -> Result<(), StoreError>;
}

/// How an attempt to send a digest ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DigestEnd {
    /// It is over.
    Final {
        /// Of which days.
        period: DigestPeriod,
        /// How.
        status: DigestStatus,
        /// To whom it was addressed.
        to: String,
        /// What the relay said.
        reason: String,
    },
    /// To be tried again.
    Later {
        /// Of which days.
        period: DigestPeriod,
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
    },
}

/// A collector whose answer for a day is missing in the reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingCollector {
    /// The day.
    pub day: Day,
    /// Its command.
    pub command: String,
    /// Why it was given up.
    pub reason: Option<String>,
}
