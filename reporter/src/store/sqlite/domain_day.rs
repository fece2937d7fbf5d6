//! What is known of one domain's day, in our file or sys4's: each question goes by an index.

mod columns;
mod relatives;

use rusqlite::{
    Connection, Row,
    types::{Value, ValueRef},
};
use tlsrptd_proto::{day::Day, domain::Domain, report::InstallationId};

use super::{
    ExistingDatabase, collectors::job_stage, installation, mails, suppressed, text, unreadable,
    used,
};
use crate::{
    model::{CollectorRow, Destination, NamedBy, OurMails, ReportSubject},
    store::{
        DeliveryState, DomainDayState, DomainDays, DomainPresence, JobStage, JobState, ReportState,
        RowStage, RowState, StoreError,
    },
    suppress::Suppressions,
};
pub(super) use columns::Columns;

/// Reports of one domain and day that are looked at: additions to a day make one each.
const MAX_REPORTS: i64 = 1000;

/// Whether a domain was counted on a day: rows that are reported are removed.
const COUNTED: &str = "SELECT 1 WHERE EXISTS (SELECT 1 FROM reports WHERE day = ?1 AND domain = ?2) \
    OR EXISTS (SELECT 1 FROM reportdata WHERE day = ?1 AND domain = ?2)";

impl DomainDays for ExistingDatabase {
    fn domain_day(
        &self,
        day: Day,
        domain: &Domain,
        as_asked: &str,
    ) -> Result<DomainDayState, StoreError> {
        let read = || {
            let columns = Columns::of(self.connection())?;
            let db = self.connection();
            let mut state = DomainDayState {
                jobs: jobs(db, &columns, day)?,
                is_decided: false,
                our_mails: match columns.has_table("tlsrptd_mails") {
                    true => mails::sent_to(db, domain.as_str(), day)?,
                    false => OurMails::default(),
                },
                ..DomainDayState::default()
            };
            state.is_decided = state.jobs.iter().any(|job| job.is_decided)
                || columns.has_table("tlsrptd_decided")
                    && db
                        .prepare("SELECT 1 FROM tlsrptd_decided WHERE day = ?1")?
                        .exists([day.to_string()])?;
            for name in names(domain, as_asked) {
                state.reports.extend(reports(db, &columns, day, name)?);
            }
            for name in names(domain, as_asked) {
                rows(db, &columns, day, name, &mut state)?;
                used_rows(db, &columns, day, name, &mut state)?;
            }
            Ok(state)
        };
        read().map_err(|source| unreadable("a domain's day", source))
    }

    fn days_of(&self, domain: &Domain) -> Result<Vec<(Day, DomainPresence)>, StoreError> {
        let read = || {
            let db = self.connection();
            let mut select = db.prepare("SELECT DISTINCT day FROM fetchjobs ORDER BY day DESC")?;
            let mut counted = db.prepare(COUNTED)?;
            let mut days = select.query([])?;
            let mut found = Vec::new();
            while let Some(row) = days.next()? {
                let Some(day) = string(row.get_ref(0)?).and_then(|day| Day::parse(&day).ok())
                else {
                    continue;
                };
                found.push((
                    day,
                    match counted.exists((day.to_string(), domain.as_str()))? {
                        true => DomainPresence::Counted,
                        false => DomainPresence::Absent,
                    },
                ));
            }
            Ok(found)
        };
        read().map_err(|source| unreadable("the days of a domain", source))
    }

    fn relatives(&self, day: Day, domain: &Domain) -> Result<Vec<String>, StoreError> {
        relatives::find(self.connection(), day, domain)
            .map_err(|source| unreadable("related domains", source))
    }

    fn installation(&self) -> Result<Option<InstallationId>, StoreError> {
        installation::known(self.connection())
            .map_err(|source| unreadable("the installation", source))
    }

    fn suppression_list(&self) -> Result<Suppressions, StoreError> {
        let db = self.connection();
        let read = || match db.table_exists(None, "tlsrptd_suppressed")? {
            true => suppressed::entries(db),
            false => Ok(Suppressions::default()),
        };
        read().map_err(|source| unreadable("the suppression list", source))
    }
}

