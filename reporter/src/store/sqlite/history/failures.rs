//! What failed most on a day: at most so many rows, and one for the rest.
//!
//! Domains are decided on in the order of their names, and nobody knows what is to come. So while there is room every
//! failure gets a row, and afterwards one of more sessions takes the place of the least.
//!
//! The same fails day after day, so its texts are stored once, under a number that follows from them, and a day's row has only
//! that: to add up four hundred days of ten thousand rows takes one to two seconds.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension as _, Transaction};

use super::{super::decisions::integer, CLEANED_AT_ONCE};
pub(super) use crate::store::history_failure::FOLDED;
use crate::{
    model::{CountedDetails, CountedFailure, DecidedDomain},
    store::history_failure::number_of,
};

/// A day's rows. The failure [`FOLDED`] is the rest of its day.
pub(super) const TABLE: &str = "CREATE TABLE IF NOT EXISTS tlsrptd_history_failing(day TEXT, failure INTEGER, \
    sessions INTEGER, PRIMARY KEY(day, failure)) WITHOUT ROWID";
/// What failed, each once; `first` and `last`: of the days that have or had a row of it.
pub(super) const TEXTS: &str = "CREATE TABLE IF NOT EXISTS tlsrptd_failures(id INTEGER PRIMARY KEY, domain TEXT, \
    mx TEXT, address TEXT, policy TEXT, result TEXT, reason TEXT, first TEXT, last TEXT)";
/// One domain's, without those of a year ago.
pub(super) const BY_DOMAIN: &str = "DROP INDEX IF EXISTS tlsrptd_failures_by_domain; \
    CREATE INDEX IF NOT EXISTS tlsrptd_failures_of_domain ON tlsrptd_failures(domain, last, first)";
/// For whoever cleans.
pub(super) const BY_LAST_DAY: &str =
    "CREATE INDEX IF NOT EXISTS tlsrptd_failures_by_last ON tlsrptd_failures(last)";

/// What the option has by default.
const DEFAULT_LIMIT: usize = 10_000;

/// The failures of the day that is being composed, the least first.
#[derive(Debug)]
pub(in super::super) struct TopFailures {
    limit: usize,
    /// As the table has them. `None`: to be read; so after every transaction that was undone.
    day: Option<DayFailures>,
}

#[derive(Debug)]
struct DayFailures {
    day: String,
    /// Sessions, and the failure's number.
    rows: BTreeSet<(u64, i64)>,
    /// Not written yet.
    folded: u64,
}

impl Default for TopFailures {
    fn default() -> TopFailures {
        TopFailures::new(DEFAULT_LIMIT)
    }
}

impl TopFailures {
    pub(super) fn new(limit: usize) -> TopFailures {
        TopFailures { limit, day: None }
    }

    /// What is in memory may differ from the table, or is not needed any more.
    pub(in super::super) fn forget(&mut self) {
        self.day = None;
    }

    /// Adds the failures of decided domains to those of their day.
    pub(in super::super) fn add(
        &mut self,
        tx: &Transaction<'_>,
        day: &str,
        decisions: &[DecidedDomain],
    ) -> rusqlite::Result<()> {
        let failed = |decided: &&DecidedDomain| !decided.rows.details.by_result.is_empty();
        let mut failed = decisions.iter().filter(failed).peekable();
        if failed.peek().is_none() {
            return Ok(());
        }
        let mut open = match self.day.take().filter(|open| open.day == day) {
            Some(open) => open,
            None => DayFailures::read(tx, day)?,
        };
        open.shrink(tx, self.limit)?;
        for decided in failed {
            let CountedDetails {
                failures, folded, ..
            } = &decided.rows.details;
            open.folded = open.folded.saturating_add(*folded);
            for failure in failures {
                open.add(tx, decided, failure, self.limit)?;
            }
        }
        open.write_folded(tx)?;
        self.day = Some(open);
        Ok(())
    }
}

