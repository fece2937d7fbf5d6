//! What was done, remembered: totals of each day, and what failed most.
//!
//! Totals are added in the transaction that they count, so they are what the rows would give, long after the rows are gone. Several
//! members add to a day, each to rows of its own.

mod failures;
mod ranking;
mod read;
mod running;

use tlsrptd_fleet::{Fault, PgDay, Shard, ToSql, Transaction};
use tlsrptd_proto::day::Day;

use super::PostgresStore;
use crate::{
    model::{BounceResult, DeliveryStatus},
    store::{
        Step, StoreError,
        history_addition::{Addition, Kind},
    },
};

pub(super) use failures::FailuresOfShards;
pub(super) use read::{at_one_time, wide};
pub(super) use running::{bounces_of, most_failed, running_totals};

/// The operator's program, which is no member, among those who add.
pub(super) const OPERATOR: i64 = 0;

/// Adds to what the tables have. A sum that no counter can hold stays at the end of its range.
pub(super) fn write(
    tx: &Transaction<'_>,
    member: i64,
    addition: Addition<'_, Day>,
) -> Result<(), Fault> {
    if !addition.days.is_empty() {
        write_days(tx, member, &addition)?;
    }
    if addition.parts.is_empty() {
        return Ok(());
    }
    let (mut days, mut kinds, mut names) = (Vec::new(), Vec::new(), Vec::new());
    let (mut numbers, mut failed) = (Vec::new(), Vec::new());
    for ((day, kind, name), (number, of_it)) in addition.parts {
        days.push(PgDay(day));
        kinds.push(kind.as_str());
        names.push(name);
        numbers.push(integer(number));
        failed.push(integer(of_it));
    }
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    add_parts(tx, member, &[&days, &kinds, &names, &numbers, &failed])
}

/// What comes late to a day of which nothing is known does not make it a known one.
fn write_days(
    tx: &Transaction<'_>,
    member: i64,
    addition: &Addition<'_, Day>,
) -> Result<(), Fault> {
    let days: Vec<PgDay> = addition.days.keys().map(|day| PgDay(*day)).collect();
    let mut columns: [Vec<i64>; 6] = Default::default();
    for of in addition.days.values() {
        let numbers = [
            of.domains,
            of.sessions,
            of.failed,
            of.reports,
            of.without,
            of.deliveries,
        ];
        for (column, number) in columns.iter_mut().zip(numbers) {
            column.push(integer(number));
        }
    }
    let [domains, sessions, failed, reports, without, deliveries] = &columns;
    tx.execute(
        "INSERT INTO history_day AS h(day, member, domains, sessions, failed, reports, without, deliveries) \
         SELECT n.day, $1, n.domains, n.sessions, n.failed, n.reports, n.without, n.deliveries \
         FROM unnest($2::date[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[]) \
         AS n(day, domains, sessions, failed, reports, without, deliveries) \
         WHERE n.domains > 0 OR EXISTS (SELECT 1 FROM history_day k WHERE k.day = n.day) \
         ON CONFLICT (day, member) DO UPDATE SET domains = h.domains + excluded.domains, \
         sessions = least(h.sessions, 9223372036854775807 - excluded.sessions) + excluded.sessions, \
         failed = least(h.failed, 9223372036854775807 - excluded.failed) + excluded.failed, \
         reports = h.reports + excluded.reports, without = h.without + excluded.without, \
         deliveries = h.deliveries + excluded.deliveries",
        &[&member, &days, domains, sessions, failed, reports, without, deliveries],
    )
    .map(drop)
}

/// Days, kinds, names, numbers and those that failed: each key once.
fn add_parts(
    tx: &Transaction<'_>,
    member: i64,
    columns: &[&(dyn ToSql + Sync); 5],
) -> Result<(), Fault> {
    let [days, kinds, names, numbers, failed] = columns;
    tx.execute(
        "INSERT INTO history_total AS h(day, kind, name, member, number, failed) \
         SELECT n.day, n.kind, n.name, $1, n.number, n.failed \
         FROM unnest($2::date[], $3::text[], $4::text[], $5::bigint[], $6::bigint[]) AS n(day, kind, name, number, failed) \
         ON CONFLICT (day, kind, name, member) DO UPDATE SET \
         number = least(h.number, 9223372036854775807 - greatest(excluded.number, 0)) + excluded.number, \
         failed = least(h.failed, 9223372036854775807 - excluded.failed) + excluded.failed",
        &[&member, *days, *kinds, *names, *numbers, *failed],
    )
    .map(drop)
}

