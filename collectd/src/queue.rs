//! What the reader hands to the writer: bounded, and never a place where the reader waits for the disk.
//!
//! Each storage has a queue and a writer of its own: one that is full or slow falls behind alone, and what it does not
//! get is its own loss. The writer takes everything at once and leaves an empty load behind, so the lock is held for
//! moments. Order is kept: a count never overtakes the datagram that it counts, nor a boundary the counts before it.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tlsrptd_proto::day::Day;

use crate::{
    seen_table::{Counts, DatagramId},
    stats::{QUEUE_FULL, Stats},
};

/// Bytes a queued datagram may take on average before the queue counts as full.
const AVERAGE: usize = 2048;
/// Counts from before a boundary that may wait for a writer that does not come: 8 MiB.
const MAX_HELD_COUNTS: usize = 1 << 20;

/// One thing handed over.
#[derive(Debug)]
pub(crate) enum Item {
    /// A datagram not seen before.
    Datagram {
        /// Its id; `None` when it is not remembered.
        id: Option<DatagramId>,
        /// Its length in [`Batch::bytes`], where datagrams stand one after the other.
        len: usize,
        /// It was longer than `max_datagram_size`: these are only its first bytes.
        cut: bool,
    },
    /// Known datagrams.
    Counts(Counts),
    /// All ids given so far are void; what follows belongs to `today`.
    EpochChange(EpochChange),
    /// Nothing follows.
    End,
}

/// Where ids begin anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EpochChange {
    /// The day of all that follows.
    pub(crate) today: Day,
    /// The operator's SIGUSR2: today's data becomes yesterday's.
    pub(crate) rotate: bool,
    /// Whether days may be closed.
    pub(crate) closing: Closing,
    /// So many files of closed days are kept beside `keep_days`.
    pub(crate) spare: u32,
}

/// What the clock allows at a boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closing {
    /// Days are closed when the day has changed.
    AsUsual,
    /// The clock has moved, or is in doubt no more: files are looked through for days to close.
    Review,
    /// The clock is in doubt: nothing is closed.
    Held,
}

/// Everything handed over since the writer last looked.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) bytes: Vec<u8>,
    pub(crate) items: Vec<Item>,
    datagrams: usize,
}

/// The queues of all storages, as the reader sees them: each gets whatever is handed over.
#[derive(Debug)]
pub(crate) struct Queues(Vec<Arc<Queue>>);

/// The queue of one storage. See the module.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    ready: Condvar,
    max_datagrams: usize,
    max_bytes: usize,
    /// The figures of its storage.
    stats: Arc<Stats>,
}

#[derive(Debug, Default)]
struct State {
    load: Batch,
    awake: bool,
    /// Counts since the last boundary: they follow all datagrams that they could count.
    counts: Counts,
    /// How many of them there were after ids that came twice were last added up.
    compacted: usize,
    /// Counts among the items.
    held: usize,
    high_water: usize,
}

impl Queues {
    /// One queue a storage.
    pub(crate) fn new(queues: Vec<Arc<Queue>>) -> Queues {
        Queues(queues)
    }

    /// Puts a datagram in; false when no queue has room. Those that have none count it as dropped.
    #[inline]
    pub(crate) fn put(&self, id: Option<DatagramId>, bytes: &[u8], cut: bool) -> bool {
        let mut taken = false;
        for queue in &self.0 {
            if queue.room().put(id, bytes, cut) {
                taken = true;
            } else {
                queue.stats.dropped.add(QUEUE_FULL, 1);
            }
        }
        taken
    }

    /// No writer has yet taken the last counts.
    pub(crate) fn have_counts(&self) -> bool {
        self.0.iter().all(|queue| queue.has_counts())
    }

    /// Something waits for a writer.
    pub(crate) fn have_items(&self) -> bool {
        self.0.iter().any(|queue| queue.has_items())
    }

    /// Hands over counts, for which there is always room, and wakes the writers.
    pub(crate) fn put_counts(&self, counts: Counts) {
        if let Some((last, others)) = self.0.split_last() {
            for queue in others {
                queue.put_counts(counts.clone());
            }
            last.put_counts(counts);
        }
    }

    /// All ids given so far are void; what follows belongs to the boundary's day.
    pub(crate) fn put_boundary(&self, boundary: EpochChange) {
        for queue in &self.0 {
            queue.put_boundary(boundary);
        }
    }

    /// Nothing follows.
    pub(crate) fn end(&self) {
        for queue in &self.0 {
            queue.end();
        }
    }

    /// Wakes the writers for which there is something.
    pub(crate) fn nudge(&self) {
        for queue in &self.0 {
            queue.nudge();
        }
    }
}

impl Queue {
    /// A queue for that many datagrams. In bytes: 2 KiB for each, and always room for one of the largest.
    pub(crate) fn new(max_datagrams: usize, max_datagram_size: usize, stats: Arc<Stats>) -> Queue {
        Queue {
            state: Mutex::default(),
            ready: Condvar::new(),
            max_datagrams,
            max_bytes: max_datagrams.saturating_mul(AVERAGE).max(max_datagram_size),
            stats,
        }
    }

