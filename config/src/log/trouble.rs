//! A trouble that lasts and ends: told when it begins and now and then while it lasts, and once that it is over.

use std::time::Duration;

use jiff::Timestamp;

use super::Limited;

/// One kind of trouble of one thing.
#[derive(Debug, Clone)]
pub struct Trouble {
    limited: Limited,
    /// When it began.
    since: Option<Timestamp>,
    /// An operator has read of it.
    is_told: bool,
}

impl Trouble {
    /// One line an `interval` while it lasts.
    pub fn new(interval: Duration) -> Trouble {
        Trouble {
            limited: Limited::new(interval),
            since: None,
            is_told: false,
        }
    }

    /// It failed (again). `Some(n)`: write the line, and that `n` were left out since the one before.
    pub fn failed(&mut self, now: Timestamp) -> Option<u64> {
        self.since.get_or_insert(now);
        let passed = self.limited.pass(now);
        self.is_told |= passed.is_some();
        passed
    }

    /// It works. `Some(how long it did not)`, once, where somebody was told of it: write that it is over.
    pub fn ended(&mut self, now: Timestamp) -> Option<Duration> {
        let since = self.since.take()?;
        let lasted = now.duration_since(since);
        // A clock that stepped back meanwhile knows no better.
        let lasted = Duration::try_from(lasted).unwrap_or_default();
        std::mem::take(&mut self.is_told).then_some(lasted)
    }

    /// Whether it lasts.
    pub fn lasts(&self) -> bool {
        self.since.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_told_once() {
        let mut trouble = Trouble::new(Duration::from_secs(60));
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        let seconds = |lasted: Option<Duration>| lasted.map(|lasted| lasted.as_secs());
        assert_eq!(trouble.ended(at(0)), None, "there was none");
        assert_eq!(trouble.failed(at(1)), Some(0), "the beginning");
        assert_eq!(trouble.failed(at(2)), None, "not each time");
        assert!(trouble.lasts());
        assert_eq!(trouble.failed(at(61)), Some(1), "but now and then");
        assert_eq!(seconds(trouble.ended(at(100))), Some(99));
        assert_eq!(trouble.ended(at(101)), None, "once");
        assert_eq!(trouble.failed(at(102)), None, "again, within the interval");
        assert_eq!(
            trouble.ended(at(103)),
            None,
            "what nobody has read of does not end"
        );
        assert_eq!(trouble.failed(at(200)), Some(1));
        assert_eq!(
            seconds(trouble.ended(at(100))),
            Some(0),
            "a clock that steps back"
        );
    }
}