/// So many deliveries of that day's reports counted as sent, and are refused. What carriers did is left as it is: these counters
/// never fall, and what came back is counted beside them.
pub(super) fn bounced(
    tx: &Transaction<'_>,
    member: i64,
    day: Day,
    number: i64,
) -> Result<(), Fault> {
    let [sent, refused] = [DeliveryStatus::Sent, DeliveryStatus::Refused].map(|of| of.as_str());
    let kind = Kind::Delivery.as_str();
    let all_sent = tx.query_opt(
        "SELECT least(sum(number), 9223372036854775807)::bigint FROM history_total WHERE day = $1 AND kind = $2 AND name = $3 \
         HAVING sum(number) > 0",
        &[&PgDay(day), &kind, &sent],
    )?;
    // Of a day that is forgotten nothing is known.
    let Some(all_sent) = all_sent else {
        return Ok(());
    };
    let number = number.min(all_sent.try_get(0)?);
    add_parts(
        tx,
        member,
        &[
            &[PgDay(day); 2].as_slice(),
            &[kind; 2].as_slice(),
            &[sent, refused].as_slice(),
            &[-number, number].as_slice(),
            &[0_i64; 2].as_slice(),
        ],
    )
}

/// So many mails came back on that day.
pub(super) fn count_bounces(
    tx: &Transaction<'_>,
    member: i64,
    day: Day,
    result: BounceResult,
    number: i64,
) -> Result<(), Fault> {
    add_parts(
        tx,
        member,
        &[
            &[PgDay(day)].as_slice(),
            &[Kind::Bounce.as_str()].as_slice(),
            &[result.as_str()].as_slice(),
            &[number].as_slice(),
            &[0_i64].as_slice(),
        ],
    )
}

/// A day is decided, and all its collectors have answered: it is known that what they have not counted there was not.
pub(super) fn day_is_known(tx: &Transaction<'_>, member: i64, day: Day) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO history_day(day, member, domains, sessions, failed, reports, without, deliveries) \
         VALUES($2, $1, 0, 0, 0, 0, 0, 0) ON CONFLICT DO NOTHING",
        &[&member, &PgDay(day)],
    )
    .map(drop)
}

/// Days from this one on have not ended: a clock that was ahead has decided that nothing was counted there.
pub(super) fn undo_early(tx: &Transaction<'_>, today: Day) -> Result<(), Fault> {
    tx.execute(
        "DELETE FROM history_day WHERE day >= $1 AND domains = 0 AND reports = 0 AND without = 0 AND deliveries = 0",
        &[&PgDay(today)],
    )
    .map(drop)
}

/// See [`Upkeep::clean_history`](crate::store::Upkeep::clean_history); by the owner of shard 0.
pub(super) fn clean(tx: &Transaction<'_>, oldest: Day) -> Result<bool, Fault> {
    if failures::clean(tx, oldest)? {
        return Ok(true);
    }
    running::keep(tx, oldest)?;
    tx.execute("DELETE FROM history_day WHERE day < $1", &[&PgDay(oldest)])?;
    Ok(false)
}

impl PostgresStore {
    /// A step that adds to the failures of a day: what is in memory of them follows the table.
    pub(super) fn transact_with_failures<T>(
        &mut self,
        step: Step,
        shards: &[Shard],
        mut work: impl FnMut(&Transaction<'_>, &mut FailuresOfShards) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let mut failures = std::mem::take(&mut self.failures);
        failures.are_of(self.member.shards());
        let mut is_again = false;
        let done = self.transact(step, shards, |tx| {
            if std::mem::replace(&mut is_again, true) {
                failures.forget();
            }
            work(tx, &mut failures)
        });
        self.failures = failures;
        if done.is_err() {
            self.failures.forget();
        }
        done
    }
}

/// No counter of sessions reaches the end of an integer of PostgreSQL's, 2^63.
pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number of the tables.
pub(super) fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests;
