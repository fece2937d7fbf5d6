//! Limits log lines that strangers can trigger by the thousand.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tlsrptd_config::log::Limited;

/// One line of a kind in so much time.
const INTERVAL: Duration = Duration::from_secs(60);

/// One kind of line, whichever task writes it.
#[derive(Debug)]
pub(crate) struct LogThrottle {
    limited: Mutex<Limited>,
    begun: Instant,
}

impl LogThrottle {
    pub(crate) fn new() -> LogThrottle {
        LogThrottle {
            limited: Mutex::new(Limited::new(INTERVAL)),
            begun: Instant::now(),
        }
    }

    /// `Some(n)`: write the line, and that `n` were left out since the one before.
    pub(crate) fn pass(&self) -> Option<u64> {
        // Only distances count, and a clock that is set must not keep a line back.
        let now = Timestamp::UNIX_EPOCH
            .saturating_add(self.begun.elapsed())
            .unwrap_or(Timestamp::MAX);
        let mut limited = self.limited.lock().unwrap_or_else(PoisonError::into_inner);
        limited.pass(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_passes_at_once() {
        let log_throttle = LogThrottle::new();
        assert_eq!(log_throttle.pass(), Some(0));
        assert_eq!(log_throttle.pass(), None, "within the interval");
    }
}
