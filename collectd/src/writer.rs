//! The writer: parses what is new, counts what is known, and keeps one store up to date.
//!
//! Each storage has a writer, with a queue and figures of its own: they share nothing but the input. The writer sees the
//! reader's items in order, so a count always finds its datagram, and an epoch change comes after all that belongs before
//! it. Files change only at an epoch change, when every id is void.

mod epoch;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tlsrptd_proto::{
    datagram::{Datagram, TextLimits},
    day::Day,
    session_result::SessionResult,
};

pub(crate) use epoch::EpochIds;

use crate::{
    WallClock,
    control::Control,
    heartbeat::Heartbeat,
    queue::{Batch, EpochChange, Queue, QueueItem},
    reject::{Reject, TOO_LONG},
    seen_table::DatagramId,
    stats::{DropReason, Stats},
    store_writer::StoreWriter,
    yield_cpu::yield_cpu,
};
use epoch::DatagramFate;

/// Memory for datagrams that wait for a store that does not answer.
const MAX_WAITING_BYTES: usize = 64 << 20;
/// Rows that the datagrams of an epoch may add to before the next one starts: some datagrams have thousands.
const MAX_ROWS: usize = 2 << 20;
/// With nothing to do, the writer's heart beats that often.
const IDLE: Duration = Duration::from_secs(1);
/// At the end, a store that fails is tried so often, with a pause.
const LAST_TRIES: u32 = 10;
const LAST_PAUSE: Duration = Duration::from_millis(200);

/// See the module.
pub(crate) struct WriterThread {
    pub(crate) queue: Arc<Queue>,
    pub(crate) control: Arc<Control>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) clock: WallClock,
    /// Of several writers one logs malformed datagrams: all get the same.
    pub(crate) reject: Option<Reject>,
    pub(crate) store_writer: StoreWriter,
    pub(crate) limits: TextLimits,
    /// Datagrams that the store may hold at once.
    pub(crate) max_stored: usize,
    pub(crate) today: Day,
    pub(crate) epoch: EpochIds,
    pub(crate) heartbeat: Arc<Heartbeat>,
}

/// Datagrams that did not reach the storage before the end.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Unwritten {
    pub(crate) datagrams: u64,
}

impl WriterThread {
    /// Works until the reader has nothing more, then writes what is left.
    ///
    /// # Errors
    ///
    /// The store could not take everything, or not be closed.
    pub(crate) fn run(mut self) -> Result<(), Unwritten> {
        let mut batch = Batch::default();
        loop {
            let patience = self.patience();
            if self.run_once(&mut batch, patience) {
                return self.finish();
            }
        }
    }

    /// Waits for a batch and counts it; true when nothing follows it.
    pub(crate) fn run_once(&mut self, batch: &mut Batch, patience: Duration) -> bool {
        self.heartbeat.beat(Instant::now());
        self.queue.take(batch, patience);
        let has_ended = self.work(batch);
        batch.clear();
        if !has_ended {
            self.tend();
        }
        has_ended
    }

    /// How long there is nothing to do unless something comes. Always bounded: a clock that jumps must not stop us.
    fn patience(&self) -> Duration {
        self.store_writer.due().map_or(IDLE, |due| {
            due.saturating_duration_since(Instant::now()).min(IDLE)
        })
    }

    /// Counts a batch; true when nothing follows it.
    fn work(&mut self, batch: &mut Batch) -> bool {
        let mut rest = batch.bytes.as_slice();
        let mut has_ended = false;
        for item in batch.items.drain(..) {
            match item {
                QueueItem::Datagram { id, len } => {
                    let (bytes, others) = rest.split_at(len);
                    rest = others;
                    yield_cpu();
                    self.count_first(id, bytes);
                }
                QueueItem::Counts(counts) => {
                    for (id, times) in counts {
                        self.count_again(id, u64::from(times));
                    }
                }
                QueueItem::EpochChange(change) => self.start_epoch(change),
                QueueItem::End => has_ended = true,
            }
            self.flush_full();
        }
        has_ended
    }

    /// Counts a datagram that this epoch has not seen before.
    fn count_first(&mut self, id: Option<DatagramId>, bytes: &[u8]) {
        let Some(id) = id else {
            self.reject(TOO_LONG, "longer than max_datagram_size", bytes);
            return;
        };
        let fate = match Datagram::parse(bytes, &self.limits) {
            Ok(datagram) => self.accept(datagram),
            Err(error) => {
                self.reject(error.reason(), &error.to_string(), bytes);
                self.epoch.malformed(error.reason())
            }
        };
        self.epoch.learn(id, fate);
    }

