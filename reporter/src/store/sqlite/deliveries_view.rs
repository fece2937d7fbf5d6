//! Lists of deliveries, in our file or sys4's: each question goes by an index.

mod backlog;

use rusqlite::{Connection, OptionalExtension as _, Row, ToSql};
use tlsrptd_proto::day::Day;

use super::{
    ExistingDatabase,
    domain_day::{Columns, instant, jobs, number, string, subject},
    text, unreadable,
};
use crate::store::{
    Backlog, DeliveriesView, DeliveryFilter, DeliveryProgress, DeliveryQuestion, DeliveryRow,
    Frequency, JobState, StoreError, WithoutReportRow,
};

impl DeliveriesView for ExistingDatabase {
    fn deliveries(&self, question: &DeliveryQuestion) -> Result<Vec<DeliveryRow>, StoreError> {
        let read = || {
            let columns = Columns::of(self.connection())?;
            Query {
                db: self.connection(),
                columns: &columns,
                question,
            }
            .rows()
        };
        read().map_err(|source| unreadable("deliveries", source))
    }

    fn without_report(
        &self,
        day: Day,
        domain: Option<&str>,
        limit: usize,
    ) -> Result<Vec<WithoutReportRow>, StoreError> {
        let read = || without_report(self.connection(), day, domain, limit);
        read().map_err(|source| unreadable("domains without a report", source))
    }

    fn backlog(&self, late: jiff::Timestamp) -> Result<Backlog, StoreError> {
        backlog::read(self.connection(), late).map_err(|source| unreadable("what waits", source))
    }

    fn jobs(&self, day: Day) -> Result<Vec<JobState>, StoreError> {
        let read = || jobs(self.connection(), &Columns::of(self.connection())?, day);
        read().map_err(|source| unreadable("fetch jobs", source))
    }
}

/// A question about deliveries.
struct Query<'a> {
    db: &'a Connection,
    columns: &'a Columns,
    question: &'a DeliveryQuestion,
}

impl Query<'_> {
    fn rows(&self) -> rusqlite::Result<Vec<DeliveryRow>> {
        match &self.question.status {
            // One domain is found by its name.
            _ if self.question.domain.is_some() => self.by_domain(),
            DeliveryFilter::Waiting(Frequency::Rare) if self.has_ours() => {
                self.by_status("d.status IS NULL AND d.tlsrptd_started IS NULL", None)
            }
            DeliveryFilter::Ended(status, Frequency::Rare) if status != "sent" => {
                // As the index has it: `tlsrptd_unsent`.
                self.by_status("d.status = :status AND d.status <> 'sent'", Some(status))
            }
            _ => self.by_domain(),
        }
    }

    fn has_ours(&self) -> bool {
        self.columns.of_destinations("tlsrptd_started") != "NULL"
    }

    /// Domain after domain.
    fn by_domain(&self) -> rusqlite::Result<Vec<DeliveryRow>> {
        let (filter, status) = match &self.question.status {
            DeliveryFilter::All => ("1", None),
            DeliveryFilter::Waiting(_) => ("d.status IS NULL", None),
            DeliveryFilter::Ended(status, _) => ("d.status = :status", Some(status)),
        };
        let select = format!(
            "{} FROM reports r CROSS JOIN destinations d ON d.d_r_id = r.r_id WHERE r.day = :day AND {} AND {filter} \
             ORDER BY r.domain, r.r_id, d.rowid LIMIT :limit",
            self.select(),
            match self.question.domain {
                Some(_) => "r.domain = :domain",
                None => "1",
            }
        );
        self.read(&select, status, Vec::new(), self.question.limit)
    }

    /// By an index of the deliveries with that status, of all days. A day is decided at once, domain by domain, so that its
    /// reports have numbers between those of its first and its last domain; what came later is looked for behind them.
    fn by_status(
        &self,
        filter: &str,
        status: Option<&String>,
    ) -> rusqlite::Result<Vec<DeliveryRow>> {
        let Some((first, last)) = self.numbers()? else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for range in [
            "d.d_r_id BETWEEN :first AND :last",
            "d.d_r_id > :last",
            "d.d_r_id < :first",
        ] {
            let room = self.question.limit - found.len();
            if room == 0 {
                break;
            }
            let select = format!(
                "{} FROM destinations d CROSS JOIN reports r ON r.r_id = d.d_r_id WHERE {filter} AND {range} \
                 AND r.day = :day ORDER BY d.d_r_id LIMIT :limit",
                self.select(),
            );
            let mut numbers: Vec<(&str, &dyn ToSql)> = Vec::new();
            if range.contains(":first") {
                numbers.push((":first", &first));
            }
            if range.contains(":last") {
                numbers.push((":last", &last));
            }
            found.extend(self.read(&select, status, numbers, room)?);
        }
        Ok(found)
    }

    /// Those of the reports of the day's first and last domain.
    fn numbers(&self) -> rusqlite::Result<Option<(i64, i64)>> {
        let number = |order: &str| {
            let select =
                format!("SELECT r_id FROM reports WHERE day = ?1 ORDER BY domain {order} LIMIT 1");
            let day = self.question.day.to_string();
            let number = self
                .db
                .query_row(&select, [day], |row| row.get::<_, i64>(0));
            number.optional()
        };
        Ok(number("ASC")?
            .zip(number("DESC")?)
            .map(|(one, other)| (one.min(other), one.max(other))))
    }

    fn select(&self) -> String {
        let [origin, started] = ["origin", "started"].map(|name| {
            let column = self.columns.of_destinations(&format!("tlsrptd_{name}"));
            match column.as_str() {
                "NULL" => column,
                column => format!("d.{column}"),
            }
        });
        let ours = [origin, self.columns.first_attempt("d"), started];
        let mx = match self.columns.of_reports("tlsrptd_mx").as_str() {
            "NULL" => "NULL",
            _ => "r.tlsrptd_mx",
        };
        format!(
            "SELECT r.domain, r.uniqid, d.destination, d.status, d.retries, d.nexttry, {}, {}, {mx}",
            ours.join(", "),
            self.columns.answer_of_destinations("d"),
        )
    }

    fn read(
        &self,
        select: &str,
        status: Option<&String>,
        more: Vec<(&str, &dyn ToSql)>,
        limit: usize,
    ) -> rusqlite::Result<Vec<DeliveryRow>> {
        let mut select = self.db.prepare(select)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let day = self.question.day.to_string();
        let mut given: Vec<(&str, &dyn ToSql)> = vec![(":day", &day), (":limit", &limit)];
        if let Some(domain) = &self.question.domain {
            given.push((":domain", domain));
        }
        if let Some(status) = status {
            given.push((":status", status));
        }
        given.extend(more);
        select.query_map(given.as_slice(), row)?.collect()
    }
}

