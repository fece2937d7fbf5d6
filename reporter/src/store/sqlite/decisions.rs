//! From rows to decisions: every domain of a day gets a row in `reports`, with destinations or with a reason.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use rusqlite::{
    Connection, OptionalExtension as _, Transaction, named_params,
    types::{Value, ValueRef},
};
use tlsrptd_proto::day::Day;

use super::{
    SqliteStore,
    collectors::REMOVED,
    days,
    history::{self, Addition, TopFailures},
    mails, mx_hosts, named, normalize_domains, text, used,
};
use crate::{
    model::{
        CollectorRow, DecidedDomain, Decision, DeliveryStatus, Destination, DomainDay, MxHostDay,
        NamedDestination, OurMails, ReportSubject,
    },
    store::{Decisions, FailingDomains, Step, StoreError},
};

impl Decisions for SqliteStore {
    fn leftover_days(&self) -> Result<BTreeSet<Day>, StoreError> {
        self.days(
            "days left over",
            "SELECT DISTINCT day FROM reportdata d WHERE (status = 'late' AND data <> '' \
             OR data IS NOT NULL AND status = 'fetched' \
             AND NOT EXISTS (SELECT 1 FROM reports r WHERE r.day = d.day AND r.domain = d.domain AND r.tlsrptd_mx IS NULL)) \
             AND NOT EXISTS (SELECT 1 FROM fetchjobs j WHERE j.day = d.day AND j.status IS NULL)",
        )
    }

    fn gathered_days(&self) -> Result<BTreeSet<Day>, StoreError> {
        self.days(
            "gathered days",
            "SELECT day FROM fetchjobs GROUP BY day \
             HAVING sum(status IS NULL) > 0 AND sum(status IS NULL AND tlsrptd_closed IS NULL) = 0",
        )
    }

    fn normalize_domains(&mut self, day: Day, now: Timestamp) -> Result<bool, StoreError> {
        let listed = self.read("domains in other spellings", |db| {
            normalize_domains::find(db, day)
        })?;
        if !listed.is_empty() {
            self.transact(Step::RowsStored, |tx| {
                normalize_domains::rename(tx, day, &listed, now)
            })?;
        }
        Ok(true)
    }

    fn undecided(
        &self,
        day: Day,
        after: Option<&str>,
        limit: usize,
        bytes: usize,
    ) -> Result<Vec<DomainDay>, StoreError> {
        self.read("undecided domains", |db| {
            let all = format!("{UNDECIDED} {IN_ORDER}");
            self.domain_days(db, &all, (day, after, None), limit, bytes)
        })
    }

    fn undecided_failing(
        &self,
        day: Day,
        after: Option<&str>,
        limit: usize,
        bytes: usize,
    ) -> Result<FailingDomains, StoreError> {
        self.read("undecided domains with failures", |db| {
            let upto: Option<String> = db
                .prepare_cached(LOOKED_AT_UPTO)?
                .query_row((day.to_string(), behind(after)), |row| row.get(0))
                .optional()?;
            let failing = format!("{UNDECIDED} {FAILING} {IN_ORDER}");
            let range = (day, after, upto.as_deref());
            let domains = self.domain_days(db, &failing, range, limit, bytes)?;
            let size: usize = domains.iter().map(DomainDay::size).sum();
            let after = match domains.last() {
                Some(last) if domains.len() >= limit || size >= bytes => Some(last.domain.clone()),
                _ => upto,
            };
            Ok(FailingDomains { domains, after })
        })
    }

    fn deliveries_to(
        &self,
        day: Day,
        names: &[String],
    ) -> Result<HashMap<String, u64>, StoreError> {
        named::deliveries_to(self, day, names)
    }

    fn store_decisions(
        &mut self,
        day: Day,
        decisions: &[DecidedDomain],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let r_ids = self.transact_with_failures(Step::Decided, |tx, failures| {
            let r_ids = store(tx, day, decisions, ReportSubject::Domain, now)?;
            failures.add(tx, &day.to_string(), decisions)?;
            Ok(r_ids)
        })?;
        self.schedule_deliveries(decisions, &r_ids);
        Ok(())
    }

