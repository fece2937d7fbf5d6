//! What this host lacks affects every delivery: one line says so, and one that it is over.

use std::time::Duration;

use tlsrptd_service::log::LogThrottle;

use crate::{deliver::Outcome, model::QueueKey};

/// What was logged.
pub(super) struct LocalFaults {
    shortages: LogThrottle,
    not_ready: LogThrottle,
    /// Posts cannot be made, and the log says so.
    is_https_unavailable: bool,
}

impl LocalFaults {
    pub(super) fn new() -> LocalFaults {
        LocalFaults {
            shortages: LogThrottle::default(),
            not_ready: LogThrottle::new(Duration::from_secs(3600)),
            is_https_unavailable: false,
        }
    }

    /// After an attempt that ended so.
    pub(super) fn log(&mut self, queue: &QueueKey, outcome: &Outcome) {
        match outcome {
            Outcome::LocalShortage { reason } => {
                if let Some(others) = self.shortages.pass_now() {
                    tracing::warn!(
                        reason,
                        others,
                        "this host is short of something that deliveries need: they wait (raise LimitNOFILE= of the unit, or lower max_concurrent_deliveries)"
                    );
                }
            }
            Outcome::HttpsUnavailableHere { reason } => {
                if let Some(others) = self.not_ready.pass_now() {
                    self.is_https_unavailable = true;
                    tracing::warn!(
                        reason,
                        others,
                        "https: destinations cannot be reached from this host: they wait (see to https_proxy, the CA certificates or http_script)"
                    );
                }
            }
            Outcome::Sent { .. }
                if !queue.is_local() && std::mem::take(&mut self.is_https_unavailable) =>
            {
                tracing::warn!("https: destinations can be reached again: posts go on");
            }
            _ => {}
        }
    }
}
