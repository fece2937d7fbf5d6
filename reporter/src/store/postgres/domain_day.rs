//! What is known of one domain's day: each question goes by an index, or to the tables of one shard.

mod jobs;
mod shipped;

use tlsrptd_fleet::{Fault, PgDay, Row, Shard, Transaction, schema, shard_of};
use tlsrptd_proto::{day::Day, domain::Domain, report::InstallationId};

use super::{
    PostgresReader,
    deliveries_view::{ANSWER, instant, subject},
    fold::SHIPPED,
    history::{at_one_time, count},
    mails, suppressed, unreadable,
};
use crate::{
    model::{CollectorRow, Destination, NamedBy, ReportSubject},
    store::{
        DeliveryState, DomainDayState, DomainDays, DomainPresence, ReportState, RowStage, RowState,
        StoreError, relatives,
    },
    suppress::Suppressions,
};

pub(super) use jobs::jobs;

/// Reports of one domain and day that are looked at: additions to a day make one each.
const MAX_REPORTS: i64 = 1000;

impl DomainDays for PostgresReader {
    fn domain_day(
        &self,
        day: Day,
        domain: &Domain,
        as_asked: &str,
    ) -> Result<DomainDayState, StoreError> {
        let read = || {
            let name = domain.as_str();
            let our_mails = mails::sent_to(&self.db, &[name], day)?.remove(name);
            let tx = at_one_time(&self.db)?;
            let jobs = jobs::of_day(&tx, day)?;
            let mut state = DomainDayState {
                is_decided: jobs.iter().any(|job| job.is_decided)
                    || tx
                        .query_opt("SELECT 1 FROM decided WHERE day = $1", &[&PgDay(day)])?
                        .is_some(),
                jobs,
                our_mails: our_mails.unwrap_or_default(),
                ..DomainDayState::default()
            };
            let shard = shard_of(domain.as_str());
            for name in names(domain, as_asked) {
                state.reports.extend(reports(&tx, day, name)?);
            }
            for name in names(domain, as_asked) {
                rows(&tx, day, shard, name, &mut state)?;
                used_rows(&tx, day, name, &mut state)?;
            }
            if shipped::is_unfolded(&tx, day, shard)? {
                shipped::rows(&tx, day, shard, domain.as_str(), &mut state)?;
            }
            tx.commit()?;
            Ok(state)
        };
        read().map_err(|fault| unreadable("a domain's day", fault))
    }

    fn days_of(&self, domain: &Domain) -> Result<Vec<(Day, DomainPresence)>, StoreError> {
        let read = || {
            let tx = at_one_time(&self.db)?;
            let (name, shard) = (domain.as_str(), shard_of(domain.as_str()));
            let days = tx.query(
                "SELECT d.day, EXISTS (SELECT 1 FROM report r WHERE r.day = d.day AND r.domain = $1) \
                 OR EXISTS (SELECT 1 FROM answer a WHERE a.day = d.day AND a.shard = $2 AND a.domain = $1) \
                 FROM (SELECT day FROM fetch_job UNION SELECT day FROM shipment) AS d ORDER BY d.day DESC",
                &[&name, &shard],
            )?;
            let mut found = Vec::new();
            for row in days {
                let PgDay(day) = row.try_get(0)?;
                let is_counted =
                    row.try_get(1)? || !shipped::are_counted(&tx, day, shard, &[name])?.is_empty();
                found.push((
                    day,
                    match is_counted {
                        true => DomainPresence::Counted,
                        false => DomainPresence::Absent,
                    },
                ));
            }
            tx.commit()?;
            Ok(found)
        };
        read().map_err(|fault| unreadable("the days of a domain", fault))
    }

    fn relatives(&self, day: Day, domain: &Domain) -> Result<Vec<String>, StoreError> {
        let read = || {
            let tx = at_one_time(&self.db)?;
            let found = find_relatives(&tx, day, domain)?;
            tx.commit()?;
            Ok(found)
        };
        read().map_err(|fault| unreadable("related domains", fault))
    }

    fn installation(&self) -> Result<Option<InstallationId>, StoreError> {
        let known = schema::installation(&self.db);
        known
            .map(Some)
            .map_err(|fault| unreadable("the installation", fault))
    }

    fn suppression_list(&self) -> Result<Suppressions, StoreError> {
        suppressed::entries(&self.db).map_err(|fault| unreadable("the suppression list", fault))
    }
}

/// The name, and how it was typed if that differs.
fn names<'a>(domain: &'a Domain, as_asked: &'a str) -> impl Iterator<Item = &'a str> {
    let other = (as_asked != domain.as_str()).then_some(as_asked);
    std::iter::once(domain.as_str()).chain(other)
}

