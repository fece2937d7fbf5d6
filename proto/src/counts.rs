//! The counts of one domain: by TLSRPT record, policy and failure.
//!
//! They are counted under keys of three kinds, so that each key text is parsed once: as texts that somebody else parses
//! ([`FetchedCounts`], on their way into the reporter's database), as normal keys ([`DomainCounts`], what a day file
//! holds), and as what the report says ([`ReportCounts`]).

mod stream;

use std::{cmp::Reverse, collections::BTreeMap};

use serde_json::Value;

use crate::domain::Domain;
use crate::failure::{Failure, FailureKey};
use crate::policy::{Policy, PolicyKey};
use crate::pyjson::Object;
use crate::session_result::SessionResult;

pub(crate) use stream::{CountsSeed, Fault};

/// Counts under keys that are not read yet.
pub type FetchedCounts = Counts<String, String>;
/// Counts under normal keys.
pub type DomainCounts = Counts<PolicyKey, FailureKey>;
/// Counts under the policies and failures themselves.
pub type ReportCounts = Counts<Policy, Failure>;

/// The counts of one domain, under policies `P` and failures `F`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts<P, F> {
    /// By the TLSRPT record that the MTA saw, and by policy.
    pub records: BTreeMap<String, BTreeMap<P, PolicyCounts<F>>>,
}

/// The counts of one policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyCounts<F> {
    /// Sessions.
    pub total: u64,
    /// Sessions whose final result was failure.
    pub failed: u64,
    /// Failures, which may be more than failed sessions.
    pub failures: BTreeMap<F, u64>,
}

/// What a policy is counted under.
pub trait CountedPolicy: Ord {
    /// Reads a key's text. The counters are exact always: a text that cannot be read gives way to the unknown policy.
    fn read(text: &str, domain: &Domain) -> Self;
}

/// What a failure is counted under.
pub trait CountedFailure: Ord {
    /// Reads a key's text, or gives the unknown failure.
    fn read(text: &str) -> Self;
}

