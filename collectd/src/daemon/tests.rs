//! ReaderThread and writer together, over real sockets and files, with a given clock.

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

use super::storages::of_storage;
use crate::{
    Clock,
    control::Control,
    days::{DayWatch, Readings},
    heartbeat::Heartbeat,
    queue::{Queue, StorageQueues},
    receive::ReaderThread,
    reject::Reject,
    script::ScriptQueue,
    seen_table::SeenTable,
    stats::{DropReason, Stats},
    store::{self, FoldLimits, TodaysRows},
    store_writer::{CommitPolicy, StoreWriter},
    writer::{EpochIds, Unwritten, WriterThread},
};

/// A reader and its writers at work.
struct Bench {
    dir: tempfile::TempDir,
    sender: UnixDatagram,
    now: Arc<Mutex<Timestamp>>,
    control: Arc<Control>,
    stats: Arc<Stats>,
    reader: Option<JoinHandle<()>>,
    /// Writers that are not at work yet.
    held: VecDeque<WriterThread>,
    writers: Vec<JoinHandle<Result<(), Unwritten>>>,
}

const NOON: &str = "2026-11-20T12:00:00Z";
/// As small as can be, so that the table gets full.
const MAX_SEEN: usize = 16;

impl Bench {
    fn new(max_queued: usize) -> Bench {
        let mut bench = Bench::reading(max_queued, &["db"]);
        bench.release();
        bench
    }

