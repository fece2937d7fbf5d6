//! Whether anything is to be done, by what a digest holds.

use super::{Digest, News};
use crate::store::DayTotals;

/// So many domains that begin to fail alike within a day have one thing in common: us.
const ALIKE: u64 = 10;

/// Something to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Advice {
    /// Collectors gave no answer.
    MendCollectors(usize),
    /// No session was counted.
    LookAtTheCollector,
    /// Many domains began to fail alike: it is likely to be ours.
    LookAtUs {
        /// In which way.
        result_type: String,
        /// How many.
        domains: u64,
    },
    /// Some fail that did not.
    LookAtNews,
    /// Deliveries were given up.
    LookAtDeliveries(u64),
}

/// What is to be done, the most urgent first; empty: nothing.
pub(crate) fn advice(digest: &Digest) -> Vec<Advice> {
    let mut advice = Vec::new();
    if !digest.missing.is_empty() {
        advice.push(Advice::MendCollectors(digest.missing.len()));
    } else if digest.sessions == 0 {
        advice.push(Advice::LookAtTheCollector);
    }
    if let News::Domains { domains, by_result } = &digest.news {
        let alike = by_result.iter().filter(|(_, domains)| **domains >= ALIKE);
        advice.extend(alike.map(|(result_type, domains)| Advice::LookAtUs {
            result_type: result_type.clone(),
            domains: *domains,
        }));
        if domains.least() > 0 {
            advice.push(Advice::LookAtNews);
        }
    }
    let given_up: u64 = digest.reports.iter().map(given_up).sum();
    if given_up > 0 {
        advice.push(Advice::LookAtDeliveries(given_up));
    }
    advice
}

/// Deliveries that ended without the receiver's word.
fn given_up(totals: &DayTotals) -> u64 {
    ["timedout", "expired"]
        .into_iter()
        .map(|status| totals.ended(status))
        .sum()
}
