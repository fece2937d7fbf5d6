//! A failure that repeats and ends: logged when it begins, now and then while it lasts, and once when it is over.

use std::time::Duration;

use jiff::Timestamp;

use super::LogThrottle;

/// When to write about one repeating failure: by default one line a minute.
#[derive(Debug, Default)]
pub struct FailureThrottle {
    throttle: LogThrottle,
    /// When it began.
    since: Option<Timestamp>,
    /// The log has a line about it.
    is_logged: bool,
}

impl FailureThrottle {
    /// One line per `interval` while it lasts.
    pub fn new(interval: Duration) -> FailureThrottle {
        FailureThrottle {
            throttle: LogThrottle::new(interval),
            ..FailureThrottle::default()
        }
    }

    /// It failed, for the first time or again. `Some(n)`: write the line, and say that `n` were left out since the one before.
    pub fn failed(&mut self, now: Timestamp) -> Option<u64> {
        self.since.get_or_insert(now);
        let passed = self.throttle.pass(now);
        self.is_logged |= passed.is_some();
        passed
    }

    /// It worked. `Some(how long it failed)`, once, if the log has a line about the failure: write that it is over.
    pub fn recovered(&mut self, now: Timestamp) -> Option<Duration> {
        let lasted = now.duration_since(self.since.take()?);
        // Negative when the clock has stepped back meanwhile.
        let lasted = Duration::try_from(lasted).unwrap_or_default();
        std::mem::take(&mut self.is_logged).then_some(lasted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_logged_once() {
        let mut failure = FailureThrottle::new(Duration::from_secs(60));
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        let seconds = |lasted: Option<Duration>| lasted.map(|lasted| lasted.as_secs());
        assert_eq!(failure.recovered(at(0)), None, "it never failed");
        assert_eq!(failure.failed(at(1)), Some(0), "the beginning");
        assert_eq!(failure.failed(at(2)), None, "not each time");
        assert_eq!(failure.failed(at(61)), Some(1), "but now and then");
        assert_eq!(seconds(failure.recovered(at(100))), Some(99));
        assert_eq!(failure.recovered(at(101)), None, "once");
        assert_eq!(failure.failed(at(102)), None, "again, within the interval");
        assert_eq!(
            failure.recovered(at(103)),
            None,
            "without a line that it began there is none that it is over"
        );
        assert_eq!(failure.failed(at(200)), Some(1));
        assert_eq!(
            seconds(failure.recovered(at(100))),
            Some(0),
            "the clock stepped back"
        );
    }
}
