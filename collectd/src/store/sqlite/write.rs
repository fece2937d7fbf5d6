//! What a flush writes.

use rusqlite::Connection;
use tracing::error;

use super::{
    super::{
        Flushed, FoldLimits,
        full::Full,
        ledger::{Attempt, Ledger, Row},
        rows::Rows,
        shares::Shares,
    },
    NEXT_FLUSH,
};
use crate::courtesy;

/// Everything of a transaction but its commit. Says too whose share is used up.
pub(super) fn write(
    db: &Connection,
    ledger: &Ledger,
    (full, shares): (&mut Full, &mut Shares),
    limits: FoldLimits,
    attempt: &mut Attempt,
) -> rusqlite::Result<(Flushed, Option<String>)> {
    db.execute_batch("BEGIN IMMEDIATE")?;
    let mut rows = Rows::new(db, full, shares, limits)?;
    let mut gone = 0;
    for &(index, times) in &attempt.settled {
        courtesy::pause();
        match ledger.rows(index) {
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
    for (fresh, &times) in ledger.fresh().zip(&attempt.fresh) {
        courtesy::pause();
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
