//! The time, and what is old.

use jiff::{SignedDuration, Timestamp};
use tlsrptd_fleet::{Fault, PgTime, SHARDS, Shard, Transaction};
use tlsrptd_proto::day::Day;

use super::{PostgresStore, clean, days::CALENDAR, history, named, unreadable};
use crate::store::{Step, StoreError, Upkeep};

/// Somebody is at work: whoever has joined at the same time may be as new as this member, and one of them makes up for it.
const IS_SOMEBODY_THERE: &str = "SELECT 1 FROM member m JOIN member o ON o.since < m.since - (SELECT length FROM lease) \
    WHERE m.id = $1 AND NOT o.fenced AND o.until > clock_timestamp() LIMIT 1";

/// Whoever notes first that the fleet is at work makes up for the absence before. A clock that is ahead may be wrong.
const MAKE_UP: &str = "INSERT INTO clock AS c(at) VALUES(least($2::timestamptz, clock_timestamp())) \
    ON CONFLICT (one) DO UPDATE SET at = excluded.at WHERE c.at <= $1";

impl Upkeep for PostgresStore {
    fn known_time(&self) -> Result<Option<Timestamp>, StoreError> {
        let what = "the time";
        let rows = self.read(
            what,
            "SELECT greatest((SELECT max(at) FROM clock), (SELECT max(created) FROM fetch_job), \
             (SELECT created FROM report ORDER BY day DESC, r_id DESC LIMIT 1))",
            &[],
        )?;
        let newest = rows.first().map(|row| row.try_get::<_, Option<PgTime>>(0));
        let newest = newest
            .transpose()
            .map_err(|error| unreadable(what, error.into()))?;
        Ok(newest.flatten().map(|at| at.0))
    }

    fn record_time(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.transact(Step::TimeNoted, &[], |tx| {
            tx.execute(
                "INSERT INTO clock(at) VALUES($1) ON CONFLICT (one) DO UPDATE SET at = excluded.at",
                &[&PgTime(now)],
            )
            .map(drop)
        })
    }

    fn extend_windows(&mut self, by: SignedDuration) -> Result<(), StoreError> {
        let shards = self.member.shards().to_vec();
        self.transact(Step::Released, &shards, |tx| {
            extend_windows(tx, &shards, by)
        })
    }

    fn make_up_for_absence(
        &mut self,
        since: Timestamp,
        by: SignedDuration,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        // Others take the shards over that are nobody's now, and find a time that was noted since.
        let (all, id): (Vec<Shard>, i64) = ((0..SHARDS).collect(), self.member.id());
        self.transact(Step::Released, &[], |tx| {
            if tx.query_opt(IS_SOMEBODY_THERE, &[&id])?.is_some() {
                return Ok(());
            }
            match tx.execute(MAKE_UP, &[&PgTime(since), &PgTime(now)])? {
                0 => Ok(()),
                _ => extend_windows(tx, &all, by),
            }
        })
    }

    fn pull_back(&mut self, now: Timestamp, latest: Timestamp) -> Result<(), StoreError> {
        let (shards, keeps_calendar) = (self.member.shards().to_vec(), self.keeps_calendar());
        let pulled = self.transact(Step::Released, &shards, |tx| {
            pull_back(tx, &shards, keeps_calendar, now, latest)
        })?;
        if pulled > 0 {
            self.read_deliveries_again();
        }
        Ok(())
    }

    fn clean(&mut self, oldest: Day) -> Result<bool, StoreError> {
        match self.keeps_calendar() {
            true => clean::clean(self, oldest),
            false => Ok(false),
        }
    }

    fn clean_history(&mut self, oldest: Day) -> Result<bool, StoreError> {
        if !self.keeps_calendar() {
            return Ok(false);
        }
        self.transact(Step::Cleaned, &[CALENDAR], |tx| {
            let has_more = history::clean(tx, oldest)?;
            if !has_more {
                named::clean(tx, oldest)?;
            }
            Ok(has_more)
        })
    }
}

/// What was tried before keeps the rest of its time.
fn extend_windows(tx: &Transaction<'_>, shards: &[Shard], by: SignedDuration) -> Result<(), Fault> {
    let seconds = by.as_secs() as f64;
    for (table, is_open) in [("delivery", "status IS NULL"), ("request", "ended IS NULL")] {
        tx.execute(
            &format!(
                "UPDATE {table} SET first = first + make_interval(secs => $2) \
                 WHERE shard = ANY($1) AND {is_open} AND first IS NOT NULL"
            ),
            &[&shards, &seconds],
        )?;
    }
    Ok(())
}

/// What a clock that was ahead has postponed is due now.
fn pull_back(
    tx: &Transaction<'_>,
    shards: &[Shard],
    keeps_calendar: bool,
    now: Timestamp,
    latest: Timestamp,
) -> Result<u64, Fault> {
    let (now, latest) = (PgTime(now), PgTime(latest));
    let mut pulled = 0;
    for (table, column, is_open) in [
        ("delivery", "due", "status IS NULL"),
        ("delivery", "first", "status IS NULL"),
        ("request", "due", "ended IS NULL"),
        ("request", "first", "ended IS NULL"),
        ("request", "asked", "ended IS NULL"),
    ] {
        pulled += tx.execute(
            &format!(
                "UPDATE {table} SET {column} = $2 WHERE shard = ANY($1) AND {is_open} AND {column} > $3"
            ),
            &[&shards, &now, &latest],
        )?;
    }
    if keeps_calendar {
        // A collector loses nothing when it is asked too soon.
        pulled += tx.execute(
            "UPDATE fetch_job SET next = $1 WHERE NOT decided AND next > $1",
            &[&now],
        )?;
    }
    Ok(pulled)
}
