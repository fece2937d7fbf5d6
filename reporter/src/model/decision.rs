//! What becomes of one domain's day.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tlsrptd_proto::{counts::ReportCounts, domain::Domain};

use super::{CountedDetails, Destination, MxShare, NamedPart};

/// A domain's day that is decided on.
#[derive(Clone, Debug)]
pub struct DecidedDomain {
    /// The domain, as it stands in the rows.
    pub domain: String,
    /// Distinct among the reports of a domain and day.
    pub uniqid: u64,
    /// The collectors' rows.
    pub rows: CountedRows,
    /// Whether there is a report.
    pub decision: Decision,
    /// The destinations of others that its record names.
    pub named: Vec<NamedPart>,
}

/// What the collectors' rows came to.
#[derive(Clone, Debug, Default)]
pub struct CountedRows {
    /// All sessions.
    pub sessions: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// Both by policy type, and the failures.
    pub details: CountedDetails,
    /// The collectors whose rows were used.
    pub used: Vec<String>,
    /// Rows that could not be used, each by its collector, with the reason.
    pub bad: Vec<(String, String)>,
    /// With `mx_reports`: sessions with a TLSA policy, by the host that the policy is of.
    pub by_mx_host: BTreeMap<Domain, ReportCounts>,
    /// Those of hosts that ask for reports.
    pub mx_shares: Vec<MxShare>,
}

/// A report, or the reason why there is none.
#[derive(Clone, Debug)]
pub enum Decision {
    /// A report.
    Report(NewReport),
    /// Why there is none.
    NoReport(String),
}

/// A report and where it goes.
#[derive(Clone, Debug)]
pub struct NewReport {
    /// Its bytes.
    pub json: String,
    /// Where it goes, and when.
    pub destinations: Vec<(Destination, Timestamp)>,
    /// Destinations that are on the suppression list, each with the reason.
    pub suppressed: Vec<(Destination, String)>,
}

impl Decision {
    /// The report, if there is one.
    pub fn report(&self) -> Option<&NewReport> {
        match self {
            Decision::Report(report) => Some(report),
            Decision::NoReport(_) => None,
        }
    }

    /// Why there is no report, without the details: what all reasons of that kind begin with.
    pub fn kind_of_reason(&self) -> Option<&str> {
        match self {
            Decision::Report(_) => None,
            Decision::NoReport(reason) => reason.split(':').next(),
        }
    }
}
