//! Logs that `stats_file` cannot be written, and that it is written again.

use std::{io, path::Path};

use jiff::Timestamp;
use tlsrptd_service::log::FailureThrottle;
use tracing::warn;

#[derive(Default)]
pub(super) struct StatsFile(FailureThrottle);

impl StatsFile {
    pub(super) fn log(&mut self, written: io::Result<()>, path: &Path, now: Timestamp) {
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
