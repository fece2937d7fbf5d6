//! What a flush writes.

use rusqlite::Connection;
use tracing::error;

use super::{
    super::{
        Flushed, FoldLimits,
        full::Full,
        pending_counts::{Attempt, PendingCounts, Row},
        rows::Rows,
        shares::Shares,
    },
    NEXT_FLUSH,
};
use crate::yield_cpu;

/// Everything of a transaction but its commit. Says too whose share is used up.
pub(super) fn write(
    db: &Connection,
    pending_counts: &PendingCounts,
    (full, shares): (&mut Full, &mut Shares),
    limits: FoldLimits,
    attempt: &mut Attempt,
) -> rusqlite::Result<(Flushed, Option<String>)> {
    db.execute_batch("BEGIN IMMEDIATE")?;
    let mut rows = Rows::new(db, full, shares, limits)?;
    let mut gone = 0;
    for &(index, times) in &attempt.settled {
        yield_cpu::yield_cpu();
        match pending_counts.rows(index) {
            [] => rows.flushed.refused += times,
            [Row::OverShare] => rows.flushed.over_share += times,
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
    for (fresh, &times) in pending_counts.fresh().zip(&attempt.fresh) {
        yield_cpu::yield_cpu();
        attempt
            .rows
            .push(rows.make(fresh.day, &fresh.records, times)?);
    }
    db.execute(NEXT_FLUSH, [])?;
    let flushed = Flushed {
        datagrams: attempt.datagrams,
        ..rows.flushed
    };
    Ok((flushed, rows.over_share))
}
