//! Malformed datagrams: counted by reason, logged once in a while, dumped when configured. Never fatal.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use tlsrptd_service::{
    files,
    log::{FailureThrottle, LogThrottle},
};
use tracing::{error, warn};

use crate::stats::Stats;

/// The reason of a datagram longer than `max_datagram_size`.
pub(crate) const TOO_LONG: &str = "too-long";
/// One line about each kind of trouble in that time.
const INTERVAL: Duration = Duration::from_secs(60);

/// See the module.
pub(crate) struct Reject {
    dump: Option<PathBuf>,
    stats: Arc<Stats>,
    malformed_log: LogThrottle,
    anomaly_log: LogThrottle,
    dump_failure: FailureThrottle,
}

impl Reject {
    pub(crate) fn new(dump: Option<PathBuf>, stats: Arc<Stats>) -> Reject {
        Reject {
            dump,
            stats,
            malformed_log: LogThrottle::new(INTERVAL),
            anomaly_log: LogThrottle::new(INTERVAL),
            dump_failure: FailureThrottle::new(INTERVAL),
        }
    }

    /// Counts a malformed datagram that this epoch has not seen before.
    pub(crate) fn malformed(
        &mut self,
        now: Timestamp,
        reason: &'static str,
        problem: &str,
        bytes: &[u8],
    ) {
        self.stats.malformed.add(reason, 1);
        if let Some(suppressed) = self.malformed_log.pass(now) {
            warn!(
                reason,
                problem,
                length = bytes.len(),
                suppressed,
                "malformed datagram"
            );
        }
        let Some(path) = &self.dump else { return };
        match dump(path, bytes) {
            Ok(()) => {
                if let Some(lasted) = self.dump_failure.recovered(now) {
                    let seconds = lasted.as_secs();
                    warn!(seconds, path = %path.display(), "malformed datagrams are dumped again");
                }
            }
            Err(problem) => {
                if let Some(suppressed) = self.dump_failure.failed(now) {
                    error!(error = %problem, path = %path.display(), suppressed, "cannot dump a malformed datagram");
                }
            }
        }
    }

    /// Counts one that came again, so many times.
    pub(crate) fn malformed_again(&mut self, reason: &'static str, times: u64) {
        self.stats.malformed.add(reason, times);
    }

    /// Logs a datagram that is counted in spite of an anomaly. What sys4 logs as an error is one here too.
    pub(crate) fn anomaly(&mut self, now: Timestamp, anomaly: &'static str, domain: &str) {
        self.stats.anomalies.add(anomaly, 1);
        if let Some(suppressed) = self.anomaly_log.pass(now) {
            error!(
                anomaly,
                domain, suppressed, "datagram with an anomaly, counted"
            );
        }
    }
}

/// Overwrites the file each time. Only we and our group may read it, as it tells who mails whom. A link planted there is not
/// followed, and a pipe that nobody reads does not block us.
fn dump(path: &Path, bytes: &[u8]) -> io::Result<()> {
    files::make_anew(path)?.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};

    #[test]
    fn dumped_counted_and_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dump");
        let stats = Arc::new(Stats::default());
        let mut reject = Reject::new(Some(path.clone()), Arc::clone(&stats));
        let now = Timestamp::UNIX_EPOCH;
        reject.malformed(now, "not-json", "x", b"the first, which is longer");
        reject.malformed(now, "empty", "x", b"second");
        reject.malformed_again("empty", 4);
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o137, 0);
        assert_eq!(stats.malformed.total(), 6);
    }

    #[test]
    fn a_dump_that_fails_is_no_reason_to_stop() {
        let stats = Arc::new(Stats::default());
        let mut reject = Reject::new(Some("/nonexistent/dump".into()), Arc::clone(&stats));
        reject.malformed(Timestamp::UNIX_EPOCH, "empty", "x", b"");
        assert_eq!(stats.malformed.total(), 1);
    }
}
