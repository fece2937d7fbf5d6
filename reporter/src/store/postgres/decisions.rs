//! From answers to decisions: every domain of a day gets a row in `report`, with deliveries or with a reason.
//!
//! Each member decides on the domains of its shards, shard by shard. A day is decided when all shards are: whoever decides on the
//! last of them ends it.

mod close;
mod read;
mod strays;
mod used;
mod write;

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use tlsrptd_fleet::{PgDay, PgTime, Shard};
use tlsrptd_proto::day::Day;

use super::{PostgresStore, expected::nobody_ships, fold, mx_hosts, named, spellings, unreadable};
use crate::{
    model::{DecidedDomain, DomainDay, MxHostDay, NamedDestination, ReportSubject},
    store::{Decisions, FailingDomains, Step, StoreError},
};
use write::StoredDecisions;

pub(super) use write::shard_of_delivery;

/// Whether all shards of that day (`d`) are decided on: then its MX hosts are.
const SHARDS_ARE_DECIDED: &str =
    "(SELECT count(*) FROM compose c WHERE c.day = d.day AND c.decided) = 64";

/// Days whose collectors all have answered or been given up, and of which one of these shards is not done. It is asked in each
/// pass: with the shards as an array, and not as a table, PostgreSQL plans it once.
fn gathered() -> String {
    format!(
        "SELECT d.day FROM day d WHERE (d.state = 'closed' OR d.state = 'open' AND {}) \
         AND (d.day IN (SELECT day FROM fetch_job WHERE NOT decided) OR EXISTS (SELECT 1 FROM shipment s WHERE s.day = d.day)) \
         AND NOT EXISTS (SELECT 1 FROM fetch_job j WHERE j.day = d.day AND NOT j.decided AND j.closed IS NULL) \
         AND (SELECT count(*) FROM compose c WHERE c.day = d.day AND c.shard = ANY($1) AND c.decided \
         AND (c.done OR NOT {SHARDS_ARE_DECIDED})) < cardinality($1::smallint[])",
        nobody_ships()
    )
}

/// The day that is being composed, and the shards that were this member's when it began: those that it takes over meanwhile come
/// when it begins again.
#[derive(Clone, Debug)]
pub(super) struct ComposedDay {
    day: Day,
    shards: Vec<Shard>,
}

impl Decisions for PostgresStore {
    fn leftover_days(&self) -> Result<BTreeSet<Day>, StoreError> {
        // sys4's reporter does not work on this database.
        Ok(BTreeSet::new())
    }

    fn gathered_days(&self) -> Result<BTreeSet<Day>, StoreError> {
        let what = "gathered days";
        let rows = self.read(what, &gathered(), &[&self.member.shards()])?;
        let days = rows
            .iter()
            .map(|row| row.try_get::<_, PgDay>(0).map(|day| day.0));
        days.collect::<Result<_, _>>()
            .map_err(|error| unreadable(what, error.into()))
    }

    fn normalize_domains(&mut self, day: Day, now: Timestamp) -> Result<(), StoreError> {
        let mut shards = self.member.shards().to_vec();
        shards.sort_unstable();
        self.transact(Step::RowsStored, &shards, |tx| {
            // Nothing is shipped to it from now on.
            tx.execute(
                &format!(
                    "UPDATE day d SET state = 'closed', closed_at = $2 WHERE d.day = $1 AND d.state = 'open' AND {}",
                    nobody_ships()
                ),
                &[&PgDay(day), &PgTime(now)],
            )?;
            fold::mark_without_counts(tx, day, &shards)?;
            spellings::normalize(tx, day, &shards, now)
        })?;
        self.composed = Some(ComposedDay { day, shards });
        Ok(())
    }

    fn undecided(
        &self,
        day: Day,
        after: Option<&str>,
        limit: usize,
        bytes: usize,
    ) -> Result<Vec<DomainDay>, StoreError> {
        self.read_undecided(day, after, limit, bytes)
    }

    fn undecided_failing(
        &self,
        day: Day,
        after: Option<&str>,
        limit: usize,
        bytes: usize,
    ) -> Result<FailingDomains, StoreError> {
        self.read_undecided_failing(day, after, limit, bytes)
    }

    fn deliveries_to(
        &self,
        day: Day,
        names: &[String],
    ) -> Result<HashMap<String, u64>, StoreError> {
        named::deliveries_to(self, day, names)
    }

    fn store_decisions(
        &mut self,
        day: Day,
        decisions: &[DecidedDomain],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.make_partitions(day, Step::Decided)?;
        let (member, shards) = (self.member.id(), write::shards_of(decisions));
        let stored = self.transact_with_failures(Step::Decided, &shards, |tx, failures| {
            let stored = write::store(tx, member, day, decisions, ReportSubject::Domain, now)?;
            failures.add(tx, day, stored.of(decisions))?;
            Ok(stored)
        })?;
        self.schedule_deliveries(&stored);
        Ok(())
    }

    fn mx_hosts(&self, day: Day, limit: usize, bytes: usize) -> Result<Vec<MxHostDay>, StoreError> {
        match self.is_time_for_mx_hosts(day)? {
            true => mx_hosts::read(self, day, &self.composed_shards(day), limit, bytes),
            false => Ok(Vec::new()),
        }
    }

    fn store_mx_decisions(
        &mut self,
        day: Day,
        decisions: &[DecidedDomain],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.make_partitions(day, Step::MxDecided)?;
        let (member, shards) = (self.member.id(), write::shards_of(decisions));
        let composed = self.composed_shards(day);
        let stored = self.transact(Step::MxDecided, &shards, |tx| {
            // Whoever has a domain of the day decided on once more waits, or has said so: its sessions may be of these hosts.
            close::lock_day(tx, day)?;
            match close::are_domains_decided(|sql, values| tx.query(sql, values), day, &composed)? {
                true => {
                    write::store(tx, member, day, decisions, ReportSubject::MxHost, now).map(Some)
                }
                false => Ok(None),
            }
        })?;
        stored
            .iter()
            .for_each(|stored| self.schedule_deliveries(stored));
        Ok(stored.is_some())
    }

    fn close_day(
        &mut self,
        day: Day,
        decisions: &[DecidedDomain],
        now: Timestamp,
    ) -> Result<Vec<NamedDestination>, StoreError> {
        self.close_shards(day, decisions, now)
    }
}

impl PostgresStore {
    /// The shards of a day that this member composes, in order.
    fn composed_shards(&self, day: Day) -> Vec<Shard> {
        let mine = self.member.shards();
        let begun = self.composed.as_ref().filter(|begun| begun.day == day);
        let mut shards: Vec<Shard> = match begun {
            Some(begun) => begun
                .shards
                .iter()
                .copied()
                .filter(|shard| mine.contains(shard))
                .collect(),
            None => mine.to_vec(),
        };
        shards.sort_unstable();
        shards
    }

    fn schedule_deliveries(&mut self, stored: &StoredDecisions) {
        for new in &stored.pending {
            self.added_delivery(new.shard, &new.queue, new.due, new.r_id);
        }
    }
}
