//! Answers from what is remembered: to a command beside a reporter at work, and to the reporter itself.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, Row, types::Value};
use tlsrptd_proto::day::Day;

use super::{
    by_day,
    failures::{FOLDED, count},
    ranking,
};
use crate::model::NamedDestination;
use crate::store::{
    DayTotals, FailedOnDay, FailureQuestion, FailureRow, History, KeptReport, ReportContents,
    StoreError,
    sqlite::{ExistingDatabase, SqliteStore, named},
};

const WHAT: &str = "the history";

impl History for ExistingDatabase {
    fn first_day(&self) -> Result<Option<Day>, StoreError> {
        self.read(first_day)
    }

    fn totals(&self, from: Day, to: Day) -> Result<Vec<DayTotals>, StoreError> {
        self.read(|db| totals(db, from, to))
    }

    fn failures(&self, question: &FailureQuestion) -> Result<Vec<FailureRow>, StoreError> {
        self.read(|db| failures(db, question))
    }

    fn failures_by_day(
        &self,
        domains: &[&str],
        from: Day,
        to: Day,
    ) -> Result<Vec<FailedOnDay>, StoreError> {
        self.read(|db| failures_by_day(db, domains, from, to))
    }

    fn kept_reports(&self, day: Day, domain: &str) -> Result<Vec<KeptReport>, StoreError> {
        self.read(|db| kept_reports(db, day, domain))
    }

    fn named(&self, from: Day, to: Day) -> Result<Vec<NamedDestination>, StoreError> {
        self.read(|db| named::read(db, from, to))
    }
}

impl History for SqliteStore {
    fn first_day(&self) -> Result<Option<Day>, StoreError> {
        self.read(WHAT, first_day)
    }

    fn totals(&self, from: Day, to: Day) -> Result<Vec<DayTotals>, StoreError> {
        self.read(WHAT, |db| totals(db, from, to))
    }

    fn failures(&self, question: &FailureQuestion) -> Result<Vec<FailureRow>, StoreError> {
        self.read(WHAT, |db| failures(db, question))
    }

    fn failures_by_day(
        &self,
        domains: &[&str],
        from: Day,
        to: Day,
    ) -> Result<Vec<FailedOnDay>, StoreError> {
        self.read(WHAT, |db| failures_by_day(db, domains, from, to))
    }

    fn kept_reports(&self, day: Day, domain: &str) -> Result<Vec<KeptReport>, StoreError> {
        self.read(WHAT, |db| kept_reports(db, day, domain))
    }

    fn named(&self, from: Day, to: Day) -> Result<Vec<NamedDestination>, StoreError> {
        self.read(WHAT, |db| named::read(db, from, to))
    }
}

/// sys4's file has no such tables, and they are made together.
pub(super) fn has_tables(db: &Connection) -> rusqlite::Result<bool> {
    db.table_exists(None, "tlsrptd_history_failing")
}

fn first_day(db: &Connection) -> rusqlite::Result<Option<Day>> {
    if !has_tables(db)? {
        return Ok(None);
    }
    let first: Option<String> =
        db.query_row("SELECT min(day) FROM tlsrptd_history_days", [], |row| {
            row.get(0)
        })?;
    Ok(first.and_then(|day| Day::parse(&day).ok()))
}

fn totals(db: &Connection, from: Day, to: Day) -> rusqlite::Result<Vec<DayTotals>> {
    // Both tables as they are at one time.
    let tx = db.unchecked_transaction()?;
    if !has_tables(&tx)? {
        return Ok(Vec::new());
    }
    let range = (from.to_string(), to.to_string());
    let mut days: BTreeMap<Day, DayTotals> = BTreeMap::new();
    let mut select = tx.prepare_cached(
        "SELECT day, domains, sessions, failed, reports, without, deliveries FROM tlsrptd_history_days \
         WHERE day BETWEEN ?1 AND ?2",
    )?;
    let mut rows = select.query((&range.0, &range.1))?;
    while let Some(row) = rows.next()? {
        let Some(day) = day_of(row)? else { continue };
        let number = |at| row.get(at).map(count);
        let totals = DayTotals {
            domains: number(1)?,
            sessions: number(2)?,
            failed: number(3)?,
            reports: number(4)?,
            without: number(5)?,
            deliveries: number(6)?,
            ..DayTotals::of(day)
        };
        days.insert(day, totals);
    }
    let mut select = tx.prepare_cached(
        "SELECT day, kind, name, number, failed FROM tlsrptd_history_totals WHERE day BETWEEN ?1 AND ?2 \
         ORDER BY day, number DESC, name",
    )?;
    let mut rows = select.query((&range.0, &range.1))?;
    while let Some(row) = rows.next()? {
        let day = day_of(row)?.and_then(|day| days.get_mut(&day));
        if let Some(totals) = day {
            let (number, failed) = (count(row.get(3)?), count(row.get(4)?));
            totals.add(&row.get::<_, String>(1)?, row.get(2)?, number, failed);
        }
    }
    Ok(days.into_values().collect())
}

