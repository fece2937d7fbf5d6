//! The writer: parses what is new, counts what is known, and keeps a store up to date.
//!
//! Each storage has a writer, with a queue and figures of its own: they share nothing but the input. The writer sees the reader's items in order, so a count always finds its datagram, and a boundary comes after all that belongs
//! before it. Files change only at a boundary, when no slot is alive.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tlsrptd_proto::{
    datagram::{Datagram, Limits},
    day::Day,
    record::Record,
};

use crate::{
    Clock,
    control::Control,
    courtesy,
    keeper::{Keeper, Pace},
    memo::Slot,
    pulse::Pulse,
    queue::{Boundary, Item, Load, Queue},
    reject::{Reject, TOO_LONG},
    stats::{QUEUE_FULL, STORAGE, Stats},
};

/// Memory for datagrams that wait for a store that does not answer.
const MAX_WAITING_BYTES: usize = 64 << 20;
/// Rows that the known datagrams may add to before they are all forgotten: some datagrams have thousands.
const MAX_ROWS: usize = 2 << 20;
/// With nothing to do, it shows that often that it lives.
const IDLE: Duration = Duration::from_secs(1);
/// At the end a store that does not answer is asked so often, with a pause.
const LAST_TRIES: u32 = 10;
const LAST_PAUSE: Duration = Duration::from_millis(200);

/// What the datagram of a slot is.
#[derive(Debug, Clone, Copy)]
enum Meaning {
    /// Counted by the store under this index.
    Counted(u32),
    /// None at all.
    Malformed(Reason),
    /// Dropped: there was no memory for it.
    Dropped,
    /// It did not come through this storage's queue, which was full.
    Missed,
}

/// The place of a reason in [`Slots::reasons`]: a million of them is not a million pointers.
type Reason = u8;

/// The writer. See the module.
pub(crate) struct Writer {
    pub(crate) queue: Arc<Queue>,
    pub(crate) control: Arc<Control>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) clock: Clock,
    /// Of several writers one tells of malformed datagrams: they are given the same.
    pub(crate) reject: Option<Reject>,
    pub(crate) keeper: Keeper,
    pub(crate) pace: Pace,
    pub(crate) limits: Limits,
    /// Datagrams that the store may hold at once.
    pub(crate) max_indexes: usize,
    pub(crate) today: Day,
    pub(crate) slots: Slots,
    pub(crate) pulse: Arc<Pulse>,
}

/// Slots since the last boundary, and the index that the next datagram gets.
#[derive(Default)]
pub(crate) struct Slots {
    meanings: Vec<Meaning>,
    next_index: u32,
    no_room: bool,
    reasons: Vec<&'static str>,
}

impl Writer {
    /// Works until the reader has nothing more; then what is left. The number of datagrams that the store could not take
    /// is told in the end.
    pub(crate) fn run(mut self) -> Result<(), Lost> {
        let mut load = Load::default();
        loop {
            self.pulse.beat();
            let patience = self.patience();
            self.queue.take(&mut load, Some(patience));
            let ended = self.work(&mut load);
            load.clear();
            if ended {
                return self.finish();
            }
            self.tend();
        }
    }

    /// How long there is nothing to do unless something comes. Always bounded: a clock that jumps must not stop us.
    fn patience(&self) -> Duration {
        self.keeper.due(&self.pace).map_or(IDLE, |due| {
            due.saturating_duration_since(Instant::now()).min(IDLE)
        })
    }

    /// Takes a load in; true at its end.
    fn work(&mut self, load: &mut Load) -> bool {
        let mut rest = load.bytes.as_slice();
        let mut ended = false;
        for item in load.items.drain(..) {
            match item {
                Item::Datagram { slot, len, cut } => {
                    let (bytes, others) = rest.split_at(len);
                    rest = others;
                    courtesy::pause();
                    self.datagram(slot, bytes, cut);
                }
                Item::Counts(counts) => {
                    for (slot, times) in counts {
                        self.again(slot, u64::from(times));
                    }
                }
                Item::Boundary(boundary) => self.boundary(boundary),
                Item::End => ended = true,
            }
            self.flush_full();
        }
        ended
    }

    fn datagram(&mut self, slot: Option<Slot>, bytes: &[u8], cut: bool) {
        let meaning = if cut {
            self.malformed(TOO_LONG, "longer than max_datagram_size", bytes)
        } else {
            match Datagram::parse(bytes, &self.limits) {
                Ok(datagram) => self.accept(datagram),
                Err(error) => self.malformed(error.reason(), &error.to_string(), bytes),
            }
        };
        if let Some(slot) = slot {
            // Slots come in order. Those in between were for queues that had room.
            self.slots.meanings.resize(slot as usize, Meaning::Missed);
            self.slots.meanings.push(meaning);
        }
    }