    fn mx_hosts(
        &mut self,
        day: Day,
        limit: usize,
        bytes: usize,
    ) -> Result<Vec<MxHostDay>, StoreError> {
        self.read("sessions at MX hosts", |db| {
            mx_hosts::read(db, day, limit, bytes)
        })
    }

    fn store_mx_decisions(
        &mut self,
        day: Day,
        decisions: &[DecidedDomain],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let r_ids = self.transact(Step::MxDecided, |tx| {
            store(tx, day, decisions, ReportSubject::MxHost, now)
        })?;
        self.schedule_deliveries(decisions, &r_ids);
        Ok(true)
    }

    fn close_day(
        &mut self,
        day: Day,
        decisions: &[DecidedDomain],
        now: Timestamp,
    ) -> Result<Vec<NamedDestination>, StoreError> {
        let (r_ids, named) = self.transact_with_failures(Step::DayDecided, |tx, failures| {
            let r_ids = store(tx, day, decisions, ReportSubject::Domain, now)?;
            failures.add(tx, &day.to_string(), decisions)?;
            // Rows of a job that still waits are not part of the decision.
            tx.execute(
                "UPDATE reportdata SET status = CASE WHEN tlsrptd_data IS NULL THEN 'timedout' ELSE 'fetched' END, \
                 data = tlsrptd_data, tlsrptd_data = NULL WHERE day = ?1 AND data IS NULL AND status IS NULL \
                 AND NOT EXISTS (SELECT 1 FROM fetchjobs j WHERE j.day = ?1 \
                 AND j.fetcherindex = reportdata.fetcherindex AND j.status IS NULL AND j.tlsrptd_closed IS NULL)",
                [day.to_string()],
            )?;
            tx.execute(
                "UPDATE fetchjobs SET status = CASE tlsrptd_given_up WHEN 1 THEN 'timedout' WHEN 3 THEN 'timedout' WHEN 2 THEN ?2 ELSE 'ok' END \
                 WHERE day = ?1 AND status IS NULL AND tlsrptd_closed IS NOT NULL",
                (day.to_string(), REMOVED),
            )?;
            history::day_is_known(tx, &day.to_string())?;
            days::record_decided(tx, &day.next().to_string())?;
            Ok((r_ids, named::end_day(tx, day)?))
        })?;
        self.failures.forget();
        self.schedule_deliveries(decisions, &r_ids);
        Ok(named)
    }
}

/// Rows that are not decided: of a day, behind one domain and up to another.
const UNDECIDED: &str = "SELECT domain, fetcher, coalesce(data, tlsrptd_data) FROM reportdata d \
    WHERE day = ?1 AND domain > ?2 AND domain <= ?3 AND typeof(domain) = 'text' \
    AND (status = 'late' AND data <> '' OR (status = 'fetched' AND data IS NOT NULL OR tlsrptd_data IS NOT NULL) \
    AND NOT EXISTS (SELECT 1 FROM reports r WHERE r.day = d.day AND r.domain = d.domain AND r.tlsrptd_mx IS NULL))";
const IN_ORDER: &str = "ORDER BY domain, fetcher";
/// Of domains with a failure in any row. Within a text a quote has a backslash before it, so no text says that.
const FAILING: &str = "AND EXISTS (SELECT 1 FROM reportdata f WHERE f.day = d.day AND f.domain = d.domain \
    AND (coalesce(f.data, f.tlsrptd_data) GLOB '*\"cntrfailure\": [1-9]*' \
    OR coalesce(f.data, f.tlsrptd_data) GLOB '*\"cntrfailure\":[1-9]*'))";
/// The domain up to which a day is looked through at once: some ten milliseconds.
const LOOKED_AT_UPTO: &str = "SELECT domain FROM reportdata WHERE day = ?1 AND domain > ?2 AND typeof(domain) = 'text' \
    ORDER BY domain LIMIT 1 OFFSET 4096";

