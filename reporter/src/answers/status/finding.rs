//! What is wrong or strange, and how bad that is.

use serde_json::{Value, json};

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusFinding {
    /// What it speaks of.
    pub area: StatusArea,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence.
    pub text: String,
}

/// The part of the work that a finding speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusArea {
    /// Collectors, and the day that they have closed.
    Collecting,
    /// The reporter, and how its deliveries ended.
    Reporting,
    /// Deliveries that wait.
    Waiting,
    /// Queues that are held back.
    Throttled,
}

/// How bad something is, in the words of monitoring plug-ins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing to look at.
    Ok,
    /// It could not be found out.
    Unknown,
    /// Look at it today.
    Warning,
    /// Look at it now.
    Critical,
}

impl Severity {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Ok => "ok",
            Severity::Unknown => "unknown",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }

    /// The exit status of a plug-in.
    pub fn exit(self) -> u8 {
        match self {
            Severity::Ok => 0,
            Severity::Warning => 1,
            Severity::Critical => 2,
            Severity::Unknown => 3,
        }
    }
}

/// The worst of them.
pub fn worst(findings: &[StatusFinding]) -> Severity {
    let severities = findings.iter().map(|finding| finding.severity);
    severities.max().unwrap_or(Severity::Ok)
}

impl StatusFinding {
    pub(super) fn new(
        area: StatusArea,
        severity: Severity,
        text: impl Into<String>,
    ) -> StatusFinding {
        StatusFinding {
            area,
            severity,
            text: text.into(),
        }
    }

    pub(super) fn json(&self) -> Value {
        json!({ "severity": self.severity.as_str(), "text": self.text })
    }
}
