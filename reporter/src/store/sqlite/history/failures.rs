//! What failed most on a day: at most so many rows, and one for the rest.
//!
//! Domains are decided on in the order of their names, and nobody knows what is to come. So while there is room every
//! failure gets a row, and afterwards one of more sessions takes the place of the least.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension as _, Transaction};

use super::{super::decisions::integer, CLEANED_AT_ONCE};
use crate::model::{CountedDetails, CountedFailure, DecidedDomain};

/// By domain, as days are composed and failures are asked for. The row of the domain `''` is the rest of its day.
pub(super) const TABLE: &str = "CREATE TABLE IF NOT EXISTS tlsrptd_history_failures(day TEXT, domain TEXT, \
    number INTEGER, mx TEXT, address TEXT, policy TEXT, result TEXT, reason TEXT, sessions INTEGER, \
    PRIMARY KEY(day, domain, number)) WITHOUT ROWID";

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
    /// Sessions, domain, number.
    rows: BTreeSet<(u64, Box<str>, i64)>,
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
                "SELECT sessions, domain, number FROM tlsrptd_history_failures WHERE day = ?1 AND domain > ''",
            )?
            .query_map([day], |row| {
                let domain: String = row.get(1)?;
                Ok((count(row.get(0)?), domain.into_boxed_str(), row.get(2)?))
            })?
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
        // Of what came in time each is there once.
        let is_late = decided.uniqid > 1;
        if is_late && self.add_to_row(tx, &decided.domain, failure)? {
            return Ok(());
        }
        let has_room = self.rows.len() < limit;
        let least = self.rows.first().filter(|_| !has_room);
        if !has_room && least.is_none_or(|(least, ..)| failure.sessions <= *least) {
            self.folded = self.folded.saturating_add(failure.sessions);
            return Ok(());
        }
        if !has_room {
            self.fold_least(tx)?;
        }
        self.insert(tx, &decided.domain, failure)
    }

    /// `false`: this failure has no row.
    fn add_to_row(
        &mut self,
        tx: &Transaction<'_>,
        domain: &str,
        failure: &CountedFailure,
    ) -> rusqlite::Result<bool> {
        let row: Option<(i64, i64)> = tx
            .prepare_cached(
                "SELECT number, sessions FROM tlsrptd_history_failures WHERE day = ?1 AND domain = ?2 AND mx = ?3 \
                 AND address = ?4 AND policy = ?5 AND result = ?6 AND reason = ?7",
            )?
            .query_row(
                (&self.day, domain, &failure.mx, &failure.address, failure.policy.as_str(), failure.result.as_str(), &failure.reason),
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        let Some((number, before)) = row else {
            return Ok(false);
        };
        let sum = count(before).saturating_add(failure.sessions);
        tx.prepare_cached(
            "UPDATE tlsrptd_history_failures SET sessions = ?4 WHERE day = ?1 AND domain = ?2 AND number = ?3",
        )?
        .execute((&self.day, domain, number, integer(sum)))?;
        self.rows.remove(&(count(before), domain.into(), number));
        self.rows.insert((sum, domain.into(), number));
        Ok(true)
    }

    fn insert(
        &mut self,
        tx: &Transaction<'_>,
        domain: &str,
        failure: &CountedFailure,
    ) -> rusqlite::Result<()> {
        let number: i64 = tx
            .prepare_cached(
                "INSERT INTO tlsrptd_history_failures(day, domain, number, mx, address, policy, result, reason, sessions) \
                 SELECT ?1, ?2, coalesce(max(number), 0) + 1, ?3, ?4, ?5, ?6, ?7, ?8 FROM tlsrptd_history_failures \
                 WHERE day = ?1 AND domain = ?2 RETURNING number",
            )?
            .query_row(
                (
                    &self.day, domain, &failure.mx, &failure.address, failure.policy.as_str(), failure.result.as_str(),
                    &failure.reason, integer(failure.sessions),
                ),
                |row| row.get(0),
            )?;
        self.rows.insert((failure.sessions, domain.into(), number));
        Ok(())
    }

    /// The row of the fewest sessions gives way.
    fn fold_least(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        let Some((sessions, domain, number)) = self.rows.pop_first() else {
            return Ok(());
        };
        self.folded = self.folded.saturating_add(sessions);
        tx.prepare_cached(
            "DELETE FROM tlsrptd_history_failures WHERE day = ?1 AND domain = ?2 AND number = ?3",
        )?
        .execute((&self.day, &domain, number))
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
            "INSERT INTO tlsrptd_history_failures(day, domain, number, sessions) VALUES(?1, '', 0, ?2) \
             ON CONFLICT(day, domain, number) DO UPDATE SET sessions = min(sessions, 9223372036854775807 - ?2) + ?2",
        )?
        .execute((&self.day, integer(folded)))
        .map(drop)
    }
}

/// Removes a part of what is older, and says whether there is more.
pub(super) fn clean(tx: &Transaction<'_>, oldest: &str) -> rusqlite::Result<bool> {
    let first = "SELECT min(day) FROM tlsrptd_history_failures WHERE day < ?1";
    let first: Option<String> = tx.query_row(first, [oldest], |row| row.get(0))?;
    let Some(first) = first else {
        return Ok(false);
    };
    let rows = format!(
        "DELETE FROM tlsrptd_history_failures WHERE day = ?1 AND (domain, number) IN \
         (SELECT domain, number FROM tlsrptd_history_failures WHERE day = ?1 LIMIT {CLEANED_AT_ONCE})"
    );
    tx.execute(&rows, [first])?;
    Ok(true)
}

/// A number of the tables.
pub(super) fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
