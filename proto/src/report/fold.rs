//! A report that would be too large: details give way, counters stay exact.
//!
//! Strangers choose host names and texts, and each one that differs is a detail of its own. First the rare details fold
//! into one a policy and result type, then the rare policies into one a type, as the collector does it with its rows:
//! what is left says less, but all sessions are in it.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{Report, detail};
use crate::{counts::PolicyCounts, failure::Failure, policy::Policy};

/// The most frequent details of a policy that stay as they are, then the most frequent policies: each step is tried after
/// the one before.
const KEPT: [usize; 4] = [1000, 100, 10, 0];

/// A report's document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The text.
    pub json: String,
    /// Something had to give way.
    pub is_folded: bool,
}

impl Report {
    /// The document in at most so many bytes, as far as folding gets it there. The same data always gives the same bytes.
    pub fn to_json_within(mut self, max: usize) -> Document {
        let json = self.to_json();
        if json.len() <= max {
            return Document {
                json,
                is_folded: false,
            };
        }
        let details = KEPT.map(|kept| (usize::MAX, kept));
        let policies = KEPT.map(|kept| (kept, 0));
        let mut json = json;
        for (policies, details) in details.into_iter().chain(policies) {
            self.fold(policies, details);
            json = self.to_json();
            if json.len() <= max {
                break;
            }
        }
        Document {
            json,
            is_folded: true,
        }
    }

    /// Keeps so many policies, and so many details of each.
    fn fold(&mut self, policies: usize, details: usize) {
        for counts in self.policies.values_mut() {
            fold_details(counts, details);
        }
        if self.policies.len() <= policies {
            return;
        }
        let (mut all, mut few): (Vec<_>, BTreeMap<_, _>) = (Vec::new(), BTreeMap::new());
        for (policy, counts) in std::mem::take(&mut self.policies) {
            let is_folded = policy == Policy::folded(policy.kind, &self.domain);
            match is_folded {
                true => drop(few.insert(policy, counts)),
                false => all.push((policy, counts)),
            }
        }
        // The sort is stable: of equals the first by text.
        all.sort_by_key(|(_, counts)| Reverse(counts.total));
        for (place, (policy, counts)) in all.into_iter().enumerate() {
            let policy = match place < policies {
                true => policy,
                false => Policy::folded(policy.kind, &self.domain),
            };
            few.entry(policy)
                .or_insert_with(PolicyCounts::default)
                .merge(counts);
        }
        self.policies = few;
    }
}

fn fold_details(counts: &mut PolicyCounts<Failure>, kept: usize) {
    if counts.failures.len() <= kept {
        return;
    }
    let mut all: Vec<(Failure, u64)> = Vec::new();
    let mut few = BTreeMap::new();
    for (failure, number) in std::mem::take(&mut counts.failures) {
        match failure == Failure::folded(failure.result) {
            true => add(&mut few, failure, number),
            false => all.push((failure, number)),
        }
    }
    // As they stand in the report.
    all.sort_by_cached_key(|(failure, number)| (Reverse(*number), detail(failure, *number)));
    for (place, (failure, number)) in all.into_iter().enumerate() {
        let failure = match place < kept {
            true => failure,
            false => Failure::folded(failure.result),
        };
        add(&mut few, failure, number);
    }
    counts.failures = few;
}

fn add(failures: &mut BTreeMap<Failure, u64>, failure: Failure, number: u64) {
    let mine = failures.entry(failure).or_default();
    *mine = mine.saturating_add(number);
}

#[cfg(test)]
mod tests;
