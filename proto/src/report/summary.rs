//! What people want to know of a report: for the mail's text part, whoever wrote the report.

use std::collections::BTreeMap;

use serde_core::de::MapAccess;

use crate::failure::ResultType;
use crate::pyjson::{self, FoundParts, Parts};

/// What a failure of unknown type is counted as.
const UNKNOWN: ResultType = ResultType::ValidationFailure;

/// The gist of a report, ours or sys4's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// `organization-name`.
    pub organization_name: String,
    /// `contact-info`.
    pub contact_info: String,
    /// `report-id`, which sys4 writes with colons: not always a valid part of a msg-id.
    pub report_id: String,
    /// `start-datetime` of the range.
    pub start: String,
    /// `end-datetime` of the range.
    pub end: String,
    /// All sessions.
    pub sessions: u64,
    /// Those that failed.
    pub failures: u64,
    /// Failed sessions by result type. Types may overlap, so the sum may differ from `failures`.
    pub by_type: BTreeMap<String, u64>,
}

/// Why a text is no report.
#[derive(Debug, thiserror::Error)]
pub enum SummaryError {
    /// Not JSON.
    #[error("a report is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// JSON without a report's `report-id` or `policies`.
    #[error("a report has no {0}")]
    Missing(&'static str),
}

impl Summary {
    /// Reads a report.
    ///
    /// # Errors
    ///
    /// When it is not JSON, or has no `report-id` or `policies`.
    pub fn from_json(text: &str) -> Result<Summary, SummaryError> {
        let report: ReportParts = pyjson::parse_parts(text)?;
        let mut summary = report.summary;
        if summary.report_id.is_empty() {
            return Err(SummaryError::Missing("report-id"));
        }
        let Some(policies) = report.policies else {
            return Err(SummaryError::Missing("policies"));
        };
        for policy in policies {
            summary.add(policy);
        }
        Ok(summary)
    }

    fn add(&mut self, policy: PolicyParts) {
        let PolicyParts { counts, details } = policy;
        self.failures = self.failures.saturating_add(counts.failed);
        self.sessions = self
            .sessions
            .saturating_add(counts.failed)
            .saturating_add(counts.successful);
        for detail in details {
            // sys4 leaves the type out when it does not know the MTA's code.
            let word = detail.result.unwrap_or_else(|| UNKNOWN.as_str().to_owned());
            let mine = self.by_type.entry(word).or_default();
            *mine = mine.saturating_add(detail.number);
        }
    }
}

/// A whole report.
#[derive(Default)]
struct ReportParts {
    summary: Summary,
    policies: Option<Vec<PolicyParts>>,
}

/// Its `date-range`.
#[derive(Default)]
struct RangeParts {
    start: String,
    end: String,
}

/// One of its `policies`.
#[derive(Default)]
struct PolicyParts {
    counts: CountParts,
    details: Vec<DetailParts>,
}

/// The `summary` of a policy.
#[derive(Default)]
struct CountParts {
    failed: u64,
    successful: u64,
}

/// One of its `failure-details`.
#[derive(Default)]
struct DetailParts {
    result: Option<String>,
    number: u64,
}

impl Parts for ReportParts {
    fn take<'de, A: MapAccess<'de>>(&mut self, key: &str, members: &mut A) -> Result<(), A::Error> {
        let text = |members| pyjson::text(members).map(Option::unwrap_or_default);
        match key {
            "organization-name" => self.summary.organization_name = text(members)?,
            "contact-info" => self.summary.contact_info = text(members)?,
            "report-id" => self.summary.report_id = text(members)?,
            "date-range" => {
                let range = members.next_value::<FoundParts<RangeParts>>()?.object();
                (self.summary.start, self.summary.end) = (range.start, range.end);
            }
            "policies" => self.policies = members.next_value::<FoundParts<PolicyParts>>()?.list(),
            _ => pyjson::ignore(members)?,
        }
        Ok(())
    }
}

impl Parts for RangeParts {
    fn take<'de, A: MapAccess<'de>>(&mut self, key: &str, members: &mut A) -> Result<(), A::Error> {
        match key {
            "start-datetime" => self.start = pyjson::text(members)?.unwrap_or_default(),
            "end-datetime" => self.end = pyjson::text(members)?.unwrap_or_default(),
            _ => pyjson::ignore(members)?,
        }
        Ok(())
    }
}

impl Parts for PolicyParts {
    fn take<'de, A: MapAccess<'de>>(&mut self, key: &str, members: &mut A) -> Result<(), A::Error> {
        match key {
            "summary" => self.counts = members.next_value::<FoundParts<CountParts>>()?.object(),
            "failure-details" => {
                let details = members.next_value::<FoundParts<DetailParts>>()?.list();
                self.details = details.unwrap_or_default();
            }
            _ => pyjson::ignore(members)?,
        }
        Ok(())
    }
}

impl Parts for CountParts {
    fn take<'de, A: MapAccess<'de>>(&mut self, key: &str, members: &mut A) -> Result<(), A::Error> {
        match key {
            "total-failure-session-count" => self.failed = pyjson::count(members)?,
            "total-successful-session-count" => self.successful = pyjson::count(members)?,
            _ => pyjson::ignore(members)?,
        }
        Ok(())
    }
}

impl Parts for DetailParts {
    fn take<'de, A: MapAccess<'de>>(&mut self, key: &str, members: &mut A) -> Result<(), A::Error> {
        match key {
            "result-type" => self.result = pyjson::text(members)?,
            "failed-session-count" => self.number = pyjson::count(members)?,
            _ => pyjson::ignore(members)?,
        }
        Ok(())
    }
}