fn failures(db: &Connection, question: &FailureQuestion) -> rusqlite::Result<Vec<FailureRow>> {
    let tx = db.unchecked_transaction()?;
    if !has_tables(&tx)? {
        return Ok(Vec::new());
    }
    let begin = question
        .new_since
        .map_or(question.from, |since| since.min(question.from));
    let days = days(&tx, begin, question.to)?;
    let mut rows = ranking::failures(&tx, question, &days)?;
    if question.domain.is_none() && question.new_since.is_none() {
        rows.extend(folded(&tx, &days)?);
    }
    Ok(rows)
}

fn failures_by_day(
    db: &Connection,
    domains: &[&str],
    from: Day,
    to: Day,
) -> rusqlite::Result<Vec<FailedOnDay>> {
    let tx = db.unchecked_transaction()?;
    if !has_tables(&tx)? {
        return Ok(Vec::new());
    }
    by_day::failed_on_days(&tx, domains, &days(&tx, from, to)?)
}

/// Those that have totals, in order.
fn days(db: &Connection, from: Day, to: Day) -> rusqlite::Result<Vec<Day>> {
    let days: Vec<String> = db
        .prepare_cached(
            "SELECT day FROM tlsrptd_history_days WHERE day BETWEEN ?1 AND ?2 ORDER BY day",
        )?
        .query_map((from.to_string(), to.to_string()), |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(days.iter().filter_map(|day| Day::parse(day).ok()).collect())
}

fn folded(db: &Connection, days: &[Day]) -> rusqlite::Result<Option<FailureRow>> {
    let mut select = db.prepare_cached(
        "SELECT sessions FROM tlsrptd_history_failing WHERE day = ?1 AND failure = ?2",
    )?;
    let mut all: Option<FailureRow> = None;
    for day in days {
        let sessions = select.query_row((day.to_string(), FOLDED), |row| row.get(0));
        let Some(sessions) = sessions.optional()?.map(count) else {
            continue;
        };
        let row = all.get_or_insert(FailureRow {
            first_day: *day,
            day: *day,
            days: 0,
            domain: None,
            mx: None,
            address: None,
            policy_type: String::new(),
            result_type: String::new(),
            reason_code: None,
            sessions: 0,
        });
        row.day = *day;
        row.days += 1;
        row.sessions = row.sessions.saturating_add(sessions);
    }
    Ok(all)
}

fn kept_reports(db: &Connection, day: Day, domain: &str) -> rusqlite::Result<Vec<KeptReport>> {
    let tx = db.unchecked_transaction()?;
    let mut kept = match has_tables(&tx)? {
        true => {
            Some(tx.prepare_cached("SELECT contents FROM tlsrptd_kept_reports WHERE r_id = ?1")?)
        }
        false => None,
    };
    let mut select = tx.prepare_cached(
        "SELECT r_id, uniqid, its, report FROM reports WHERE day = ?1 AND domain = ?2 ORDER BY uniqid, r_id",
    )?;
    let mut rows = select.query((day.to_string(), domain))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let r_id: i64 = row.get(0)?;
        let mut contents = contents(row.get(3)?);
        if let (None, Some(kept)) = (&contents, &mut kept) {
            let bytes = kept.query_row([r_id], |row| row.get(0)).optional()?;
            contents = bytes.and_then(self::contents);
        }
        if let Some(contents) = contents {
            found.push(KeptReport {
                r_id,
                uniqid: count(row.get(1)?),
                made: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
                contents,
            });
        }
    }
    Ok(found)
}

fn contents(value: Value) -> Option<ReportContents> {
    match value {
        Value::Text(json) => Some(ReportContents::Json(json)),
        Value::Blob(gzip) => Some(ReportContents::Sent(gzip)),
        _ => None,
    }
}

fn day_of(row: &Row<'_>) -> rusqlite::Result<Option<Day>> {
    Ok(Day::parse(&row.get::<_, String>(0)?).ok())
}
