//! The reader and the writers: made of the settings, started, and waited for at the end.

use std::{
    io,
    os::unix::net::UnixDatagram,
    sync::Arc,
    thread::{Builder, JoinHandle},
    time::{Duration, Instant},
};

use tlsrptd_proto::{datagram::TextLimits, day::Day};
use tlsrptd_service::log::LogThrottle;

use super::{main_thread::MainThread, storages::of_storage};
use crate::{
    days::DayWatch,
    error::Error,
    heartbeat::Heartbeat,
    queue::{Queue, StorageQueues},
    receive::ReaderThread,
    reject::Reject,
    seen_table::SeenTable,
    store_writer::StoreWriter,
    writer::{EpochIds, Unwritten, WriterThread},
};

/// One line about a socket that cannot be read in that time.
const READ_LOG: Duration = Duration::from_secs(60);

/// The threads beside the main thread.
pub(super) struct Threads {
    reader: SpawnedThread<()>,
    /// One a storage. They share nothing but the input, so that one that hangs or fails falls behind alone.
    writers: Vec<SpawnedThread<Result<(), Unwritten>>>,
}

struct SpawnedThread<T> {
    thread: JoinHandle<T>,
    heartbeat: Arc<Heartbeat>,
}

impl Threads {
    /// Starts all.
    ///
    /// # Errors
    ///
    /// The system allows no more threads.
    pub(super) fn start(
        main: &MainThread,
        sockets: Vec<UnixDatagram>,
        store_writers: Vec<StoreWriter>,
        days: DayWatch,
    ) -> io::Result<Threads> {
        let (reader, writers) = prepare(main, sockets, store_writers, days);
        let writers = writers.into_iter().map(|writer| {
            let heartbeat = Arc::clone(&writer.heartbeat);
            start("writer", heartbeat, || writer.run())
        });
        Ok(Threads {
            writers: writers.collect::<io::Result<_>>()?,
            reader: start("reader", Arc::clone(&reader.heartbeat), || reader.run())?,
        })
    }

    /// Whether the reader is alive, and a writer: a restart would take the healthy storages down with one that hangs.
    pub(super) fn are_alive(&self, now: Instant) -> bool {
        let mut writers = self.writers.iter();
        self.reader.heartbeat.is_alive(now) && writers.any(|writer| writer.heartbeat.is_alive(now))
    }

    /// Waits until all have ended. A panic ends the process at once in a release build; elsewhere it is a lost thread.
    ///
    /// # Errors
    ///
    /// A storage did not get everything.
    pub(super) fn join(self) -> Result<(), Error> {
        let reader = self.reader.thread.join();
        let writers: Vec<_> = self
            .writers
            .into_iter()
            .map(|writer| writer.thread.join().unwrap_or(Err(Unwritten::default())))
            .collect();
        let unwritten = writers.into_iter().filter_map(Result::err);
        let lost = unwritten.map(|unwritten| unwritten.datagrams).max();
        match lost.or(reader.is_err().then_some(0)) {
            Some(lost) => Err(Error::Unwritten { lost }),
            None => Ok(()),
        }
    }
}

/// The reader, and a writer for each storage.
pub(super) fn prepare(
    main: &MainThread,
    sockets: Vec<UnixDatagram>,
    store_writers: Vec<StoreWriter>,
    days: DayWatch,
) -> (ReaderThread, Vec<WriterThread>) {
    let writers: Vec<_> = store_writers
        .into_iter()
        .enumerate()
        .map(|(place, store_writer)| writer(main, place, store_writer, days.today))
        .collect();
    let queues = writers.iter().map(|writer| Arc::clone(&writer.queue));
    let reader = reader(main, sockets, StorageQueues::new(queues.collect()), days);
    (reader, writers)
}

fn start<T: Send + 'static>(
    name: &str,
    heartbeat: Arc<Heartbeat>,
    run: impl FnOnce() -> T + Send + 'static,
) -> io::Result<SpawnedThread<T>> {
    let thread = Builder::new().name(name.into()).spawn(run)?;
    Ok(SpawnedThread { thread, heartbeat })
}

fn writer(main: &MainThread, place: usize, store_writer: StoreWriter, today: Day) -> WriterThread {
    let settings = &main.settings;
    let stats = of_storage(&main.stats, place);
    WriterThread {
        queue: Arc::new(Queue::new(
            settings.max_queued_datagrams,
            settings.max_datagram_size,
            Arc::clone(&stats),
        )),
        control: Arc::clone(&main.control),
        clock: Arc::clone(&main.clock),
        reject: (place == 0).then(|| {
            let dump = settings.dump_path_for_invalid_datagram.clone();
            Reject::new(dump, Arc::clone(&stats))
        }),
        stats,
        store_writer,
        limits: TextLimits {
            max_text_length: settings.max_text_length,
        },
        // Those of the reader's table, and as many of the epoch before that could not be committed yet.
        max_stored: settings.max_domains_in_memory.max(1).saturating_mul(2),
        today,
        epoch: EpochIds::default(),
        heartbeat: Arc::new(Heartbeat::writer()),
    }
}

fn reader(
    main: &MainThread,
    sockets: Vec<UnixDatagram>,
    queues: StorageQueues,
    days: DayWatch,
) -> ReaderThread {
    let settings = &main.settings;
    ReaderThread {
        sockets,
        control: Arc::clone(&main.control),
        queues,
        stats: Arc::clone(&main.stats),
        seen_table: SeenTable::new(rand::random(), settings.max_domains_in_memory),
        clock: Arc::clone(&main.clock),
        days,
        max_datagram_size: settings.max_datagram_size,
        log_throttle: LogThrottle::new(READ_LOG),
        heartbeat: Arc::new(Heartbeat::reader()),
    }
}