/// SQLite sorts integers before all texts, even before the empty one, which another program may have written.
fn behind(domain: Option<&str>) -> Value {
    domain.map_or(Value::Integer(0), |domain| Value::Text(domain.to_owned()))
}

/// It sorts blobs behind all texts.
fn upto(domain: Option<&str>) -> Value {
    domain.map_or(Value::Blob(Vec::new()), |domain| {
        Value::Text(domain.to_owned())
    })
}

impl SqliteStore {
    /// Gathers the rows of each domain.
    fn domain_days(
        &self,
        db: &Connection,
        select: &str,
        (day, after, last): (Day, Option<&str>, Option<&str>),
        limit: usize,
        bytes: usize,
    ) -> rusqlite::Result<Vec<DomainDay>> {
        let mut select = db.prepare_cached(select)?;
        let mut reports = db.prepare_cached(
            "SELECT coalesce(max(uniqid), 0) FROM reports WHERE day = ?1 AND domain = ?2",
        )?;
        let mut rows = select.query((day.to_string(), behind(after), upto(last)))?;
        let mut found: Vec<DomainDay> = Vec::new();
        let mut room = bytes;
        while let Some(row) = rows.next()? {
            let domain: String = row.get(0)?;
            let size = row.get_ref(2)?.as_bytes().map_or(0, <[u8]>::len);
            let stored = CollectorRow {
                fetcher: plain(row.get_ref(1)?),
                data: string(row.get_ref(2)?),
            };
            if let Some(last) = found.last_mut().filter(|last| last.domain == domain) {
                last.rows.push(stored);
                room = room.saturating_sub(size);
                continue;
            }
            if found.len() == limit || room == 0 {
                break;
            }
            let before: i64 = reports.query_row((day.to_string(), &domain), |row| row.get(0))?;
            let our_mails = match &self.guard {
                Some(_) => mails::sent_to(db, &domain, day)?,
                None => OurMails::default(),
            };
            let mx_mails = match self.guard.is_some() && self.mx_reports {
                true => mails::on_mx_hosts(db, &domain, day)?,
                false => Vec::new(),
            };
            room = room.saturating_sub(size);
            let reports = u64::try_from(before).unwrap_or(0);
            found.push(DomainDay {
                domain,
                rows: vec![stored],
                our_mails,
                mx_mails,
                reports,
            });
        }
        Ok(found)
    }

