//! The failures of several days, domain by domain: the days' rows stand in the order of their domains, so one domain's
//! are in memory at a time, however many days there are.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
};

use rusqlite::{Connection, Row, Rows, Statement};
use tlsrptd_proto::day::Day;

use super::failures::count;
use crate::store::{FailureQuestion, FailureRow};

const COLUMNS: &str = "SELECT domain, mx, address, policy, result, reason, sessions \
    FROM tlsrptd_history_failures WHERE day = ?1";

/// MX, address, policy type, result type, reason: what is told apart within a domain.
type FailureTexts = [String; 5];
const RESULT: usize = 3;

/// What the same texts came to over the days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Sum {
    sessions: u64,
    first: Day,
    last: Day,
    days: u32,
}

/// What one domain's days came to.
#[derive(Default)]
struct OneDomain {
    sums: BTreeMap<FailureTexts, Sum>,
    /// Result types of the days before those that are asked for.
    known: BTreeSet<String>,
}

/// Adds up what the question asks for, the most sessions first. `days` are those that have totals, in order.
pub(super) fn failures(
    db: &Connection,
    question: &FailureQuestion,
    days: &[Day],
) -> rusqlite::Result<Vec<FailureRow>> {
    let sql = match question.domain {
        Some(_) => format!("{COLUMNS} AND domain = ?2 ORDER BY number"),
        None => format!("{COLUMNS} AND domain > '' AND ?2 IS NULL ORDER BY domain, number"),
    };
    let mut statements: Vec<Statement<'_>> = days
        .iter()
        .map(|_| db.prepare(&sql))
        .collect::<rusqlite::Result<_>>()?;
    let mut cursors = Vec::with_capacity(days.len());
    for (day, statement) in days.iter().zip(&mut statements) {
        let rows = statement.query((day.to_string(), &question.domain))?;
        cursors.push(Cursor::new(*day, rows)?);
    }
    // Which domain comes next, and on which days.
    let mut order: BinaryHeap<Reverse<(String, usize)>> = BinaryHeap::new();
    let firsts = cursors.iter().enumerate();
    order.extend(firsts.filter_map(|(at, cursor)| Some(Reverse((cursor.domain()?, at)))));
    let mut top = Top::new(question.limit);
    while let Some(Reverse((domain, at))) = order.pop() {
        let mut one = OneDomain::default();
        let mut next = Some(at);
        while let Some(at) = next {
            cursors[at].take_domain(&domain, question.from, &mut one)?;
            order.extend(cursors[at].domain().map(|domain| Reverse((domain, at))));
            let same = order
                .peek()
                .is_some_and(|Reverse((next, _))| *next == domain);
            next = same
                .then(|| order.pop())
                .flatten()
                .map(|Reverse((_, at))| at);
        }
        let OneDomain { sums, known } = one;
        let asked = sums
            .into_iter()
            .filter(|(texts, _)| !known.contains(&texts[RESULT]));
        asked.for_each(|(texts, sum)| top.add(&domain, texts, sum));
    }
    Ok(top.into_rows())
}

/// The rows of one day, and the next of them.
struct Cursor<'a> {
    day: Day,
    rows: Rows<'a>,
    next: Option<(String, FailureTexts, u64)>,
}

impl<'a> Cursor<'a> {
    fn new(day: Day, rows: Rows<'a>) -> rusqlite::Result<Cursor<'a>> {
        let mut cursor = Cursor {
            day,
            rows,
            next: None,
        };
        cursor.advance()?;
        Ok(cursor)
    }

    fn domain(&self) -> Option<String> {
        self.next.as_ref().map(|(domain, ..)| domain.clone())
    }

    fn advance(&mut self) -> rusqlite::Result<()> {
        self.next = self.rows.next()?.map(stored).transpose()?;
        Ok(())
    }

    /// Takes the day's rows of a domain, which are the next ones.
    fn take_domain(
        &mut self,
        domain: &str,
        from: Day,
        one: &mut OneDomain,
    ) -> rusqlite::Result<()> {
        while let Some((_, texts, sessions)) = self.next.take_if(|(next, ..)| next == domain) {
            if self.day < from {
                one.known.insert(texts[RESULT].clone());
            } else {
                let sum = one.sums.entry(texts).or_insert(Sum {
                    sessions: 0,
                    first: self.day,
                    last: self.day,
                    days: 0,
                });
                sum.days += u32::from(sum.days == 0 || sum.last != self.day);
                sum.last = sum.last.max(self.day);
                sum.first = sum.first.min(self.day);
                sum.sessions = sum.sessions.saturating_add(sessions);
            }
            self.advance()?;
        }
        Ok(())
    }
}

fn stored(row: &Row<'_>) -> rusqlite::Result<(String, FailureTexts, u64)> {
    let text = |at| {
        row.get::<_, Option<String>>(at)
            .map(Option::unwrap_or_default)
    };
    let texts = [text(1)?, text(2)?, text(3)?, text(4)?, text(5)?];
    Ok((row.get(0)?, texts, count(row.get(6)?)))
}

/// The rows of the most sessions.
struct Top {
    limit: usize,
    /// The least is on top; of equals the last by text.
    rows: BinaryHeap<Reverse<RankedFailure>>,
}

/// Sessions, then domain and texts: what decides on the order.
type RankedFailure = (u64, Reverse<(String, FailureTexts)>, Sum);

impl Top {
    fn new(limit: usize) -> Top {
        Top {
            limit,
            rows: BinaryHeap::new(),
        }
    }

    fn add(&mut self, domain: &str, texts: FailureTexts, sum: Sum) {
        if self.rows.len() >= self.limit {
            let least = self.rows.peek();
            if least.is_none_or(|Reverse((least, ..))| sum.sessions < *least) {
                return;
            }
        }
        self.rows.push(Reverse((
            sum.sessions,
            Reverse((domain.to_owned(), texts)),
            sum,
        )));
        if self.rows.len() > self.limit {
            self.rows.pop();
        }
    }

    fn into_rows(self) -> Vec<FailureRow> {
        let rows = self.rows.into_sorted_vec().into_iter();
        rows.map(|Reverse((_, Reverse((domain, texts)), sum))| row(domain, texts, sum))
            .collect()
    }
}

fn row(domain: String, texts: FailureTexts, sum: Sum) -> FailureRow {
    let known = |text: String| Some(text).filter(|text| !text.is_empty());
    let [mx, address, policy_type, result_type, reason] = texts;
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
