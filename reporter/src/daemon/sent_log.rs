//! The log of what went well (`log_sent_interval`): a line for each report that is sent, or one for many.

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};

use crate::model::Destination;

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
        // The clock may have been set back.
        let passed = Duration::try_from(passed.max(SignedDuration::ZERO)).unwrap_or_default();
        Some(interval.saturating_sub(passed))
    }
}
