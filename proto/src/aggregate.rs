//! Counts: by domain, TXT record, policy and failure.

mod stream;

use std::{cmp::Reverse, collections::BTreeMap};

use serde_json::Value;

use crate::domain::Domain;
use crate::failure::FailureKey;
use crate::policy::PolicyKey;
use crate::pyjson::Object;
use crate::session_result::SessionResult;

pub(crate) use stream::{Counts, Fault};

/// The counts of many domains.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aggregate(BTreeMap<Domain, DomainCounts>);

/// The counts of one domain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DomainCounts {
    /// By the TXT record that the MTA saw, and by policy.
    pub txts: BTreeMap<String, BTreeMap<PolicyKey, PolicyCounts>>,
}

/// The counts of one policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyCounts {
    /// Sessions.
    pub total: u64,
    /// Sessions whose final result was failure.
    pub failed: u64,
    /// Failures, which may be more than failed sessions.
    pub failures: BTreeMap<FailureKey, u64>,
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

impl Aggregate {
    /// Counts a record.
    pub fn add(&mut self, record: SessionResult) {
        // The common case costs no clone.
        match self.0.get_mut(&record.domain) {
            Some(counts) => counts.add(record),
            None => self.0.entry(record.domain.clone()).or_default().add(record),
        }
    }

    /// Adds the counts of one domain.
    pub fn add_counts(&mut self, domain: Domain, counts: DomainCounts) {
        self.0.entry(domain).or_default().merge(counts);
    }

    /// Adds other counts.
    pub fn merge(&mut self, other: Aggregate) {
        for (domain, counts) in other.0 {
            self.add_counts(domain, counts);
        }
    }

    /// The domains in binary order, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (&Domain, &DomainCounts)> {
        self.0.iter()
    }

    /// The counts of one domain.
    pub fn domain(&self, domain: &Domain) -> Option<&DomainCounts> {
        self.0.get(domain)
    }

    /// Whether nothing is counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of domains.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes the counts out, and leaves none.
    pub fn take(&mut self) -> Aggregate {
        std::mem::take(self)
    }
}

impl IntoIterator for Aggregate {
    type Item = (Domain, DomainCounts);
    type IntoIter = std::collections::btree_map::IntoIter<Domain, DomainCounts>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl DomainCounts {
    /// Counts a record, which has to be one of this domain.
    pub fn add(&mut self, record: SessionResult) {
        let policies = match self.txts.get_mut(&record.txt) {
            Some(policies) => policies,
            None => self.txts.entry(record.txt).or_default(),
        };
        let counts = policies.entry(record.policy).or_default();
        counts.total = counts.total.saturating_add(1);
        counts.failed = counts.failed.saturating_add(u64::from(record.failed));
        for failure in record.failures {
            let mine = counts.failures.entry(failure).or_default();
            *mine = mine.saturating_add(1);
        }
    }

    /// Adds other counts of this domain.
    pub fn merge(&mut self, other: DomainCounts) {
        for (txt, policies) in other.txts {
            let mine = self.txts.entry(txt).or_default();
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

    /// The TXT records that the MTA saw, those of most sessions first; of equals the first by text.
    pub fn seen_txts(&self) -> Vec<&str> {
        let sessions = |policies: &BTreeMap<PolicyKey, PolicyCounts>| {
            policies
                .values()
                .fold(0_u64, |sum, counts| sum.saturating_add(counts.total))
        };
        let told = self.txts.iter().filter(|(txt, _)| !txt.is_empty());
        let mut told: Vec<_> = told
            .map(|(txt, policies)| (Reverse(sessions(policies)), txt.as_str()))
            .collect();
        told.sort_unstable();
        told.into_iter().map(|(_, txt)| txt).collect()
    }

    /// The counts as sys4's `reportdata.data` has them.
    pub fn to_json(&self) -> String {
        stream::write(self)
    }

    /// Reads what this or sys4 wrote; keys are made normal, and what is equal then is added up.
    pub fn from_json(text: &str, domain: &Domain) -> Result<DomainCounts, CountsError> {
        stream::read(text, domain)
    }

    /// The counts as JSON.
    pub(crate) fn to_value(&self) -> Value {
        let policies = |policies: &BTreeMap<PolicyKey, PolicyCounts>| -> Value {
            policies
                .iter()
                .map(|(key, counts)| (key.as_str().to_owned(), counts.to_value()))
                .collect::<Object>()
                .into()
        };
        self.txts
            .iter()
            .map(|(txt, by_policy)| (txt.clone(), policies(by_policy)))
            .collect::<Object>()
            .into()
    }

    /// Keeps the counters, and of the details only what kinds there are: one policy a type, one failure a code. What a
    /// record says is kept too.
    pub fn fold(&mut self, domain: &Domain) {
        for policies in self.txts.values_mut() {
            let mut folded: BTreeMap<PolicyKey, PolicyCounts> = BTreeMap::new();
            for (policy, mut counts) in std::mem::take(policies) {
                let failures = std::mem::take(&mut counts.failures);
                for (failure, number) in failures {
                    let mine = counts.failures.entry(failure.folded()).or_default();
                    *mine = mine.saturating_add(number);
                }
                folded
                    .entry(policy.folded(domain))
                    .or_default()
                    .merge(counts);
            }
            *policies = folded;
        }
    }

    fn policies(&self) -> impl Iterator<Item = &PolicyCounts> {
        self.txts.values().flat_map(BTreeMap::values)
    }
}

impl PolicyCounts {
    /// Adds other counts of this policy. A sum that no counter can hold stays at the end of its range.
    pub fn merge(&mut self, other: PolicyCounts) {
        self.total = self.total.saturating_add(other.total);
        self.failed = self.failed.saturating_add(other.failed);
        for (failure, number) in other.failures {
            let mine = self.failures.entry(failure).or_default();
            *mine = mine.saturating_add(number);
        }
    }

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

#[cfg(test)]
mod tests;
