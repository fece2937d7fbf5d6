//! The report: the JSON document of RFC 8460 section 4.
//!
//! Its bytes depend on the data alone: the order of everything in it is fixed, and nothing asks a clock.

mod fold;
mod installation;
mod summary;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::counts::{PolicyCounts, ReportCounts};
use crate::day::Day;
use crate::domain::Domain;
use crate::failure::Failure;
use crate::policy::Policy;
use crate::pyjson::{self, Object};
use crate::tlsrpt_record::Mailbox;

pub use fold::Document;
pub use installation::InstallationId;
pub use summary::{Summary, SummaryError};

/// The largest integer that every JSON reader keeps exact (RFC 7493 section 2.2).
const MAX_INTEGER: u64 = (1 << 53) - 1;

/// Who reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitter {
    /// `organization-name`.
    pub organization_name: String,
    /// `contact-info`, an address without a display name.
    pub contact_info: Mailbox,
    /// Which of the organisation's reporters.
    pub installation: InstallationId,
}

impl Submitter {
    /// The name under which reports are submitted: the domain of the contact (RFC 8460 section 5.3).
    pub fn domain(&self) -> &Domain {
        self.contact_info.domain()
    }
}

/// One domain's report of one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// `report-id`: `DAY_idxN-INSTALLATION_DOMAIN`, which is also a valid left part of a msg-id (RFC 5322 section 3.6.4).
    pub id: String,
    submitter: Submitter,
    day: Day,
    domain: Domain,
    /// In the order of the policies.
    policies: BTreeMap<Policy, PolicyCounts<Failure>>,
}

impl Report {
    /// Makes the report. `uniqid` tells several of a day and domain apart.
    pub fn compose(
        submitter: &Submitter,
        day: Day,
        domain: &Domain,
        counts: ReportCounts,
        uniqid: u64,
    ) -> Report {
        let mut policies: BTreeMap<Policy, PolicyCounts<Failure>> = BTreeMap::new();
        // One report a day, whatever the record was: the same policy under several records is one policy.
        for (policy, counts) in counts.records.into_values().flatten() {
            policies.entry(policy).or_default().merge(counts);
        }
        Report {
            id: submitter.installation.report_id(day, uniqid, domain),
            submitter: submitter.clone(),
            day,
            domain: domain.clone(),
            policies,
        }
    }

    /// The document.
    pub fn to_json(&self) -> String {
        let range = members([
            ("start-datetime", format!("{}T00:00:00Z", self.day).into()),
            ("end-datetime", format!("{}T23:59:59Z", self.day).into()),
        ]);
        let policies = self
            .policies
            .iter()
            .map(|(policy, counts)| entry(policy, counts));
        let document = members([
            (
                "organization-name",
                self.submitter.organization_name.as_str().into(),
            ),
            ("date-range", range),
            ("contact-info", self.submitter.contact_info.as_str().into()),
            ("report-id", self.id.as_str().into()),
            ("policies", policies.collect()),
        ]);
        pyjson::compact(&document)
    }
}

/// One element of `policies`.
fn entry(policy: &Policy, counts: &PolicyCounts<Failure>) -> Value {
    let summary = members([
        (
            "total-successful-session-count",
            integer(counts.total.saturating_sub(counts.failed)),
        ),
        ("total-failure-session-count", integer(counts.failed)),
    ]);
    let mut entry = vec![("policy", policy_object(policy)), ("summary", summary)];
    if !counts.failures.is_empty() {
        entry.push(("failure-details", details(&counts.failures)));
    }
    members(entry)
}

/// The most frequent first; of equals the first by text.
fn details(failures: &BTreeMap<Failure, u64>) -> Value {
    let mut details: Vec<_> = failures
        .iter()
        .map(|(failure, number)| (*number, detail(failure, *number)))
        .collect();
    details.sort_by_cached_key(|(number, detail)| {
        (std::cmp::Reverse(*number), pyjson::compact(detail))
    });
    details.into_iter().map(|(_, detail)| detail).collect()
}

fn policy_object(policy: &Policy) -> Value {
    let mut object = vec![("policy-type", policy.kind.as_str().into())];
    if !policy.strings.is_empty() {
        object.push(("policy-string", policy.strings.as_slice().into()));
    }
    object.push(("policy-domain", policy.domain.as_str().into()));
    // An array, although the schema of RFC 8460 says string: its own example and all large senders have one.
    if !policy.mx_hosts.is_empty() {
        object.push(("mx-host", policy.mx_hosts.as_slice().into()));
    }
    members(object)
}

fn detail(failure: &Failure, number: u64) -> Value {
    let text = |text: &Option<String>| text.as_deref().map(Value::from);
    let object = [
        ("result-type", Some(failure.result.as_str().into())),
        ("sending-mta-ip", text(&failure.sending_mta_ip)),
        (
            "receiving-mx-hostname",
            text(&failure.receiving_mx_hostname),
        ),
        ("receiving-mx-helo", text(&failure.receiving_mx_helo)),
        ("receiving-ip", text(&failure.receiving_ip)),
        ("failed-session-count", Some(integer(number))),
        (
            "additional-information",
            text(&failure.additional_information),
        ),
        ("failure-reason-code", text(&failure.failure_reason_code)),
    ];
    members(
        object
            .into_iter()
            .filter_map(|(key, value)| value.map(|value| (key, value))),
    )
}

fn integer(number: u64) -> Value {
    number.min(MAX_INTEGER).into()
}

fn members<'a>(members: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    members
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect::<Object>()
        .into()
}

#[cfg(test)]
mod tests;
