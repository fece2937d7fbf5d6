//! The reports of deliveries in hand: in memory once, and no more than there is room for. Whatever the engine.

use std::{collections::HashMap, sync::Weak};

use super::{ClaimLimit, Claimed};
use crate::model::{Destination, QueueKey, StoredReport};

/// The limit of memory for the reports of deliveries in hand: one such limit for mails and one for posts, so that posts to
/// slow hosts take nothing from mails. Only the last report may exceed it.
const IN_HAND_BYTES: usize = 32 << 20;

/// The reports of deliveries in hand, by their row: ten deliveries of one report hold it once.
#[derive(Debug, Default)]
pub(super) struct ReportsInHand {
    local: HashMap<i64, Weak<StoredReport>>,
    posts: HashMap<i64, Weak<StoredReport>>,
}

impl ReportsInHand {
    pub(super) fn of(&mut self, queue: &QueueKey) -> &mut HashMap<i64, Weak<StoredReport>> {
        match queue.is_local() {
            true => &mut self.local,
            false => &mut self.posts,
        }
    }

    /// What is left of the memory, for each kind.
    pub(super) fn left(&mut self) -> ClaimLimit {
        let left = |reports: &mut HashMap<i64, Weak<StoredReport>>| {
            reports.retain(|_, report| report.strong_count() > 0);
            let reports = reports.values().filter_map(Weak::upgrade);
            let in_hand: usize = reports.map(|report| report.size()).sum();
            // Memory for one or two reports would cost a transaction each.
            match in_hand > IN_HAND_BYTES / 2 {
                true => 0,
                false => IN_HAND_BYTES - in_hand,
            }
        };
        let (local, posts) = (left(&mut self.local), left(&mut self.posts));
        ClaimLimit {
            local,
            posts,
            all: local + posts,
        }
    }
}

impl Claimed {
    pub(super) fn destination(&self) -> &Destination {
        match self {
            Claimed::Delivery(delivery) => &delivery.destination,
            Claimed::Corrupt(row) => &row.destination,
        }
    }
}