    /// The reader is at work, and each writer after a [`Bench::release`].
    fn reading(max_queued: usize, files: &[&str]) -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let (sender, socket) = UnixDatagram::pair().unwrap();
        let now = Arc::new(Mutex::new(NOON.parse::<Timestamp>().unwrap()));
        let clock: Clock = {
            let now = Arc::clone(&now);
            Arc::new(move || *now.lock().unwrap())
        };
        let readings: Readings = {
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
            days: DayWatch::begin(readings, Duration::ZERO, None),
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
    fn release(&mut self) {
        let writer = self.held.pop_front().unwrap();
        self.writers.push(std::thread::spawn(|| writer.run()));
    }

    fn send(&self, domain: usize) {
        let text = format!(
            r#"{{"d":"d{domain}.test","pr":"v=TLSRPTv1;rua=mailto:a@b","policies":[{{"policy-type":9,"policy-domain":"d{domain}.test","t":0,"f":0}}]}}"#
        );
        self.sender.send(text.as_bytes()).unwrap();
    }

    fn clock(&self, now: &str) {
        *self.now.lock().unwrap() = now.parse().unwrap();
    }

    fn until(&self, what: &str, reached: impl Fn() -> bool) {
        for _ in 0..1000 {
            if reached() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("not within ten seconds: {what}: {}", self.stats.summary());
    }

    fn committed(&self, n: u64) {
        self.until("committed", || {
            self.stats.counted.value() == n && self.stats.uncommitted.value() == 0
        });
    }

    /// Stops all, and checks the law.
    fn stop(&mut self) -> Result<(), Unwritten> {
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

    fn total(&self, file: &str) -> u64 {
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

    fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }
}

fn writer(
    path: &Path,
    max_queued: usize,
    stats: Arc<Stats>,
    control: &Arc<Control>,
    clock: &Clock,
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
        max_indexes: 2 * MAX_SEEN,
        today,
        epoch: EpochIds::default(),
        heartbeat: Arc::new(Heartbeat::writer()),
    }
}

#[test]
fn every_datagram_is_counted_once() {
    let mut bench = Bench::new(10_000);
    // More domains than the table holds, in waves, so that it is begun anew in between.
    for n in 0..3000 {
        bench.send(n % 7 + n / 100);
    }
    bench.stop().unwrap();
    assert_eq!(bench.stats.counted.value(), 3000);
    assert_eq!(bench.total("db"), 3000);
}

#[test]
fn what_is_no_datagram_is_counted_by_reason() {
    let mut bench = Bench::new(10_000);
    for _ in 0..5 {
        bench.sender.send(b"junk").unwrap();
    }
    bench.sender.send(b"").unwrap();
    bench.sender.send(&[b' '; 2001]).unwrap();
    bench.sender.send(&[b' '; 2000]).unwrap();
    bench.send(1);
    bench.stop().unwrap();
    assert_eq!(bench.stats.counted.value(), 1);
    let text = bench.stats.text();
    for want in [
        "malformed{too-long} 1\n",
        "malformed{empty} 1\n",
        "malformed{not-json} 6\n",
    ] {
        assert!(text.contains(want), "{want} in {text}");
    }
}

#[test]
fn a_full_queue_drops_and_counts_what() {
    let mut bench = Bench::reading(2, &["db"]);
    for n in 0..200 {
        bench.send(n);
    }
    bench.until("all are read", || bench.stats.received.value() == 200);
    let dropped = [(DropReason::QueueFull, 198)];
    assert_eq!(bench.stats.dropped.by_reason(), dropped, "two wait");
    bench.stop().unwrap();
    assert_eq!(bench.stats.dropped.by_reason(), dropped);
    assert_eq!((bench.stats.counted.value(), bench.total("db")), (2, 2));
}

#[test]
fn a_storage_whose_queue_was_full_for_a_moment_counts_everything_again() {
    let mut bench = Bench::reading(2, &["well", "sick"]);
    bench.release();
    let (well, sick) = (Arc::clone(&bench.stats), Arc::clone(&bench.stats.others[0]));
    for n in 0..3 {
        bench.send(n);
        bench.until("the healthy one counts", || {
            well.counted.value() == n as u64 + 1
        });
    }
    assert_eq!(
        sick.dropped.by_reason(),
        [(DropReason::QueueFull, 1)],
        "of the other's queue two fill it"
    );
    bench.release();
    bench.until("it counts the third too", || {
        bench.send(2);
        sick.counted.value() > 2
    });
    bench.until("all are counted", || {
        well.counted.value() == well.received.value()
    });
    let missed = sick.dropped.total();
    for _ in 0..100 {
        bench.send(2);
    }
    bench.stop().unwrap();
    assert_eq!(sick.dropped.total(), missed, "nothing more is missed");
    assert_eq!(bench.total("well"), well.received.value());
    assert_eq!(bench.total("sick"), well.received.value() - missed);
}

#[test]
fn midnight_divides() {
    let mut bench = Bench::new(10_000);
    bench.send(1);
    bench.send(1);
    bench.committed(2);
    bench.clock("2026-11-21T00:00:00Z");
    bench.until("the day is closed", || bench.stats.days_closed.value() == 2);
    for _ in 0..3 {
        bench.send(1);
    }
    bench.committed(5);
    bench.clock("2026-11-20T23:30:00Z");
    bench.send(1);
    bench.committed(6);
    bench.stop().unwrap();
    assert_eq!(
        (bench.total("db.yesterday"), bench.total("db")),
        (2, 4),
        "a closed day stays closed"
    );
}

#[test]
fn rolled_over_by_signal() {
    let mut bench = Bench::new(10_000);
    bench.send(1);
    bench.committed(1);
    bench.control.rotate();
    bench.until("rolled over", || bench.stats.days_closed.value() == 2);
    bench.send(1);
    bench.stop().unwrap();
    assert_eq!((bench.total("db.yesterday"), bench.total("db")), (1, 1));
}

#[test]
fn a_locked_file_delays_and_loses_nothing() {
    let mut bench = Bench::new(10_000);
    bench.send(1);
    bench.committed(1);
    let other = Connection::open(bench.path("db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for _ in 0..50 {
        bench.send(1);
        bench.send(2);
    }
    bench.until("all are read", || bench.stats.received.value() == 101);
    bench.clock("2026-11-21T00:00:00Z");
    bench.until("a commit fails", || bench.stats.commit_failures.value() > 0);
    bench.send(3);
    bench.until("all are seen", || bench.stats.counted.value() == 102);
    drop(other);
    bench.until("the day is closed late", || {
        bench.stats.days_closed.value() == 2
    });
    bench.send(3);
    bench.stop().unwrap();
    assert_eq!(bench.total("db.yesterday") + bench.total("db"), 103);
    assert_eq!(
        bench.total("db.yesterday"),
        101,
        "by the time of arrival, not of the commit"
    );
}

#[test]
fn memory_is_bounded_when_no_storage_answers() {
    let mut bench = Bench::new(10_000);
    let other = Connection::open(bench.path("db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for n in 0..200 {
        bench.send(n);
    }
    bench.until("all are seen", || {
        bench.stats.counted.value() + bench.stats.dropped.total() == 200
    });
    assert_eq!(bench.stats.counted.value(), 2 * MAX_SEEN as u64);
    drop(other);
    bench.until("it recovers", || bench.stats.uncommitted.value() == 0);
    bench.until("and takes new ones again", || {
        bench.send(7);
        std::thread::sleep(Duration::from_millis(100));
        bench.stats.counted.value() > 2 * MAX_SEEN as u64
    });
    bench.stop().unwrap();
    assert_eq!(bench.total("db"), bench.stats.counted.value());
}

#[test]
fn a_storage_that_never_answers_is_told_at_the_end() {
    let mut bench = Bench::new(10_000);
    let other = Connection::open(bench.path("db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    bench.send(1);
    let unwritten = bench.stop().unwrap_err();
    assert_eq!(unwritten.datagrams, 1);
}

#[test]
fn a_removed_file_comes_back_whole() {
    let mut bench = Bench::new(10_000);
    bench.send(1);
    bench.committed(1);
    std::fs::remove_file(bench.path("db")).unwrap();
    bench.send(1);
    bench.send(2);
    bench.committed(3);
    bench.send(1);
    bench.stop().unwrap();
    assert_eq!(bench.total("db"), 4);
}