    fn reject(&mut self, reason: &'static str, problem: &str, bytes: &[u8]) {
        if let Some(reject) = &mut self.reject {
            reject.malformed((self.clock)(), reason, problem, bytes);
        }
    }

    fn accept(&mut self, datagram: Datagram) -> DatagramFate {
        if let Some(reject) = &mut self.reject {
            for anomaly in &datagram.anomalies {
                reject.anomaly((self.clock)(), anomaly.name(), datagram.domain.as_str());
            }
        }
        if !self.has_room() {
            self.epoch.has_dropped = true;
            self.stats.dropped.add(DropReason::Storage, 1);
            return DatagramFate::Dropped;
        }
        let results: Arc<[SessionResult]> = datagram.into_session_results().into();
        self.store_writer.add(self.today, &results);
        self.stats.counted.add(1);
        self.epoch.counted()
    }

    /// Whatever happens to the store, what waits for it stays bounded.
    fn has_room(&self) -> bool {
        self.epoch.stored() < self.max_stored
            && self.store_writer.waiting_bytes() < MAX_WAITING_BYTES
            && self.store_writer.rows() <= 2 * MAX_ROWS
    }

    /// Counts a datagram that came again.
    fn count_again(&mut self, id: DatagramId, times: u64) {
        match self.epoch.recall(id) {
            DatagramFate::Counted(results) => {
                self.store_writer.count(results, times);
                self.stats.counted.add(times);
            }
            DatagramFate::Malformed(reason) => {
                if let Some(reject) = &mut self.reject {
                    reject.malformed_again(self.epoch.reason(reason), times);
                }
            }
            DatagramFate::Dropped => self.stats.dropped.add(DropReason::Storage, times),
            DatagramFate::Missed => self.stats.dropped.add(DropReason::QueueFull, times),
        }
    }

    /// Commits, closes the days that are to be closed, and forgets all ids.
    fn start_epoch(&mut self, change: EpochChange) {
        let now = (self.clock)();
        let has_day_changed = change.today != self.today;
        self.today = change.today;
        self.epoch.start();
        self.store_writer.start_epoch(change, has_day_changed, now);
        if self.store_writer.is_clean() {
            self.epoch.restart_results();
        }
    }

    /// A commit as soon as max_uncommited_datagrams wait.
    fn flush_full(&mut self) {
        if self.store_writer.is_full() {
            self.store_writer.flush_if_due((self.clock)());
        }
    }

    /// After each batch: commits, syncs when due, and requests a new epoch where one is needed.
    fn tend(&mut self) {
        let now = (self.clock)();
        self.store_writer.flush_if_due(now);
        self.store_writer.try_sync(now);
        let interval = self.store_writer.policy().interval;
        let is_crowded = self.epoch.has_dropped || self.store_writer.rows() > MAX_ROWS;
        if self.store_writer.needs_epoch()
            || (self.store_writer.is_clean()
                && (is_crowded || self.epoch.must_learn_missed(interval)))
        {
            self.control.start_epoch();
        }
        self.stats.uncommitted.set(self.store_writer.uncommitted());
        self.set_high_water();
    }

    fn set_high_water(&self) {
        let high_water = self.queue.high_water() as u64;
        self.stats.queue_high_water.set(high_water);
    }

    fn finish(mut self) -> Result<(), Unwritten> {
        for _ in 0..LAST_TRIES {
            let now = (self.clock)();
            let is_clean =
                self.store_writer.flush(now) || self.store_writer.recover_replaced_file(now);
            if is_clean && self.store_writer.rotate_at_end(self.today, now) {
                break;
            }
            std::thread::sleep(LAST_PAUSE);
        }
        let datagrams = self.store_writer.uncommitted();
        let is_closed = self.store_writer.finish();
        self.set_high_water();
        self.stats.uncommitted.set(0);
        self.stats.counted.subtract(datagrams);
        if datagrams > 0 {
            self.stats.dropped.add(DropReason::Storage, datagrams);
        }
        if is_closed && datagrams == 0 {
            Ok(())
        } else {
            Err(Unwritten { datagrams })
        }
    }
}
