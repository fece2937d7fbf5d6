//! Sessions that are added to a day after it was decided: collectors that report additions are asked for them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::Transaction;
use tlsrptd_proto::day::Day;

use super::{SqliteStore, jobs, text};
use crate::{
    model::collector_of,
    store::{Additions, GrownDays, Step, StoreError},
};

/// The jobs of a day, and whether additions are to be asked for: the day is decided, and its collector has answered
/// completely and reports more additions now. An answer that was too large is asked for again at midnight only.
const JOBS: &str = "SELECT fetcherindex, fetcher, status IS NOT NULL AND coalesce(tlsrptd_seen < ?2, 0) \
    AND tlsrptd_given_up IS NOT 3 FROM fetchjobs WHERE day = ?1";

impl Additions for SqliteStore {
    fn collectors_of_additions(
        &self,
        days: &BTreeSet<Day>,
    ) -> Result<BTreeSet<String>, StoreError> {
        let rows: Vec<(String, String)> = self.read("collectors of additions", |db| {
            db.prepare_cached(
                "SELECT DISTINCT day, fetcher FROM fetchjobs WHERE tlsrptd_seen IS NOT NULL",
            )?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
        })?;
        let of_these = |day: &str| Day::parse(day).is_ok_and(|day| days.contains(&day));
        let collectors = rows.iter().filter(|(day, _)| of_these(day));
        Ok(collectors
            .map(|(_, command)| collector_of(command))
            .collect())
    }

    fn create_addition_jobs(
        &mut self,
        collector: &str,
        grown: &[(Day, u64)],
        reportable: &BTreeSet<Day>,
        is_too_old: &dyn Fn(Day) -> bool,
        now: Timestamp,
    ) -> Result<GrownDays, StoreError> {
        self.transact(Step::Reopened, |tx| {
            let mut days = GrownDays::default();
            for (day, additions) in grown {
                let additions = i64::try_from(*additions).unwrap_or(i64::MAX);
                let jobs: Vec<(i64, String, bool)> = tx
                    .prepare_cached(JOBS)?
                    .query_map((day.to_string(), additions), |row| {
                        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                    })?
                    .collect::<Result<_, _>>()?;
                let is_its = |command: &str| collector_of(command) == collector;
                let its = jobs.iter().filter(|(_, command, _)| is_its(command));
                let mut its = its.peekable();
                if its.peek().is_none() && !jobs.is_empty() && reportable.contains(day) {
                    let index = jobs.iter().map(|(index, ..)| index + 1).max().unwrap_or(1);
                    insert_told(tx, *day, index, collector, additions, now)?;
                    days.unasked.push(*day);
                }
                for (index, ..) in its.filter(|(.., has_grown)| *has_grown) {
                    if reportable.contains(day) {
                        jobs::reopen(tx, *day, *index, now)?;
                        days.asked.push(*day);
                    } else if is_too_old(*day) {
                        leave(tx, *day, *index, additions)?;
                        days.too_old.push(*day);
                    }
                }
            }
            Ok(days)
        })
    }
}

/// For a collector that is newer than the day's decision.
fn insert_told(
    tx: &Transaction<'_>,
    day: Day,
    index: i64,
    command: &str,
    additions: i64,
    now: Timestamp,
) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO fetchjobs(day, fetcherindex, fetcher, retries, status, nexttry, its, tlsrptd_place, tlsrptd_seen, \
         tlsrptd_reason) VALUES(?1, ?2, ?3, 0, 'ok', ?4, ?5, 0, ?6, 'the day was decided before')",
    )?
    .execute((day.to_string(), index, command, text::nexttry(now), text::its(now), additions))
    .map(drop)
}

fn leave(tx: &Transaction<'_>, day: Day, index: i64, additions: i64) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE fetchjobs SET tlsrptd_seen = ?3, tlsrptd_reason = 'sessions were added after max_report_age' \
         WHERE day = ?1 AND fetcherindex = ?2",
    )?
    .execute((day.to_string(), index, additions))
    .map(drop)
}

/// A question for additions is given up: a part of the answer would be told twice when it is asked again.
/// The row goes, as sys4's reporter cannot read one without data whose domain has no report.
pub(super) fn forget_part(tx: &Transaction<'_>, day: Day, command: &str) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "DELETE FROM reportdata WHERE day = ?1 AND fetcher = ?2 AND status = 'late' AND data <> ''",
    )?
    .execute((day.to_string(), command))
    .map(drop)
}
