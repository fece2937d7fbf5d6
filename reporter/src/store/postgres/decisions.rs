//! From answers to decisions: every domain of a day gets a row in `report`, with deliveries or with a reason.
//!
//! Each member decides on the domains of its shards, shard by shard. A day is decided when all shards are: whoever decides on the
//! last of them ends it.

mod apart;
mod close;
mod read;
mod strays;
mod used;
mod write;

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use tlsrptd_fleet::{Fault, PgDay, PgTime, Shard, Transaction};
use tlsrptd_proto::day::Day;

use super::{
    PostgresStore,
    answers::shard_of_domain,
    composing::{self, IS_COMPOSED},
    expected::{LAST_DAY, nobody_ships},
    fold::{self, FoldingMember},
    held::{self, Try},
    mx_hosts, named, spellings, unreadable,
};
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
        "SELECT d.day FROM day d WHERE d.day <= {LAST_DAY} \
         AND (d.state = 'closed' AND NOT {IS_COMPOSED} OR d.state = 'open' AND {}) \
         AND (d.day IN (SELECT day FROM fetch_job WHERE NOT decided) OR EXISTS (SELECT 1 FROM shipment s WHERE s.day = d.day)) \
         AND NOT EXISTS (SELECT 1 FROM fetch_job j WHERE j.day = d.day AND NOT j.decided AND j.closed IS NULL) \
         AND (SELECT count(*) FROM compose c WHERE c.day = d.day AND c.shard = ANY($1) AND c.decided \
         AND (c.done OR NOT {SHARDS_ARE_DECIDED})) < cardinality($1::smallint[])",
        nobody_ships()
    )
}

/// Of these days, of which one of these shards is not done: those that can be decided on, and those that are to be
/// folded before.
fn foldable() -> String {
    format!(
        "SELECT d.day, array_agg(c.shard) FILTER (WHERE c.folded OR NOT is_shipped), array_agg(c.shard ORDER BY c.shard) FILTER (WHERE is_shipped AND NOT c.folded) \
         FROM day d CROSS JOIN LATERAL (SELECT EXISTS (SELECT 1 FROM shipment s WHERE s.day = d.day) AS is_shipped, \
         {SHARDS_ARE_DECIDED} AS are_decided) a \
         CROSS JOIN LATERAL (SELECT mine.shard, coalesce(o.folded, false) AS folded, coalesce(o.decided, false) AS decided, \
         coalesce(o.done, false) AS done FROM unnest($1::smallint[]) AS mine(shard) \
         LEFT JOIN compose o ON o.day = d.day AND o.shard = mine.shard) c \
         WHERE d.day = ANY($2) AND (NOT c.decided OR NOT c.done AND are_decided) GROUP BY d.day ORDER BY d.day"
    )
}

