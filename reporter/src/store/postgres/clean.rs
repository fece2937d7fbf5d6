//! Removes what is older than `keep_days`: a day at once, with its tables, as soon as nothing of it is under way any more. The
//! owner of one shard does it for all.

use tlsrptd_fleet::{Fault, PgDay, Transaction, schema};
use tlsrptd_proto::day::Day;

use super::{
    PostgresStore, at_step,
    composing::{self, IS_COMPOSED},
    days::{self, CALENDAR},
    deliveries,
    expected::LAST_DAY,
    held, mx_hosts, named, unreadable,
};
use crate::store::{Step, StoreError};

/// The first old day that is composed, or has nothing to be composed, and of which no delivery waits. A day without tables was too
/// old when it was closed: it stays as long from then on.
fn old_days() -> String {
    format!(
        "SELECT d.day FROM day d WHERE d.day < $1 AND d.day <> ALL($2) \
         AND (NOT EXISTS (SELECT 1 FROM shipment s WHERE s.day = d.day) \
         OR {IS_COMPOSED} AND (d.counts OR (d.closed_at AT TIME ZONE 'UTC')::date < $1)) \
         AND NOT EXISTS (SELECT 1 FROM fetch_job j WHERE j.day = d.day AND NOT j.decided) \
         AND NOT EXISTS (SELECT 1 FROM delivery o WHERE o.day = d.day AND o.status IS NULL) ORDER BY d.day LIMIT 1"
    )
}

/// Old rows of this table, of decided days.
const OLD_ROWS: &str =
    "t.day < $1 AND NOT EXISTS (SELECT 1 FROM fetch_job j WHERE j.day = t.day AND NOT j.decided)";

/// Reports that are over, of decided days whose other deliveries wait.
const OLD_REPORTS: &str = "WITH old AS (SELECT t.day, t.r_id FROM report t WHERE t.day < $1 \
    AND NOT EXISTS (SELECT 1 FROM fetch_job j WHERE j.day = t.day AND NOT j.decided) \
    AND NOT EXISTS (SELECT 1 FROM delivery o WHERE o.day = t.day AND o.r_id = t.r_id AND o.status IS NULL) LIMIT $2), \
    gone AS (DELETE FROM delivery d USING old WHERE d.day = old.day AND d.r_id = old.r_id) \
    DELETE FROM report r USING old WHERE r.day = old.day AND r.r_id = old.r_id";
/// Those that go in one transaction.
const CLEANED_AT_ONCE: i64 = 10_000;

/// See [`Upkeep::clean`](crate::store::Upkeep::clean).
pub(super) fn clean(store: &mut PostgresStore, oldest: Day) -> Result<bool, StoreError> {
    // Kept reports go with their days: by the old sum others would have to make room.
    store.kept.forget();
    if let Some(day) = old_day(store, oldest)? {
        match schema::detach_day(&store.db, day) {
            Ok(()) => {}
            Err(fault) if fault.may_pass() => {
                // Somebody reads for long, a backup maybe. The day goes another time.
                tracing::info!(%day, %fault, "the tables of the day cannot be removed now");
                return Ok(false);
            }
            Err(fault) => return Err(at_step(Step::Cleaned, fault)),
        }
        // Held, it goes another time, and others before it.
        store.transact_unless_held(Step::Cleaned, &[CALENDAR], day, |tx| {
            days::record_decided(tx, oldest)?;
            held::unless_held(tx, day, || remove(tx, day))
        })?;
        store.made = None;
        return Ok(true);
    }
    if store.transact(Step::Cleaned, &[CALENDAR], |tx| clean_part(tx, oldest))? {
        return Ok(true);
    }
    store.transact(Step::Cleaned, &[CALENDAR], |tx| clean_rest(tx, oldest))?;
    Ok(false)
}

fn old_day(store: &PostgresStore, oldest: Day) -> Result<Option<Day>, StoreError> {
    let what = "the days that are too old";
    let rows = store.read(what, &old_days(), &[&PgDay(oldest), &store.held.days()])?;
    let day = rows.first().map(|row| row.try_get::<_, PgDay>(0));
    let day = day.transpose();
    day.map(|day| day.map(|day| day.0))
        .map_err(|error| unreadable(what, error.into()))
}

/// Its row first: shippers may hold it.
fn remove(tx: &Transaction<'_>, day: Day) -> Result<(), Fault> {
    tx.execute("DELETE FROM day WHERE day = $1", &[&PgDay(day)])?;
    composing::remove(tx, day)?;
    tx.execute("DELETE FROM fetch_job WHERE day = $1", &[&PgDay(day)])?;
    schema::drop_day(tx, day)
}

/// Days to come that nobody works on: whoever has the password of a shipper may have asked for any number.
fn future_days() -> String {
    format!(
        "DELETE FROM day WHERE day IN (SELECT d.day FROM day d WHERE d.day > {LAST_DAY} AND NOT d.made \
         AND NOT EXISTS (SELECT 1 FROM shipment s WHERE s.day = d.day) \
         AND NOT EXISTS (SELECT 1 FROM fetch_job j WHERE j.day = d.day) LIMIT $1 FOR UPDATE SKIP LOCKED)"
    )
}

/// A part of what may be a million rows, of days whose deliveries wait and of names. Gives whether there is more.
fn clean_part(tx: &Transaction<'_>, oldest: Day) -> Result<bool, Fault> {
    days::record_decided(tx, oldest)?;
    let reports = tx.execute(OLD_REPORTS, &[&PgDay(oldest), &CLEANED_AT_ONCE])?;
    let days = tx.execute(&future_days(), &[&CLEANED_AT_ONCE])?;
    // Somebody may tell of one more each time.
    let has_more_days = i64::try_from(days).is_ok_and(|days| days >= CLEANED_AT_ONCE);
    Ok(named::clean_few(tx)? || reports > 0 || has_more_days)
}

/// Behind the last part, once: whole tables are looked through.
fn clean_rest(tx: &Transaction<'_>, oldest: Day) -> Result<(), Fault> {
    for table in ["answer", "fetch_job"] {
        tx.execute(
            &format!("DELETE FROM {table} t WHERE {OLD_ROWS}"),
            &[&PgDay(oldest)],
        )?;
    }
    composing::clean(tx, oldest)?;
    mx_hosts::clean(tx, oldest)?;
    deliveries::clean(tx, oldest)
}
