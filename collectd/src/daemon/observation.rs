//! The observation socket of a collector, where its configuration names one.

use std::sync::Arc;

use tlsrptd_service::observe::Server;
use tracing::warn;

use super::main_thread::MainThread;
use crate::{observe::Observed, store::RunningDay};

/// Answers from now on, until what it returns is dropped. Without a socket the collector goes on, and it is made when it can be.
pub(super) fn observe(
    main: &MainThread,
    running_day: Option<Arc<dyn RunningDay>>,
) -> Option<Server> {
    let path = main.settings.observation_socket.as_deref()?;
    let observed = Observed::new(Arc::clone(&main.collector), running_day);
    let started = Server::start(path, observed.handler());
    started
        .inspect_err(|error| {
            warn!(%error, "nobody can observe the collector: it works without its observation socket");
        })
        .ok()
}
