//! The collector as a process: made ready, then served until a signal ends it.
//!
//! Three threads: the reader empties the sockets, the writer keeps the stores, and this one waits for signals, starts the
//! rollover script and writes the figures.

use std::{
    io,
    os::fd::AsFd,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{SigSet, Signal},
        signalfd::{SfdFlags, SignalFd},
    },
};
use tlsrptd_config::{Storage, collectd::Collectd};
use tlsrptd_proto::{datagram::TextLimits, day::Day};
use tlsrptd_service::{
    descriptors,
    log::{LogHandle, LogThrottle},
    passed_sockets::{self, PassedSocket},
    pid_file::PidFile,
    service_manager::ServiceManager,
};
use tracing::{error, info};

mod kernel_queue;
mod stats_file;
mod storages;
mod watch;

use self::{
    stats_file::StatsFile,
    storages::{first_day, join, of_storage, open_stores, url},
    watch::Watch,
};
use crate::{
    Clock,
    control::Control,
    days::{DayWatch, Readings},
    dropped::DropLog,
    error::Error,
    heartbeat::Heartbeat,
    queue::{Queue, StorageQueues},
    receive::ReaderThread,
    reject::Reject,
    script::{ScriptQueue, ScriptRunner},
    seen_table::SeenTable,
    socket::{Access, Socket, SocketError},
    stats::{HourlyFigures, Stats},
    store::TodaysRows,
    store_writer::{CommitPolicy, StoreWriter},
    writer::{EpochIds, WriterThread},
};

/// The stats file is written that often.
const FIGURES: Duration = Duration::from_secs(10);
/// One line about a socket that cannot be read in that time.
const SOCKET_LOG: Duration = Duration::from_secs(60);
/// While a script runs, it is looked after that often.
const REAP: Duration = Duration::from_millis(200);

/// A collector that is ready: its sockets are bound, its databases open, nothing is read yet.
pub struct Collector {
    settings: Collectd,
    clock: Clock,
    signals: SignalFd,
    sockets: Vec<Socket>,
    /// One a storage.
    store_writers: Vec<StoreWriter>,
    today: Day,
    /// Until there is a reader.
    days: Option<DayWatch>,
    /// Sessions came before this start.
    used: bool,
    stats: Arc<Stats>,
    scripts: Arc<ScriptQueue>,
    control: Arc<Control>,
    pid_file: Option<PidFile>,
    stats_file: StatsFile,
    service_manager: ServiceManager,
    reader_heartbeat: Arc<Heartbeat>,
    writer_heartbeats: Vec<Arc<Heartbeat>>,
}

impl Collector {
    /// Makes everything ready that can fail, and closes days that ended while no collector was running.
    ///
    /// Sockets come first: where another collector answers, its databases must not be touched.
    pub fn prepare(settings: Collectd, readings: Readings) -> Result<Collector, Error> {
        descriptors::raise();
        // Before anything is opened that could be taken for what was passed.
        let passed = passed_sockets::take().map_err(SocketError::from)?;
        let signals = take_signals().map_err(system("receive signals"))?;
        let service_manager = ServiceManager::from_env();
        let sockets = sockets(passed, &settings)?;
        let stats = Arc::new(Stats::of_storages(settings.storage.iter().map(url)));
        let scripts = Arc::new(ScriptQueue::new().map_err(system("make an event descriptor"))?);
        let clock: Clock = {
            let readings = Arc::clone(&readings);
            Arc::new(move || readings().wall)
        };
        let now = clock();
        let stores = open_stores(&settings)?;
        let days = first_day(&stores, readings, settings.clock_confirmation);
        let used = stores.iter().any(|store| store.has_sessions());
        let mut store_writers = Vec::new();
        for (place, store) in stores.into_iter().enumerate() {
            let mut store_writer =
                StoreWriter::new(store, of_storage(&stats, place), Arc::clone(&scripts));
            match days.may_close() {
                true => store_writer.close_days(days.today, TodaysRows::Stay, now),
                false => store_writer.postpone(),
            }
            store_writers.push(store_writer);
        }
        let pid_file = settings
            .pidfilename
            .clone()
            .map(PidFile::write)
            .transpose()?;
        kernel_queue::warn_if_short();
        let heartbeat = |_: &Storage| Arc::new(Heartbeat::writer());
        let writer_heartbeats = settings.storage.iter().map(heartbeat).collect();
        Ok(Collector {
            settings,
            clock,
            signals,
            sockets,
            store_writers,
            today: days.today,
            days: Some(days),
            used,
            stats,
            scripts,
            control: Arc::new(Control::new().map_err(system("make an event descriptor"))?),
            pid_file,
            stats_file: StatsFile::default(),
            service_manager,
            reader_heartbeat: Arc::new(Heartbeat::reader()),
            writer_heartbeats,
        })
    }