/// The name, and how it was typed if that differs.
fn names<'a>(domain: &'a Domain, as_asked: &'a str) -> impl Iterator<Item = &'a str> {
    let other = (as_asked != domain.as_str()).then_some(as_asked);
    std::iter::once(domain.as_str()).chain(other)
}

pub(super) fn jobs(
    db: &Connection,
    columns: &Columns,
    day: Day,
) -> rusqlite::Result<Vec<JobState>> {
    let select = format!(
        "SELECT fetcher, status, {}, {}, retries, nexttry, {} FROM fetchjobs WHERE day = ?1 ORDER BY fetcherindex",
        columns.of_fetchjobs("tlsrptd_closed"),
        columns.of_fetchjobs("tlsrptd_given_up"),
        columns.of_fetchjobs("tlsrptd_reason"),
    );
    db.prepare(&select)?
        .query_map([day.to_string()], |row| {
            let status = string(row.get_ref(1)?);
            let is_closed = row.get_ref(2)? != ValueRef::Null;
            let given_up = row.get_ref(3)?.as_i64().ok();
            let stage = job_stage(status.as_deref(), is_closed, given_up);
            Ok(JobState {
                command: string(row.get_ref(0)?).unwrap_or_default(),
                next: instant(row, 5)?.filter(|_| stage == JobStage::Waiting),
                stage,
                is_decided: status.is_some(),
                failures: number(row.get_ref(4)?).unwrap_or(0),
                reason: string(row.get_ref(6)?),
            })
        })?
        .collect()
}

/// The rows of one name, behind its reports.
fn rows(
    db: &Connection,
    columns: &Columns,
    day: Day,
    name: &str,
    state: &mut DomainDayState,
) -> rusqlite::Result<()> {
    let mut reports = state.reports.iter();
    let is_reported = reports.any(|report| report.subject == ReportSubject::Domain);
    let select = format!(
        "SELECT fetcher, status, data, {}, {} FROM reportdata WHERE day = ?1 AND domain = ?2 ORDER BY fetcher",
        columns.of_reportdata("tlsrptd_data"),
        columns.of_reportdata("tlsrptd_reason"),
    );
    let mut select = db.prepare(&select)?;
    let mut found = select.query((day.to_string(), name))?;
    while let Some(row) = found.next()? {
        let fetcher = string(row.get_ref(0)?).unwrap_or_default();
        let status = string(row.get_ref(1)?);
        let aside = row.get_ref(3)? != ValueRef::Null;
        let data: Option<Value> = match (row.get(2)?, aside) {
            (Value::Null, true) => Some(row.get(3)?),
            (Value::Null, false) => None,
            (data, _) => Some(data),
        };
        let is_used = matches!(&data, Some(Value::Text(text)) if text.is_empty());
        let stage = match (status.as_deref(), &data) {
            (Some("timedout"), _) => RowStage::GivenUp,
            _ if is_used => RowStage::Decided,
            (Some("late"), Some(_)) => RowStage::Late,
            (None | Some("fetched"), Some(_)) if is_reported && !aside => RowStage::Decided,
            (None | Some("fetched"), Some(_)) => RowStage::Stored,
            (None, None) => RowStage::Listed,
            (Some("fetched"), None) => RowStage::Listed,
            (Some(other), _) => RowStage::Other(other.to_owned()),
        };
        if matches!(stage, RowStage::Stored | RowStage::Late) {
            let data = match data {
                Some(Value::Text(data)) => Some(data),
                _ => None,
            };
            let fetcher = fetcher.clone();
            state.undecided.push(CollectorRow { fetcher, data });
        }
        let reason = string(row.get_ref(4)?);
        state.rows.push(RowState {
            fetcher,
            stage,
            reason,
        });
    }
    Ok(())
}

