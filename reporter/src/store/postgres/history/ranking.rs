//! Failures of several days, added up: those of the most sessions, and those of some domains day by day.
//!
//! A domain has as many MX hosts and addresses as its owner likes, and each is a failure of its own. So of a few failures each is
//! looked for by itself, and of many the rows of all the days are read once, of which there are at most `history_failures` a day.

use tlsrptd_fleet::{Fault, PgDay, Row, Session, Transaction};
use tlsrptd_proto::day::Day;

use super::read::{at_one_time, wide};
use crate::store::{FailedOnDay, FailureQuestion, FailureRow};

/// To look for more rows than this takes longer than to read all.
const FEW_ROWS: i64 = 20_000;

/// Whether that many failures, each on all of the days, are a few rows.
const ROWS_OF_DOMAINS: &str = "SELECT count(*) * ($3::date - $2::date + 1) FROM failure WHERE domain = ANY($1) AND last >= $2 AND first <= $3";

/// One by one, by the index.
const ONE_BY_ONE: &str = "x.failure = t.id";
/// No index has this: all rows of the days are read, and those that match taken.
const AMONG_ALL: &str = "x.failure + 0 = t.id";

/// See [`History::failures`](crate::store::History::failures).
pub(super) fn failures(db: &Session, question: &FailureQuestion) -> Result<Vec<FailureRow>, Fault> {
    let tx = at_one_time(db)?;
    let mut rows = ranked(&tx, question)?;
    if question.domain.is_none() && question.new_since.is_none() {
        rows.extend(folded(&tx, question)?);
    }
    tx.commit()?;
    Ok(rows)
}

fn ranked(tx: &Transaction<'_>, question: &FailureQuestion) -> Result<Vec<FailureRow>, Fault> {
    let (from, to) = (PgDay(question.from), PgDay(question.to));
    let limit = i64::try_from(question.limit).unwrap_or(i64::MAX);
    let domains: Vec<&str> = question.domain.iter().map(String::as_str).collect();
    let since = question
        .new_since
        .map(|since| PgDay(since.min(question.from)));
    let of_domain = match question.domain {
        None => String::new(),
        Some(_) => format!(
            "JOIN failure t ON {} AND t.domain = ANY($5) AND t.last >= $1 AND t.first <= $2",
            joined(tx, &domains, from, to)?
        ),
    };
    // Each is $4 and $5, asked for or not.
    let sums = format!(
        "WITH sums AS (SELECT x.failure, min(x.day) AS first, max(x.day) AS last, count(*) AS days, sum(x.sessions) AS sum \
         FROM failing x {of_domain} WHERE x.day BETWEEN $1 AND $2 AND x.failure <> 0 \
         AND ($4::date IS NULL OR true) AND ($5::text[] IS NULL OR true) GROUP BY x.failure)"
    );
    let news = match question.new_since {
        None => "",
        Some(_) => {
            "JOIN failure t ON t.id = s.failure WHERE NOT EXISTS (SELECT 1 FROM failing b JOIN failure k ON k.id = b.failure \
             WHERE b.day >= $4 AND b.day < $1 AND b.failure <> 0 AND k.domain = t.domain AND k.result = t.result)"
        }
    };
    let select = format!(
        "{sums}, top AS (SELECT s.* FROM sums s {news} ORDER BY s.sum DESC, s.failure DESC LIMIT $3) \
         SELECT top.first, top.last, top.days, t.domain, t.mx, t.address, t.policy, t.result, t.reason, \
         least(top.sum, 18446744073709551615)::text FROM top JOIN failure t ON t.id = top.failure \
         ORDER BY top.sum DESC, t.domain, t.mx, t.address, t.policy, t.result, t.reason"
    );
    let rows = tx.query(&select, &[&from, &to, &limit, &since, &domains])?;
    rows.iter().map(failure_row).collect()
}

fn failure_row(row: &Row) -> Result<FailureRow, Fault> {
    let (PgDay(first_day), PgDay(day)) = (row.try_get(0)?, row.try_get(1)?);
    let days: i64 = row.try_get(2)?;
    let known = |at| -> Result<Option<String>, Fault> {
        let text: String = row.try_get(at)?;
        Ok(Some(text).filter(|text| !text.is_empty()))
    };
    Ok(FailureRow {
        first_day,
        day,
        days: u32::try_from(days).unwrap_or(u32::MAX),
        domain: Some(row.try_get(3)?),
        mx: known(4)?,
        address: known(5)?,
        policy_type: row.try_get(6)?,
        result_type: row.try_get(7)?,
        reason_code: known(8)?,
        sessions: wide(row, 9)?,
    })
}

fn folded(tx: &Transaction<'_>, question: &FailureQuestion) -> Result<Option<FailureRow>, Fault> {
    let row = tx.query_opt(
        "SELECT min(day), max(day), count(DISTINCT day), least(coalesce(sum(sessions), 0), 18446744073709551615)::text \
         FROM failing WHERE failure = 0 AND day BETWEEN $1 AND $2 HAVING count(*) > 0",
        &[&PgDay(question.from), &PgDay(question.to)],
    )?;
    let Some(row) = row else { return Ok(None) };
    let (PgDay(first_day), PgDay(day)) = (row.try_get(0)?, row.try_get(1)?);
    let days: i64 = row.try_get(2)?;
    Ok(Some(FailureRow {
        first_day,
        day,
        days: u32::try_from(days).unwrap_or(u32::MAX),
        domain: None,
        mx: None,
        address: None,
        policy_type: String::new(),
        result_type: String::new(),
        reason_code: None,
        sessions: wide(&row, 3)?,
    }))
}

/// See [`History::failures_by_day`](crate::store::History::failures_by_day).
pub(super) fn failures_by_day(
    db: &Session,
    domains: &[&str],
    from: Day,
    to: Day,
) -> Result<Vec<FailedOnDay>, Fault> {
    let (from, to) = (PgDay(from), PgDay(to));
    let tx = at_one_time(db)?;
    let select = format!(
        "SELECT x.day, t.domain, t.policy, t.result, least(sum(x.sessions), 18446744073709551615)::text \
         FROM failure t JOIN failing x ON {} \
         WHERE t.domain = ANY($1) AND t.last >= $2 AND t.first <= $3 AND x.day BETWEEN $2 AND $3 \
         GROUP BY x.day, t.domain, t.policy, t.result ORDER BY x.day, t.domain, t.policy, t.result",
        joined(&tx, domains, from, to)?
    );
    let rows = tx.query(&select, &[&domains, &from, &to])?;
    tx.commit()?;
    let row = |row: &Row| {
        let PgDay(day) = row.try_get(0)?;
        Ok(FailedOnDay {
            day,
            domain: row.try_get(1)?,
            policy_type: row.try_get(2)?,
            result_type: row.try_get(3)?,
            sessions: wide(row, 4)?,
        })
    };
    rows.iter().map(row).collect()
}

/// How the failures of these domains are found among the rows of the days.
fn joined(
    tx: &Transaction<'_>,
    domains: &[&str],
    from: PgDay,
    to: PgDay,
) -> Result<&'static str, Fault> {
    let rows = tx.query_opt(ROWS_OF_DOMAINS, &[&domains, &from, &to])?;
    let rows: i64 = rows.map_or(Ok(0), |row| row.try_get(0))?;
    Ok(match rows <= FEW_ROWS {
        true => ONE_BY_ONE,
        false => AMONG_ALL,
    })
}
