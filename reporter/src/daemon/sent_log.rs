//! The log of what went well (`log_sent_interval`): a line for each report that is stored or sent, or one for many.

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};

use crate::model::Destination;

/// Whether each report that is stored has a line at info, or the day one for all of them.
#[derive(Clone, Copy, Debug)]
pub(super) enum ReportLog {
    Each,
    Day,
}

impl ReportLog {
    /// As `log_sent_interval` says.
    pub(super) fn of(interval: Duration) -> ReportLog {
        match interval.is_zero() {
            true => ReportLog::Each,
            false => ReportLog::Day,
        }
    }
}

/// Sums up what was sent, if it is summed up at all.
#[derive(Debug)]
pub(super) struct SentLog {
    /// `None`: each has a line.
    interval: Option<Duration>,
    /// When the first was counted of those that have had no line.
    since: Option<Timestamp>,
    /// By the way that they went.
    numbers: BTreeMap<&'static str, u64>,
}

impl SentLog {
    /// With no interval each is logged.
    pub(super) fn new(interval: Duration) -> SentLog {
        SentLog {
            interval: (!interval.is_zero()).then_some(interval),
            since: None,
            numbers: BTreeMap::new(),
        }
    }

    /// Counts a report that was sent, if it is to have no line of its own.
    pub(super) fn counts(&mut self, to: &Destination, now: Timestamp) -> bool {
        if self.interval.is_none() {
            return false;
        }
        self.since.get_or_insert(now);
        *self
            .numbers
            .entry(to.queue().carrier().as_str())
            .or_default() += 1;
        true
    }

    /// Logs what was counted, when it is time.
    pub(super) fn look(&mut self, now: Timestamp) {
        if self.until_next(now).is_some_and(|wait| wait.is_zero()) {
            self.end(now);
        }
    }

    /// Logs what was counted.
    pub(super) fn end(&mut self, now: Timestamp) {
        let Some(since) = self.since.take() else {
            return;
        };
        let numbers = std::mem::take(&mut self.numbers);
        let deliveries: u64 = numbers.values().sum();
        let ways = numbers
            .iter()
            .map(|(way, number)| format!("{way} {number}"));
        let ways = ways.collect::<Vec<_>>().join(", ");
        let seconds = now.duration_since(since).as_secs().max(0);
        tracing::info!(deliveries, ways, seconds, "reports sent");
    }

    /// How long it is until [`SentLog::look`] has something to do.
    pub(super) fn until_next(&self, now: Timestamp) -> Option<Duration> {
        let (interval, since) = (self.interval?, self.since?);
        let passed = now.duration_since(since);
        // The clock was set back, maybe by years: nobody waits until it is there again.
        if passed < SignedDuration::ZERO {
            return Some(Duration::ZERO);
        }
        let passed = Duration::try_from(passed).unwrap_or_default();
        Some(interval.saturating_sub(passed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NamedBy;

    #[test]
    fn when_a_line_is_due() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let to = Destination::new("mailto:a@a.example".to_owned(), NamedBy::Record);
        for (now, wait, why) in [
            (1_000, 300, "at once"),
            (1_100, 200, "later"),
            (1_300, 0, "the interval is over"),
            (9_000, 0, "long over"),
            (999, 0, "the clock was set back"),
        ] {
            let mut log = SentLog::new(Duration::from_secs(300));
            assert_eq!(log.until_next(at(now)), None, "nothing was sent");
            assert!(log.counts(&to, at(1_000)));
            let until = log.until_next(at(now));
            assert_eq!(until, Some(Duration::from_secs(wait)), "{why}");
            log.look(at(now));
            let is_told = log.until_next(at(now)).is_none();
            assert_eq!(is_told, wait == 0, "{why}");
        }
    }
}