    fn malformed(&mut self, reason: &'static str, problem: &str, bytes: &[u8]) -> Meaning {
        if let Some(reject) = &mut self.reject {
            reject.malformed((self.clock)(), reason, problem, bytes);
        }
        let reasons = &mut self.slots.reasons;
        let known = reasons.iter().position(|known| *known == reason);
        let place = known.unwrap_or_else(|| {
            reasons.push(reason);
            reasons.len() - 1
        });
        // Reasons are a handful.
        Meaning::Malformed(place as Reason)
    }

    fn accept(&mut self, datagram: Datagram) -> Meaning {
        if let Some(reject) = &mut self.reject {
            for oddity in &datagram.oddities {
                reject.odd((self.clock)(), oddity.name(), datagram.domain.as_str());
            }
        }
        if !self.has_room() {
            self.slots.no_room = true;
            self.stats.dropped.add(STORAGE, 1);
            return Meaning::Dropped;
        }
        let records: Arc<[Record]> = datagram.into_records().into();
        self.keeper.add(self.today, &records);
        self.stats.counted.add(1);
        let index = self.slots.next_index;
        self.slots.next_index += 1;
        Meaning::Counted(index)
    }

    /// Whatever happens to the store, what waits for it stays bounded.
    fn has_room(&self) -> bool {
        (self.slots.next_index as usize) < self.max_indexes
            && self.keeper.waiting_bytes() < MAX_WAITING_BYTES
            && self.keeper.rows() <= 2 * MAX_ROWS
    }

    fn again(&mut self, slot: Slot, times: u64) {
        match self.slots.meanings.get(slot as usize) {
            Some(&Meaning::Counted(index)) => {
                self.keeper.count(index, times);
                self.stats.counted.add(times);
            }
            Some(&Meaning::Malformed(reason)) => {
                if let Some(reject) = &mut self.reject {
                    reject.again(self.slots.reasons[usize::from(reason)], times);
                }
            }
            Some(Meaning::Dropped) => self.stats.dropped.add(STORAGE, times),
            // Nothing was learned of a slot behind the last that came through this queue.
            Some(Meaning::Missed) | None => self.stats.dropped.add(QUEUE_FULL, times),
        }
    }

    /// Commits, closes what is to be closed, and begins anew.
    fn boundary(&mut self, boundary: Boundary) {
        let now = (self.clock)();
        let changed = boundary.today != self.today;
        self.today = boundary.today;
        self.slots.meanings.clear();
        self.slots.no_room = false;
        self.keeper.boundary(boundary, changed, &self.pace, now);
        if self.keeper.is_clean() {
            self.slots.next_index = 0;
        }
    }

    /// A commit as soon as max_uncommited_datagrams wait.
    fn flush_full(&mut self) {
        if self.keeper.is_full(&self.pace) {
            self.keeper.try_flush(&self.pace, (self.clock)());
        }
    }

    /// After each load: commit, sync when due, and ask for a boundary where one is needed.
    fn tend(&mut self) {
        let now = (self.clock)();
        self.keeper.try_flush(&self.pace, now);
        self.keeper.try_sync(&self.pace, now);
        let crowded = self.slots.no_room || self.keeper.rows() > MAX_ROWS;
        if self.keeper.wants_boundary(&self.pace) || (self.keeper.is_clean() && crowded) {
            self.control.forget();
        }
        self.stats.uncommitted.set(self.keeper.uncommitted());
        self.tell_high_water();
    }

    fn tell_high_water(&self) {
        let high_water = self.queue.high_water() as u64;
        self.stats.queue_high_water.set(high_water);
    }

    fn finish(mut self) -> Result<(), Lost> {
        for _ in 0..LAST_TRIES {
            let now = (self.clock)();
            let clean = self.keeper.flush(&self.pace, now) || self.keeper.rescue(now);
            if clean && self.keeper.roll_at_last(self.today, now) {
                break;
            }
            std::thread::sleep(LAST_PAUSE);
        }
        let datagrams = self.keeper.uncommitted();
        let failed = !self.keeper.finish() || datagrams > 0;
        self.tell_high_water();
        self.stats.uncommitted.set(0);
        self.stats.counted.subtract(datagrams);
        if datagrams > 0 {
            self.stats.dropped.add(STORAGE, datagrams);
        }
        if failed {
            Err(Lost { datagrams })
        } else {
            Ok(())
        }
    }
}

/// How an end went wrong.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Lost {
    /// Datagrams that did not reach the storage.
    pub(crate) datagrams: u64,
}
