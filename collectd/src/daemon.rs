//! The collector as a process: made ready, then served until a signal ends it.
//!
//! Three threads: the reader empties the sockets, the writer keeps the stores, and this one waits for signals, starts the
//! rollover script and writes the figures.

use std::{
    fs, io,
    os::fd::AsFd,
    path::PathBuf,
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
use tlsrptd_config::{
    Storage,
    collectd::Collectd,
    log::{Limited, LogHandle},
    notify::Notify,
};
use tlsrptd_proto::{datagram::Limits, day::Day};
use tracing::{error, info, warn};

use crate::{
    Clock,
    control::Control,
    drops::Drops,
    error::Error,
    inherit::{self, Passed},
    keeper::{Keeper, Pace},
    memo::Memo,
    pulse::Pulse,
    queue::Queue,
    receive::Reader,
    reject::Reject,
    script::{Runner, Scripts},
    socket::{Access, Socket, SocketError},
    stats::{Hourly, Stats},
    store::{Dummy, FoldLimits, Sqlite, Store},
    writer::{Slots, Writer},
};

/// The stats file is written that often.
const FIGURES: Duration = Duration::from_secs(10);
/// One line about a socket that cannot be read in that time.
const COMPLAINTS: Duration = Duration::from_secs(60);
/// While a script runs, it is looked after that often.
const REAP: Duration = Duration::from_millis(200);
/// Fewer datagrams than this in the kernel's queue are lost at the first burst.
const SHORT_QUEUE: u32 = 128;

/// A collector that is ready: its sockets are bound, its databases open, nothing is read yet.
pub struct Collector {
    settings: Collectd,
    clock: Clock,
    signals: SignalFd,
    sockets: Vec<Socket>,
    keepers: Vec<Keeper>,
    today: Day,
    stats: Arc<Stats>,
    scripts: Arc<Scripts>,
    control: Arc<Control>,
    pid_file: Option<PidFile>,
    notify: Notify,
    pulses: [Arc<Pulse>; 2],
}

impl Collector {
    /// Makes everything ready that can fail, and closes days that ended while no collector was running.
    ///
    /// Sockets come first: where another collector answers, its databases must not be touched.
    pub fn prepare(settings: Collectd, clock: Clock) -> Result<Collector, Error> {
        // Before anything is opened that could be taken for what was passed.
        let passed = inherit::take(std::env::vars_os(), std::process::id())?;
        let signals = take_signals().map_err(system("receive signals"))?;
        let notify = Notify::new(std::env::vars_os(), std::process::id());
        let sockets = sockets(passed, &settings)?;
        let stats = Arc::new(Stats::default());
        let scripts = Arc::new(Scripts::new().map_err(system("make an event descriptor"))?);
        let now = clock();
        let stores = settings
            .storage
            .iter()
            .map(|storage| open_store(storage, &settings))
            .collect::<Result<Vec<_>, _>>()?;
        let today = first_day(&stores, Day::of(now));
        let mut keepers = Vec::new();
        for store in stores {
            let mut keeper = Keeper::new(store, Arc::clone(&stats), Arc::clone(&scripts));
            keeper.settle(today, false, now);
            keepers.push(keeper);
        }
        let pid_file = settings
            .pidfilename
            .clone()
            .map(PidFile::write)
            .transpose()?;
        warn_of_short_queue();
        Ok(Collector {
            settings,
            clock,
            signals,
            sockets,
            keepers,
            today,
            stats,
            scripts,
            control: Arc::new(Control::new().map_err(system("make an event descriptor"))?),
            pid_file,
            notify,
            pulses: [Arc::new(Pulse::reader()), Arc::new(Pulse::writer())],
        })
    }

    /// Works until SIGTERM or SIGINT, and then until everything that was accepted is written.
    pub fn serve(mut self, log: &LogHandle) -> Result<(), Error> {
        let queue = Arc::new(Queue::new(
            self.settings.max_queued_datagrams,
            self.settings.max_datagram_size,
        ));
        let unlinkers = std::mem::take(&mut self.sockets);
        let (sockets, mut names) = unlinkers
            .into_iter()
            .map(Socket::split)
            .collect::<(Vec<_>, Vec<_>)>();
        let writer = self.writer(&queue);
        let reader = self.reader(&queue, sockets);
        let start = |name: &str| thread::Builder::new().name(name.into());
        let writer = start("writer")
            .spawn(|| writer.run())
            .map_err(system("start a thread"))?;
        let reader = start("reader")
            .spawn(|| reader.run())
            .map_err(system("start a thread"))?;

        let mut drops = Drops::default();
        self.notify.ready();
        let mut scripts = Runner::new(self.settings.daily_rollover_script.clone());
        self.wait_for_the_end(log, &mut drops, &mut scripts);
        self.notify.stopping();

        // First the names, so that nobody sends any more; then what was sent is read and written.
        let unlinked = names
            .iter_mut()
            .map(|name| name.unlink())
            .collect::<Result<Vec<()>, _>>();
        self.control.stop();
        // A panic ends the process at once in a release build; elsewhere it is a lost thread.
        let read = reader.join().map_err(|_| Error::Unwritten { lost: 0 });
        let written = writer.join().map_err(|_| Error::Unwritten { lost: 0 });
        // A day that was closed on the way out is closed only once.
        scripts.start(&self.scripts);
        scripts.leave();
        self.figures();
        drops.tell_all(&self.stats);
        info!(figures = self.stats.summary(), "stopped");
        drop(self.pid_file);
        read?;
        written?.map_err(|lost| Error::Unwritten {
            lost: lost.datagrams,
        })?;
        unlinked.map(|_| ())
    }

    fn writer(&mut self, queue: &Arc<Queue>) -> Writer {
        let settings = &self.settings;
        Writer {
            queue: Arc::clone(queue),
            control: Arc::clone(&self.control),
            stats: Arc::clone(&self.stats),
            clock: Arc::clone(&self.clock),
            reject: Reject::new(
                settings.dump_path_for_invalid_datagram.clone(),
                Arc::clone(&self.stats),
            ),
            keepers: std::mem::take(&mut self.keepers),
            pace: Pace {
                full: settings.max_uncommited_datagrams,
                retry: settings.retry_commit_datagram_count,
                timeout: settings.sockettimeout,
            },
            limits: Limits {
                max_text_length: settings.max_text_length,
            },
            // The reader's table, and as many again of a table before that could not be committed yet.
            max_indexes: settings.max_domains_in_memory.max(1).saturating_mul(2),
            today: self.today,
            slots: Slots::default(),
            pulse: Arc::clone(&self.pulses[1]),
            refused: 0,
        }
    }

    fn reader(&self, queue: &Arc<Queue>, sockets: Vec<std::os::unix::net::UnixDatagram>) -> Reader {
        Reader {
            sockets,
            control: Arc::clone(&self.control),
            queue: Arc::clone(queue),
            stats: Arc::clone(&self.stats),
            memo: Memo::new(rand::random(), self.settings.max_domains_in_memory),
            clock: Arc::clone(&self.clock),
            today: self.today,
            max_datagram_size: self.settings.max_datagram_size,
            complaint: Limited::new(COMPLAINTS),
            pulse: Arc::clone(&self.pulses[0]),
        }
    }

    /// Signals, scripts, figures and signs of life.
    fn wait_for_the_end(&self, log: &LogHandle, drops: &mut Drops, runner: &mut Runner) {
        let mut written = Instant::now();
        let mut hourly = Hourly::new(Instant::now());
        let watchdog = self.notify.watchdog();
        let mut alive = Instant::now();
        loop {
            runner.start(&self.scripts);
            let patience = if runner.reap() { REAP } else { FIGURES };
            self.sleep(watchdog.map_or(patience, |often| patience.min(often)));
            while let Ok(Some(signal)) = self.signals.read_signal() {
                match Signal::try_from(signal.ssi_signo as i32) {
                    Ok(Signal::SIGUSR2) => self.control.roll(),
                    Ok(Signal::SIGHUP) => {
                        if let Err(error) = log.reopen() {
                            error!(%error, "cannot open the log file again");
                        }
                    }
                    Ok(signal) => {
                        info!(signal = signal.as_str(), "stopping");
                        return;
                    }
                    Err(_) => {}
                }
            }
            if written.elapsed() >= FIGURES {
                written = Instant::now();
                drops.tell(&self.stats, (self.clock)());
                self.figures();
            }
            if let Some(figures) = hourly.due(Instant::now(), &self.stats) {
                info!(figures, "figures");
            }
            if watchdog.is_some_and(|often| alive.elapsed() >= often / 2)
                && self.pulses.iter().all(|pulse| pulse.is_alive())
            {
                alive = Instant::now();
                self.notify.alive();
            }
        }
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

    fn figures(&self) {
        self.notify.status(&self.stats.status());
        let Some(path) = &self.settings.stats_file else {
            return;
        };
        if let Err(error) = self.stats.write(path) {
            warn!(%error, path = %path.display(), "cannot write the stats file");
        }
    }
}

/// Those that were passed, and those configured that were not among them.
fn sockets(passed: Vec<Passed>, settings: &Collectd) -> Result<Vec<Socket>, SocketError> {
    let access = Access {
        user: settings.socketuser.clone(),
        group: settings.socketgroup.clone(),
        mode: settings.socketmode,
    };
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
        sockets.push(passed.into_socket());
    }
    Ok(sockets)
}

/// The day to begin with. A clock that stepped back into the day just closed does not reopen it, as it does not while
/// we run (`receive::day_of_arrival`): its reports may be on their way.
fn first_day(stores: &[Box<dyn Store>], now: Day) -> Day {
    if stores
        .iter()
        .any(|store| store.newest_closed() == Some(now))
    {
        warn!(day = %now, "the clock shows a day that is closed already: counting for the next one");
        return now.next();
    }
    now
}

fn open_store(storage: &Storage, settings: &Collectd) -> Result<Box<dyn Store>, Error> {
    let limits = FoldLimits::new(
        settings.max_policies_per_domain,
        settings.max_failures_per_policy,
    )
    .in_file_of(settings.max_day_file_size);
    Ok(match storage {
        Storage::Sqlite { path, url } => {
            Box::new(Sqlite::open(url, path, limits, settings.keep_days)?)
        }
        Storage::Dummy { log, url } => Box::new(Dummy::new(url, *log)),
    })
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

/// Postfix does not wait: what the kernel's queue cannot hold is lost there, and nobody is told.
fn warn_of_short_queue() {
    let known = fs::read_to_string("/proc/sys/net/unix/max_dgram_qlen");
    let length = known.ok().and_then(|text| text.trim().parse::<u32>().ok());
    if let Some(length) = length.filter(|length| *length < SHORT_QUEUE) {
        warn!(
            length,
            "the kernel queues few datagrams a socket, what comes in a burst is lost: set net.unix.max_dgram_qlen=512 and restart"
        );
    }
}

fn system(what: &'static str) -> impl Fn(io::Error) -> Error {
    move |source| Error::System { what, source }
}

/// The pid file, for as long as the process serves.
struct PidFile(PathBuf);

impl PidFile {
    fn write(path: PathBuf) -> Result<PidFile, Error> {
        match fs::write(&path, format!("{}\n", std::process::id())) {
            Ok(()) => Ok(PidFile(path)),
            Err(source) => Err(Error::PidFile { path, source }),
        }
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests;
