//! The report: the JSON document of RFC 8460 section 4.
//!
//! Its bytes depend on the data alone: the order of everything in it is fixed, and nothing asks a clock.

mod fold;
mod installation;
mod summary;

use std::{cmp::Reverse, collections::BTreeMap};

use crate::counts::{PolicyCounts, ReportCounts};
use crate::day::Day;
use crate::domain::Domain;
use crate::failure::Failure;
use crate::policy::Policy;
use crate::pyjson::ObjectWriter;
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
        let mut out = String::with_capacity(USUAL_LENGTH);
        let mut document = ObjectWriter::new(&mut out);
        document.text("organization-name", &self.submitter.organization_name);
        let mut range = ObjectWriter::new(document.member("date-range"));
        range.text("start-datetime", &format!("{}T00:00:00Z", self.day));
        range.text("end-datetime", &format!("{}T23:59:59Z", self.day));
        range.end();
        document.text("contact-info", self.submitter.contact_info.as_str());
        document.text("report-id", &self.id);
        let policies = document.member("policies");
        policies.push('[');
        for (number, (policy, counts)) in self.policies.iter().enumerate() {
            if number > 0 {
                policies.push_str(", ");
            }
            write_entry(policies, policy, counts);
        }
        policies.push(']');
        document.end();
        out
    }
}

/// Most reports are shorter.
const USUAL_LENGTH: usize = 2048;

/// One element of `policies`.
fn write_entry(out: &mut String, policy: &Policy, counts: &PolicyCounts<Failure>) {
    let mut entry = ObjectWriter::new(out);
    write_policy(entry.member("policy"), policy);
    let mut summary = ObjectWriter::new(entry.member("summary"));
    let successful = counts.total.saturating_sub(counts.failed);
    summary.number("total-successful-session-count", exact(successful));
    summary.number("total-failure-session-count", exact(counts.failed));
    summary.end();
    if !counts.failures.is_empty() {
        let details = details(&counts.failures);
        let out = entry.member("failure-details");
        out.push('[');
        out.push_str(&details.join(", "));
        out.push(']');
    }
    entry.end();
}

/// The most frequent first; of equals the first by text.
fn details(failures: &BTreeMap<Failure, u64>) -> Vec<String> {
    let details = failures.iter();
    let mut details: Vec<_> = details
        .map(|(failure, number)| (Reverse(*number), detail(failure, *number)))
        .collect();
    details.sort_unstable();
    details.into_iter().map(|(_, detail)| detail).collect()
}

fn write_policy(out: &mut String, policy: &Policy) {
    let mut object = ObjectWriter::new(out);
    object.text("policy-type", policy.kind.as_str());
    if !policy.strings.is_empty() {
        object.texts("policy-string", &policy.strings);
    }
    object.text("policy-domain", &policy.domain);
    // An array, although the schema of RFC 8460 says string: its own example and all large senders have one.
    if !policy.mx_hosts.is_empty() {
        object.texts("mx-host", &policy.mx_hosts);
    }
    object.end();
}

/// One element of `failure-details`.
fn detail(failure: &Failure, number: u64) -> String {
    let mut out = String::new();
    let mut object = ObjectWriter::new(&mut out);
    object.text("result-type", failure.result.as_str());
    for (key, text) in [
        ("sending-mta-ip", &failure.sending_mta_ip),
        ("receiving-mx-hostname", &failure.receiving_mx_hostname),
        ("receiving-mx-helo", &failure.receiving_mx_helo),
        ("receiving-ip", &failure.receiving_ip),
    ] {
        object.known(key, text.as_deref());
    }
    object.number("failed-session-count", exact(number));
    let additional = failure.additional_information.as_deref();
    object.known("additional-information", additional);
    let reason = failure.failure_reason_code.as_deref();
    object.known("failure-reason-code", reason);
    object.end();
    out
}

fn exact(number: u64) -> u64 {
    number.min(MAX_INTEGER)
}

#[cfg(test)]
mod tests;
