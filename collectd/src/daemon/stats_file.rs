//! Whether `stats_file` can be written: told when that changes.

use std::{io, path::Path, time::Duration};

use jiff::Timestamp;
use tlsrptd_service::log::FailureThrottle;
use tracing::warn;

/// One line in that time, while it cannot.
const INTERVAL: Duration = Duration::from_secs(60);

pub(super) struct StatsFile(FailureThrottle);

impl StatsFile {
    pub(super) fn new() -> StatsFile {
        StatsFile(FailureThrottle::new(INTERVAL))
    }

    pub(super) fn tell(&mut self, written: io::Result<()>, path: &Path, now: Timestamp) {
        match written {
            Ok(()) => {
                if let Some(lasted) = self.0.recovered(now) {
                    let seconds = lasted.as_secs();
                    warn!(seconds, path = %path.display(), "the stats file is written again");
                }
            }
            Err(error) => {
                if let Some(suppressed) = self.0.failed(now) {
                    warn!(%error, suppressed, path = %path.display(), "cannot write the stats file");
                }
            }
        }
    }
}
