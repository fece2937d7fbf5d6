//! What this member knows of its deliveries beside the tables: which wait, and which are in hand.

use std::{
    cell::Cell,
    collections::{BTreeSet, HashMap},
};

use jiff::{SignedDuration, Timestamp};
use tlsrptd_fleet::{KeyHash, SHARDS, Shard};

use super::{PostgresStore, pending_rows::Position};
use crate::{
    model::{QueueKey, RequestId},
    store::{in_hand::ReportsInHand, pending::PendingQueues},
};

/// Other members add deliveries to our shards. They are found within this time,
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(5);
/// and a second for so many rows that wait: reading takes a twentieth of the time, or less.
const ROWS_A_SECOND: usize = 10_000;
/// While all shards are ours, only an operator or another program may have added any.
const LOOK_AGAIN_ALONE: SignedDuration = SignedDuration::from_mins(5);

/// Deliveries in hand, by report and destination.
pub(super) type InHand = HashMap<(i64, KeyHash), HeldDelivery>;

/// One of them.
#[derive(Debug)]
pub(super) struct HeldDelivery {
    pub(super) shard: Shard,
    /// Of its report, which these name whatever a failover has done to the numbers of rows.
    pub(super) domain: String,
    pub(super) uniqid: i64,
}

/// What this member knows of its deliveries, beside the tables.
#[derive(Debug, Default)]
pub(super) struct MemberDeliveries {
    pub(super) pending: PendingQueues<Position>,
    pub(super) reports: ReportsInHand,
    pub(super) in_hand: InHand,
    /// What the operator has asked for, in hand, and the shard of each.
    pub(super) requests: HashMap<RequestId, Shard>,
    /// The shards that all this is about.
    pub(super) shards: Vec<Shard>,
    /// Grows when those are others, or something has to be looked at again.
    pub(super) changes: i64,
    /// Rows may be in hand of which nothing is known here.
    pub(super) is_unsure: bool,
    /// When it was begun to read all rows, and how many were read since.
    read_at: Option<Timestamp>,
    pub(super) read: Cell<usize>,
}

impl PostgresStore {
    /// The shards of which something is in hand: they stay.
    pub(super) fn shards_in_hand(&self) -> BTreeSet<Shard> {
        let deliveries = self.deliveries.in_hand.values().map(|held| held.shard);
        let requests = self.deliveries.requests.values().copied();
        deliveries.chain(requests).collect()
    }

    /// A delivery was stored: it waits from now on, if it is one of ours.
    pub(super) fn added_delivery(
        &mut self,
        shard: Shard,
        queue: &QueueKey,
        due: Timestamp,
        r_id: i64,
    ) {
        if self.deliveries.shards.contains(&shard) {
            self.deliveries.pending.added(queue, due, r_id);
        }
    }

    /// What is known of them may be wrong: the database may lack what was done last.
    pub(super) fn doubt_deliveries(&mut self) {
        self.read_deliveries_again();
        self.deliveries.is_unsure = true;
    }

    /// All deliveries may be due at other times.
    pub(super) fn read_deliveries_again(&mut self) {
        self.deliveries.pending.read_again();
        self.deliveries.changes += 1;
    }

    /// Shards come and go; and what others have added to ours is to be found. Those that go are not even looked for: whatever
    /// is known to wait there is looked at before it is taken in hand.
    pub(super) fn follow(&mut self, now: Timestamp) {
        let (own, staying) = (&mut self.deliveries, self.member.staying_shards());
        if own.shards != staying {
            if staying.iter().any(|shard| !own.shards.contains(shard)) {
                own.pending.read_anew();
            }
            own.shards = staying;
            own.changes += 1;
        }
        if own.next_look().is_none_or(|at| at <= now) || own.read_at > Some(now) {
            own.pending.renew();
            own.read.set(0);
            own.read_at = Some(now);
        }
    }

    /// When others' deliveries are looked for; `None`: there are no others.
    pub(super) fn next_look(&self) -> Option<Timestamp> {
        match self.deliveries.is_alone() {
            true => None,
            false => self.deliveries.next_look(),
        }
    }
}

impl MemberDeliveries {
    /// Whether it is about these shards.
    pub(super) fn is_about(&self, shards: &[Shard]) -> bool {
        self.shards == shards
    }

    /// Whether all shards are this member's.
    fn is_alone(&self) -> bool {
        self.shards.len() == usize::try_from(SHARDS).unwrap_or(0)
    }

    fn next_look(&self) -> Option<Timestamp> {
        let waits = match self.is_alone() {
            true => LOOK_AGAIN_ALONE,
            false => {
                let more = i64::try_from(self.read.get() / ROWS_A_SECOND).unwrap_or(i64::MAX);
                LOOK_AGAIN.saturating_add(SignedDuration::from_secs(more.min(3600)))
            }
        };
        self.read_at?.checked_add(waits).ok()
    }
}
