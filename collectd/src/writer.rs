//! The writer: parses what is new, counts what is known, and keeps a store up to date.
//!
//! Each storage has a writer, with a queue and figures of its own: they share nothing but the input. The writer sees the reader's items in order, so a count always finds its datagram, and a boundary comes after all that belongs
//! before it. Files change only at a boundary, when no id is alive.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tlsrptd_proto::{
    datagram::{Datagram, TextLimits},
    day::Day,
    session_result::SessionResult,
};

use crate::{
    Clock,
    control::Control,
    heartbeat::Heartbeat,
    queue::{Batch, EpochChange, Item, Queue},
    reject::{Reject, TOO_LONG},
    seen_table::DatagramId,
    stats::{QUEUE_FULL, STORAGE, Stats},
    store_writer::{CommitPolicy, StoreWriter},
    yield_cpu,
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

/// What the datagram of a id is.
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

/// The place of a reason in [`DatagramIds::reasons`]: a million of them is not a million pointers.
type Reason = u8;

/// The writer. See the module.
pub(crate) struct Writer {
    pub(crate) queue: Arc<Queue>,
    pub(crate) control: Arc<Control>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) clock: Clock,
    /// Of several writers one tells of malformed datagrams: they are given the same.
    pub(crate) reject: Option<Reject>,
    pub(crate) store_writer: StoreWriter,
    pub(crate) pace: CommitPolicy,
    pub(crate) limits: TextLimits,
    /// Datagrams that the store may hold at once.
    pub(crate) max_indexes: usize,
    pub(crate) today: Day,
    pub(crate) ids: DatagramIds,
    pub(crate) heartbeat: Arc<Heartbeat>,
}

/// DatagramIds since the last boundary, and the index that the next datagram gets.
#[derive(Default)]
pub(crate) struct DatagramIds {
    meanings: Vec<Meaning>,
    next_index: u32,
    no_room: bool,
    reasons: Vec<&'static str>,
}

impl Writer {
    /// Works until the reader has nothing more; then what is left. The number of datagrams that the store could not take
    /// is told in the end.
    pub(crate) fn run(mut self) -> Result<(), Lost> {
        let mut load = Batch::default();
        loop {
            self.heartbeat.beat();
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
        self.store_writer.due(&self.pace).map_or(IDLE, |due| {
            due.saturating_duration_since(Instant::now()).min(IDLE)
        })
    }

    /// Takes a load in; true at its end.
    fn work(&mut self, load: &mut Batch) -> bool {
        let mut rest = load.bytes.as_slice();
        let mut ended = false;
        for item in load.items.drain(..) {
            match item {
                Item::Datagram { id, len, cut } => {
                    let (bytes, others) = rest.split_at(len);
                    rest = others;
                    yield_cpu::yield_cpu();
                    self.datagram(id, bytes, cut);
                }
                Item::Counts(counts) => {
                    for (id, times) in counts {
                        self.again(id, u64::from(times));
                    }
                }
                Item::EpochChange(boundary) => self.boundary(boundary),
                Item::End => ended = true,
            }
            self.flush_full();
        }
        ended
    }

    fn datagram(&mut self, id: Option<DatagramId>, bytes: &[u8], cut: bool) {
        let meaning = if cut {
            self.malformed(TOO_LONG, "longer than max_datagram_size", bytes)
        } else {
            match Datagram::parse(bytes, &self.limits) {
                Ok(datagram) => self.accept(datagram),
                Err(error) => self.malformed(error.reason(), &error.to_string(), bytes),
            }
        };
        if let Some(id) = id {
            // DatagramIds come in order. Those in between were for queues that had room.
            self.ids.meanings.resize(id as usize, Meaning::Missed);
            self.ids.meanings.push(meaning);
        }
    }

    fn malformed(&mut self, reason: &'static str, problem: &str, bytes: &[u8]) -> Meaning {
        if let Some(reject) = &mut self.reject {
            reject.malformed((self.clock)(), reason, problem, bytes);
        }
        let reasons = &mut self.ids.reasons;
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
            for anomaly in &datagram.anomalies {
                reject.odd((self.clock)(), anomaly.name(), datagram.domain.as_str());
            }
        }
        if !self.has_room() {
            self.ids.no_room = true;
            self.stats.dropped.add(STORAGE, 1);
            return Meaning::Dropped;
        }
        let records: Arc<[SessionResult]> = datagram.into_session_results().into();
        self.store_writer.add(self.today, &records);
        self.stats.counted.add(1);
        let index = self.ids.next_index;
        self.ids.next_index += 1;
        Meaning::Counted(index)
    }

    /// Whatever happens to the store, what waits for it stays bounded.
    fn has_room(&self) -> bool {
        (self.ids.next_index as usize) < self.max_indexes
            && self.store_writer.waiting_bytes() < MAX_WAITING_BYTES
            && self.store_writer.rows() <= 2 * MAX_ROWS
    }

    fn again(&mut self, id: DatagramId, times: u64) {
        match self.ids.meanings.get(id as usize) {
            Some(&Meaning::Counted(index)) => {
                self.store_writer.count(index, times);
                self.stats.counted.add(times);
            }
            Some(&Meaning::Malformed(reason)) => {
                if let Some(reject) = &mut self.reject {
                    reject.again(self.ids.reasons[usize::from(reason)], times);
                }
            }
            Some(Meaning::Dropped) => self.stats.dropped.add(STORAGE, times),
            // Nothing was learned of a id behind the last that came through this queue.
            Some(Meaning::Missed) | None => self.stats.dropped.add(QUEUE_FULL, times),
        }
    }

    /// Commits, closes what is to be closed, and begins anew.
    fn boundary(&mut self, boundary: EpochChange) {
        let now = (self.clock)();
        let changed = boundary.today != self.today;
        self.today = boundary.today;
        self.ids.meanings.clear();
        self.ids.no_room = false;
        self.store_writer
            .boundary(boundary, changed, &self.pace, now);
        if self.store_writer.is_clean() {
            self.ids.next_index = 0;
        }
    }

    /// A commit as soon as max_uncommited_datagrams wait.
    fn flush_full(&mut self) {
        if self.store_writer.is_full(&self.pace) {
            self.store_writer.try_flush(&self.pace, (self.clock)());
        }
    }

    /// After each load: commit, sync when due, and ask for a boundary where one is needed.
    fn tend(&mut self) {
        let now = (self.clock)();
        self.store_writer.try_flush(&self.pace, now);
        self.store_writer.try_sync(&self.pace, now);
        let crowded = self.ids.no_room || self.store_writer.rows() > MAX_ROWS;
        if self.store_writer.wants_boundary(&self.pace) || (self.store_writer.is_clean() && crowded)
        {
            self.control.start_epoch();
        }
        self.stats.uncommitted.set(self.store_writer.uncommitted());
        self.tell_high_water();
    }

    fn tell_high_water(&self) {
        let high_water = self.queue.high_water() as u64;
        self.stats.queue_high_water.set(high_water);
    }

    fn finish(mut self) -> Result<(), Lost> {
        for _ in 0..LAST_TRIES {
            let now = (self.clock)();
            let clean = self.store_writer.flush(&self.pace, now) || self.store_writer.rescue(now);
            if clean && self.store_writer.roll_at_last(self.today, now) {
                break;
            }
            std::thread::sleep(LAST_PAUSE);
        }
        let datagrams = self.store_writer.uncommitted();
        let failed = !self.store_writer.finish() || datagrams > 0;
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
