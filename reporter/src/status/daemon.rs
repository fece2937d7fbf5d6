//! From the settings to an orderly end.

use std::{path::Path, sync::Arc, thread, time::Duration};

use tlsrptd_config::{
    Listen, Settings, option::Program, service_view::ServiceView, statusd::Statusd,
};
use tlsrptd_service::{descriptors, log::LogHandle, service_manager::ServiceManager};
use tokio::runtime::{Builder, Runtime};

use super::{
    desk::Desk,
    host::HostNames,
    listen::{self, Listeners, ListenersSource},
    server::HttpServer,
    snapshot, worker,
};
use crate::{
    daemon::{Order, signals},
    error::{Error, StatusdError},
    store::StoreError,
};

/// How often it is looked whether anybody is there.
const LOOK: Duration = Duration::from_secs(1);

/// Descriptors for the sockets that listen, the log, the database with what stands beside it, and the daemons.
const OWN_DESCRIPTORS: usize = 32;

/// What is wrong with the files that the configuration names.
pub fn faults(settings: &Statusd, _: Option<&Path>) -> Vec<String> {
    let service = ServiceView::of(Program::Statusd, None);
    let log = settings.logfilename.as_ref();
    let log = log.and_then(|path| service.write("logfilename", path));
    let folder = match &settings.listen {
        Listen::Unix(path) => service.write_into("listen", path),
        Listen::Tcp(_) => None,
    };
    let database = database_fault(settings, &service);
    [log, folder, database].into_iter().flatten().collect()
}

/// A database that is not there yet is no fault: the page says so.
fn database_fault(settings: &Statusd, service: &ServiceView) -> Option<String> {
    if let (Some(file), Some(_)) = (settings.reportd.database_file(), service.user()) {
        return file
            .exists()
            .then(|| service.read("dbname", file))
            .flatten();
    }
    match snapshot::open(&settings.reportd) {
        Err(error @ StoreError::Denied { .. }) => {
            Some(format!("dbname: {}", snapshot::in_words(&error)))
        }
        _ => None,
    }
}

/// Serves until a signal says stop, or nobody has asked for a while.
///
/// # Errors
/// What keeps it from serving.
pub fn run(settings: Settings<Statusd>, log: LogHandle) -> Result<(), Error> {
    // Before any thread is there: it changes the environment.
    let passed = listen::passed()?;
    let descriptors = descriptors::raise();
    tell(&settings);
    let runtime = runtime()?;
    let settings = Arc::new(settings.values);
    runtime.block_on(async {
        let service_manager = ServiceManager::from_env();
        let signals =
            signals::listen(service_manager.watchdog_interval()).map_err(Error::Runtime)?;
        let listeners = Listeners::make(&settings, passed)?;
        let server = begin(&settings, connections(&settings, descriptors))?;
        for name in &listeners.names {
            tracing::info!(address = %name, "tlsrpt-statusd serves");
        }
        let is_passed = listeners.source == ListenersSource::Passed;
        let mut accepting = tokio::task::JoinSet::new();
        for listener in listeners.all {
            accepting.spawn(Arc::clone(&server).accept(listener));
        }
        service_manager.ready();
        let patience = Some(settings.exit_when_idle).filter(|time| is_passed && !time.is_zero());
        until_stopped(signals, &service_manager, &log, &server, patience).await;
        service_manager.stopping();
        accepting.shutdown().await;
        // Its name goes before the last answers are out.
        drop(listeners.named);
        server.end().await;
        Ok(())
    })
}

fn tell(settings: &Settings<Statusd>) {
    tracing::info!("{}", settings.summary);
    for line in &settings.lines {
        tracing::debug!("{line}");
    }
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
}

/// One thread for all connections: what takes time is the worker's.
fn runtime() -> Result<Runtime, Error> {
    let mut runtime = Builder::new_current_thread();
    runtime.enable_all().build().map_err(Error::Runtime)
}

/// How many connections there may be at once: what the program itself opens has its descriptors beside them.
fn connections(settings: &Statusd, descriptors: usize) -> usize {
    let most = descriptors.saturating_sub(OWN_DESCRIPTORS).max(1);
    if settings.max_connections > most {
        tracing::warn!(
            max_connections = settings.max_connections,
            served = most,
            "max_connections is more than the limit of open files allows"
        );
    }
    settings.max_connections.min(most)
}

/// The worker, and the server that asks it.
fn begin(settings: &Arc<Statusd>, connections: usize) -> Result<Arc<HttpServer>, StatusdError> {
    let desk = Arc::new(Desk::default());
    let (for_worker, settings_of_worker) = (Arc::clone(&desk), Arc::clone(settings));
    thread::Builder::new()
        .name("worker".to_owned())
        .spawn(move || worker::work(&settings_of_worker, &for_worker))
        .map_err(StatusdError::Thread)?;
    let hosts = HostNames::new(settings.host_names.as_deref().unwrap_or_default());
    Ok(HttpServer::new(desk, hosts, connections))
}

/// With `patience`, it also ends when nobody has been there for so long.
async fn until_stopped(
    mut signals: signals::Signals,
    service_manager: &ServiceManager,
    log: &LogHandle,
    server: &HttpServer,
    patience: Option<Duration>,
) {
    loop {
        let order = tokio::select! {
            order = signals.orders.recv() => order,
            () = tokio::time::sleep(LOOK) => {
                if patience.is_some_and(|patience| server.idle() >= patience) {
                    tracing::info!("nobody asks: tlsrpt-statusd ends until somebody does");
                    return;
                }
                continue;
            }
        };
        match order {
            Some(Order::Reopen) => {
                if let Err(error) = log.reopen() {
                    tracing::error!(%error, "the old log file stays in use");
                }
            }
            Some(Order::Alive) if server.works() => service_manager.alive(),
            Some(Order::Alive) => {
                tracing::error!(
                    "no answer comes from store and daemons: the service manager is to start tlsrpt-statusd anew"
                );
            }
            Some(Order::Stop) | None => return,
        }
    }
}
