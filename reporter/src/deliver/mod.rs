//! One report to one address, and how that ended.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::{day::Day, domain::Domain};

/// One report on its way to one address.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// What is delivered.
    pub report: Arc<StoredReport>,
    /// Where to.
    pub destination: Destination,
    /// Counted from 1, for the log; the bytes do not depend on it.
    pub attempt: u32,
}

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
    /// When it was made: the mail's Date and the signature's time.
    pub created: Timestamp,
}

/// Why deliveries cannot be made with these settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {}

/// Carries reports to addresses. Made once at start.
#[derive(Debug)]
pub struct Deliverer {}

impl Deliverer {
    /// Reads keys and certificates, and looks for the programs that are needed.
    pub fn prepare(settings: &Reportd) -> Result<Deliverer, PrepareError> {
        let _ = settings;
        Ok(Deliverer {})
    }

    /// One attempt, in bounded time.
    pub async fn attempt(&self, delivery: &Delivery) -> Outcome {
        let _ = delivery;
        Outcome::UnknownScheme
    }
}

/// Where a report goes, and on whose word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// `mailto:` and one decoded address, an `https:` URL, or `directory:` and a path.
    pub uri: String,
    /// Whose word it is: the filter for non-global addresses applies to records only.
    pub origin: Origin,
}

/// Who named a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The domain's own TXT record.
    Record,
    /// The operator, in a map or a debug option.
    Operator,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The other side took it.
    Sent {
        /// What it answered, for the log.
        detail: String,
    },
    /// Try again later.
    Retry {
        /// What went wrong.
        reason: String,
        /// The other side's wish (`Retry-After`).
        after: Option<Duration>,
    },
    /// The other side will never take it.
    Refused {
        /// What it answered.
        reason: String,
    },
    /// A map produced a scheme that nobody can deliver to.
    UnknownScheme,
}