    /// Room to put datagrams in, until the value is dropped.
    pub(crate) fn room(&self) -> QueueGuard<'_> {
        QueueGuard {
            state: self.lock(),
            queue: self,
        }
    }

    /// How many bytes may wait when one of that length comes. The last quarter is for datagrams of the usual length: whoever
    /// owns a long policy must not keep others from being counted.
    fn bytes_for(&self, length: usize, load: &Batch) -> usize {
        if length <= AVERAGE || load.bytes.is_empty() {
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

    fn put_counts(&self, counts: Counts) {
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

    fn put_boundary(&self, boundary: EpochChange) {
        let mut state = self.lock();
        self.close_counts(&mut state);
        match state.load.items.last_mut() {
            // With nothing in between, one is as good as two, and they do not add up for a writer that hangs.
            Some(Item::EpochChange(last)) if last.today == boundary.today => {
                last.rotate |= boundary.rotate;
                if (last.closing, boundary.closing) != (Closing::Review, Closing::AsUsual) {
                    last.closing = boundary.closing;
                }
            }
            _ => state.load.items.push(Item::EpochChange(boundary)),
        }
        self.wake(&mut state);
    }

    fn end(&self) {
        let mut state = self.lock();
        self.close_counts(&mut state);
        state.load.items.push(Item::End);
        self.wake(&mut state);
    }

    /// The counts so far take their place among the items. A writer that hangs for days does not get them all.
    fn close_counts(&self, state: &mut State) {
        let counts = std::mem::take(&mut state.counts);
        if counts.is_empty() {
            return;
        }
        if state.held + counts.len() > MAX_HELD_COUNTS.max(counts.len()) {
            let times = counts.iter().map(|&(_, times)| u64::from(times)).sum();
            self.stats.dropped.add(QUEUE_FULL, times);
            return;
        }
        state.held += counts.len();
        state.load.items.push(Item::Counts(counts));
    }

    fn nudge(&self) {
        let mut state = self.lock();
        if state.has_items() {
            self.wake(&mut state);
        }
    }

    /// Takes everything, after waiting for a nudge, at most `patience`. `load` must be empty; its buffers are reused.
    pub(crate) fn take(&self, load: &mut Batch, patience: Option<Duration>) {
        debug_assert!(load.items.is_empty());
        let state = self.lock();
        let mut state = match patience {
            None => self
                .ready
                .wait_while(state, |state| !state.awake)
                .unwrap_or_else(PoisonError::into_inner),
            Some(patience) => {
                self.ready
                    .wait_timeout_while(state, patience, |state| !state.awake)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
        };
        state.awake = false;
        let counts = std::mem::take(&mut state.counts);
        if !counts.is_empty() {
            state.load.items.push(Item::Counts(counts));
        }
        state.held = 0;
        std::mem::swap(&mut state.load, load);
    }

    /// The most datagrams that ever waited.
    pub(crate) fn high_water(&self) -> usize {
        self.lock().high_water
    }

    fn wake(&self, state: &mut State) {
        if !state.awake {
            state.awake = true;
            self.ready.notify_one();
        }
    }

    /// A thread that panicked ends the process (panic = abort); in tests its data is as good as any.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_items(&self) -> bool {
        !self.load.items.is_empty() || !self.counts.is_empty()
    }
}

/// Makes one count of those of one id, as far as a number can hold it.
fn add_up(counts: &mut Counts) {
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

impl Batch {
    /// Empties it for reuse; what a burst made large is given back.
    pub(crate) fn clear(&mut self) {
        self.items.clear();
        self.bytes.clear();
        self.bytes.shrink_to(1 << 20);
        self.datagrams = 0;
    }
}

/// The open queue.
#[derive(Debug)]
pub(crate) struct QueueGuard<'a> {
    state: MutexGuard<'a, State>,
    queue: &'a Queue,
}

impl QueueGuard<'_> {
    /// Puts a datagram in; false when the queue is full.
    pub(crate) fn put(&mut self, id: Option<DatagramId>, bytes: &[u8], cut: bool) -> bool {
        let load = &mut self.state.load;
        if load.datagrams >= self.queue.max_datagrams
            || load.bytes.len() + bytes.len() > self.queue.bytes_for(bytes.len(), load)
        {
            return false;
        }
        load.bytes.extend_from_slice(bytes);
        load.items.push(Item::Datagram {
            id,
            len: bytes.len(),
            cut,
        });
        load.datagrams += 1;
        // The writer commits in groups: it is woken by the reader's next beat, earlier only when room runs short.
        let (datagrams, bytes) = (load.datagrams, load.bytes.len());
        if datagrams * 2 > self.queue.max_datagrams || bytes * 2 > self.queue.max_bytes {
            self.queue.wake(&mut self.state);
        }
        self.state.high_water = self.state.high_water.max(datagrams);
        true
    }
}

#[cfg(test)]
mod tests;
