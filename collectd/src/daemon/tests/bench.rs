//! A reader and its writers, over real sockets and files, with a given clock.

use std::{
    collections::VecDeque,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::Duration,
};

use jiff::Timestamp;
use rusqlite::Connection;
use tlsrptd_config::Storage;
use tlsrptd_proto::{datagram::TextLimits, day::Day};
use tlsrptd_service::{clock::ClockReading, log::LogThrottle};

use crate::daemon::storages::of_storage;
use crate::{
    WallClock,
    control::Control,
    days::{DayWatch, ReadClocks},
    heartbeat::Heartbeat,
    queue::{Queue, StorageQueues},
    receive::ReaderThread,
    reject::Reject,
    script::ScriptQueue,
    seen_table::SeenTable,
    stats::Stats,
    store::{self, FoldLimits, TodaysRows},
    store_writer::{CommitPolicy, StoreWriter},
    writer::{EpochIds, Unwritten, WriterThread},
};

/// A reader and its writers at work.
pub(super) struct Bench {
    dir: tempfile::TempDir,
    pub(super) sender: UnixDatagram,
    now: Arc<Mutex<Timestamp>>,
    pub(super) control: Arc<Control>,
    pub(super) stats: Arc<Stats>,
    reader: Option<JoinHandle<()>>,
    /// Writers that are not at work yet.
    held: VecDeque<WriterThread>,
    writers: Vec<JoinHandle<Result<(), Unwritten>>>,
}

const NOON: &str = "2026-11-20T12:00:00Z";
/// As small as can be, so that the table gets full.
pub(super) const MAX_SEEN: usize = 16;

impl Bench {
    pub(super) fn new(max_queued: usize) -> Bench {
        let mut bench = Bench::reading(max_queued, &["db"]);
        bench.release();
        bench
    }

    /// The reader is at work, and each writer after a [`Bench::release`].
    pub(super) fn reading(max_queued: usize, files: &[&str]) -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let (sender, socket) = UnixDatagram::pair().unwrap();
        let now = Arc::new(Mutex::new(NOON.parse::<Timestamp>().unwrap()));
        let clock: WallClock = {
            let now = Arc::clone(&now);
            Arc::new(move || *now.lock().unwrap())
        };
        let read_clocks: ReadClocks = {
            let now = Arc::clone(&now);
            Arc::new(move || ClockReading {
                wall: *now.lock().unwrap(),
                boot: Duration::ZERO,
            })
        };
        let control = Arc::new(Control::new().unwrap());
        let stats = Arc::new(Stats::of_storages(files.iter().copied()));
        let held: VecDeque<_> = files
            .iter()
            .enumerate()
            .map(|(place, file)| {
                let stats = of_storage(&stats, place);
                writer(&dir.path().join(file), max_queued, stats, &control, &clock)
            })
            .collect();
        let queues = held.iter().map(|writer| Arc::clone(&writer.queue));
        let reader = ReaderThread {
            sockets: vec![socket],
            control: Arc::clone(&control),
            queues: StorageQueues::new(queues.collect()),
            stats: Arc::clone(&stats),
            seen_table: SeenTable::new([1; 16], MAX_SEEN),
            days: DayWatch::begin(read_clocks, Duration::ZERO, None),
            clock,
            max_datagram_size: 2000,
            log_throttle: LogThrottle::new(Duration::from_secs(60)),
            heartbeat: Arc::new(Heartbeat::reader()),
        };
        Bench {
            dir,
            sender,
            now,
            control,
            stats,
            reader: Some(std::thread::spawn(|| reader.run())),
            held,
            writers: Vec::new(),
        }
    }

    /// The next writer begins its work.
    pub(super) fn release(&mut self) {
        let writer = self.held.pop_front().unwrap();
        self.writers.push(std::thread::spawn(|| writer.run()));
    }

    pub(super) fn send(&self, domain: usize) {
        let text = format!(
            r#"{{"d":"d{domain}.test","pr":"v=TLSRPTv1;rua=mailto:a@b","policies":[{{"policy-type":9,"policy-domain":"d{domain}.test","t":0,"f":0}}]}}"#
        );
        self.sender.send(text.as_bytes()).unwrap();
    }

    pub(super) fn clock(&self, now: &str) {
        *self.now.lock().unwrap() = now.parse().unwrap();
    }

    pub(super) fn until(&self, what: &str, reached: impl Fn() -> bool) {
        for _ in 0..1000 {
            if reached() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("not within ten seconds: {what}: {}", self.stats.summary());
    }

    pub(super) fn committed(&self, n: u64) {
        self.until("committed", || {
            self.stats.counted.value() == n && self.stats.uncommitted.value() == 0
        });
    }

    /// Stops all, and checks the law.
    pub(super) fn stop(&mut self) -> Result<(), Unwritten> {
        self.control.stop();
        self.reader.take().unwrap().join().unwrap();
        while !self.held.is_empty() {
            self.release();
        }
        let ends: Vec<_> = self.writers.drain(..).map(|w| w.join().unwrap()).collect();
        for stats in self.stats.each() {
            assert_eq!(
                self.stats.received.value(),
                stats.counted.value() + self.stats.malformed.total() + stats.dropped.total(),
                "{}",
                stats.summary()
            );
        }
        ends.into_iter().collect()
    }

    pub(super) fn total(&self, file: &str) -> u64 {
        let db = Connection::open(self.path(file)).unwrap();
        let sum: i64 = db
            .query_row(
                "SELECT coalesce(sum(cntrtotal), 0) FROM finalresults",
                [],
                |row| row.get(0),
            )
            .unwrap();
        sum.try_into().unwrap()
    }

    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }
}

fn writer(
    path: &Path,
    max_queued: usize,
    stats: Arc<Stats>,
    control: &Arc<Control>,
    clock: &WallClock,
) -> WriterThread {
    let today = Day::of(clock());
    let storage = Storage::Sqlite {
        url: "u".into(),
        path: path.into(),
    };
    let store = store::open(&storage, FoldLimits::new(100, 100), 10).unwrap();
    let policy = CommitPolicy {
        max_uncommitted: 1000,
        retry_after: 10,
        interval: Duration::from_millis(200),
    };
    let scripts = Arc::new(ScriptQueue::new().unwrap());
    let mut store_writer = StoreWriter::new(store, Arc::clone(&stats), scripts, policy);
    store_writer.close_days(today, TodaysRows::Stay, clock());
    WriterThread {
        queue: Arc::new(Queue::new(max_queued, 2000, Arc::clone(&stats))),
        control: Arc::clone(control),
        clock: Arc::clone(clock),
        reject: Some(Reject::new(None, Arc::clone(&stats))),
        stats,
        store_writer,
        limits: TextLimits::default(),
        max_stored: 2 * MAX_SEEN,
        today,
        epoch: EpochIds::default(),
        heartbeat: Arc::new(Heartbeat::writer()),
    }
}