/// Those of these shards whose shipped counts stand in `answer`, if there are any.
fn folded(tx: &Transaction<'_>, day: Day, shards: &[Shard]) -> Result<Vec<Shard>, Fault> {
    let rows = tx.query(
        "SELECT shard FROM compose WHERE day = $1 AND shard = ANY($2) AND folded ORDER BY shard",
        &[&PgDay(day), &shards],
    )?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Nothing is shipped to it from now on.
fn close_without_shippers(tx: &Transaction<'_>, day: Day, now: Timestamp) -> Result<(), Fault> {
    tx.execute(
        &format!(
            "UPDATE day d SET state = 'closed', closed_at = $2 WHERE d.day = $1 AND d.state = 'open' AND {}",
            nobody_ships()
        ),
        &[&PgDay(day), &PgTime(now)],
    )
    .map(drop)
}

/// The day that is being composed, and the shards that were this member's, and folded, when it began: those that it takes over
/// meanwhile, or that could not be folded, come when it begins again.
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
        let shards = self.member.shards();
        let rows = self.read(what, &gathered(), &[&shards])?;
        let gathered: Result<Vec<PgDay>, _> = rows.iter().map(|row| row.try_get(0)).collect();
        let gathered = gathered.map_err(|error| unreadable(what, error.into()))?;
        let (mut days, mut unfolded) = (BTreeSet::new(), Vec::new());
        if gathered.is_empty() {
            return Ok(days);
        }
        let rows = self.read(what, &foldable(), &[&shards, &gathered])?;
        for row in &rows {
            let read = || {
                let shards = |at| Ok::<Option<Vec<Shard>>, Fault>(row.try_get(at)?);
                Ok::<_, Fault>((
                    row.try_get(0)?,
                    shards(1)?.unwrap_or_default(),
                    shards(2)?.unwrap_or_default(),
                ))
            };
            let (PgDay(day), open, shards) = read().map_err(|fault| unreadable(what, fault))?;
            // All of them together, so that those with failures come first; but for those that cannot be.
            let shards = shards.into_iter();
            let mut shards = shards
                .filter(|shard| !self.left.has(day, *shard))
                .peekable();
            let is_left = |shard| self.left.has(day, shard) || self.left_hosts.has(day, shard);
            let is_open = open.iter().any(|shard| !is_left(*shard));
            if shards.peek().is_none() && is_open && self.held.left(day).is_none() {
                days.insert(day);
            }
            unfolded.extend(shards.map(|shard| (day, shard)));
        }
        if !unfolded.is_empty() {
            self.begin_folding(unfolded);
        }
        Ok(days)
    }

    fn normalize_domains(&mut self, day: Day, now: Timestamp) -> Result<bool, StoreError> {
        self.analyze(day, &["answer"]);
        let mut shards = self.member.shards().to_vec();
        shards.sort_unstable();
        let begun = match self.begin_shards(day, &shards, now) {
            Err(error) if apart::is_of_rows(&error) => self.begin_each(day, &shards, now)?,
            begun => begun?,
        };
        let is_begun = begun.is_some();
        self.composed = begun.map(|shards| ComposedDay { day, shards });
        Ok(is_begun)
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

    fn leave_out_others(&self, decisions: &mut Vec<DecidedDomain>) {
        decisions.retain(|decided| self.member.owns(shard_of_domain(&decided.domain)));
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
        self.count_stored(day, decisions.len());
        Ok(())
    }

    fn store_apart(
        &mut self,
        day: Day,
        decisions: &mut Vec<DecidedDomain>,
        subject: ReportSubject,
        error: StoreError,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.store_by_shard(day, decisions, subject, error, now)
    }

    fn mx_hosts(
        &mut self,
        day: Day,
        limit: usize,
        bytes: usize,
    ) -> Result<Vec<MxHostDay>, StoreError> {
        match self.is_time_for_mx_hosts(day)? {
            true => {
                let mut shards = self.composed_shards(day);
                shards.retain(|shard| !self.left_hosts.has(day, *shard));
                mx_hosts::read(self, day, &shards, limit, bytes)
            }
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
        let sums = std::mem::take(&mut self.mx_sums);
        let stored = self.transact(Step::MxDecided, &shards, |tx| {
            // Whoever has a domain of the day decided on once more waits, or has said so: its sessions may be of these hosts.
            composing::lock(tx, day)?;
            if !close::are_domains_decided(|sql, values| tx.query(sql, values), day, &composed)? {
                return Ok(None);
            }
            let stored = write::store(tx, member, day, decisions, ReportSubject::MxHost, now)?;
            sums.remove(tx, day, decisions)?;
            Ok(Some(stored))
        });
        // The other hosts that were read may be stored by themselves.
        self.mx_sums = sums;
        let stored = stored?;
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
    /// Gives those of these shards that can be composed, in order. `None`: somebody holds the day.
    fn begin_shards(
        &mut self,
        day: Day,
        shards: &[Shard],
        now: Timestamp,
    ) -> Result<Option<Vec<Shard>>, StoreError> {
        self.transact_unless_held(Step::RowsStored, shards, day, |tx| {
            if let Try::Held { by } =
                held::unless_held(tx, day, || close_without_shippers(tx, day, now))?
            {
                return Ok(Try::Held { by });
            }
            fold::mark_without_counts(tx, day, shards)?;
            let folded = folded(tx, day, shards)?;
            spellings::normalize(tx, day, &folded, now)?;
            Ok(Try::Done(folded))
        })
    }

    fn begin_folding(&self, shards: Vec<(Day, Shard)>) {
        let member = FoldingMember {
            address: self.place.address.clone(),
            token: self.member.token().clone(),
            lease: self.member.lease().clone(),
        };
        if let Err(error) = self.folds.begin(member, shards) {
            tracing::debug!(%error, "no thread to fold on; it is tried again");
        }
    }

    /// The shards of a day that this member composes, in order; but for those that cannot be.
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
        shards.retain(|shard| !self.left.has(day, *shard));
        shards.sort_unstable();
        shards
    }

    fn schedule_deliveries(&mut self, stored: &StoredDecisions) {
        for new in &stored.pending {
            self.added_delivery(new.shard, &new.queue, new.due, new.r_id);
        }
    }
}
