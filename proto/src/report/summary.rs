//! What people want to know of a report: for the mail's text part, whoever wrote the report.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::failure::ResultType;
use crate::pyjson;

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
        let report = pyjson::parse(text)?;
        let range = &report["date-range"];
        let mut summary = Summary {
            organization_name: text_of(&report["organization-name"]),
            contact_info: text_of(&report["contact-info"]),
            report_id: text_of(&report["report-id"]),
            start: text_of(&range["start-datetime"]),
            end: text_of(&range["end-datetime"]),
            ..Summary::default()
        };
        if summary.report_id.is_empty() {
            return Err(SummaryError::Missing("report-id"));
        }
        let Some(policies) = report["policies"].as_array() else {
            return Err(SummaryError::Missing("policies"));
        };
        for policy in policies {
            summary.add(policy);
        }
        Ok(summary)
    }

    fn add(&mut self, policy: &Value) {
        let counts = &policy["summary"];
        let failed = number(&counts["total-failure-session-count"]);
        let successful = number(&counts["total-successful-session-count"]);
        self.failures = self.failures.saturating_add(failed);
        self.sessions = self
            .sessions
            .saturating_add(failed)
            .saturating_add(successful);
        for detail in policy["failure-details"].as_array().into_iter().flatten() {
            // sys4 leaves the type out when it does not know the MTA's code.
            let word = detail["result-type"].as_str().unwrap_or(UNKNOWN.as_str());
            let mine = self.by_type.entry(word.to_owned()).or_default();
            *mine = mine.saturating_add(number(&detail["failed-session-count"]));
        }
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}
