//! The failures of several days, added up, the most sessions first.
//!
//! A day's rows are numbers, in the order of the failures: so what is added up at a time are the failures of one part of all
//! numbers, over all days. Each row is read once, and memory does not grow with the days. Texts are read of what is answered.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap, HashMap, HashSet},
};

use rusqlite::{Connection, OptionalExtension as _, Row, Statement};
use tlsrptd_proto::day::Day;

use super::failures::{FOLDED, count};
use crate::store::{FailureQuestion, FailureRow};

/// Failures that are added up at a time: some megabytes.
const AT_A_TIME: i64 = 50_000;
/// One domain's are looked for one by one, unless they are so many that to read all takes less.
const FEW: usize = 1000;

const ROWS: &str = "SELECT failure, sessions FROM tlsrptd_history_failing WHERE day = ?1 AND failure BETWEEN ?2 AND ?3";
const TEXTS: &str =
    "SELECT domain, mx, address, policy, result, reason FROM tlsrptd_failures WHERE id = ?1";

/// What one failure came to over the days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct FailureSum {
    sessions: u64,
    first: Day,
    last: Day,
    days: u32,
}

/// Adds up what the question asks for. `days` are those that have totals, in order.
pub(super) fn failures(
    db: &Connection,
    question: &FailureQuestion,
    days: &[Day],
) -> rusqlite::Result<Vec<FailureRow>> {
    let (before, asked): (Vec<Day>, Vec<Day>) = days.iter().partition(|day| **day < question.from);
    let scope = match &question.domain {
        Some(domain) => FailureScope::These(of_domain(db, domain, question)?),
        None => FailureScope::All,
    };
    let mut news = match question.new_since {
        Some(_) => Some(NewFailures::since(db, &before)?),
        None => None,
    };
    let mut top = HighestSums::new(question.limit);
    for range in ranges(db)? {
        let sums = sums(db, &asked, &scope, range)?;
        // Where nearly all differ, to sort them would cost more than to read them.
        let mut sums: Vec<(u64, i64, FailureSum)> = sums
            .into_iter()
            .filter(|(_, sum)| top.takes(sum.sessions))
            .map(|(id, sum)| (sum.sessions, id, sum))
            .collect();
        sums.sort_unstable_by(|one, other| other.cmp(one));
        for (sessions, id, sum) in sums {
            if !top.takes(sessions) {
                break;
            }
            if match &mut news {
                Some(news) => news.has(id)?,
                None => true,
            } {
                top.add(id, sum);
            }
        }
    }
    top.into_rows(db)
}

/// Of which failures.
enum FailureScope {
    All,
    These(BTreeSet<i64>),
}

/// Those of the days that are asked for: of a year there may be many more.
fn of_domain(
    db: &Connection,
    domain: &str,
    question: &FailureQuestion,
) -> rusqlite::Result<BTreeSet<i64>> {
    let (from, to) = (question.from.to_string(), question.to.to_string());
    db.prepare_cached(
        "SELECT id FROM tlsrptd_failures WHERE domain = ?1 AND last >= ?2 AND first <= ?3",
    )?
    .query_map((domain, from, to), |row| row.get(0))?
    .collect()
}

/// Parts of all numbers, which are spread evenly: each has some of the failures.
fn ranges(db: &Connection) -> rusqlite::Result<Vec<(i64, i64)>> {
    let texts: i64 = db.query_row("SELECT count(*) FROM tlsrptd_failures", [], |row| {
        row.get(0)
    })?;
    let parts = texts / AT_A_TIME + 1;
    let width = i64::MAX / parts;
    let ranges = (0..parts).map(|part| {
        let end = match part + 1 == parts {
            true => i64::MAX,
            false => (part + 1) * width,
        };
        (part * width + 1, end)
    });
    Ok(ranges.collect())
}

fn sums(
    db: &Connection,
    days: &[Day],
    scope: &FailureScope,
    range: (i64, i64),
) -> rusqlite::Result<HashMap<i64, FailureSum>> {
    let mut sums = HashMap::new();
    let mut select = db.prepare_cached(ROWS)?;
    for day in days {
        let name = day.to_string();
        let mut add = |row: &Row<'_>| -> rusqlite::Result<()> {
            let (id, sessions) = (row.get(0)?, count(row.get(1)?));
            if matches!(scope, FailureScope::These(ids) if !ids.contains(&id)) {
                return Ok(());
            }
            let sum = sums.entry(id).or_insert(FailureSum {
                sessions: 0,
                first: *day,
                last: *day,
                days: 0,
            });
            sum.days += 1;
            sum.last = *day;
            sum.sessions = sum.sessions.saturating_add(sessions);
            Ok(())
        };
        match scope {
            FailureScope::These(ids) if ids.len() <= FEW => {
                for id in ids.range(range.0..=range.1) {
                    each(&mut select, (&name, *id, *id), &mut add)?;
                }
            }
            _ => each(&mut select, (&name, range.0, range.1), &mut add)?,
        }
    }
    Ok(sums)
}

