//! The line of figures in the log, once an hour.

use std::time::{Duration, Instant};

use super::Stats;

const HOUR: Duration = Duration::from_secs(3600);

/// See the module.
#[derive(Debug)]
pub(crate) struct HourlyFigures {
    last_check: Instant,
    last_summary: String,
}

impl HourlyFigures {
    pub(crate) fn new(now: Instant) -> HourlyFigures {
        HourlyFigures {
            last_check: now,
            last_summary: String::new(),
        }
    }

    /// The figures, when an hour has passed and something has changed since the one before.
    pub(crate) fn due(&mut self, now: Instant, stats: &Stats) -> Option<String> {
        if now.saturating_duration_since(self.last_check) < HOUR {
            return None;
        }
        self.last_check = now;
        let summary = stats.summary();
        let has_changed = summary != self.last_summary;
        self.last_summary.clone_from(&summary);
        has_changed.then_some(summary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_an_hour_when_something_changed() {
        let stats = Stats::default();
        let start = Instant::now();
        let mut hourly = HourlyFigures::new(start);
        for (minutes, received, want, why) in [
            (59, 3, None, "not yet"),
            (60, 0, Some("received=3"), "an hour"),
            (61, 1, None, "a minute after it"),
            (120, 0, Some("received=4"), "the next hour"),
            (180, 0, None, "nothing changed"),
            (240, 0, None, "nothing changed still"),
            (300, 1, Some("received=5"), "something came"),
        ] {
            stats.received.add(received);
            let now = start + Duration::from_secs(60 * minutes);
            assert_eq!(hourly.due(now, &stats).as_deref(), want, "{why}");
        }
    }
}
