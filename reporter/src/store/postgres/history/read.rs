//! Answers from what is remembered: to a command beside reporters at work, and to a reporter itself.

use std::collections::BTreeMap;

use tlsrptd_fleet::{Fault, PgDay, PgTime, Row, Session, Transaction};
use tlsrptd_proto::day::Day;

use super::{count, ranking};
use crate::{
    model::NamedDestination,
    store::{
        DayTotals, FailedOnDay, FailureQuestion, FailureRow, History, KeptReport, ReportContents,
        StoreError,
        postgres::{PostgresReader, PostgresStore, named, unreadable},
    },
};

const WHAT: &str = "the history";

/// Who has a connection to the database.
trait OnDatabase {
    fn db(&self) -> &Session;
}

impl OnDatabase for PostgresReader {
    fn db(&self) -> &Session {
        &self.db
    }
}

impl OnDatabase for PostgresStore {
    fn db(&self) -> &Session {
        &self.db
    }
}

impl<T: OnDatabase> History for T {
    fn first_day(&self) -> Result<Option<Day>, StoreError> {
        told(first_day(self.db()))
    }

    fn totals(&self, from: Day, to: Day) -> Result<Vec<DayTotals>, StoreError> {
        told(totals(self.db(), from, to))
    }

    fn failures(&self, question: &FailureQuestion) -> Result<Vec<FailureRow>, StoreError> {
        told(ranking::failures(self.db(), question))
    }

    fn failures_by_day(
        &self,
        domains: &[&str],
        from: Day,
        to: Day,
    ) -> Result<Vec<FailedOnDay>, StoreError> {
        told(ranking::failures_by_day(self.db(), domains, from, to))
    }

    fn kept_reports(&self, day: Day, domain: &str) -> Result<Vec<KeptReport>, StoreError> {
        told(kept_reports(self.db(), day, domain))
    }

    fn named(&self, from: Day, to: Day) -> Result<Vec<NamedDestination>, StoreError> {
        named::read(self.db(), from, to)
    }
}

fn told<T>(answer: Result<T, Fault>) -> Result<T, StoreError> {
    answer.map_err(|fault| unreadable(WHAT, fault))
}

/// For questions to several tables: as they are at one time.
pub(in super::super) fn at_one_time(db: &Session) -> Result<Transaction<'_>, Fault> {
    let tx = db.begin()?;
    tx.batch("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")?;
    Ok(tx)
}

pub(super) fn first_day(db: &Session) -> Result<Option<Day>, Fault> {
    let first = db.query_opt("SELECT min(day) FROM history_day", &[])?;
    let day: Option<PgDay> = first.map_or(Ok(None), |row| row.try_get(0))?;
    Ok(day.map(|PgDay(day)| day))
}

pub(super) fn totals(db: &Session, from: Day, to: Day) -> Result<Vec<DayTotals>, Fault> {
    let range = (PgDay(from), PgDay(to));
    let tx = at_one_time(db)?;
    let mut days: BTreeMap<Day, DayTotals> = BTreeMap::new();
    let rows = tx.query(
        "SELECT day, sum(domains)::text, least(sum(sessions), 9223372036854775807)::text, \
         least(sum(failed), 9223372036854775807)::text, sum(reports)::text, sum(without)::text, sum(deliveries)::text \
         FROM history_day WHERE day BETWEEN $1 AND $2 GROUP BY day",
        &[&range.0, &range.1],
    )?;
    for row in rows {
        let PgDay(day) = row.try_get(0)?;
        let number = |at| wide(&row, at);
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
    let rows = tx.query(
        "SELECT day, kind, name, least(sum(number), 9223372036854775807)::text, least(sum(failed), 9223372036854775807)::text \
         FROM history_total WHERE day BETWEEN $1 AND $2 GROUP BY day, kind, name \
         HAVING kind <> 'delivery' OR sum(number) > 0 ORDER BY day, sum(number) DESC, name",
        &[&range.0, &range.1],
    )?;
    for row in rows {
        let PgDay(day) = row.try_get(0)?;
        if let Some(totals) = days.get_mut(&day) {
            let (number, failed) = (wide(&row, 3)?, wide(&row, 4)?);
            totals.add(row.try_get(1)?, row.try_get(2)?, number, failed);
        }
    }
    tx.commit()?;
    Ok(days.into_values().collect())
}

fn kept_reports(db: &Session, day: Day, domain: &str) -> Result<Vec<KeptReport>, Fault> {
    let rows = db.query(
        "SELECT r_id, uniqid, created, json, gzip FROM report \
         WHERE day = $1 AND domain = $2 AND (json IS NOT NULL OR gzip IS NOT NULL) ORDER BY uniqid, r_id",
        &[&PgDay(day), &domain],
    )?;
    rows.iter().map(kept_report).collect()
}

fn kept_report(row: &Row) -> Result<KeptReport, Fault> {
    let PgTime(made) = row.try_get(2)?;
    let json: Option<String> = row.try_get(3)?;
    let contents = match json {
        Some(json) => ReportContents::Json(json),
        None => ReportContents::Sent(row.try_get(4)?),
    };
    Ok(KeptReport {
        r_id: row.try_get(0)?,
        uniqid: count(row.try_get(1)?),
        made: made.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        contents,
    })
}

/// A sum, which may be larger than any integer of PostgreSQL's: as a text, and at the end of its range if it is beyond that.
pub(in super::super) fn wide(row: &Row, at: usize) -> Result<u64, Fault> {
    let text: &str = row.try_get(at)?;
    match text.parse() {
        Ok(number) => Ok(number),
        // Below 0 is no number of ours.
        Err(_) if text.starts_with('-') => Ok(0),
        Err(_) => Ok(u64::MAX),
    }
}
