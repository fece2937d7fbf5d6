//! Days that have jobs, are decided, or were asked for too early. The owner of one shard keeps this calendar for all.
//!
//! A decided day is known forever: neither cleaning nor a clock that was wrong removes its row.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tlsrptd_fleet::{Fault, PgDay, PgTime, Shard, Transaction, schema};
use tlsrptd_proto::day::Day;

use super::{
    PostgresStore, at_step,
    composing::IS_COMPOSED,
    expected::{TODAY, nobody_ships},
    history,
    job_table::FetchJobTable,
};
use crate::{
    model::CollectorCommand,
    store::{Days, JobNote, Step, StoreError, matching},
};

/// Whoever owns this shard makes the fetch jobs, closes days and cleans: what is done once a fleet.
pub(super) const CALENDAR: Shard = 0;

/// Days of shippers' counts that are not composed: `known` has the collectors that a day waits for.
fn open_days() -> String {
    format!(
        "SELECT DISTINCT day FROM fetch_job WHERE NOT decided AND job > 0 UNION SELECT d.day FROM day d \
         WHERE NOT {IS_COMPOSED} AND d.day < {TODAY} AND NOT ({})",
        nobody_ships()
    )
}

/// Jobs of days that have not ended, without anything that they brought.
const UNDO_EARLY: &str = "DELETE FROM fetch_job j WHERE j.day >= $1 AND j.job > 0 \
    AND NOT EXISTS (SELECT 1 FROM answer a WHERE a.day = j.day AND a.job = j.job AND a.data IS NOT NULL) \
    AND NOT EXISTS (SELECT 1 FROM report r WHERE r.day = j.day AND j.job::text = ANY(string_to_array(r.jobs, ',')))";

impl Days for PostgresStore {
    fn undo_early(&mut self, today: Day) -> Result<usize, StoreError> {
        match self.keeps_calendar() {
            true => self.transact(Step::JobsMade, &[CALENDAR], |tx| undo_early(tx, today)),
            false => Ok(0),
        }
    }

    fn known_days(&self) -> Result<BTreeSet<Day>, StoreError> {
        self.days(
            "known days",
            "SELECT day FROM fetch_job WHERE job > 0 UNION SELECT day FROM decided",
        )
    }

    fn early_days(&self) -> Result<BTreeSet<Day>, StoreError> {
        self.days(
            "days asked for early",
            "SELECT DISTINCT day FROM fetch_job WHERE early",
        )
    }

    fn open_days(&self) -> Result<BTreeSet<Day>, StoreError> {
        self.days("open days", &open_days())
    }

    fn make_jobs(
        &mut self,
        days: &[Day],
        collectors: &[CollectorCommand],
        now: Timestamp,
    ) -> Result<Vec<JobNote>, StoreError> {
        if !self.keeps_calendar() {
            return Ok(Vec::new());
        }
        if !collectors.is_empty() {
            // Those of a day that somebody holds are made before its jobs are asked.
            days.iter()
                .try_for_each(|day| self.has_partitions(*day, Step::JobsMade).map(drop))?;
        }
        self.transact(Step::JobsMade, &[CALENDAR], |tx| {
            matching::make_jobs(&FetchJobTable { tx, now }, days, collectors)
        })
    }

    fn reopen_given_up(
        &mut self,
        days: &BTreeSet<Day>,
        collectors: &[CollectorCommand],
        now: Timestamp,
    ) -> Result<Vec<JobNote>, StoreError> {
        if !self.keeps_calendar() {
            return Ok(Vec::new());
        }
        self.transact(Step::Reopened, &[CALENDAR], |tx| {
            matching::reopen_given_up(&FetchJobTable { tx, now }, days, collectors)
        })
    }

    fn reopen_early(&mut self, days: &BTreeSet<Day>, now: Timestamp) -> Result<(), StoreError> {
        if !self.keeps_calendar() {
            return Ok(());
        }
        let days: Vec<PgDay> = days.iter().copied().map(PgDay).collect();
        self.transact(Step::Reopened, &[CALENDAR], |tx| {
            tx.execute(
                "UPDATE fetch_job SET decided = false, failures = 0, next = $2, closed = NULL, outcome = NULL, early = false, \
                 seen = CASE WHEN decided THEN seen END WHERE day = ANY($1) AND early",
                &[&days, &PgTime(now)],
            )
            .map(drop)
        })
    }
}

impl PostgresStore {
    /// Whether this member does what is done once a fleet.
    pub(super) fn keeps_calendar(&self) -> bool {
        self.member.shards().contains(&CALENDAR)
    }

    fn days(&self, what: &'static str, sql: &str) -> Result<BTreeSet<Day>, StoreError> {
        let rows = self.read(what, sql, &[])?;
        let days = rows
            .iter()
            .map(|row| row.try_get::<_, PgDay>(0).map(|day| day.0));
        days.collect::<Result<_, _>>()
            .map_err(|error| super::unreadable(what, error.into()))
    }

    /// A day's answers and reports have tables of their own. They stay when the step after this fails.
    pub(super) fn make_partitions(&mut self, day: Day, step: Step) -> Result<(), StoreError> {
        match self.has_partitions(day, step)? {
            true => Ok(()),
            false => Err(at_step(step, self.held.fault(day))),
        }
    }

    /// The same; gives whether they are there, and not the row of the day held.
    pub(super) fn has_partitions(&mut self, day: Day, step: Step) -> Result<bool, StoreError> {
        if self.made == Some(day) {
            return Ok(true);
        }
        let are_made = self.read(
            "days with tables",
            "SELECT 1 FROM day WHERE day = $1 AND made",
            &[&PgDay(day)],
        )?;
        let is_made = !are_made.is_empty()
            || self
                .make_tables(day, schema::make_reports_of)
                .map_err(|fault| at_step(step, fault))?;
        if is_made {
            self.made = Some(day);
        }
        Ok(is_made)
    }
}

/// Records decided days before that one; their rows may be removed next.
pub(super) fn record_decided(tx: &Transaction<'_>, before: Day) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO decided(day) SELECT DISTINCT day FROM fetch_job WHERE decided AND day < $1 ON CONFLICT DO NOTHING",
        &[&PgDay(before)],
    )
    .map(drop)
}

/// Days from `today` on have not ended: a clock that was ahead has asked for them. Jobs without data are removed, and made
/// again when the day has ended; jobs with data are asked again then.
fn undo_early(tx: &Transaction<'_>, today: Day) -> Result<usize, Fault> {
    let today_of = PgDay(today);
    let undone = tx.execute(UNDO_EARLY, &[&today_of])?;
    tx.execute(
        "DELETE FROM answer WHERE day >= $1 AND data IS NULL",
        &[&today_of],
    )?;
    let marked = tx.execute(
        "UPDATE fetch_job SET early = true WHERE day >= $1 AND job > 0 AND NOT early",
        &[&today_of],
    )?;
    tx.execute(
        "DELETE FROM decided d WHERE d.day >= $1 AND NOT EXISTS (SELECT 1 FROM fetch_job j WHERE j.day = d.day)",
        &[&today_of],
    )?;
    history::undo_early(tx, today)?;
    Ok(usize::try_from(undone + marked).unwrap_or(usize::MAX))
}
