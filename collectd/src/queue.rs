//! What the reader hands to the writer: bounded, and never a place where the reader waits for the disk.
//!
//! Each storage has a queue and a writer of its own: one that is full or slow falls behind alone, and it alone loses what
//! its queue does not take. The writer takes the whole batch at once and leaves an empty one behind, so the lock is held
//! for moments. Order is kept: a count never overtakes the datagram that it counts, nor an epoch change the counts before
//! it.

mod batch;
mod storage_queues;

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

pub(crate) use batch::{Batch, DayClosing, EpochChange, QueueItem};
pub(crate) use storage_queues::StorageQueues;

use crate::{
    seen_table::{DatagramId, RepeatCounts},
    stats::{DropReason, Stats},
};

/// Bytes of a queued datagram on average: beyond that, the queue is full before `max_queued_datagrams` wait.
const AVERAGE_BYTES: usize = 1024;
/// The last quarter of the bytes is for datagrams of at most this length.
const USUAL_BYTES: usize = 2048;
/// Repeats from before an epoch change that may wait for a writer that hangs: 8 MiB.
const MAX_HELD_COUNTS: usize = 1 << 20;

/// The queue of one storage. See the module.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<QueueState>,
    ready: Condvar,
    max_datagrams: usize,
    max_bytes: usize,
    /// The figures of its storage.
    stats: Arc<Stats>,
}

#[derive(Debug, Default)]
struct QueueState {
    batch: Batch,
    /// The writer is to take the batch.
    is_awake: bool,
    /// Repeats since the last epoch change. They follow all datagrams that they could count.
    counts: RepeatCounts,
    /// How many of them there were when those of one id were last added up.
    compacted: usize,
    /// Repeats among the items of the batch.
    held_counts: usize,
    high_water: usize,
}

impl Queue {
    /// A queue for that many datagrams of 1 KiB on average, and always for one of the largest.
    pub(crate) fn new(max_datagrams: usize, max_datagram_size: usize, stats: Arc<Stats>) -> Queue {
        let max_bytes = max_datagrams.saturating_mul(AVERAGE_BYTES);
        Queue {
            state: Mutex::default(),
            ready: Condvar::new(),
            max_datagrams,
            max_bytes: max_bytes.max(max_datagram_size),
            stats,
        }
    }

    /// Puts a datagram in; false when the queue is full. One without an id was cut: it is not to be known again.
    pub(crate) fn put(&self, id: Option<DatagramId>, bytes: &[u8]) -> bool {
        let mut state = self.lock();
        let batch = &mut state.batch;
        if batch.datagrams >= self.max_datagrams
            || batch.bytes.len() + bytes.len() > self.max_bytes_with(bytes.len(), batch)
        {
            return false;
        }
        batch.push_datagram(id, bytes);
        let (datagrams, bytes) = (batch.datagrams, batch.bytes.len());
        // The writer commits in groups: the reader wakes it at its next hand-over, earlier only when the queue gets full.
        if datagrams * 2 > self.max_datagrams || bytes * 2 > self.max_bytes {
            self.wake(&mut state);
        }
        state.high_water = state.high_water.max(datagrams);
        true
    }

    /// How many bytes may wait when a datagram of that length comes. The last quarter is for datagrams of the usual length:
    /// whoever owns a long policy must not keep others from being counted.
    fn max_bytes_with(&self, length: usize, batch: &Batch) -> usize {
        if length <= USUAL_BYTES || batch.bytes.is_empty() {
            self.max_bytes
        } else {
            self.max_bytes - self.max_bytes / 4
        }
    }

    fn has_counts(&self) -> bool {
        !self.lock().counts.is_empty()
    }

    fn has_items(&self) -> bool {
        self.lock().has_items()
    }

    fn put_counts(&self, counts: RepeatCounts) {
        let mut state = self.lock();
        if state.counts.is_empty() {
            state.counts = counts;
            state.compacted = state.counts.len();
        } else {
            // Only for a writer that is behind.
            state.counts.extend(counts);
            if state.counts.len() > 2 * state.compacted {
                add_up(&mut state.counts);
                state.compacted = state.counts.len();
            }
        }
        self.wake(&mut state);
    }

    fn put_epoch_change(&self, change: EpochChange) {
        let mut state = self.lock();
        self.close_counts(&mut state);
        match state.batch.items.last_mut() {
            // With nothing in between, one is as good as two, and they do not add up for a writer that hangs.
            Some(QueueItem::EpochChange(last)) if last.today == change.today => last.merge(change),
            _ => state.batch.items.push(QueueItem::EpochChange(change)),
        }
        self.wake(&mut state);
    }

    fn end(&self) {
        let mut state = self.lock();
        self.close_counts(&mut state);
        state.batch.items.push(QueueItem::End);
        self.wake(&mut state);
    }

    /// The counts so far take their place among the items. A writer that hangs for days does not get them all.
    fn close_counts(&self, state: &mut QueueState) {
        let counts = std::mem::take(&mut state.counts);
        if counts.is_empty() {
            return;
        }
        if state.held_counts + counts.len() > MAX_HELD_COUNTS.max(counts.len()) {
            let times = counts.iter().map(|&(_, times)| u64::from(times)).sum();
            self.stats.dropped.add(DropReason::QueueFull, times);
            return;
        }
        state.held_counts += counts.len();
        state.batch.items.push(QueueItem::Counts(counts));
    }

    /// Wakes the writer if something waits for it.
    pub(crate) fn wake_if_waiting(&self) {
        let mut state = self.lock();
        if state.has_items() {
            self.wake(&mut state);
        }
    }

    /// Takes everything that waits, as soon as the writer is woken, or after `patience`. `batch` must be empty; its
    /// buffers are used again.
    pub(crate) fn take(&self, batch: &mut Batch, patience: Duration) {
        debug_assert!(batch.items.is_empty());
        let (mut state, _) = self
            .ready
            .wait_timeout_while(self.lock(), patience, |state| !state.is_awake)
            .unwrap_or_else(PoisonError::into_inner);
        state.is_awake = false;
        let counts = std::mem::take(&mut state.counts);
        if !counts.is_empty() {
            state.batch.items.push(QueueItem::Counts(counts));
        }
        state.held_counts = 0;
        std::mem::swap(&mut state.batch, batch);
    }

    /// The most datagrams that ever waited.
    pub(crate) fn high_water(&self) -> usize {
        self.lock().high_water
    }

    fn wake(&self, state: &mut QueueState) {
        if !state.is_awake {
            state.is_awake = true;
            self.ready.notify_one();
        }
    }

    /// A thread that panicked ends the process (panic = abort); in tests its data is as good as any.
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl QueueState {
    fn has_items(&self) -> bool {
        !self.batch.items.is_empty() || !self.counts.is_empty()
    }
}

/// Adds up the counts of one id, as far as a number can hold them.
fn add_up(counts: &mut RepeatCounts) {
    counts.sort_unstable_by_key(|&(id, _)| id);
    counts.dedup_by(|next, first| {
        if next.0 != first.0 {
            return false;
        }
        let sum = first.1.checked_add(next.1);
        first.1 = sum.unwrap_or(first.1);
        sum.is_some()
    });
}

#[cfg(test)]
mod tests;
