//! The main thread: signals, the rollover script, figures, and what the service manager hears.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tlsrptd_config::collectd::Collectd;
use tlsrptd_service::{log::LogHandle, service_manager::ServiceManager};
use tracing::info;

use super::{
    signals::{NextStep, Signals},
    socket_watch::SocketWatch,
    stats_file::StatsFile,
    threads::Threads,
};
use crate::{
    WallClock,
    control::Control,
    dropped::DropLog,
    observe::ObservedCollector,
    script::{ScriptQueue, ScriptRunner},
    stats::{HourlyFigures, Stats},
};

/// The stats file is written, and sockets and drops are looked at, that often.
const FIGURES: Duration = Duration::from_secs(10);
/// While a script runs, its end is looked for that often.
const REAP: Duration = Duration::from_millis(200);

/// See the module.
pub(super) struct MainThread {
    pub(super) settings: Collectd,
    pub(super) clock: WallClock,
    pub(super) signals: Signals,
    pub(super) control: Arc<Control>,
    pub(super) stats: Arc<Stats>,
    pub(super) collector: Arc<ObservedCollector>,
    pub(super) stats_file: StatsFile,
    pub(super) drop_log: DropLog,
    pub(super) scripts: Arc<ScriptQueue>,
    pub(super) script_runner: ScriptRunner,
    pub(super) service_manager: ServiceManager,
}

impl MainThread {
    /// Works until a signal says to stop.
    pub(super) fn run_until_stopped(
        &mut self,
        log: &LogHandle,
        threads: &Threads,
        socket_watch: &mut SocketWatch,
    ) {
        let start = Instant::now();
        let (mut written, mut said_alive) = (start, start);
        let mut hourly = HourlyFigures::new(start);
        let watchdog = self.service_manager.watchdog_interval();
        self.service_manager.ready();
        loop {
            self.script_runner.start(&self.scripts);
            let patience = if self.script_runner.reap() {
                REAP
            } else {
                FIGURES
            };
            self.sleep(watchdog.map_or(patience, |interval| patience.min(interval)));
            let storages = &self.settings.storage;
            if self.signals.obey(&self.control, log, storages) == NextStep::Stop {
                self.service_manager.stopping();
                return;
            }
            let now = Instant::now();
            if now - written >= FIGURES {
                written = now;
                let now = (self.clock)();
                self.drop_log.log(&self.stats, now);
                socket_watch.look(&self.control, self.stats.received.value(), now);
                self.write_figures();
            }
            if let Some(figures) = hourly.due(now, &self.stats) {
                info!(figures, "figures");
            }
            let is_due = |interval: Duration| now - said_alive >= interval / 2;
            if watchdog.is_some_and(is_due) && threads.are_alive(now) {
                said_alive = now;
                self.service_manager.alive();
            }
        }
    }

    /// The last figures, and the script for a day that was closed on the way out: it is closed only once.
    pub(super) fn finish(mut self) {
        self.script_runner.start(&self.scripts);
        self.write_figures();
        self.drop_log.log_all(&self.stats);
        info!(figures = self.stats.summary(), "stopped");
        self.script_runner.leave();
    }

    fn sleep(&self, patience: Duration) {
        let mut polled = [
            PollFd::new(self.signals.event(), PollFlags::POLLIN),
            PollFd::new(self.scripts.event(), PollFlags::POLLIN),
        ];
        // Whatever ends it, the loop looks at everything.
        let _ = poll(
            &mut polled,
            PollTimeout::try_from(patience).unwrap_or(PollTimeout::ZERO),
        );
    }

    fn write_figures(&mut self) {
        self.service_manager.status(&self.stats.status());
        if let Some(path) = &self.settings.stats_file {
            let status = self.collector.status();
            self.stats_file.write(path, &status, (self.clock)());
        }
    }
}
