//! The observation socket of a collector, where its configuration names one.

use std::sync::Arc;

use tlsrptd_service::observe::Server;
use tracing::{info, warn};

use super::{main_thread::MainThread, storages::url};
use crate::{
    observe::{Observed, ObservedCollector},
    store::RunningDay,
};

/// Answers from now on, until what it returns is dropped. Without a socket the collector goes on.
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
    match Server::start(path, Observed::new(collector, running_day).handler()) {
        Ok(server) => {
            info!(socket = %path.display(), "observed");
            Some(server)
        }
        Err(error) => {
            warn!(%error, "cannot make the observation socket: the collector works without it");
            None
        }
    }
}
