//! What was done, remembered: totals of each day, what failed most, and the reports that went out.
//!
//! Totals are added in the transaction that they count, so they are what the rows would give, long after the rows are gone.
//! sys4's programs name their tables, and pass over these.

mod adjust;
mod bounced;
mod by_day;
mod failures;
mod kept;
mod ranking;
mod read;
mod running;

use std::{borrow::Cow, collections::BTreeMap};

use rusqlite::{OptionalExtension as _, Transaction};
use tlsrptd_proto::day::Day;

use super::{SqliteStore, decisions::integer, named};
use crate::{
    model::{DecidedDomain, DeliveryStatus, Destination},
    store::AttemptEnd,
};

pub(super) use adjust::{adjust, count_sys4s};
pub(super) use bounced::{bounced, bounces_of, count_bounce};
pub(super) use failures::TopFailures;
pub(super) use kept::{Keeping, KeptReports, clean as clean_kept};
pub(super) use running::{most_failed, running_totals};

/// A row a day, whose absence says that nothing is known of it: a day that we have decided on has one, even if nobody counted
/// a session; one that sys4 has decided on has none. `totals`: a day's parts of one kind. Without row numbers, as the key is
/// most of a row.
pub(super) const TABLES: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS tlsrptd_history_days(day TEXT PRIMARY KEY, domains INTEGER, sessions INTEGER, \
     failed INTEGER, reports INTEGER, without INTEGER, deliveries INTEGER) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS tlsrptd_history_totals(day TEXT, kind TEXT, name TEXT, number INTEGER, failed INTEGER, \
     PRIMARY KEY(day, kind, name)) WITHOUT ROWID",
    failures::TABLE,
    failures::TEXTS,
    failures::BY_DOMAIN,
    failures::BY_LAST_DAY,
    kept::TABLE,
    kept::INDEX,
    kept::TOTAL,
];

/// Rows that go in one transaction.
const CLEANED_AT_ONCE: usize = 10_000;

/// Not as a join: SQLite would prepare that anew for each delivery, as its plan would depend on the values.
const DAY_OF_OPEN_DELIVERY: &str = "SELECT (SELECT day FROM reports WHERE r_id = d_r_id AND typeof(day) = 'text') \
    FROM destinations WHERE destination = ?1 AND d_r_id = ?2 AND status IS NULL";

/// What a part of a day's totals is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Sessions, and those that failed, by policy type.
    Policy,
    /// Failures by result type.
    Result,
    /// Decisions against a report, and their sessions, by the kind of reason.
    Without,
    /// Deliveries that have ended, by status.
    Delivery,
    /// The same, by carrier and status, with a slash between the words.
    Carrier,
    /// Mails that came back on that day, by what became of them.
    Bounce,
}

impl Kind {
    /// The word of the table.
    fn as_str(self) -> &'static str {
        match self {
            Kind::Policy => "policy",
            Kind::Result => "result",
            Kind::Without => "without",
            Kind::Delivery => "delivery",
            Kind::Carrier => "carrier",
            Kind::Bounce => "bounce",
        }
    }
}

/// What one transaction adds to the totals.
#[derive(Debug, Default)]
pub(super) struct Addition<'a> {
    days: BTreeMap<String, DayNumbers>,
    parts: BTreeMap<(String, Kind, Cow<'a, str>), (u64, u64)>,
}

#[derive(Debug, Default)]
struct DayNumbers {
    domains: u64,
    sessions: u64,
    failed: u64,
    reports: u64,
    without: u64,
    deliveries: u64,
}

impl<'a> Addition<'a> {
    /// A domain was decided on for the first time. What came late is of a domain that counts already.
    pub(super) fn first(&mut self, day: &str) {
        self.days.entry(day.to_owned()).or_default().domains += 1;
    }

    /// A domain's day was decided on; `deliveries` are the rows that were made for it.
    pub(super) fn decided(&mut self, day: &str, decided: &'a DecidedDomain, deliveries: u64) {
        let rows = &decided.rows;
        let numbers = self.days.entry(day.to_owned()).or_default();
        numbers.sessions = numbers.sessions.saturating_add(rows.sessions);
        numbers.failed = numbers.failed.saturating_add(rows.failed);
        numbers.deliveries += deliveries;
        match decided.decision.kind_of_reason() {
            None => numbers.reports += 1,
            Some(reason) => {
                numbers.without += 1;
                self.part(day, Kind::Without, reason, 1, rows.sessions);
            }
        }
        for (policy, (sessions, failed)) in &rows.details.by_policy {
            self.part(day, Kind::Policy, policy.as_str(), *sessions, *failed);
        }
        for (result, sessions) in &rows.details.by_result {
            self.part(day, Kind::Result, result.as_str(), *sessions, 0);
        }
    }

    /// Deliveries of a report whose sessions and decision count already: that of a MX host.
    pub(super) fn delivers(&mut self, day: &str, deliveries: u64) {
        self.days.entry(day.to_owned()).or_default().deliveries += deliveries;
    }

