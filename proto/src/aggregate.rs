//! Counts: by domain, TXT record, policy and failure.

use std::{cmp::Reverse, collections::BTreeMap};

use serde_json::Value;

use crate::clean::clean;
use crate::domain::Domain;
use crate::failure::FailureKey;
use crate::policy::PolicyKey;
use crate::pyjson::{self, Object};
use crate::record::Record;

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
    pub fn add(&mut self, record: Record) {
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
    pub fn add(&mut self, record: Record) {
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

    /// The counts as the peer's `reportdata.data` has them.
    pub fn to_json(&self) -> String {
        pyjson::compact(&self.to_value())
    }

    /// Reads what this or the peer wrote; keys are made normal, and what is equal then is added up.
    pub fn from_json(text: &str, domain: &Domain) -> Result<DomainCounts, CountsError> {
        Self::from_value(pyjson::read(text)?.0, domain)
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

    /// Reads counts from JSON.
    pub(crate) fn from_value(value: Value, domain: &Domain) -> Result<DomainCounts, CountsError> {
        let mut counts = DomainCounts::default();
        for (txt, policies) in object(value, "the list of TXT records")? {
            let mine = counts.txts.entry(clean(&txt).into_owned()).or_default();
            for (key, value) in object(policies, "the list of policies")? {
                // The counters are exact always; a key that cannot be read gives way.
                let key = PolicyKey::normalise(&key, domain)
                    .unwrap_or_else(|_| PolicyKey::unknown(domain));
                mine.entry(key)
                    .or_default()
                    .merge(PolicyCounts::from_value(value)?);
            }
        }
        Ok(counts)
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

    fn from_value(value: Value) -> Result<PolicyCounts, CountsError> {
        let mut members = object(value, "a policy's entry")?;
        let mut counts = PolicyCounts {
            total: count(members.get("cntrtotal"), "cntrtotal")?,
            failed: count(members.get("cntrfailure"), "cntrfailure")?,
            failures: BTreeMap::new(),
        };
        let Some(failures) = members.swap_remove("failures") else {
            return Ok(counts);
        };
        for (key, number) in object(failures, "failures")? {
            let key = FailureKey::normalise(&key).unwrap_or_else(|_| FailureKey::unknown());
            let mine = counts.failures.entry(key).or_default();
            *mine = mine.saturating_add(count(Some(&number), "a failure's number")?);
        }
        Ok(counts)
    }
}

fn object(value: Value, what: &'static str) -> Result<Object, CountsError> {
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(CountsError::Object(what)),
    }
}

fn count(value: Option<&Value>, what: &'static str) -> Result<u64, CountsError> {
    value
        .and_then(Value::as_u64)
        .ok_or(CountsError::Count(what))
}

#[cfg(test)]
mod tests;
