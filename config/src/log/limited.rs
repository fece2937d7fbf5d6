//! A brake for log lines that strangers can trigger.

use std::time::Duration;

use jiff::Timestamp;

/// Lets one line an interval through, and counts the others.
#[derive(Debug, Clone)]
pub struct Limited {
    interval: Duration,
    next: Option<Timestamp>,
    suppressed: u64,
}

impl Limited {
    /// One line an `interval`; the first at once.
    pub fn new(interval: Duration) -> Limited {
        Limited {
            interval,
            next: None,
            suppressed: 0,
        }
    }

    /// `Some(n)`: write the line, and that `n` were left out since the one before. `None`: leave it out.
    pub fn pass(&mut self, now: Timestamp) -> Option<u64> {
        // A `next` further away than an interval was set by a clock that has stepped back since.
        let rests = |next: Timestamp| {
            now < next && next.duration_since(now).unsigned_abs() <= self.interval
        };
        if self.next.is_some_and(rests) {
            self.suppressed += 1;
            return None;
        }
        // Past the end of the calendar there is no next line; saturating is as good as any answer.
        self.next = Some(now.saturating_add(self.interval).unwrap_or(Timestamp::MAX));
        Some(std::mem::take(&mut self.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_an_interval() {
        let mut limited = Limited::new(Duration::from_secs(10));
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
            assert_eq!(limited.pass(now), want, "{why}");
        }
    }
}
