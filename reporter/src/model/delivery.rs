//! A stored report, and a delivery of it.

use std::sync::{Arc, OnceLock};

use hyper::body::Bytes;
use jiff::Timestamp;
use tlsrptd_proto::{
    day::Day,
    domain::Domain,
    report::{InstallationId, Summary},
};

use super::{Destination, QueueKey, RequestId};

/// A report as it stands in the database: its bytes are fixed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredReport {
    /// The day it is about.
    pub day: Day,
    /// The domain it is about.
    pub domain: Domain,
    /// Distinct a day and domain.
    pub uniqid: u64,
    /// The report.
    pub json: String,
    /// When it was made.
    pub created: Timestamp,
    /// Whose database it stands in.
    pub installation: InstallationId,
    /// Whether it is a report, or a test of the way.
    pub kind: ReportKind,
    /// What is made of it once, for all its destinations.
    pub payload: Payload,
}

/// What a report tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportKind {
    /// The sessions of a day.
    Sessions,
    /// Nothing: it shows whether reports arrive, and says so.
    Test,
}

/// What is sent of a report, made when the first delivery needs it; or why it cannot be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    /// For a mail's text.
    pub summary: OnceLock<Result<Summary, String>>,
    /// The report, compressed.
    pub gzip: OnceLock<Result<Bytes, String>>,
}

impl StoredReport {
    /// The memory that it takes now.
    pub fn size(&self) -> usize {
        let gzip = self.payload.gzip.get().and_then(|gzip| gzip.as_ref().ok());
        self.json.len() + gzip.map_or(0, Bytes::len)
    }

    /// The report, compressed, if it was compressed already.
    pub fn compressed(&self) -> Option<Bytes> {
        let gzip = self.payload.gzip.get()?;
        gzip.as_ref().ok().cloned()
    }
}

/// A delivery in hand: one report to one destination, whose attempt is about to begin.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The row of its report.
    pub r_id: i64,
    /// What is delivered.
    pub report: Arc<StoredReport>,
    /// Where to.
    pub destination: Destination,
    /// Whose connections it uses.
    pub queue: QueueKey,
    /// Failures so far.
    pub failures: u32,
    /// The first attempt: the retry window begins with it.
    pub first: Timestamp,
    /// This is the first attempt.
    pub begins_window: bool,
    /// The mail's Date and the signature's time: the first attempt's. Stored before it, and the same for all that follow.
    pub date: Timestamp,
    /// Reports have arrived at that destination before.
    pub delivered_before: bool,
    /// The operator has asked for it; otherwise its row is one of `destinations`.
    pub request: Option<RequestId>,
}

impl Delivery {
    /// The reported domain.
    pub fn domain(&self) -> &str {
        self.report.domain.as_str()
    }

    /// The number of this attempt, counted from 1.
    pub fn attempt(&self) -> u32 {
        self.failures + 1
    }
}

/// How a delivery ended, in the words of sys4's status column and ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// The other side took the report.
    Sent,
    /// No attempt succeeded within the retry window.
    TimedOut,
    /// The receiver refused it, or it cannot be sent at all.
    Refused,
    /// The destination is on the suppression list.
    Suppressed,
    /// The report is older than `max_report_age`.
    Expired,
    /// No carrier for that scheme.
    UnknownScheme,
}

impl DeliveryStatus {
    /// All of them.
    pub const ALL: [DeliveryStatus; 6] = [
        DeliveryStatus::Sent,
        DeliveryStatus::TimedOut,
        DeliveryStatus::Refused,
        DeliveryStatus::Suppressed,
        DeliveryStatus::Expired,
        DeliveryStatus::UnknownScheme,
    ];

    /// The word of the database.
    pub fn as_str(self) -> &'static str {
        match self {
            DeliveryStatus::Sent => "sent",
            DeliveryStatus::TimedOut => "timedout",
            DeliveryStatus::Refused => "refused",
            DeliveryStatus::Suppressed => "suppressed",
            DeliveryStatus::Expired => "expired",
            DeliveryStatus::UnknownScheme => "unknownrua",
        }
    }
}