/// Why a text holds no counts.
#[derive(Debug, thiserror::Error)]
pub enum CountsError {
    /// Not JSON.
    #[error("counts are not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Not objects in objects.
    #[error("{0} is not an object")]
    Object(&'static str),
    /// Not a number of sessions.
    #[error("{0} is not a count (allowed: an integer from 0)")]
    Count(&'static str),
}

impl CountedPolicy for String {
    fn read(text: &str, _: &Domain) -> String {
        text.to_owned()
    }
}

impl CountedPolicy for PolicyKey {
    fn read(text: &str, domain: &Domain) -> PolicyKey {
        PolicyKey::normalise(text, domain).unwrap_or_else(|_| PolicyKey::unknown(domain))
    }
}

impl CountedPolicy for Policy {
    fn read(text: &str, domain: &Domain) -> Policy {
        Policy::read(text, domain).unwrap_or_else(|_| Policy::unknown(domain))
    }
}

impl CountedFailure for String {
    fn read(text: &str) -> String {
        text.to_owned()
    }
}

impl CountedFailure for FailureKey {
    fn read(text: &str) -> FailureKey {
        FailureKey::normalise(text).unwrap_or_else(|_| FailureKey::unknown())
    }
}

impl CountedFailure for Failure {
    fn read(text: &str) -> Failure {
        Failure::read(text).unwrap_or_else(|_| Failure::unknown())
    }
}

impl<P: Ord, F: Ord> Counts<P, F> {
    /// Adds other counts of this domain.
    pub fn merge(&mut self, other: Counts<P, F>) {
        for (record, policies) in other.records {
            let mine = self.records.entry(record).or_default();
            for (policy, counts) in policies {
                mine.entry(policy).or_default().merge(counts);
            }
        }
    }

    /// All sessions.
    pub fn sessions(&self) -> u64 {
        self.policies()
            .fold(0, |sum, counts| sum.saturating_add(counts.total))
    }

    /// All sessions that failed.
    pub fn failed(&self) -> u64 {
        self.policies()
            .fold(0, |sum, counts| sum.saturating_add(counts.failed))
    }

    /// The TLSRPT records that the MTA saw, those of most sessions first; of equals the first by text.
    pub fn seen_records(&self) -> Vec<&str> {
        let sessions = |policies: &BTreeMap<P, PolicyCounts<F>>| {
            policies
                .values()
                .fold(0_u64, |sum, counts| sum.saturating_add(counts.total))
        };
        let told = self.records.iter().filter(|(record, _)| !record.is_empty());
        let mut told: Vec<_> = told
            .map(|(record, policies)| (Reverse(sessions(policies)), record.as_str()))
            .collect();
        told.sort_unstable();
        told.into_iter().map(|(_, record)| record).collect()
    }

    fn policies(&self) -> impl Iterator<Item = &PolicyCounts<F>> {
        self.records.values().flat_map(BTreeMap::values)
    }
}

impl<P: CountedPolicy, F: CountedFailure> Counts<P, F> {
    /// Reads what this or sys4 wrote; what is equal under its keys is added up.
    ///
    /// # Errors
    ///
    /// When the text is not JSON, or not counts.
    pub fn from_json(text: &str, domain: &Domain) -> Result<Counts<P, F>, CountsError> {
        stream::read(text, domain)
    }
}

impl FetchedCounts {
    /// The counts as sys4's `reportdata.data` has them.
    pub fn to_json(&self) -> String {
        stream::write(self)
    }
}

impl DomainCounts {
    /// Counts the result of a session, which has to be one of this domain.
    pub fn add(&mut self, result: SessionResult) {
        let policies = self.records.entry(result.tlsrpt_record).or_default();
        let counts = policies.entry(result.policy).or_default();
        counts.total = counts.total.saturating_add(1);
        counts.failed = counts.failed.saturating_add(u64::from(result.failed));
        for failure in result.failures {
            let mine = counts.failures.entry(failure).or_default();
            *mine = mine.saturating_add(1);
        }
    }

    /// The counts as sys4's `reportdata.data` has them.
    pub fn to_json(&self) -> String {
        stream::write(self)
    }

    /// The counts as JSON.
    pub(crate) fn to_value(&self) -> Value {
        let policies = |policies: &BTreeMap<PolicyKey, PolicyCounts<FailureKey>>| -> Value {
            policies
                .iter()
                .map(|(key, counts)| (key.as_str().to_owned(), counts.to_value()))
                .collect::<Object>()
                .into()
        };
        self.records
            .iter()
            .map(|(record, by_policy)| (record.clone(), policies(by_policy)))
            .collect::<Object>()
            .into()
    }
}

impl ReportCounts {
    /// Keeps the counters, and of the details only what kinds there are: one policy a type, one failure a result type.
    /// The records are kept too.
    pub fn fold(&mut self, domain: &Domain) {
        for policies in self.records.values_mut() {
            let mut folded: BTreeMap<Policy, PolicyCounts<Failure>> = BTreeMap::new();
            for (policy, mut counts) in std::mem::take(policies) {
                for (failure, number) in std::mem::take(&mut counts.failures) {
                    let failure = Failure::folded(failure.result);
                    let mine = counts.failures.entry(failure).or_default();
                    *mine = mine.saturating_add(number);
                }
                folded
                    .entry(Policy::folded(policy.kind, domain))
                    .or_default()
                    .merge(counts);
            }
            *policies = folded;
        }
    }
}

impl<F: Ord> PolicyCounts<F> {
    /// Adds other counts of this policy. A sum that no counter can hold stays at the end of its range.
    pub fn merge(&mut self, other: PolicyCounts<F>) {
        self.total = self.total.saturating_add(other.total);
        self.failed = self.failed.saturating_add(other.failed);
        for (failure, number) in other.failures {
            let mine = self.failures.entry(failure).or_default();
            *mine = mine.saturating_add(number);
        }
    }
}

impl PolicyCounts<FailureKey> {
    fn to_value(&self) -> Value {
        let failures = self
            .failures
            .iter()
            .map(|(key, number)| (key.as_str().to_owned(), (*number).into()));
        let members: [(String, Value); 3] = [
            ("cntrtotal".to_owned(), self.total.into()),
            ("cntrfailure".to_owned(), self.failed.into()),
            ("failures".to_owned(), failures.collect::<Object>().into()),
        ];
        Object::from_iter(members).into()
    }
}

impl<P, F> Default for Counts<P, F> {
    fn default() -> Self {
        Counts {
            records: BTreeMap::new(),
        }
    }
}

impl<F> Default for PolicyCounts<F> {
    fn default() -> Self {
        PolicyCounts {
            total: 0,
            failed: 0,
            failures: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests;
