//! Everything that can fail before work starts.

use std::{hint::black_box, sync::Arc, time::Duration};

use tlsrptd_config::{Settings, reportd::Reportd};
use tlsrptd_service::{
    descriptors, log::LogHandle, observe::Server, pid_file::PidFile,
    service_manager::ServiceManager,
};
use tokio::runtime::{Builder, Runtime};

use super::{Daemon, DaemonOptions, DigestOptions, observation, signals};
use crate::{
    compose::Composer,
    deliver::Deliverer,
    environment::SystemEnvironment,
    error::Error,
    lookup::{BlockLists, Resolver},
    model::CollectorCommand,
    route::Routes,
    store,
};

/// Whoever asks by `tlsrptctl` waits for it; the look costs microseconds.
const REQUEST_INTERVAL: Duration = Duration::from_secs(1);

/// A thread for blocking work that waits for more. Before its first signature each gathers randomness, which takes as long as
/// forty signatures: where a mail goes out a minute, it should not be another one each time.
const KEPT_THREAD: Duration = Duration::from_secs(600);

/// So much memory that was freed may lie at the end of the heap. With the 128 KiB that are usual each pass of the main loop
/// gave some back to the system and asked for it again: two calls a report, and as many new pages.
const KEPT_MEMORY: usize = 4 << 20;

/// Ready to serve.
pub struct Prepared {
    pub(super) runtime: Runtime,
    pub(super) daemon: Daemon<SystemEnvironment>,
    /// With which it begins anew, if it has to.
    pub(super) settings: Reportd,
    pub(super) signals: signals::Signals,
    pub(super) log: LogHandle,
    pub(super) service_manager: ServiceManager,
    pub(super) fetchers: Vec<CollectorCommand>,
    pub(super) pidfile: Option<PidFile>,
    /// Answers for as long as it is there.
    pub(super) observed: Option<Server>,
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prepared")
            .field("daemon", &self.daemon)
            .finish_non_exhaustive()
    }
}

/// Reads maps and keys, opens the database, listens to signals.
///
/// # Errors
///
/// What keeps the reporter from starting.
pub fn prepare(settings: Settings<Reportd>, log: LogHandle) -> Result<Prepared, Error> {
    descriptors::raise();
    keep_freed_memory();
    let runtime = runtime()?;
    // The resolver and the signals want to know where they live.
    let entered = runtime.enter();
    // First of all: a signal during the start shall stop the program in order too.
    let service_manager = ServiceManager::from_env();
    let signals = signals::listen(service_manager.watchdog_interval()).map_err(Error::Runtime)?;
    log_settings(&settings);
    let settings = settings.values;
    let (routes, deliverer) = parts(&settings)?;
    let store = store::open(&settings, None)?;
    let environment = environment(&settings, deliverer.with_bounce_key(store.bounce_key()));
    let composer =
        Composer::new(&settings, routes, store.installation().clone()).map_err(Error::Contact)?;
    let pidfile = settings
        .pidfilename
        .clone()
        .map(PidFile::write)
        .transpose()?;
    let fetchers = fetchers(&settings);
    let options = options(&settings, fetchers.clone());
    let daemon = Daemon::new(
        store,
        Arc::new(environment),
        Arc::new(composer),
        options,
        rand::random(),
    )?;
    drop(entered);
    let observed = observation::serve(
        settings.observation_socket.as_deref(),
        Arc::clone(&daemon.published),
        log.clone(),
    );
    Ok(Prepared {
        runtime,
        daemon,
        settings,
        signals,
        log,
        service_manager,
        fetchers,
        pidfile,
        observed,
    })
}

fn log_settings(settings: &Settings<Reportd>) {
    tracing::info!("{}", settings.summary);
    for line in &settings.lines {
        tracing::debug!("{line}");
    }
    for line in &settings.warnings {
        tracing::warn!("{line}");
    }
}

fn options(settings: &Reportd, fetchers: Vec<CollectorCommand>) -> DaemonOptions {
    DaemonOptions {
        fetchers,
        max_concurrent_deliveries: settings.max_concurrent_deliveries,
        max_concurrent_per_host: settings.max_concurrent_per_host,
        max_rate_per_host: settings.max_rate_per_host,
        max_mail_rate_per_domain: settings.max_mail_rate_per_domain,
        clock_confirmation: settings.clock_confirmation,
        late_interval: settings.late_interval,
        interval_main_loop: settings.interval_main_loop,
        digest: DigestOptions::new(settings),
        log_sent_interval: settings.log_sent_interval,
        request_interval: REQUEST_INTERVAL,
    }
}

/// glibc takes blocks of the size of one that was given back to the system for what comes and goes, and keeps twice as much
/// (mallopt(3), `M_MMAP_THRESHOLD`). To say so by `mallopt` itself would be `unsafe`.
fn keep_freed_memory() {
    drop(black_box(Vec::<u8>::with_capacity(KEPT_MEMORY / 2)));
}

/// The main thread writes the database, mails are signed on threads of their own, and both may keep a core busy. A thread
/// more than is needed costs: whatever comes in wakes it, and it finds that another has taken it.
fn runtime() -> Result<Runtime, Error> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Builder::new_multi_thread()
        .worker_threads(cores.div_ceil(2))
        .thread_keep_alive(KEPT_THREAD)
        .enable_all()
        .build()
        .map_err(Error::Runtime)
}

/// What is wrong with the maps, keys and certificates that the configuration names, and with addresses. Nothing is begun.
pub(super) fn faults(settings: &Reportd) -> Vec<String> {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return vec![error.to_string()],
    };
    let _entered = runtime.enter();
    match parts(settings) {
        Ok(_) => Vec::new(),
        Err(error) => error.to_string().lines().map(str::to_owned).collect(),
    }
}

/// What the daemon is made of, or all that is in the way.
fn parts(settings: &Reportd) -> Result<(Routes, Deliverer), Error> {
    let mut errors = Vec::new();
    let routes = Routes::load(settings).map_err(|problems| errors.push(Error::Maps(problems)));
    let deliverer = Deliverer::prepare(settings)
        .map_err(|problems| errors.extend(problems.into_iter().map(Error::Deliver)));
    match (routes, deliverer) {
        (Ok(routes), Ok(deliverer)) => Ok((routes, deliverer)),
        _ => Err(Error::all(errors)),
    }
}

fn environment(settings: &Reportd, deliverer: Deliverer) -> SystemEnvironment {
    SystemEnvironment {
        resolver: settings
            .resolve_records
            .then(|| Resolver::new(&settings.dns_servers, settings.dns_timeout)),
        block_lists: BlockLists::new(settings),
        deliverer: Arc::new(deliverer),
        max_collectd_timediff: settings.max_collectd_timediff,
        max_answer_size: settings.max_answer_size,
    }
}

fn fetchers(settings: &Reportd) -> Vec<CollectorCommand> {
    let commands = settings.fetchers.iter().map(|fetcher| fetcher.text.clone());
    // sys4 counts from 1.
    (1..)
        .zip(commands)
        .map(|(index, command)| CollectorCommand { index, command })
        .collect()
}