    /// A step that adds to the failures of a day: what is in memory of them follows the table.
    fn transact_with_failures<T>(
        &mut self,
        step: Step,
        work: impl FnOnce(&Transaction<'_>, &mut TopFailures) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let mut failures = std::mem::take(&mut self.failures);
        let done = self.transact(step, |tx| work(tx, &mut failures));
        self.failures = failures;
        if done.is_err() {
            self.failures.forget();
        }
        done
    }

    fn schedule_deliveries(&mut self, decisions: &[DecidedDomain], r_ids: &[i64]) {
        for (decided, r_id) in decisions.iter().zip(r_ids) {
            let report = decided.decision.report();
            for (destination, due) in report.iter().flat_map(|report| &report.destinations) {
                self.pending.added(&destination.queue(), *due, *r_id);
            }
        }
    }
}

/// Gives the row numbers of the reports.
fn store(
    tx: &Transaction<'_>,
    day: Day,
    decisions: &[DecidedDomain],
    subject: ReportSubject,
    now: Timestamp,
) -> rusqlite::Result<Vec<i64>> {
    let (day, its) = (day.to_string(), text::its(now));
    let mut report = tx.prepare_cached(
        "INSERT INTO reports(day, domain, uniqid, report, its, tlsrptd_reason, tlsrptd_sessions, tlsrptd_failed, \
         tlsrptd_jobs, tlsrptd_mx) \
         VALUES(:day, :domain, :uniqid, :report, :its, :reason, :sessions, :failed, :jobs, :mx)",
    )?;
    let mut bad = tx.prepare_cached(
        "UPDATE reportdata SET tlsrptd_reason = ?4, \
         data = CASE status WHEN 'late' THEN '' ELSE data END WHERE day = ?1 AND domain = ?2 AND fetcher = ?3",
    )?;
    let mut history = Addition::default();
    let mut r_ids = Vec::with_capacity(decisions.len());
    for decided in decisions {
        let DecidedDomain { domain, rows, .. } = decided;
        let is_late = subject == ReportSubject::Domain && is_reported(tx, &day, decided)?;
        let (json, reason) = match &decided.decision {
            Decision::Report(report) => (Some(&report.json), None),
            Decision::NoReport(reason) => (None, Some(reason)),
        };
        report.execute(named_params! {
            ":day": day, ":domain": domain, ":uniqid": integer(decided.uniqid), ":report": json,
            ":its": its, ":reason": reason, ":sessions": integer(rows.sessions), ":failed": integer(rows.failed),
            ":jobs": used::remove(tx, &day, domain, &rows.used)?,
            ":mx": (subject == ReportSubject::MxHost).then_some(1),
        })?;
        let r_id = tx.last_insert_rowid();
        r_ids.push(r_id);
        let mut deliveries = 0;
        if let Some(report) = decided.decision.report() {
            for (destination, due) in &report.destinations {
                deliveries += add_destination(tx, r_id, destination, *due, None, &its)?;
            }
            for (destination, reason) in &report.suppressed {
                let added = add_destination(tx, r_id, destination, now, Some(reason), &its)?;
                if added > 0 {
                    history.ended(&day, destination, DeliveryStatus::Suppressed);
                }
                deliveries += added;
            }
        }
        match subject {
            ReportSubject::Domain => {
                if !is_late {
                    history.first(&day);
                }
                history.decided(&day, decided, deliveries);
                mx_hosts::add(tx, &day, decided)?;
            }
            ReportSubject::MxHost => {
                history.delivers(&day, deliveries);
                mx_hosts::remove(tx, &day, domain)?;
            }
        }
        for (fetcher, reason) in &rows.bad {
            bad.execute([&day, domain, fetcher, reason])?;
        }
    }
    history.write(tx)?;
    named::add(tx, &day, decisions)?;
    Ok(r_ids)
}

/// Whether there is a decision on the domain already; one on the MX host of that name is another.
fn is_reported(tx: &Transaction<'_>, day: &str, decided: &DecidedDomain) -> rusqlite::Result<bool> {
    if decided.uniqid == 1 {
        return Ok(false);
    }
    tx.prepare_cached(
        "SELECT 1 FROM reports WHERE day = ?1 AND domain = ?2 AND tlsrptd_mx IS NULL",
    )?
    .exists([day, &decided.domain])
}

fn add_destination(
    tx: &Transaction<'_>,
    r_id: i64,
    destination: &Destination,
    due: Timestamp,
    suppressed: Option<&str>,
    its: &str,
) -> rusqlite::Result<u64> {
    // The same address twice in one report is one delivery.
    tx.prepare_cached(
        "INSERT OR IGNORE INTO destinations(destination, d_r_id, retries, status, nexttry, its, tlsrptd_origin, \
         tlsrptd_queue, tlsrptd_reason) VALUES(:uri, :r_id, 0, :status, :due, :its, :origin, :queue, :reason)",
    )?
    .execute(named_params! {
        ":uri": destination.uri(), ":r_id": r_id, ":due": text::nexttry(due), ":its": its,
        ":origin": destination.named_by.as_str(), ":queue": destination.queue().to_string(),
        ":status": suppressed.map(|_| DeliveryStatus::Suppressed.as_str()), ":reason": suppressed,
    })
    .map(|rows| rows as u64)
}

/// SQLite's integers end at 2^63; no counter of sessions reaches that.
pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn string(value: ValueRef<'_>) -> Option<String> {
    value.as_str().ok().map(str::to_owned)
}

fn plain(value: ValueRef<'_>) -> String {
    string(value).unwrap_or_default()
}
