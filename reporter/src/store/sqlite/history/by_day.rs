//! What failed with some domains, day by day.
//!
//! A domain has as many MX hosts and addresses as its owner likes, and each is a failure of its own. So all domains that are
//! asked for are read at one time: a few failures one by one, on the days between their first and last; of many, the rows of
//! all days, of which there are at most `history_failures` a day.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::{Connection, OptionalExtension as _, Row};
use tlsrptd_proto::day::Day;

use super::failures::{FOLDED, count};
use crate::store::FailedOnDay;

/// To look for more than so many rows takes longer than to read all.
const FEW_ROWS: usize = 20_000;

const OF_DOMAIN: &str = "SELECT id, policy, result, first, last FROM tlsrptd_failures \
    WHERE domain = ?1 AND last >= ?2 AND first <= ?3";
const ONE: &str = "SELECT sessions FROM tlsrptd_history_failing WHERE day = ?1 AND failure = ?2";
const ALL: &str =
    "SELECT failure, sessions FROM tlsrptd_history_failing WHERE day = ?1 AND failure > ?2";

/// Adds up what failed with these domains on each of the days, which are in order.
pub(super) fn failed_on_days(
    db: &Connection,
    domains: &[&str],
    days: &[Day],
) -> rusqlite::Result<Vec<FailedOnDay>> {
    let (Some(from), Some(to)) = (days.first(), days.last()) else {
        return Ok(Vec::new());
    };
    let failures = FailuresOfDomains::read(db, domains, *from, *to)?;
    let names: Vec<String> = days.iter().map(Day::to_string).collect();
    let is_few = failures.rows(&names) <= FEW_ROWS;
    let mut found = Vec::new();
    for (day, name) in days.iter().zip(&names) {
        let sums = match is_few {
            true => failures.one_by_one(db, name)?,
            false => failures.among_all(db, name)?,
        };
        found.extend(sums.into_iter().map(|(kind, sessions)| {
            let (domain, policy_type, result_type) = failures.kinds[kind].clone();
            FailedOnDay {
                day: *day,
                domain,
                policy_type,
                result_type,
                sessions,
            }
        }));
    }
    Ok(found)
}

/// What is known of the domains' failures.
#[derive(Default)]
struct FailuresOfDomains {
    /// Domain, policy type, result type.
    kinds: Vec<(String, String, String)>,
    /// By their number: the kind, and the first and the last day.
    all: HashMap<i64, (usize, String, String)>,
}

impl FailuresOfDomains {
    fn read(
        db: &Connection,
        domains: &[&str],
        from: Day,
        to: Day,
    ) -> rusqlite::Result<FailuresOfDomains> {
        let mut read = FailuresOfDomains::default();
        let mut places = HashMap::new();
        let mut select = db.prepare_cached(OF_DOMAIN)?;
        let (from, to) = (from.to_string(), to.to_string());
        for domain in domains.iter().collect::<BTreeSet<_>>() {
            let mut rows = select.query((domain, &from, &to))?;
            while let Some(row) = rows.next()? {
                let kind = ((*domain).to_owned(), text(row, 1)?, text(row, 2)?);
                let place = *places.entry(kind).or_insert_with_key(|kind| {
                    read.kinds.push(kind.clone());
                    read.kinds.len() - 1
                });
                read.all
                    .insert(row.get(0)?, (place, text(row, 3)?, text(row, 4)?));
            }
        }
        Ok(read)
    }

    /// At most so many rows they have on these days.
    fn rows(&self, days: &[String]) -> usize {
        let on = |(_, first, last): &(usize, String, String)| {
            let begin = days.partition_point(|day| day < first);
            days.partition_point(|day| day <= last)
                .saturating_sub(begin)
        };
        self.all.values().map(on).sum()
    }

    fn one_by_one(&self, db: &Connection, day: &str) -> rusqlite::Result<BTreeMap<usize, u64>> {
        let mut sums = BTreeMap::new();
        let mut select = db.prepare_cached(ONE)?;
        let seen = |(_, first, last): &(usize, String, String)| {
            first.as_str() <= day && day <= last.as_str()
        };
        for (id, failure) in self.all.iter().filter(|(_, failure)| seen(failure)) {
            let sessions = select.query_row((day, id), |row| row.get(0)).optional()?;
            if let Some(sessions) = sessions.map(count) {
                add(&mut sums, failure.0, sessions);
            }
        }
        Ok(sums)
    }

    fn among_all(&self, db: &Connection, day: &str) -> rusqlite::Result<BTreeMap<usize, u64>> {
        let mut sums = BTreeMap::new();
        let mut select = db.prepare_cached(ALL)?;
        let mut rows = select.query((day, FOLDED))?;
        while let Some(row) = rows.next()? {
            if let Some((kind, ..)) = self.all.get(&row.get(0)?) {
                add(&mut sums, *kind, count(row.get(1)?));
            }
        }
        Ok(sums)
    }
}

fn add(sums: &mut BTreeMap<usize, u64>, kind: usize, sessions: u64) {
    let sum = sums.entry(kind).or_default();
    *sum = sum.saturating_add(sessions);
}

fn text(row: &Row<'_>, at: usize) -> rusqlite::Result<String> {
    row.get::<_, Option<String>>(at)
        .map(Option::unwrap_or_default)
}