fn find_relatives(tx: &Transaction<'_>, day: Day, domain: &Domain) -> Result<Vec<String>, Fault> {
    let names: Vec<String> = relatives::of(domain).collect();
    let shards: Vec<Shard> = names.iter().map(|name| shard_of(name)).collect();
    let rows = tx.query(
        "SELECT n.name FROM unnest($2::text[], $3::smallint[]) AS n(name, shard) WHERE \
         EXISTS (SELECT 1 FROM report r WHERE r.day = $1 AND r.domain = n.name) OR \
         EXISTS (SELECT 1 FROM answer a WHERE a.day = $1 AND a.shard = n.shard AND a.domain = n.name)",
        &[&PgDay(day), &names, &shards],
    )?;
    let name = |row: &Row| -> Result<String, Fault> { Ok(row.try_get(0)?) };
    let mut found: Vec<String> = rows.iter().map(name).collect::<Result<_, _>>()?;
    for (name, shard) in names.iter().zip(&shards) {
        if !found.contains(name) {
            found.extend(shipped::are_counted(tx, day, *shard, &[name])?);
        }
    }
    Ok(names
        .into_iter()
        .filter(|name| found.contains(name))
        .collect())
}

fn reports(tx: &Transaction<'_>, day: Day, name: &str) -> Result<Vec<ReportState>, Fault> {
    let rows = tx.query(
        "SELECT r_id, uniqid, created, reason, sessions, failed, json, mx FROM report WHERE day = $1 AND domain = $2 \
         ORDER BY uniqid, r_id LIMIT $3",
        &[&PgDay(day), &name, &MAX_REPORTS],
    )?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        found.push(ReportState {
            r_id: row.try_get(0)?,
            uniqid: count(row.try_get(1)?),
            created: instant(row, 2)?,
            reason: row.try_get(3)?,
            sessions: row.try_get::<_, Option<i64>>(4)?.map(count),
            failed: row.try_get::<_, Option<i64>>(5)?.map(count),
            json: row.try_get(6)?,
            subject: subject(row, 7)?,
            deliveries: Vec::new(),
        });
    }
    let r_ids: Vec<i64> = found.iter().map(|report| report.r_id).collect();
    let sql = format!(
        "SELECT d.r_id, d.uri, d.origin, d.status, d.failures, d.due, d.first, d.dated, d.started, {ANSWER} \
         FROM delivery d WHERE d.day = $1 AND d.r_id = ANY($2) ORDER BY d.r_id, d.uri COLLATE \"C\""
    );
    for row in tx.query(&sql, &[&PgDay(day), &r_ids])? {
        let r_id: i64 = row.try_get(0)?;
        if let Some(report) = found.iter_mut().find(|report| report.r_id == r_id) {
            report.deliveries.push(delivery(&row)?);
        }
    }
    Ok(found)
}

fn delivery(row: &Row) -> Result<DeliveryState, Fault> {
    let (uri, origin): (String, String) = (row.try_get(1)?, row.try_get(2)?);
    let failures: i32 = row.try_get(4)?;
    Ok(DeliveryState {
        destination: Destination::new(uri, NamedBy::from_word(Some(&origin))),
        status: row.try_get(3)?,
        failures: count(failures.into()),
        next: instant(row, 5)?,
        first: instant(row, 6)?,
        dated: instant(row, 7)?,
        started: instant(row, 8)?,
        reason: row.try_get(9)?,
    })
}

/// The answers of one name, behind its reports.
fn rows(
    tx: &Transaction<'_>,
    day: Day,
    shard: Shard,
    name: &str,
    state: &mut DomainDayState,
) -> Result<(), Fault> {
    let mut reports = state.reports.iter();
    let is_reported = reports.any(|report| report.subject == ReportSubject::Domain);
    let found = tx.query(
        "SELECT command, state, data, reason FROM answer WHERE day = $1 AND shard = $2 AND domain = $3 ORDER BY command",
        &[&PgDay(day), &shard, &name],
    )?;
    for row in found {
        let (fetcher, word): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let data: Option<String> = row.try_get(2)?;
        let is_used = data.as_deref() == Some("");
        let stage = match (word.as_str(), &data) {
            ("given up", _) => RowStage::GivenUp,
            ("unusable", _) => RowStage::Decided,
            _ if is_used => RowStage::Decided,
            (_, None) => RowStage::Listed,
            ("late", Some(_)) => RowStage::Late,
            ("fetched", Some(_)) if is_reported => RowStage::Decided,
            (_, Some(_)) => RowStage::Stored,
        };
        if matches!(stage, RowStage::Stored | RowStage::Late) {
            let fetcher = fetcher.clone();
            state.undecided.push(CollectorRow { fetcher, data });
        }
        state.rows.push(RowState {
            fetcher,
            stage,
            reason: row.try_get(3)?,
        });
    }
    Ok(())
}

/// The answers of one name that were removed when they were used, beside those that are there.
fn used_rows(
    tx: &Transaction<'_>,
    day: Day,
    name: &str,
    state: &mut DomainDayState,
) -> Result<(), Fault> {
    let found = tx.query(
        "SELECT DISTINCT coalesce(j.command, $3) COLLATE \"C\" FROM report r \
         CROSS JOIN LATERAL unnest(string_to_array(r.jobs, ',')) AS u(job) \
         LEFT JOIN fetch_job j ON j.day = r.day AND j.job::text = u.job \
         WHERE r.day = $1 AND r.domain = $2 AND (j.job IS NOT NULL OR u.job = '0')",
        &[&PgDay(day), &name, &SHIPPED],
    )?;
    let fetchers = found.iter().map(|row| row.try_get(0));
    state.add_used(fetchers.collect::<Result<Vec<_>, _>>()?);
    Ok(())
}

#[cfg(test)]
mod tests;
