//! A report as people read it: ours, sys4's, or whatever stands in its place.

use serde_json::Value;
use tlsrptd_proto::pyjson;

/// A report's contents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReportView {
    pub(crate) organization: String,
    pub(crate) contact: String,
    pub(crate) report_id: String,
    pub(crate) start: String,
    pub(crate) end: String,
    pub(crate) policies: Vec<PolicyView>,
}

/// One element of `policies`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PolicyView {
    pub(crate) kind: String,
    pub(crate) domain: String,
    /// `policy-string`: the lines of an MTA-STS policy, or TLSA records.
    pub(crate) strings: Vec<String>,
    /// `mx-host`: the patterns.
    pub(crate) mx_patterns: Vec<String>,
    pub(crate) successful: u64,
    pub(crate) failed: u64,
    pub(crate) failures: Vec<FailureView>,
}

/// One element of `failure-details`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FailureView {
    pub(crate) result: String,
    pub(crate) sending_mta: String,
    pub(crate) receiving_mx: String,
    pub(crate) helo: String,
    pub(crate) address: String,
    pub(crate) sessions: u64,
    /// `failure-reason-code` and `additional-information`.
    pub(crate) reason: String,
}

impl ReportView {
    /// Reads a report; `Err`: why it is none.
    pub(crate) fn read(json: &str) -> Result<ReportView, String> {
        let report = pyjson::parse(json).map_err(|error| error.to_string())?;
        let policies = report["policies"].as_array().ok_or("it has no policies")?;
        let range = &report["date-range"];
        Ok(ReportView {
            organization: text(&report["organization-name"]),
            contact: text(&report["contact-info"]),
            report_id: text(&report["report-id"]),
            start: text(&range["start-datetime"]),
            end: text(&range["end-datetime"]),
            policies: policies.iter().map(PolicyView::read).collect(),
        })
    }

    /// All sessions.
    pub(crate) fn sessions(&self) -> u64 {
        let policies = self.policies.iter();
        policies.fold(0, |sum, policy| {
            sum.saturating_add(policy.successful)
                .saturating_add(policy.failed)
        })
    }

    /// Those of them that failed.
    pub(crate) fn failed(&self) -> u64 {
        self.policies
            .iter()
            .fold(0, |sum, policy| sum.saturating_add(policy.failed))
    }
}

impl PolicyView {
    fn read(value: &Value) -> PolicyView {
        let (policy, summary) = (&value["policy"], &value["summary"]);
        let failures = value["failure-details"].as_array();
        PolicyView {
            kind: text(&policy["policy-type"]),
            domain: text(&policy["policy-domain"]),
            strings: texts(&policy["policy-string"]),
            mx_patterns: texts(&policy["mx-host"]),
            successful: number(&summary["total-successful-session-count"]),
            failed: number(&summary["total-failure-session-count"]),
            failures: failures
                .into_iter()
                .flatten()
                .map(FailureView::read)
                .collect(),
        }
    }
}

impl FailureView {
    fn read(value: &Value) -> FailureView {
        let parts = [
            &value["failure-reason-code"],
            &value["additional-information"],
        ];
        let parts: Vec<String> = parts
            .into_iter()
            .map(text)
            .filter(|text| !text.is_empty())
            .collect();
        FailureView {
            result: text(&value["result-type"]),
            sending_mta: text(&value["sending-mta-ip"]),
            receiving_mx: text(&value["receiving-mx-hostname"]),
            helo: text(&value["receiving-mx-helo"]),
            address: text(&value["receiving-ip"]),
            sessions: number(&value["failed-session-count"]),
            reason: parts.join("; "),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// An array, or one text as in the schema of RFC 8460.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().map(text).collect(),
        Value::String(text) => vec![text.clone()],
        _ => Vec::new(),
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_a_report() {
        let report = ReportView::read(
            r#"{"organization-name": "Sender", "date-range": {"start-datetime": "2026-11-20T00:00:00Z", "end-datetime": "2026-11-20T23:59:59Z"},
                "contact-info": "tls@s.example", "report-id": "1", "policies": [{"policy": {"policy-type": "sts",
                "policy-string": ["version: STSv1", "mode: enforce"], "policy-domain": "a.test", "mx-host": "*.a.test"},
                "summary": {"total-successful-session-count": 3, "total-failure-session-count": 2},
                "failure-details": [{"result-type": "certificate-expired", "sending-mta-ip": "192.0.2.1",
                "receiving-mx-hostname": "mx.a.test", "receiving-ip": "198.51.100.1", "failed-session-count": 2,
                "additional-information": "more", "failure-reason-code": "X509"}]}]}"#,
        )
        .unwrap();
        assert_eq!((report.sessions(), report.failed()), (5, 2));
        let policy = &report.policies[0];
        assert_eq!(
            policy.mx_patterns,
            ["*.a.test"],
            "a text where we have a list"
        );
        assert_eq!(policy.failures[0].reason, "X509; more");
        for (json, why) in [
            ("", "nothing"),
            ("[]", "no object"),
            (r#"{"policies": 1}"#, "policies that are none"),
        ] {
            assert!(ReportView::read(json).is_err(), "{why}");
        }
        let odd = ReportView::read(
            r#"{"policies": [1, {"summary": {"total-failure-session-count": -1}}]}"#,
        );
        assert_eq!(odd.unwrap().sessions(), 0, "whatever stands there");
    }
}