fn row(row: &Row<'_>) -> rusqlite::Result<DeliveryRow> {
    let status = string(row.get_ref(3)?);
    let (due, started) = (instant(row, 5)?, instant(row, 8)?);
    let is_ours = string(row.get_ref(6)?).is_some();
    let progress = match status {
        // Only ours writes there when it ended.
        Some(status) => DeliveryProgress::Ended {
            status,
            at: due.filter(|_| is_ours),
        },
        None if started.is_some() => DeliveryProgress::InHand { since: started },
        None => DeliveryProgress::Waiting { next_try: due },
    };
    Ok(DeliveryRow {
        domain: string(row.get_ref(0)?).unwrap_or_default(),
        uniqid: number(row.get_ref(1)?).unwrap_or(0),
        subject: subject(row.get_ref(10)?),
        destination: string(row.get_ref(2)?).unwrap_or_default(),
        progress,
        failures: number(row.get_ref(4)?).unwrap_or(0),
        first_attempt: instant(row, 7)?,
        answer: string(row.get_ref(9)?),
    })
}

/// sys4 records nothing of them.
fn without_report(
    db: &Connection,
    day: Day,
    domain: Option<&str>,
    limit: usize,
) -> rusqlite::Result<Vec<WithoutReportRow>> {
    let columns = Columns::of(db)?;
    if columns.of_reports("tlsrptd_reason") == "NULL" {
        return Ok(Vec::new());
    }
    let of_domain = match domain {
        Some(_) => "domain = ?3".to_owned(),
        // The day's number of domains without a report knows no MX hosts.
        None => format!(
            "?3 IS NULL AND {} IS NULL",
            columns.of_reports("tlsrptd_mx")
        ),
    };
    let select = format!(
        "SELECT domain, tlsrptd_sessions, tlsrptd_failed, tlsrptd_reason FROM reports \
         WHERE day = ?1 AND {of_domain} AND tlsrptd_reason IS NOT NULL ORDER BY domain LIMIT ?2"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    db.prepare(&select)?
        .query_map((day.to_string(), limit, domain), |row| {
            Ok(WithoutReportRow {
                domain: string(row.get_ref(0)?).unwrap_or_default(),
                sessions: number(row.get_ref(1)?),
                failed: number(row.get_ref(2)?),
                reason: string(row.get_ref(3)?).unwrap_or_default(),
            })
        })?
        .collect()
}
