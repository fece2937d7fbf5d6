//! Deliveries, one report to one destination each: what is in hand, and what is pending again.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tlsrptd_fleet::{Fault, KeyHash, PgDay, Shard, Transaction, text_hash};
use tlsrptd_proto::day::Day;

use super::{PostgresStore, bounces, kept, mails, r_id, requests, suppressed, unreadable, version};
use crate::{
    model::{Delivery, QueueKey},
    store::{
        AttemptEnd, ClaimLimit, Claimed, Deliveries, QueueDepth, QueueDepths, Step, StoreError,
        Suspension,
    },
};

/// Pending again. The attempt did not begin, so the retry window does not begin with it.
const NOT_TRIED: &str = "UPDATE delivery d SET started = NULL, by = NULL, \
    first = CASE WHEN d.first = d.started THEN NULL ELSE d.first END, \
    dated = CASE WHEN d.dated = d.started THEN NULL ELSE d.dated END \
    FROM unnest($2::bigint[], $3::uuid[]) AS w(r_id, uri_hash) \
    WHERE d.day = $1 AND d.r_id = w.r_id AND d.uri_hash = w.uri_hash AND d.status IS NULL AND d.by = $4";
/// What another member had in hand: nobody knows how its attempts ended, so they are repeated.
const RELEASE: &str = "UPDATE delivery SET started = NULL, by = NULL \
    WHERE shard = ANY($1) AND status IS NULL AND started IS NOT NULL AND by IS DISTINCT FROM $2";

impl Deliveries for PostgresStore {
    fn release(&mut self) -> Result<usize, StoreError> {
        let (shards, me) = (self.member.shards().to_vec(), self.member.id());
        self.transact(Step::Released, &shards, |tx| {
            release_shards(tx, &shards, me)
        })
    }

    fn claim(
        &mut self,
        now: Timestamp,
        limit: ClaimLimit,
        room: &dyn Fn(&QueueKey) -> usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        let claims = self.claim_due(now, limit, room);
        if claims.is_err() {
            self.claim_failed();
        }
        claims
    }

    fn posts_are_full(&mut self) -> bool {
        self.deliveries.reports.left().posts == 0
    }

    fn record(
        &mut self,
        ends: &[AttemptEnd],
        now: Timestamp,
    ) -> Result<Vec<Suspension>, StoreError> {
        self.record_ends(ends, now)
    }

    fn put_back(&mut self, deliveries: &[Delivery]) -> Result<(), StoreError> {
        if deliveries.is_empty() {
            return Ok(());
        }
        let (shards, me) = (self.member.shards().to_vec(), self.member.id());
        self.transact(Step::Released, &shards, |tx| {
            let asked: Vec<i64> = deliveries
                .iter()
                .filter_map(|delivery| Some(delivery.request?.0))
                .collect();
            if !asked.is_empty() {
                requests::put_back(tx, &asked, me)?;
            }
            not_tried(tx, deliveries, me)
        })?;
        for delivery in deliveries {
            match delivery.request {
                Some(request) => drop(self.deliveries.requests.remove(&request)),
                None => {
                    let key = (delivery.r_id, text_hash(delivery.destination.uri()));
                    self.deliveries.in_hand.remove(&key);
                    let pending = &mut self.deliveries.pending;
                    pending.added(&delivery.queue, Timestamp::MIN, delivery.r_id);
                }
            }
        }
        Ok(())
    }

    fn hold_queue(&mut self, queue: &QueueKey) {
        self.deliveries.pending.hold(queue);
    }

    fn free_queue(&mut self, queue: &QueueKey) {
        self.deliveries.pending.free(queue);
    }

    fn queue_flows(&mut self, queue: &QueueKey) {
        self.deliveries.pending.flows(queue);
    }

    fn queue_depths(&self, now: Timestamp, most: usize) -> QueueDepths {
        self.deliveries.pending.depths(now, most)
    }

    fn queue_depth(&self, queue: &QueueKey, now: Timestamp) -> QueueDepth {
        self.deliveries.pending.depth(queue, now)
    }

    fn is_due(&self, queue: &QueueKey, now: Timestamp) -> bool {
        self.deliveries.pending.is_due(queue, now)
    }

    fn next_delivery(&mut self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        self.follow(now);
        let next = self.next_pending(now);
        let next = next.map_err(|fault| unreadable("the next delivery", fault))?;
        Ok(next.into_iter().chain(self.next_look()).min())
    }
}

/// Takes over these shards: what others had in hand of them is pending again. Gives the number of attempts that will be repeated.
pub(super) fn release_shards(
    tx: &Transaction<'_>,
    shards: &[Shard],
    me: i64,
) -> Result<usize, Fault> {
    let released = tx.execute(RELEASE, &[&shards, &me])?;
    let released = usize::try_from(released).unwrap_or(usize::MAX);
    Ok(released.saturating_add(requests::release(tx, shards, me)?))
}

/// Sorts by the day that the number of a report tells. What is no such number is left out: there is no row of it.
pub(super) fn by_day<T>(
    all: impl IntoIterator<Item = T>,
    r_id: impl Fn(&T) -> i64,
) -> BTreeMap<Day, Vec<T>> {
    let mut days: BTreeMap<Day, Vec<T>> = BTreeMap::new();
    for one in all {
        if let Some(day) = r_id::day_of(r_id(&one)) {
            days.entry(day).or_default().push(one);
        }
    }
    days
}

fn not_tried(tx: &Transaction<'_>, deliveries: &[Delivery], me: i64) -> Result<(), Fault> {
    let rows = deliveries
        .iter()
        .filter(|delivery| delivery.request.is_none());
    let keys = rows.map(|delivery| (delivery.r_id, text_hash(delivery.destination.uri())));
    for (day, keys) in by_day(keys, |(r_id, _)| *r_id) {
        let (r_ids, hashes): (Vec<i64>, Vec<KeyHash>) = keys.into_iter().unzip();
        tx.execute(NOT_TRIED, &[&PgDay(day), &r_ids, &hashes, &me])?;
    }
    Ok(())
}

/// Removes what is older than that day, beside the reports and deliveries themselves: by the owner of shard 0, after them.
pub(super) fn clean(tx: &Transaction<'_>, oldest: Day) -> Result<(), Fault> {
    kept::clean(tx, oldest)?;
    bounces::clean(tx, oldest)?;
    requests::clean(tx, oldest)?;
    suppressed::clean(tx, oldest)?;
    mails::clean(tx, oldest)?;
    version::clean(tx)?;
    tx.execute("DELETE FROM arrived WHERE day < $1", &[&PgDay(oldest)])
        .map(drop)
}

#[cfg(test)]
mod tests;
