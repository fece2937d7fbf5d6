//! One flush, which is one transaction.
//!
//! It carries its number into the file, so that after a commit whose outcome is unknown (the disk failed in the middle) the
//! file itself tells whether it is there: nothing is added twice, nothing lost.

use rusqlite::Connection;
use tracing::error;

use super::{
    FLUSH_NUMBER, Sqlite,
    error::{SqliteError, is_locked, sql},
    pending_counts::{CommitAttempt, CountedRow, PendingCounts},
    reached_limits::ReachedLimits,
    rows::RowWriter,
    shares::{Charge, Shares},
};
use crate::{
    store::{Flushed, FoldLimits},
    yield_cpu,
};

const NEXT_FLUSH: &str = "UPDATE tlsrptd_flush SET number=number+1";

/// A transaction of which nobody knows whether it was committed.
pub(super) struct UncertainCommit {
    attempt: CommitAttempt,
    flushed: Flushed,
    charges: Vec<Charge>,
}

impl Sqlite {
    /// Commits what waits, or a part of it: see [`crate::store::Store::flush`].
    pub(super) fn commit_pending(&mut self) -> Result<Flushed, SqliteError> {
        let resolved = self.resolve()?;
        if resolved.datagrams > 0 || self.pending_counts.uncommitted() == 0 {
            return Ok(resolved);
        }
        self.reopen()?;
        self.read_shares()?;
        let (Some(db), Some(shares)) = (&self.db, &mut self.shares) else {
            return Err(SqliteError::InDoubt(self.path.clone()));
        };
        let mut attempt = self.pending_counts.attempt();
        let limits = (&mut self.reached, &mut *shares, self.limits);
        let written = write(db, &self.pending_counts, limits, &mut attempt);
        let (flushed, over_share) = match written {
            Ok(written) => written,
            Err(source) => {
                let _ = db.execute_batch("ROLLBACK");
                shares.roll_back();
                attempt.rows.clear();
                self.pending_counts.restore(attempt);
                return Err(self.failed("write to it", source));
            }
        };
        if let Err(source) = db.execute_batch("COMMIT") {
            let _ = db.execute_batch("ROLLBACK");
            self.uncertain = Some(UncertainCommit {
                attempt,
                flushed,
                charges: shares.roll_back(),
            });
            let error = self.failed("commit", source);
            return match self.resolve()? {
                nothing if nothing.datagrams == 0 => Err(error),
                flushed => Ok(flushed),
            };
        }
        shares.commit();
        self.number += 1;
        self.over_share = over_share.or(self.over_share.take());
        self.pending_counts.accept(attempt);
        Ok(flushed)
    }

    /// Looks into the file whether the last commit is there.
    fn resolve(&mut self) -> Result<Flushed, SqliteError> {
        let Some(uncertain) = self.uncertain.take() else {
            return Ok(Flushed::default());
        };
        let before = self.number;
        if let Err(error) = self.reopen() {
            self.uncertain = Some(uncertain);
            return Err(error);
        }
        let number = |db: &Connection| db.query_row(FLUSH_NUMBER, [], |row| row.get(0)).ok();
        let Some(number) = self.db.as_ref().and_then(number) else {
            self.db = None;
            self.number = before;
            self.uncertain = Some(uncertain);
            return Err(SqliteError::InDoubt(self.path.clone()));
        };
        self.number = number;
        if number == before {
            self.pending_counts.restore(uncertain.attempt);
            return Ok(Flushed::default());
        }
        self.pending_counts.accept(uncertain.attempt);
        if let Some(shares) = &mut self.shares {
            shares.charge_again(&uncertain.charges);
        }
        Ok(uncertain.flushed)
    }

    /// Reads who has used how much of the file: once from each.
    fn read_shares(&mut self) -> Result<(), SqliteError> {
        if let (None, Some(db)) = (&self.shares, &self.db) {
            match Shares::read(db) {
                Ok(shares) => self.shares = Some(shares),
                Err(source) => return Err(self.failed("read it", source)),
            }
        }
        Ok(())
    }

    /// After a failure other than a lock, the connection may be of no use any more.
    fn failed(&mut self, what: &'static str, source: rusqlite::Error) -> SqliteError {
        self.reached.clear();
        if !is_locked(&source) {
            self.db = None;
        }
        sql(&self.path, what)(source)
    }
}

/// Does everything of a transaction but its commit. Says too who has used up its share.
fn write(
    db: &Connection,
    pending_counts: &PendingCounts,
    (reached, shares, limits): (&mut ReachedLimits, &mut Shares, FoldLimits),
    attempt: &mut CommitAttempt,
) -> rusqlite::Result<(Flushed, Option<String>)> {
    db.execute_batch("BEGIN IMMEDIATE")?;
    let mut rows = RowWriter::new(db, reached, shares, limits)?;
    let mut gone = 0;
    for &(id, times) in &attempt.known {
        yield_cpu::yield_cpu();
        match pending_counts.rows(id) {
            [] => rows.flushed.refused += times,
            [CountedRow::OverShare] => rows.flushed.over_share += times,
            known => gone += u64::from(!rows.add(known, times)?),
        }
    }
    if gone > 0 {
        // Once a flush, whatever the number: there is an operator at work, not a stranger.
        error!(
            datagrams = gone,
            "rows of today's file are gone: somebody else deleted them"
        );
    }
    for (new, &times) in pending_counts.new_datagrams().zip(&attempt.new) {
        yield_cpu::yield_cpu();
        attempt.rows.push(rows.make(new.day, &new.results, times)?);
    }
    db.execute(NEXT_FLUSH, [])?;
    let flushed = Flushed {
        datagrams: attempt.datagrams,
        ..rows.flushed
    };
    Ok((flushed, rows.over_share))
}
