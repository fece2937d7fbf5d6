//! What the reader hands to the writer: bounded, and never a place where the reader waits for the disk.
//!
//! The writer takes everything at once and leaves an empty load behind, so the lock is held for moments. Order is kept:
//! a count never overtakes the datagram that it counts, nor a boundary the counts before it.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tlsrptd_proto::day::Day;

use crate::memo::{Counts, Slot};

/// Bytes a queued datagram may take on average before the queue counts as full.
const AVERAGE: usize = 2048;

/// One thing handed over.
#[derive(Debug)]
pub(crate) enum Item {
    /// A datagram not seen before.
    Datagram {
        /// Its slot; `None` when it is not remembered.
        slot: Option<Slot>,
        /// Its length in [`Load::bytes`], where datagrams stand one after the other.
        len: usize,
        /// It was longer than `max_datagram_size`: these are only its first bytes.
        cut: bool,
    },
    /// Known datagrams.
    Counts(Counts),
    /// All slots given so far are void; what follows belongs to `today`.
    Boundary(Boundary),
    /// Nothing follows.
    End,
}

/// Where slots begin anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Boundary {
    /// The day of all that follows.
    pub(crate) today: Day,
    /// The operator's SIGUSR2: today's data becomes yesterday's.
    pub(crate) roll: bool,
}

/// Everything handed over since the writer last looked.
#[derive(Debug, Default)]
pub(crate) struct Load {
    pub(crate) bytes: Vec<u8>,
    pub(crate) items: Vec<Item>,
    datagrams: usize,
}

/// The queue. See the module.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    ready: Condvar,
    max_datagrams: usize,
    max_bytes: usize,
}

#[derive(Debug, Default)]
struct State {
    load: Load,
    awake: bool,
    counts_waiting: bool,
    high_water: usize,
}

impl Queue {
    /// A queue for that many datagrams. In bytes: 2 KiB for each, and always room for one of the largest.
    pub(crate) fn new(max_datagrams: usize, max_datagram_size: usize) -> Queue {
        Queue {
            state: Mutex::default(),
            ready: Condvar::new(),
            max_datagrams,
            max_bytes: max_datagrams.saturating_mul(AVERAGE).max(max_datagram_size),
        }
    }

    /// Room to put datagrams in, until the value is dropped.
    pub(crate) fn room(&self) -> Room<'_> {
        Room {
            state: self.lock(),
            queue: self,
        }
    }

    /// The writer has not yet taken the last counts.
    pub(crate) fn has_counts(&self) -> bool {
        self.lock().counts_waiting
    }

    /// Something waits for the writer.
    pub(crate) fn has_items(&self) -> bool {
        !self.lock().load.items.is_empty()
    }

    /// Hands over counts or a boundary, for which there is always room, and wakes the writer.
    pub(crate) fn put(&self, item: Item) {
        let mut state = self.lock();
        state.counts_waiting |= matches!(item, Item::Counts(_));
        state.load.items.push(item);
        self.wake(&mut state);
    }

    /// Wakes the writer, when there is something for it.
    pub(crate) fn nudge(&self) {
        let mut state = self.lock();
        if !state.load.items.is_empty() {
            self.wake(&mut state);
        }
    }

    /// Takes everything, after waiting for a nudge, at most `patience`. `load` must be empty; its buffers are reused.
    pub(crate) fn take(&self, load: &mut Load, patience: Option<Duration>) {
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
        state.counts_waiting = false;
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

impl Load {
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
pub(crate) struct Room<'a> {
    state: MutexGuard<'a, State>,
    queue: &'a Queue,
}

impl Room<'_> {
    /// Puts a datagram in; false when the queue is full.
    pub(crate) fn put(&mut self, slot: Option<Slot>, bytes: &[u8], cut: bool) -> bool {
        let load = &mut self.state.load;
        if load.datagrams >= self.queue.max_datagrams
            || load.bytes.len() + bytes.len() > self.queue.max_bytes
        {
            return false;
        }
        load.bytes.extend_from_slice(bytes);
        load.items.push(Item::Datagram {
            slot,
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
mod tests {
    use super::*;

    const NOW: Option<Duration> = Some(Duration::ZERO);

    #[test]
    fn full_by_number_and_by_bytes() {
        let queue = Queue::new(2, 10_000);
        assert!(queue.room().put(None, b"a", false));
        assert!(queue.room().put(None, b"b", false));
        assert!(!queue.room().put(None, b"c", false), "two is the bound");
        queue.put(Item::Counts(vec![(0, 1)]));
        assert!(queue.has_counts(), "counts always have room");

        let mut load = Load::default();
        queue.take(&mut load, NOW);
        assert_eq!(load.bytes, b"ab");
        assert_eq!(load.items.len(), 3);
        assert!(!queue.has_counts());
        assert_eq!(queue.high_water(), 2);

        assert!(
            queue.room().put(None, &[0; 10_000], false),
            "one of the largest always fits"
        );
        assert!(
            !queue.room().put(None, b"a", false),
            "and nothing beside it"
        );
    }

    #[test]
    fn waits_for_a_nudge() {
        let queue = Queue::new(10, 100);
        let mut load = Load::default();
        assert!(queue.room().put(None, b"a", false));
        queue.nudge();
        queue.take(&mut load, None);
        assert_eq!(load.items.len(), 1, "a nudge before the wait is not lost");
    }
}