impl DayFailures {
    fn read(tx: &Transaction<'_>, day: &str) -> rusqlite::Result<DayFailures> {
        let rows = tx
            .prepare_cached(
                "SELECT sessions, failure FROM tlsrptd_history_failing WHERE day = ?1 AND failure > ?2",
            )?
            .query_map((day, FOLDED), |row| Ok((count(row.get(0)?), row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        Ok(DayFailures {
            day: day.to_owned(),
            rows,
            folded: 0,
        })
    }

    fn add(
        &mut self,
        tx: &Transaction<'_>,
        decided: &DecidedDomain,
        failure: &CountedFailure,
        limit: usize,
    ) -> rusqlite::Result<()> {
        let id = number_of(&decided.domain, failure);
        // Of what came in time each is there once.
        let is_late = decided.uniqid > 1;
        if is_late && self.add_to_row(tx, id, failure.sessions)? {
            return Ok(());
        }
        let has_room = self.rows.len() < limit;
        let least = self.rows.first().filter(|_| !has_room);
        if !has_room && least.is_none_or(|(least, _)| failure.sessions <= *least) {
            self.folded = self.folded.saturating_add(failure.sessions);
            return Ok(());
        }
        if !has_room {
            self.fold_least(tx)?;
        }
        self.insert(tx, id, &decided.domain, failure)
    }

    /// `false`: this failure has no row.
    fn add_to_row(
        &mut self,
        tx: &Transaction<'_>,
        id: i64,
        sessions: u64,
    ) -> rusqlite::Result<bool> {
        let row: Option<i64> = tx
            .prepare_cached(
                "SELECT sessions FROM tlsrptd_history_failing WHERE day = ?1 AND failure = ?2",
            )?
            .query_row((&self.day, id), |row| row.get(0))
            .optional()?;
        let Some(before) = row.map(count) else {
            return Ok(false);
        };
        let sum = before.saturating_add(sessions);
        tx.prepare_cached(
            "UPDATE tlsrptd_history_failing SET sessions = ?3 WHERE day = ?1 AND failure = ?2",
        )?
        .execute((&self.day, id, integer(sum)))?;
        self.rows.remove(&(before, id));
        self.rows.insert((sum, id));
        Ok(true)
    }

    fn insert(
        &mut self,
        tx: &Transaction<'_>,
        id: i64,
        domain: &str,
        failure: &CountedFailure,
    ) -> rusqlite::Result<()> {
        tx.prepare_cached(
            "INSERT INTO tlsrptd_failures(id, domain, mx, address, policy, result, reason, first, last) \
             VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8) \
             ON CONFLICT(id) DO UPDATE SET first = min(first, ?8), last = max(last, ?8)",
        )?
        .execute((
            id, domain, &failure.mx, &failure.address, failure.policy.as_str(), failure.result.as_str(),
            &failure.reason, &self.day,
        ))?;
        // Other texts may have this number, once in a million million; and nobody's day may fail for that.
        tx.prepare_cached(
            "INSERT INTO tlsrptd_history_failing(day, failure, sessions) VALUES(?1, ?2, ?3) \
             ON CONFLICT(day, failure) DO UPDATE SET sessions = min(sessions, 9223372036854775807 - ?3) + ?3",
        )?
        .execute((&self.day, id, integer(failure.sessions)))?;
        self.rows.insert((failure.sessions, id));
        Ok(())
    }

    /// The row of the fewest sessions gives way.
    fn fold_least(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        let Some((sessions, id)) = self.rows.pop_first() else {
            return Ok(());
        };
        self.folded = self.folded.saturating_add(sessions);
        tx.prepare_cached("DELETE FROM tlsrptd_history_failing WHERE day = ?1 AND failure = ?2")?
            .execute((&self.day, id))?;
        // When all domains fail, their texts must not stay for a year for having come first.
        tx.prepare_cached(
            "DELETE FROM tlsrptd_failures WHERE id = ?2 AND first = ?1 AND last = ?1",
        )?
        .execute((&self.day, id))
        .map(drop)
    }

    /// The option may have become less.
    fn shrink(&mut self, tx: &Transaction<'_>, limit: usize) -> rusqlite::Result<()> {
        while self.rows.len() > limit {
            self.fold_least(tx)?;
        }
        Ok(())
    }

    fn write_folded(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        let folded = std::mem::take(&mut self.folded);
        if folded == 0 {
            return Ok(());
        }
        tx.prepare_cached(
            "INSERT INTO tlsrptd_history_failing(day, failure, sessions) VALUES(?1, ?2, ?3) \
             ON CONFLICT(day, failure) DO UPDATE SET sessions = min(sessions, 9223372036854775807 - ?3) + ?3",
        )?
        .execute((&self.day, FOLDED, integer(folded)))
        .map(drop)
    }
}

/// Removes a part of what is older, and says whether there is more.
pub(super) fn clean(tx: &Transaction<'_>, oldest: &str) -> rusqlite::Result<bool> {
    let first = "SELECT min(day) FROM tlsrptd_history_failing WHERE day < ?1";
    let first: Option<String> = tx.query_row(first, [oldest], |row| row.get(0))?;
    if let Some(first) = first {
        let rows = format!(
            "DELETE FROM tlsrptd_history_failing WHERE day = ?1 AND failure IN \
             (SELECT failure FROM tlsrptd_history_failing WHERE day = ?1 LIMIT {CLEANED_AT_ONCE})"
        );
        tx.execute(&rows, [first])?;
        return Ok(true);
    }
    let texts = format!(
        "DELETE FROM tlsrptd_failures WHERE id IN \
         (SELECT id FROM tlsrptd_failures WHERE last < ?1 LIMIT {CLEANED_AT_ONCE})"
    );
    Ok(tx.execute(&texts, [oldest])? > 0)
}

/// A number of the tables.
pub(super) fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