    /// A delivery has ended.
    pub(super) fn ended(&mut self, day: &str, destination: &Destination, status: DeliveryStatus) {
        let status = status.as_str();
        let carrier = destination.queue().carrier().as_str();
        self.part(day, Kind::Delivery, status, 1, 0);
        self.part(day, Kind::Carrier, format!("{carrier}/{status}"), 1, 0);
    }

    /// A delivery is about to end with this status. Only what had not ended counts: asked before the row changes.
    pub(super) fn ends(
        &mut self,
        tx: &Transaction<'_>,
        end: &AttemptEnd,
        status: DeliveryStatus,
    ) -> rusqlite::Result<()> {
        let day: Option<Option<String>> = tx
            .prepare_cached(DAY_OF_OPEN_DELIVERY)?
            .query_row((end.destination.uri(), end.r_id), |row| row.get(0))
            .optional()?;
        if let Some(day) = day.flatten() {
            self.ended(&day, &end.destination, status);
        }
        Ok(())
    }

    fn part(
        &mut self,
        day: &str,
        kind: Kind,
        name: impl Into<Cow<'a, str>>,
        number: u64,
        failed: u64,
    ) {
        let key = (day.to_owned(), kind, name.into());
        let part = self.parts.entry(key).or_default();
        part.0 = part.0.saturating_add(number);
        part.1 = part.1.saturating_add(failed);
    }

    /// Adds it to what the tables have. A sum that no counter can hold stays at the end of its range.
    pub(super) fn write(self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        // What comes late to a day of which nothing is known does not make it a known one.
        let mut day = tx.prepare_cached(
            "INSERT INTO tlsrptd_history_days(day, domains, sessions, failed, reports, without, deliveries) \
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 \
             WHERE ?2 > 0 OR EXISTS (SELECT 1 FROM tlsrptd_history_days WHERE day = ?1) \
             ON CONFLICT(day) DO UPDATE SET domains = domains + ?2, \
             sessions = min(sessions, 9223372036854775807 - ?3) + ?3, failed = min(failed, 9223372036854775807 - ?4) + ?4, \
             reports = reports + ?5, without = without + ?6, deliveries = deliveries + ?7",
        )?;
        for (name, numbers) in self.days {
            day.execute((
                name,
                integer(numbers.domains),
                integer(numbers.sessions),
                integer(numbers.failed),
                integer(numbers.reports),
                integer(numbers.without),
                integer(numbers.deliveries),
            ))?;
        }
        let mut part = tx.prepare_cached(
            "INSERT INTO tlsrptd_history_totals(day, kind, name, number, failed) VALUES(?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT(day, kind, name) DO UPDATE SET number = min(number, 9223372036854775807 - ?4) + ?4, \
             failed = min(failed, 9223372036854775807 - ?5) + ?5",
        )?;
        for ((day, kind, name), (number, failed)) in self.parts {
            part.execute((day, kind.as_str(), name, integer(number), integer(failed)))?;
        }
        Ok(())
    }
}

/// A day is decided: if all its collectors have answered, it is known that what they have not counted there was not.
pub(super) fn day_is_known(tx: &Transaction<'_>, day: &str) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT OR IGNORE INTO tlsrptd_history_days(day, domains, sessions, failed, reports, without, deliveries) \
         SELECT ?1, 0, 0, 0, 0, 0, 0 FROM fetchjobs WHERE day = ?1 \
         GROUP BY day HAVING count(*) = sum(status IS 'ok')",
        [day],
    )
    .map(drop)
}

/// Days from this one on have not ended: a clock that was ahead has decided that nothing was counted there.
pub(super) fn undo_early(tx: &Transaction<'_>, today: &str) -> rusqlite::Result<()> {
    tx.execute(
        "DELETE FROM tlsrptd_history_days WHERE day >= ?1 AND domains = 0 AND reports = 0 AND without = 0 AND deliveries = 0",
        [today],
    )
    .map(drop)
}

impl SqliteStore {
    /// From now on no more than this number of failures is remembered of a day, and so many bytes of reports.
    pub fn limit_history(&mut self, failures: usize, kept_bytes: u64) {
        self.failures = TopFailures::new(failures);
        self.kept = KeptReports::new(kept_bytes);
    }
}

/// See [`Upkeep::clean_history`](crate::store::Upkeep::clean_history).
pub(super) fn clean(tx: &Transaction<'_>, oldest: Day) -> rusqlite::Result<bool> {
    let oldest = oldest.to_string();
    if failures::clean(tx, &oldest)? {
        return Ok(true);
    }
    running::keep(tx, &oldest)?;
    named::clean(tx, &oldest)?;
    tx.execute("DELETE FROM tlsrptd_history_days WHERE day < ?1", [&oldest])?;
    Ok(false)
}

#[cfg(test)]
mod tests;
