//! How far the members are with a day that is closed: a table of their own.
//!
//! Whoever has the password of the shippers may lock the rows of `day` for as long as they like. What a member does day by day
//! waits for none of them.

use tlsrptd_fleet::{Fault, PgDay, Transaction};
use tlsrptd_proto::day::Day;

/// Whether the day `d.day` is composed.
pub(super) const IS_COMPOSED: &str =
    "EXISTS (SELECT 1 FROM composing e WHERE e.day = d.day AND e.composed)";

/// Whoever ends a part of the day, or has it composed once more, comes one after the other.
pub(super) fn lock(tx: &Transaction<'_>, day: Day) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO composing(day) VALUES($1) ON CONFLICT DO NOTHING",
        &[&PgDay(day)],
    )?;
    let lock = "SELECT 1 FROM composing WHERE day = $1 FOR NO KEY UPDATE";
    tx.query_opt(lock, &[&PgDay(day)]).map(drop)
}

/// Each part is at its end. Gives whether it was not before.
pub(super) fn end(tx: &Transaction<'_>, day: Day) -> Result<bool, Fault> {
    let ended = tx.execute(
        "UPDATE composing SET composed = true WHERE day = $1 AND NOT composed",
        &[&PgDay(day)],
    )?;
    Ok(ended > 0)
}

/// A job of the day has ended: whoever has decided on the day without it looks once more.
pub(super) fn begin_anew(tx: &Transaction<'_>, day: Day) -> Result<(), Fault> {
    // In line with whoever ends the day.
    lock(tx, day)?;
    tx.execute(
        "UPDATE compose SET decided = false, done = false WHERE day = $1 AND decided",
        &[&PgDay(day)],
    )?;
    tx.execute(
        "UPDATE composing SET composed = false WHERE day = $1 AND composed",
        &[&PgDay(day)],
    )
    .map(drop)
}

/// Nothing refers to `day`: what was written while a day was removed stays behind it.
pub(super) fn clean(tx: &Transaction<'_>, oldest: Day) -> Result<(), Fault> {
    for table in ["compose", "composing"] {
        let delete = format!(
            "DELETE FROM {table} t WHERE t.day < $1 AND NOT EXISTS (SELECT 1 FROM day d WHERE d.day = t.day)"
        );
        tx.execute(&delete, &[&PgDay(oldest)])?;
    }
    Ok(())
}

/// The day is removed.
pub(super) fn remove(tx: &Transaction<'_>, day: Day) -> Result<(), Fault> {
    for table in ["compose", "composing"] {
        let delete = format!("DELETE FROM {table} WHERE day = $1");
        tx.execute(&delete, &[&PgDay(day)])?;
    }
    Ok(())
}
