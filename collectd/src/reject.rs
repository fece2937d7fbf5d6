//! What is no datagram: counted by reason, logged once in a while, dumped when asked. Never fatal.

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

/// Longer than `max_datagram_size`.
pub(crate) const TOO_LONG: &str = "too-long";
/// One line about strangers' mistakes in that time.
const INTERVAL: Duration = Duration::from_secs(60);

/// See the module.
pub(crate) struct Reject {
    dump: Option<PathBuf>,
    stats: Arc<Stats>,
    malformed: LogThrottle,
    odd: LogThrottle,
    dump_failed: FailureThrottle,
}

impl Reject {
    pub(crate) fn new(dump: Option<PathBuf>, stats: Arc<Stats>) -> Reject {
        let limited = || LogThrottle::new(INTERVAL);
        Reject {
            dump,
            stats,
            malformed: limited(),
            odd: limited(),
            dump_failed: FailureThrottle::new(INTERVAL),
        }
    }

    /// A datagram seen for the first time that is none.
    pub(crate) fn malformed(
        &mut self,
        now: Timestamp,
        reason: &'static str,
        problem: &str,
        bytes: &[u8],
    ) {
        self.stats.malformed.add(reason, 1);
        if let Some(suppressed) = self.malformed.pass(now) {
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
                if let Some(lasted) = self.dump_failed.recovered(now) {
                    let seconds = lasted.as_secs();
                    warn!(seconds, path = %path.display(), "malformed datagrams are dumped again");
                }
            }
            Err(problem) => {
                if let Some(suppressed) = self.dump_failed.failed(now) {
                    error!(error = %problem, path = %path.display(), suppressed, "cannot dump a malformed datagram");
                }
            }
        }
    }

    /// The same one again, so many times: what it is like is known.
    pub(crate) fn again(&mut self, reason: &'static str, times: u64) {
        self.stats.malformed.add(reason, times);
    }

    /// A datagram that is counted, though something about it is odd. What sys4 logs as an error is one here too.
    pub(crate) fn odd(&mut self, now: Timestamp, anomaly: &'static str, domain: &str) {
        self.stats.anomalies.add(anomaly, 1);
        if let Some(suppressed) = self.odd.pass(now) {
            error!(
                anomaly,
                domain, suppressed, "odd datagram, counted all the same"
            );
        }
    }
}

/// Overwritten each time; readable for us and the group only, as it tells who mails whom. Neither a link set there leads us
/// elsewhere, nor does a pipe that nobody reads hold us up.
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
        reject.again("empty", 4);
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
