//! The digest: what of a day, or a week, an operator should know who opens no page.

mod advice;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use tlsrptd_proto::day::Day;

use crate::{
    model::{DigestPeriod, NamedDestination},
    store::{
        DayTotals, FailureQuestion, FailureRow, MissingCollector, OperatorStore, ResultTotals,
        StoreError,
    },
};

pub(crate) use advice::{Advice, advice};

/// Rows of failures that a digest holds at most.
const MAX_ROWS: usize = 10_000;
/// What did not fail in so many days before is new.
const WEEK: u32 = 7;

/// What a digest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Digest {
    /// Of which days.
    pub(crate) period: DigestPeriod,
    /// All sessions.
    pub(crate) sessions: u64,
    /// Those of them that failed.
    pub(crate) failed: u64,
    /// Domains of the day that had the most.
    pub(crate) domains: u64,
    /// The failures of each result type, the most first.
    pub(crate) by_result: Vec<ResultTotals>,
    /// What failed, the most sessions first; what is folded has no domain.
    pub(crate) failures: Vec<DigestFailure>,
    /// Domains that failed.
    pub(crate) failing: Counted,
    /// What is new.
    pub(crate) news: News,
    /// The day before, and the days of the digest.
    pub(crate) reports: Vec<DayTotals>,
    /// Collectors whose answers are missing.
    pub(crate) missing: Vec<MissingCollector>,
    /// Days of which nothing is known.
    pub(crate) unknown: Vec<Day>,
    /// Whom the records of others named so that somebody has to look at it, and whom the operator's bound has kept reports
    /// from.
    pub(crate) named: Vec<NamedDestination>,
}

/// A row of failures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DigestFailure {
    /// The failure.
    pub(crate) row: FailureRow,
    /// The domain did not fail in that way in the week before.
    pub(crate) is_new: bool,
}

/// A number that may be larger, as details beyond a bound are folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// That number.
    Exactly(u64),
    /// More than it.
    MoreThan(u64),
}

impl Counted {
    /// The number that is certain.
    pub(crate) fn least(self) -> u64 {
        match self {
            Counted::Exactly(number) | Counted::MoreThan(number) => number,
        }
    }
}

/// What did not fail in the week before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// Nothing is known of the week before.
    Unknown,
    /// So many domains fail in a way in which they did not.
    Domains {
        /// How many.
        domains: Counted,
        /// How many of them began to fail with the same result type, by that type.
        by_result: BTreeMap<String, u64>,
    },
}

/// Everything that a digest is made of.
#[derive(Clone, Debug)]
struct Found {
    totals: Vec<DayTotals>,
    failures: Vec<FailureRow>,
    /// `None`: nothing is known of the week before.
    new: Option<Vec<FailureRow>>,
    missing: Vec<MissingCollector>,
    named: Vec<NamedDestination>,
}

/// Asks the store for a digest.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn digest(
    store: &dyn OperatorStore,
    period: DigestPeriod,
) -> Result<Digest, StoreError> {
    let (from, to) = (period.first(), period.last);
    let question = |new_since| FailureQuestion {
        from,
        to,
        domain: None,
        new_since,
        limit: MAX_ROWS,
    };
    // A day before the first session tells nothing of what is new.
    let week = store.totals(from.back(WEEK), from.previous())?;
    let new = match week.iter().any(|day| day.sessions > 0) {
        true => Some(store.failures(&question(Some(from.back(WEEK))))?),
        false => None,
    };
    let found = Found {
        totals: store.totals(from.previous(), to)?,
        failures: store.failures(&question(None))?,
        new,
        missing: store.missing_collectors(from, to)?,
        named: store.named(from, to)?,
    };
    Ok(Digest::of(period, found))
}

impl Digest {
    fn of(period: DigestPeriod, found: Found) -> Digest {
        let is_meant = |totals: &&DayTotals| totals.day >= period.first();
        let meant: Vec<&DayTotals> = found.totals.iter().filter(is_meant).collect();
        let known: BTreeSet<Day> = meant.iter().map(|totals| totals.day).collect();
        let failing = domains(&found.failures);
        let news = found.new.as_deref().map_or(News::Unknown, news);
        let new: HashSet<(&str, &str)> = found
            .new
            .iter()
            .flatten()
            .filter_map(|row| Some((row.domain.as_deref()?, row.result_type.as_str())))
            .collect();
        let failures = found.failures.iter().map(|row| DigestFailure {
            is_new: row
                .domain
                .as_deref()
                .is_some_and(|domain| new.contains(&(domain, row.result_type.as_str()))),
            row: row.clone(),
        });
        Digest {
            period,
            sessions: meant.iter().map(|totals| totals.sessions).sum(),
            failed: meant.iter().map(|totals| totals.failed).sum(),
            domains: meant.iter().map(|totals| totals.domains).max().unwrap_or(0),
            by_result: by_result(&meant),
            failures: failures.collect(),
            failing,
            news,
            unknown: period.all().filter(|day| !known.contains(day)).collect(),
            reports: found.totals,
            missing: found.missing,
            named: found
                .named
                .into_iter()
                .filter(|one| one.suspect_since.is_some() || one.left_out > 0)
                .collect(),
        }
    }

    /// Nothing failed, and nothing is to be done.
    pub(crate) fn is_quiet(&self) -> bool {
        let is_suspect = |one: &NamedDestination| one.suspect_since.is_some();
        self.failed == 0
            && self.failures.is_empty()
            && self.missing.is_empty()
            && !self.named.iter().any(is_suspect)
    }
}

/// The domains of rows; more, where some are folded or beyond the limit.
fn domains(rows: &[FailureRow]) -> Counted {
    let names: HashSet<&str> = rows
        .iter()
        .filter_map(|row| row.domain.as_deref())
        .collect();
    let number = u64::try_from(names.len()).unwrap_or(u64::MAX);
    let is_cut = rows.len() >= MAX_ROWS || rows.iter().any(|row| row.domain.is_none());
    match is_cut {
        true => Counted::MoreThan(number),
        false => Counted::Exactly(number),
    }
}

fn news(rows: &[FailureRow]) -> News {
    let mut pairs: BTreeMap<String, HashSet<&str>> = BTreeMap::new();
    for row in rows {
        if let Some(domain) = row.domain.as_deref() {
            pairs
                .entry(row.result_type.clone())
                .or_default()
                .insert(domain);
        }
    }
    let number = |domains: HashSet<&str>| u64::try_from(domains.len()).unwrap_or(u64::MAX);
    News::Domains {
        domains: domains(rows),
        by_result: pairs
            .into_iter()
            .map(|(result, domains)| (result, number(domains)))
            .collect(),
    }
}

fn by_result(days: &[&DayTotals]) -> Vec<ResultTotals> {
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for of in days.iter().flat_map(|day| &day.by_result) {
        *sums.entry(&of.result_type).or_default() += of.sessions;
    }
    let mut sums: Vec<ResultTotals> = sums
        .into_iter()
        .map(|(result_type, sessions)| ResultTotals {
            result_type: result_type.to_owned(),
            sessions,
        })
        .collect();
    // Those of the same number stay in the order of their names.
    sums.sort_by_key(|of| std::cmp::Reverse(of.sessions));
    sums
}

#[cfg(test)]
pub(crate) mod tests;