fn each(
    select: &mut Statement<'_>,
    range: (&str, i64, i64),
    add: &mut impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut rows = select.query(range)?;
    while let Some(row) = rows.next()? {
        add(row)?;
    }
    Ok(())
}

/// Tells what is new: of a domain that did not fail with that result type on the days before.
struct NewFailures<'a> {
    texts: Statement<'a>,
    alike: Statement<'a>,
    /// The first of the days before.
    since: String,
    /// What failed on the days before.
    known: HashSet<i64>,
    /// Domains and result types that were looked at.
    told: HashMap<(String, String), bool>,
}

impl<'a> NewFailures<'a> {
    fn since(db: &'a Connection, before: &[Day]) -> rusqlite::Result<NewFailures<'a>> {
        let mut known = HashSet::new();
        let mut select = db.prepare_cached(ROWS)?;
        for day in before {
            let name = day.to_string();
            each(&mut select, (&name, FOLDED + 1, i64::MAX), &mut |row| {
                known.insert(row.get(0)?);
                Ok(())
            })?;
        }
        Ok(NewFailures {
            texts: db.prepare(TEXTS)?,
            alike: db.prepare(
                "SELECT id FROM tlsrptd_failures WHERE domain = ?1 AND last >= ?2 AND result = ?3",
            )?,
            since: before.first().map(Day::to_string).unwrap_or_default(),
            known,
            told: HashMap::new(),
        })
    }

    fn has(&mut self, id: i64) -> rusqlite::Result<bool> {
        if self.known.contains(&id) {
            return Ok(false);
        }
        let texts = self.texts.query_row([id], texts).optional()?;
        let Some([domain, _, _, _, result, _]) = texts else {
            return Ok(false);
        };
        let pair = (domain, result);
        if let Some(is_new) = self.told.get(&pair) {
            return Ok(*is_new);
        }
        let known = &self.known;
        let mut alike = self.alike.query((&pair.0, &self.since, &pair.1))?;
        let mut is_new = true;
        while let Some(row) = alike.next()? {
            if known.contains(&row.get(0)?) {
                is_new = false;
                break;
            }
        }
        drop(alike);
        self.told.insert(pair, is_new);
        Ok(is_new)
    }
}

/// Domain, MX, address, policy type, result type, reason.
fn texts(row: &Row<'_>) -> rusqlite::Result<[String; 6]> {
    let text = |at| {
        let text = row.get::<_, Option<String>>(at);
        text.map(Option::unwrap_or_default)
    };
    Ok([text(0)?, text(1)?, text(2)?, text(3)?, text(4)?, text(5)?])
}

/// The failures of the most sessions.
struct HighestSums {
    limit: usize,
    /// The least is on top.
    rows: BinaryHeap<Reverse<(u64, i64, FailureSum)>>,
}

impl HighestSums {
    fn new(limit: usize) -> HighestSums {
        HighestSums {
            limit,
            rows: BinaryHeap::new(),
        }
    }

    /// Whether one of so many sessions may be among them.
    fn takes(&self, sessions: u64) -> bool {
        let least = self.rows.peek().map(|Reverse((least, ..))| *least);
        self.rows.len() < self.limit || least.is_some_and(|least| sessions > least)
    }

    fn add(&mut self, id: i64, sum: FailureSum) {
        self.rows.push(Reverse((sum.sessions, id, sum)));
        if self.rows.len() > self.limit {
            self.rows.pop();
        }
    }

    /// The most sessions first; of equals in the order of their texts.
    fn into_rows(self, db: &Connection) -> rusqlite::Result<Vec<FailureRow>> {
        let mut select = db.prepare_cached(TEXTS)?;
        let mut rows = Vec::with_capacity(self.rows.len());
        for Reverse((_, id, sum)) in self.rows {
            let texts = select.query_row([id], texts).optional()?;
            rows.extend(texts.map(|texts| (Reverse(sum.sessions), texts, sum)));
        }
        rows.sort_unstable();
        let rows = rows.into_iter();
        Ok(rows.map(|(_, texts, sum)| row(texts, sum)).collect())
    }
}

fn row(texts: [String; 6], sum: FailureSum) -> FailureRow {
    let known = |text: String| Some(text).filter(|text| !text.is_empty());
    let [domain, mx, address, policy_type, result_type, reason] = texts;
    FailureRow {
        first_day: sum.first,
        day: sum.last,
        days: sum.days,
        domain: Some(domain),
        mx: known(mx),
        address: known(address),
        policy_type,
        result_type,
        reason_code: known(reason),
        sessions: sum.sessions,
    }
}
