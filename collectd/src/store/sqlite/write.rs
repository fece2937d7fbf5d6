//! What a flush writes.

use rusqlite::Connection;
use tracing::error;

use super::{
    NEXT_FLUSH,
    pending_counts::{Attempt, CountedRow, PendingCounts},
    reached_limits::ReachedLimits,
    rows::RowWriter,
    shares::Shares,
};
use crate::{
    store::{Flushed, FoldLimits},
    yield_cpu,
};

/// Does everything of a transaction but its commit. Says too who has used up its share.
pub(super) fn write(
    db: &Connection,
    pending_counts: &PendingCounts,
    (reached, shares, limits): (&mut ReachedLimits, &mut Shares, FoldLimits),
    attempt: &mut Attempt,
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
