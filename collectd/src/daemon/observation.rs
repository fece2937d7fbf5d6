//! The observation socket of a collector, where its configuration names one.

use std::sync::Arc;

use tlsrptd_service::observe::Server;
use tracing::warn;

use super::{main_thread::MainThread, storages::url};
use crate::{
    observe::{Observed, ObservedCollector},
    store::RunningDay,
};

/// Answers from now on, until what it returns is dropped. Without a socket the collector goes on, and it is made when it can be.
pub(super) fn observe(
    main: &MainThread,
    running_day: Option<Arc<dyn RunningDay>>,
) -> Option<Server> {
    let settings = &main.settings;
    let path = settings.observation_socket.as_deref()?;
    let collector = ObservedCollector {
        started: (main.clock)(),
        clock: Arc::clone(&main.clock),
        sockets: settings.socketname.clone(),
        storages: settings
            .storage
            .iter()
            .map(url)
            .map(str::to_owned)
            .collect(),
        stats: Arc::clone(&main.stats),
    };
    let started = Server::start(path, Observed::new(collector, running_day).handler());
    started
        .inspect_err(|error| {
            warn!(%error, "nobody can observe the collector: it works without its observation socket");
        })
        .ok()
}
