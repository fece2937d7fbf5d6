//! Lists of deliveries: each question goes by an index.

mod backlog;

use jiff::Timestamp;
use tlsrptd_fleet::{Fault, PgDay, PgTime, Row, Session};
use tlsrptd_proto::day::Day;

use super::{PostgresReader, domain_day, history::count, unreadable};
use crate::{
    model::ReportSubject,
    store::{
        Backlog, DeliveriesView, DeliveryFilter, DeliveryProgress, DeliveryQuestion, DeliveryRow,
        Frequency, JobState, StoreError, WithoutReportRow,
    },
};

/// What a delivery was answered at last; behind it what came back later of one that was sent, and was no end of it.
pub(super) const ANSWER: &str = "d.reason || coalesce((SELECT '; then ' || b.kind || ': ' || b.text FROM bounce b \
    WHERE d.status = 'sent' AND b.r_id = d.r_id AND b.destination = d.uri AND b.kind <> 'failed' \
    ORDER BY b.came DESC LIMIT 1), '')";

impl DeliveriesView for PostgresReader {
    fn deliveries(&self, question: &DeliveryQuestion) -> Result<Vec<DeliveryRow>, StoreError> {
        deliveries(&self.db, question).map_err(|fault| unreadable("deliveries", fault))
    }

    fn without_report(
        &self,
        day: Day,
        domain: Option<&str>,
        limit: usize,
    ) -> Result<Vec<WithoutReportRow>, StoreError> {
        without_report(&self.db, day, domain, limit)
            .map_err(|fault| unreadable("domains without a report", fault))
    }

    fn backlog(&self, late: Timestamp) -> Result<Backlog, StoreError> {
        backlog::read(&self.db, late).map_err(|fault| unreadable("what waits", fault))
    }

    fn jobs(&self, day: Day) -> Result<Vec<JobState>, StoreError> {
        domain_day::jobs(&self.db, day).map_err(|fault| unreadable("fetch jobs", fault))
    }
}

/// One domain is found by its name, as are the first domains of a day; what is rare, by the indexes of deliveries that are not
/// sent.
fn deliveries(db: &Session, question: &DeliveryQuestion) -> Result<Vec<DeliveryRow>, Fault> {
    let rare = match &question.status {
        _ if question.domain.is_some() => None,
        DeliveryFilter::Waiting(Frequency::Rare) => {
            Some("d.status IS NULL AND d.started IS NULL AND $3::text IS NULL")
        }
        DeliveryFilter::Ended(status, Frequency::Rare) if status != "sent" => {
            Some("d.status = $3 AND d.status <> 'sent'")
        }
        _ => None,
    };
    let (filter, status) = match &question.status {
        DeliveryFilter::All => ("$3::text IS NULL", None),
        DeliveryFilter::Waiting(_) => ("d.status IS NULL AND $3::text IS NULL", None),
        DeliveryFilter::Ended(status, _) => ("d.status = $3", Some(status)),
    };
    let from = match (rare, &question.domain) {
        // Else the planner might look through all domains for the first of them.
        (Some(rare), _) => format!(
            "WITH found AS MATERIALIZED (SELECT * FROM delivery d WHERE d.day = $1 AND {rare}) \
             SELECT {COLUMNS}, {ANSWER} FROM found d JOIN report r ON r.day = d.day AND r.r_id = d.r_id \
             WHERE r.day = $1 AND $4::text IS NULL"
        ),
        (None, Some(_)) => format!(
            "SELECT {COLUMNS}, {ANSWER} FROM report r JOIN delivery d ON d.day = r.day AND d.r_id = r.r_id \
             WHERE r.day = $1 AND d.day = $1 AND r.domain = $4 AND {filter}"
        ),
        (None, None) => format!(
            "SELECT {COLUMNS}, {ANSWER} FROM report r JOIN delivery d ON d.day = r.day AND d.r_id = r.r_id \
             WHERE r.day = $1 AND d.day = $1 AND $4::text IS NULL AND {filter}"
        ),
    };
    let select = format!("{from} ORDER BY r.domain, r.uniqid, r.mx, d.uri COLLATE \"C\" LIMIT $2");
    let limit = i64::try_from(question.limit).unwrap_or(i64::MAX);
    let rows = db.query(
        &select,
        &[&PgDay(question.day), &limit, &status, &question.domain],
    )?;
    rows.iter().map(delivery_row).collect()
}

const COLUMNS: &str =
    "r.domain, r.uniqid, d.uri, d.status, d.failures, d.due, d.first, d.started, r.mx";

fn delivery_row(row: &Row) -> Result<DeliveryRow, Fault> {
    let status: Option<String> = row.try_get(3)?;
    let (PgTime(due), started) = (row.try_get(5)?, instant(row, 7)?);
    let progress = match status {
        Some(status) => DeliveryProgress::Ended {
            status,
            at: Some(due),
        },
        None if started.is_some() => DeliveryProgress::InHand { since: started },
        None => DeliveryProgress::Waiting {
            next_try: Some(due),
        },
    };
    let failures: i32 = row.try_get(4)?;
    Ok(DeliveryRow {
        domain: row.try_get(0)?,
        uniqid: count(row.try_get(1)?),
        subject: subject(row, 8)?,
        destination: row.try_get(2)?,
        progress,
        failures: count(failures.into()),
        first_attempt: instant(row, 6)?,
        answer: row.try_get(9)?,
    })
}

fn without_report(
    db: &Session,
    day: Day,
    domain: Option<&str>,
    limit: usize,
) -> Result<Vec<WithoutReportRow>, Fault> {
    let of_domain = match domain {
        Some(_) => "domain = $3",
        // The day's number of domains without a report knows no MX hosts.
        None => "$3::text IS NULL AND NOT mx",
    };
    let select = format!(
        "SELECT domain, sessions, failed, reason FROM report WHERE day = $1 AND {of_domain} AND reason IS NOT NULL \
         ORDER BY domain LIMIT $2"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = db.query(&select, &[&PgDay(day), &limit, &domain])?;
    let row = |row: &Row| {
        Ok(WithoutReportRow {
            domain: row.try_get(0)?,
            sessions: row.try_get::<_, Option<i64>>(1)?.map(count),
            failed: row.try_get::<_, Option<i64>>(2)?.map(count),
            reason: row.try_get(3)?,
        })
    };
    rows.iter().map(row).collect()
}

/// Of a column that may be NULL.
pub(super) fn instant(row: &Row, at: usize) -> Result<Option<Timestamp>, Fault> {
    let instant: Option<PgTime> = row.try_get(at)?;
    Ok(instant.map(|PgTime(instant)| instant))
}

/// Of the column `mx`.
pub(super) fn subject(row: &Row, at: usize) -> Result<ReportSubject, Fault> {
    Ok(match row.try_get(at)? {
        true => ReportSubject::MxHost,
        false => ReportSubject::Domain,
    })
}
