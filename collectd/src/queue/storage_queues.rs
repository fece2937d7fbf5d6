//! The queues of all storages, as the reader sees them.

use std::sync::Arc;

use super::{EpochChange, Queue};
use crate::{
    seen_table::{DatagramId, RepeatCounts},
    stats::DropReason,
};

/// One queue a storage: each gets everything that is handed over.
#[derive(Debug)]
pub(crate) struct StorageQueues(Vec<Arc<Queue>>);

impl StorageQueues {
    pub(crate) fn new(queues: Vec<Arc<Queue>>) -> StorageQueues {
        StorageQueues(queues)
    }

    /// Puts a datagram in; false when all queues are full. Those that are count it as dropped.
    #[inline]
    pub(crate) fn put(&self, id: Option<DatagramId>, bytes: &[u8]) -> bool {
        let mut is_taken = false;
        for queue in &self.0 {
            if queue.put(id, bytes) {
                is_taken = true;
            } else {
                queue.stats.dropped.add(DropReason::QueueFull, 1);
            }
        }
        is_taken
    }

    /// No writer has taken the last counts yet.
    pub(crate) fn all_have_counts(&self) -> bool {
        self.0.iter().all(|queue| queue.has_counts())
    }

    /// Something waits for a writer.
    pub(crate) fn have_items(&self) -> bool {
        self.0.iter().any(|queue| queue.has_items())
    }

    /// Hands over counts, which no queue refuses, and wakes the writers.
    pub(crate) fn put_counts(&self, counts: RepeatCounts) {
        if let Some((last, others)) = self.0.split_last() {
            for queue in others {
                queue.put_counts(counts.clone());
            }
            last.put_counts(counts);
        }
    }

    /// All ids given so far are void; what follows belongs to the day of the change.
    pub(crate) fn put_epoch_change(&self, change: EpochChange) {
        for queue in &self.0 {
            queue.put_epoch_change(change);
        }
    }

    /// Nothing follows.
    pub(crate) fn end(&self) {
        for queue in &self.0 {
            queue.end();
        }
    }

    /// Wakes the writers for which something waits.
    pub(crate) fn wake_writers(&self) {
        for queue in &self.0 {
            queue.wake_if_waiting();
        }
    }
}
