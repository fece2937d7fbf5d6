//! Limits log lines that strangers can trigger by the thousand.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

/// Passes one line per interval and counts the others. Several tasks may share it.
#[derive(Debug)]
pub struct LogThrottle {
    interval: Duration,
    state: Mutex<ThrottleState>,
}

#[derive(Debug, Default)]
struct ThrottleState {
    next: Option<Timestamp>,
    suppressed: u64,
}

impl LogThrottle {
    /// One line per `interval`; the first passes at once.
    pub fn new(interval: Duration) -> LogThrottle {
        LogThrottle {
            interval,
            state: Mutex::default(),
        }
    }

    /// `Some(n)`: write the line, and say that `n` were left out since the one before. `None`: leave it out.
    pub fn pass(&self, now: Timestamp) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.next.is_some_and(|next| self.is_ahead(next, now)) {
            state.suppressed += 1;
            return None;
        }
        // Past the end of the calendar there is no next line; saturating is as good as any answer.
        state.next = Some(now.saturating_add(self.interval).unwrap_or(Timestamp::MAX));
        Some(std::mem::take(&mut state.suppressed))
    }

    /// The same, for a caller that has no clock at hand: nothing but a log line depends on it.
    pub fn pass_now(&self) -> Option<u64> {
        self.pass(Timestamp::now())
    }

    /// A `next` further away than an interval was set by a clock that has stepped back since.
    fn is_ahead(&self, next: Timestamp, now: Timestamp) -> bool {
        now < next && next.duration_since(now).unsigned_abs() <= self.interval
    }
}

/// One line a minute.
impl Default for LogThrottle {
    fn default() -> LogThrottle {
        LogThrottle::new(Duration::from_secs(60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_per_interval() {
        let throttle = LogThrottle::new(Duration::from_secs(10));
        for (second, want, why) in [
            (0, Some(0), "the first passes"),
            (1, None, "within the interval"),
            (9, None, "still within it"),
            (10, Some(2), "the next interval tells of two"),
            (25, Some(0), "none left out meanwhile"),
            (
                -3600,
                Some(0),
                "a clock that stepped back does not silence it",
            ),
        ] {
            let now = Timestamp::from_second(1_800_000_000 + second).unwrap();
            assert_eq!(throttle.pass(now), want, "{why}");
        }
    }

    #[test]
    fn without_a_clock_the_first_line_passes_at_once() {
        let throttle = LogThrottle::default();
        assert_eq!(throttle.pass_now(), Some(0));
        assert_eq!(throttle.pass_now(), None, "within the interval");
    }
}
