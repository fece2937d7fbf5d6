//! The collector as a process: made ready, then served until a signal ends it.
//!
//! Three kinds of threads: the reader empties the sockets, a writer for each storage counts, and the main thread waits for
//! signals, runs the rollover script and writes the figures.

mod in_turn;
mod kernel_queue;
mod main_thread;
mod observation;
mod signals;
mod socket_watch;
mod sockets;
mod stats_file;
mod storages;
mod threads;

#[doc(hidden)]
pub use in_turn::InTurn;

use std::{io, sync::Arc, time::Instant};

use tlsrptd_config::collectd::Collectd;
use tlsrptd_service::{
    descriptors, log::LogHandle, passed_sockets, pid_file::PidFile, service_manager::ServiceManager,
};

use self::{
    main_thread::MainThread,
    observation::observe,
    signals::Signals,
    socket_watch::SocketWatch,
    sockets::{access, listen},
    stats_file::StatsFile,
    storages::{first_day, of_storage, open_stores, url},
    threads::Threads,
};
use crate::{
    WallClock,
    control::Control,
    days::{DayWatch, ReadClocks},
    dropped::DropLog,
    error::Error,
    observe,
    script::{ScriptQueue, ScriptRunner},
    socket::{Socket, SocketError},
    stats::Stats,
    store::{RunningDay, Store, TodaysRows},
    store_writer::{CommitPolicy, StoreWriter},
};

/// A collector that is ready: its sockets are bound, its databases open, nothing is read yet.
pub struct Collector {
    sockets: Vec<Socket>,
    /// One a storage.
    store_writers: Vec<StoreWriter>,
    days: DayWatch,
    /// How the day is read that the first storage counts, which is the one that the fetcher reads.
    running_day: Option<Arc<dyn RunningDay>>,
    /// Sessions came before this start.
    is_used: bool,
    main: MainThread,
}

impl Collector {
    /// Makes everything ready that can fail, and closes days that ended while no collector was running.
    ///
    /// Sockets come first: where another collector answers, its databases must not be touched.
    ///
    /// # Errors
    ///
    /// What keeps the collector from starting.
    pub fn prepare(settings: Collectd, read_clocks: ReadClocks) -> Result<Collector, Error> {
        descriptors::raise();
        // Before anything is opened that could be taken for what was passed.
        let passed = passed_sockets::take().map_err(SocketError::from)?;
        let signals = Signals::take_over().map_err(system("receive signals"))?;
        let service_manager = ServiceManager::from_env();
        let sockets = listen(passed, &settings)?;
        let stats = Arc::new(Stats::of_storages(settings.storage.iter().map(url)));
        let scripts = Arc::new(ScriptQueue::new().map_err(system("make an event descriptor"))?);
        let stores = open_stores(&settings)?;
        let days = first_day(
            &stores,
            Arc::clone(&read_clocks),
            settings.clock_confirmation,
        );
        let clock: WallClock = Arc::new(move || read_clocks().wall);
        let main = MainThread {
            collector: Arc::new(described(&settings, &clock, &stats)),
            clock,
            signals,
            control: Arc::new(Control::new().map_err(system("make an event descriptor"))?),
            stats,
            stats_file: StatsFile::default(),
            drop_log: DropLog::default(),
            script_runner: ScriptRunner::new(settings.daily_rollover_script.clone()),
            scripts,
            service_manager,
            settings,
        };
        let running_day = stores.first().and_then(|store| store.running_day());
        let is_used = stores.iter().any(|store| store.has_sessions());
        let store_writers = main.store_writers(stores, &days);
        Ok(Collector {
            sockets,
            store_writers,
            days,
            running_day,
            is_used,
            main,
        })
    }

    /// Works until SIGTERM or SIGINT, and then until everything that was accepted is written.
    ///
    /// # Errors
    ///
    /// A thread could not be started, or something is left undone at the end.
    pub fn serve(self, log: &LogHandle) -> Result<(), Error> {
        let Collector { mut main, days, .. } = self;
        let pid_file = main.settings.pidfilename.clone();
        let _pid_file = pid_file.map(PidFile::write).transpose()?;
        kernel_queue::warn_if_short();
        main.stats.set_today(days.today);
        let observed = observe(&main, self.running_day);
        let (sockets, names) = self.sockets.into_iter().map(Socket::split).unzip();
        let threads = Threads::start(&main, sockets, self.store_writers, days)
            .map_err(system("start a thread"))?;
        let access = access(&main.settings);
        let mut socket_watch = SocketWatch::new(names, access, self.is_used, Instant::now());
        main.run_until_stopped(log, &threads, &mut socket_watch);

        drop(observed);
        // First the names, so that nobody sends any more; then what was sent is read and written.
        let unlinked = socket_watch.unlink();
        main.control.stop();
        let written = threads.join();
        main.finish();
        written?;
        unlinked.map_err(Error::Unlink)
    }
}

/// What is told of it.
fn described(
    settings: &Collectd,
    clock: &WallClock,
    stats: &Arc<Stats>,
) -> observe::ObservedCollector {
    observe::ObservedCollector {
        started: clock(),
        clock: Arc::clone(clock),
        sockets: settings.socketname.clone(),
        storages: settings
            .storage
            .iter()
            .map(|storage| url(storage).to_owned())
            .collect(),
        max_day_file_bytes: settings.max_day_file_size,
        stats: Arc::clone(stats),
    }
}

impl MainThread {
    /// Closes the days that have ended, where the clock allows it.
    fn store_writers(&self, stores: Vec<Box<dyn Store>>, days: &DayWatch) -> Vec<StoreWriter> {
        let policy = CommitPolicy {
            max_uncommitted: self.settings.max_uncommited_datagrams,
            retry_after: self.settings.retry_commit_datagram_count,
            interval: self.settings.sockettimeout,
        };
        let now = (self.clock)();
        stores
            .into_iter()
            .enumerate()
            .map(|(place, store)| {
                let stats = of_storage(&self.stats, place);
                let scripts = Arc::clone(&self.scripts);
                let mut store_writer = StoreWriter::new(store, stats, scripts, policy);
                match days.may_close() {
                    true => store_writer.close_days(days.today, TodaysRows::Stay, now),
                    false => store_writer.postpone_close(),
                }
                store_writer
            })
            .collect()
    }
}

fn system(what: &'static str) -> impl Fn(io::Error) -> Error {
    move |source| Error::System { what, source }
}

#[cfg(test)]
mod tests;