/// The rows of one name that were removed when they were used, beside those that are there.
fn used_rows(
    db: &Connection,
    columns: &Columns,
    day: Day,
    name: &str,
    state: &mut DomainDayState,
) -> rusqlite::Result<()> {
    if columns.of_reports("tlsrptd_jobs") == "NULL" {
        return Ok(());
    }
    let select = format!(
        "SELECT DISTINCT j.fetcher FROM reports r JOIN fetchjobs j ON j.day = r.day AND {} \
         WHERE r.day = ?1 AND r.domain = ?2",
        used::has_counts_of("j.fetcherindex")
    );
    let mut select = db.prepare(&select)?;
    let mut found = select.query((day.to_string(), name))?;
    let mut fetchers = Vec::new();
    while let Some(row) = found.next()? {
        fetchers.push(string(row.get_ref(0)?).unwrap_or_default());
    }
    state.add_used(fetchers);
    Ok(())
}

fn reports(
    db: &Connection,
    columns: &Columns,
    day: Day,
    name: &str,
) -> rusqlite::Result<Vec<ReportState>> {
    let select = format!(
        "SELECT r_id, uniqid, its, {}, {}, {}, report, {} FROM reports WHERE day = ?1 AND domain = ?2 \
         ORDER BY uniqid, r_id LIMIT {MAX_REPORTS}",
        columns.of_reports("tlsrptd_reason"),
        columns.of_reports("tlsrptd_sessions"),
        columns.of_reports("tlsrptd_failed"),
        columns.of_reports("tlsrptd_mx"),
    );
    let mut found: Vec<ReportState> = db
        .prepare(&select)?
        .query_map((day.to_string(), name), |row| {
            Ok(ReportState {
                r_id: row.get(0)?,
                uniqid: number(row.get_ref(1)?).unwrap_or(0),
                created: instant(row, 2)?,
                reason: string(row.get_ref(3)?),
                sessions: number(row.get_ref(4)?),
                failed: number(row.get_ref(5)?),
                json: string(row.get_ref(6)?),
                subject: subject(row.get_ref(7)?),
                deliveries: Vec::new(),
            })
        })?
        .collect::<Result<_, _>>()?;
    for report in &mut found {
        report.deliveries = deliveries(db, columns, report.r_id)?;
    }
    Ok(found)
}

fn deliveries(
    db: &Connection,
    columns: &Columns,
    r_id: i64,
) -> rusqlite::Result<Vec<DeliveryState>> {
    let [origin, dated, started] = ["origin", "dated", "started"]
        .map(|name| columns.of_destinations(&format!("tlsrptd_{name}")));
    let ours = [
        origin,
        columns.first_attempt("destinations"),
        dated,
        started,
    ];
    let select = format!(
        "SELECT destination, status, retries, nexttry, {}, {} FROM destinations WHERE d_r_id = ?1 ORDER BY rowid",
        ours.join(", "),
        columns.answer_of_destinations("destinations"),
    );
    db.prepare(&select)?
        .query_map([r_id], |row| {
            let uri = string(row.get_ref(0)?).unwrap_or_default();
            let named_by = NamedBy::from_word(string(row.get_ref(4)?).as_deref());
            Ok(DeliveryState {
                destination: Destination::new(uri, named_by),
                status: string(row.get_ref(1)?),
                failures: number(row.get_ref(2)?).unwrap_or(0),
                next: instant(row, 3)?,
                first: instant(row, 5)?,
                dated: instant(row, 6)?,
                started: instant(row, 7)?,
                reason: string(row.get_ref(8)?),
            })
        })?
        .collect()
}

pub(super) fn instant(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<jiff::Timestamp>> {
    Ok(string(row.get_ref(column)?)
        .as_deref()
        .and_then(text::instant))
}

/// As the column `tlsrptd_mx` has it.
pub(super) fn subject(value: ValueRef<'_>) -> ReportSubject {
    match value {
        ValueRef::Null => ReportSubject::Domain,
        _ => ReportSubject::MxHost,
    }
}

/// Another program may have written anything.
pub(super) fn string(value: ValueRef<'_>) -> Option<String> {
    value.as_str().ok().map(str::to_owned)
}

pub(super) fn number(value: ValueRef<'_>) -> Option<u64> {
    value
        .as_i64()
        .ok()
        .and_then(|number| u64::try_from(number).ok())
}