    /// Works until SIGTERM or SIGINT, and then until everything that was accepted is written.
    pub fn serve(mut self, log: &LogHandle) -> Result<(), Error> {
        let unlinkers = std::mem::take(&mut self.sockets);
        let (sockets, names) = unlinkers
            .into_iter()
            .map(Socket::split)
            .collect::<(Vec<_>, Vec<_>)>();
        let writers = self.writers();
        let queues = writers.iter().map(|writer| Arc::clone(&writer.queue));
        let Some(days) = self.days.take() else {
            return Ok(());
        };
        let reader = self.reader(days, StorageQueues::new(queues.collect()), sockets);
        let start = |name: &str| thread::Builder::new().name(name.into());
        let writers = writers
            .into_iter()
            .map(|writer| start("writer").spawn(|| writer.run()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(system("start a thread"))?;
        let reader = start("reader")
            .spawn(|| reader.run())
            .map_err(system("start a thread"))?;

        let mut watch = Watch::new(names, access(&self.settings), self.used, Instant::now());
        let mut drop_log = DropLog::default();
        self.service_manager.ready();
        let mut scripts = ScriptRunner::new(self.settings.daily_rollover_script.clone());
        self.wait_for_the_end(log, &mut drop_log, &mut scripts, &mut watch);
        self.service_manager.stopping();

        // First the names, so that nobody sends any more; then what was sent is read and written.
        let unlinked = watch.unlink();
        self.control.stop();
        // A panic ends the process at once in a release build; elsewhere it is a lost thread.
        let read = reader.join().map_err(|_| Error::Unwritten { lost: 0 });
        let written = join(writers);
        // A day that was closed on the way out is closed only once.
        scripts.start(&self.scripts);
        scripts.leave();
        self.figures();
        drop_log.log_all(&self.stats);
        info!(figures = self.stats.summary(), "stopped");
        drop(self.pid_file);
        read?;
        written?;
        unlinked
    }

    /// A writer a storage. They share nothing but the input, so that one that is sick falls behind alone.
    fn writers(&mut self) -> Vec<WriterThread> {
        let store_writers = std::mem::take(&mut self.store_writers).into_iter();
        let with_place = store_writers.zip(&self.writer_heartbeats).enumerate();
        with_place
            .map(|(place, (store_writer, heartbeat))| {
                self.writer(place, store_writer, Arc::clone(heartbeat))
            })
            .collect()
    }

    fn writer(
        &self,
        place: usize,
        store_writer: StoreWriter,
        heartbeat: Arc<Heartbeat>,
    ) -> WriterThread {
        let settings = &self.settings;
        let stats = of_storage(&self.stats, place);
        WriterThread {
            queue: Arc::new(Queue::new(
                settings.max_queued_datagrams,
                settings.max_datagram_size,
                Arc::clone(&stats),
            )),
            control: Arc::clone(&self.control),
            clock: Arc::clone(&self.clock),
            reject: (place == 0).then(|| {
                Reject::new(
                    settings.dump_path_for_invalid_datagram.clone(),
                    Arc::clone(&stats),
                )
            }),
            stats,
            store_writer,
            commit_policy: CommitPolicy {
                full: settings.max_uncommited_datagrams,
                retry: settings.retry_commit_datagram_count,
                timeout: settings.sockettimeout,
            },
            limits: TextLimits {
                max_text_length: settings.max_text_length,
            },
            // The reader's table, and as many again of a table before that could not be committed yet.
            max_indexes: settings.max_domains_in_memory.max(1).saturating_mul(2),
            today: self.today,
            epoch: EpochIds::default(),
            heartbeat,
        }
    }

    fn reader(
        &self,
        days: DayWatch,
        queues: StorageQueues,
        sockets: Vec<std::os::unix::net::UnixDatagram>,
    ) -> ReaderThread {
        ReaderThread {
            sockets,
            control: Arc::clone(&self.control),
            queues,
            stats: Arc::clone(&self.stats),
            seen_table: SeenTable::new(rand::random(), self.settings.max_domains_in_memory),
            clock: Arc::clone(&self.clock),
            days,
            max_datagram_size: self.settings.max_datagram_size,
            log_throttle: LogThrottle::new(SOCKET_LOG),
            heartbeat: Arc::clone(&self.reader_heartbeat),
        }
    }

    /// Signals, scripts, figures and signs of life.
    fn wait_for_the_end(
        &mut self,
        log: &LogHandle,
        drop_log: &mut DropLog,
        runner: &mut ScriptRunner,
        watch: &mut Watch,
    ) {
        let mut written = Instant::now();
        let mut hourly = HourlyFigures::new(Instant::now());
        let watchdog = self.service_manager.watchdog_interval();
        let mut alive = Instant::now();
        loop {
            runner.start(&self.scripts);
            let patience = if runner.reap() { REAP } else { FIGURES };
            self.sleep(watchdog.map_or(patience, |often| patience.min(often)));
            if self.obey(log) {
                return;
            }
            if written.elapsed() >= FIGURES {
                written = Instant::now();
                drop_log.log(&self.stats, (self.clock)());
                watch.look(&self.control, self.stats.received.value(), (self.clock)());
                self.figures();
            }
            if let Some(figures) = hourly.due(Instant::now(), &self.stats) {
                info!(figures, "figures");
            }
            if watchdog.is_some_and(|often| alive.elapsed() >= often / 2) && self.is_alive() {
                alive = Instant::now();
                self.service_manager.alive();
            }
        }
    }

    /// The reader is, and a writer: a restart would take the healthy storages down with one that hangs.
    fn is_alive(&self) -> bool {
        let now = Instant::now();
        self.reader_heartbeat.is_alive(now)
            && self
                .writer_heartbeats
                .iter()
                .any(|heartbeat| heartbeat.is_alive(now))
    }

    /// Does what signals say, all that wait before the end: the kernel does not tell in which order they came. True when
    /// it is to end.
    fn obey(&self, log: &LogHandle) -> bool {
        let mut ends = false;
        while let Ok(Some(signal)) = self.signals.read_signal() {
            match Signal::try_from(signal.ssi_signo as i32) {
                Ok(Signal::SIGUSR2) => self.control.rotate(),
                Ok(Signal::SIGHUP) => {
                    if let Err(error) = log.reopen() {
                        error!(%error, "cannot open the log file again");
                    }
                }
                Ok(signal) => {
                    info!(signal = signal.as_str(), "stopping");
                    ends = true;
                }
                Err(_) => {}
            }
        }
        ends
    }

    fn sleep(&self, patience: Duration) {
        let mut polled = [
            PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.scripts.event(), PollFlags::POLLIN),
        ];
        // Whatever ends it, the loop looks at everything.
        let _ = poll(
            &mut polled,
            PollTimeout::try_from(patience).unwrap_or(PollTimeout::ZERO),
        );
    }

    fn figures(&mut self) {
        self.service_manager.status(&self.stats.status());
        if let Some(path) = &self.settings.stats_file {
            let written = self.stats.write(path);
            self.stats_file.tell(written, path, (self.clock)());
        }
    }
}

fn access(settings: &Collectd) -> Access {
    Access {
        user: settings.socketuser.clone(),
        group: settings.socketgroup.clone(),
        mode: settings.socketmode,
    }
}

/// Those that were passed, and those configured that were not among them.
fn sockets(passed: Vec<PassedSocket>, settings: &Collectd) -> Result<Vec<Socket>, SocketError> {
    let access = access(settings);
    let mut sockets = Vec::new();
    for path in &settings.socketname {
        if !passed.iter().any(|passed| passed.is(path)) {
            sockets.push(Socket::make(path, &access)?);
            info!(socket = %path.display(), "listening");
        }
    }
    for passed in passed {
        let path = passed.path.clone().unwrap_or_default();
        info!(socket = %path.display(), "listening on a socket of the service manager");
        sockets.push(Socket::passed(passed)?);
    }
    Ok(sockets)
}

/// From here on, in all threads started later too, these signals come by the descriptor only.
fn take_signals() -> io::Result<SignalFd> {
    let mut signals = SigSet::empty();
    for signal in [
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
        Signal::SIGUSR2,
    ] {
        signals.add(signal);
    }
    signals.thread_block()?;
    Ok(SignalFd::with_flags(
        &signals,
        SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK,
    )?)
}

fn system(what: &'static str) -> impl Fn(io::Error) -> Error {
    move |source| Error::System { what, source }
}

#[cfg(test)]
mod tests;
