//! How long collectors are waited for.
//!
//! Two rules meet here: `fetch_deadline`, which counts from the moment when a day's jobs were made, and `max_report_age`
//! (or `keep_days`, where that is less), which counts from the day's end. What has been gathered must be composed before its day is too old, so the first never
//! reaches beyond what the second allows.

use std::time::Duration;

use jiff::Timestamp;
use rand::Rng;
use tlsrptd_proto::day::Day;

use super::{Next, Schedule, plus};

/// So long after midnight nothing is wrong with a collector that has not closed its day.
const CLOSING: Duration = Duration::from_secs(600);
/// Composing gets so long before the day is too old, or half of what is left where that is less.
const COMPOSING: Duration = Duration::from_secs(3600);
/// So that the deadline has surely passed when an attempt ends with it.
const BEYOND: Duration = Duration::from_secs(1);

/// Until when a job's collector is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchDeadline {
    /// By `fetch_deadline`, or `latest` when that is sooner.
    pub at: Timestamp,
    /// By `max_report_age`: what comes later could not be reported in time.
    pub latest: Timestamp,
    /// The day is too old for a report.
    too_old: Timestamp,
}

impl Schedule {
    /// The deadline of a job that was made then. After days away collectors get as long as after midnight.
    pub fn fetch_deadline(&self, day: Day, created: Timestamp) -> FetchDeadline {
        let begin = day.next().start().max(created);
        let too_old = self.too_old(day);
        let left = until(begin, too_old);
        let most = left.saturating_sub(COMPOSING.min(left / 2));
        FetchDeadline {
            at: plus(begin, self.fetch_deadline.min(most)),
            latest: plus(begin, most),
            too_old,
        }
    }

    /// How long an attempt at a job may take that begins now. One that begins in time ends with the deadline: a
    /// collector that hangs must not hold the day. The last one leaves time to compose. `None`: no bound but the answer's
    /// own, as nobody waits for it.
    pub fn attempt_limit(
        &self,
        listed: bool,
        deadline: FetchDeadline,
        now: Timestamp,
    ) -> Option<Duration> {
        let retries = if listed { &self.details } else { &self.list };
        let end = match retries.max {
            None if now < deadline.at => deadline.at,
            _ => deadline.latest,
        };
        let left = match until(now, end) {
            Duration::ZERO => until(now, deadline.too_old) / 2,
            left => left,
        };
        (!left.is_zero()).then(|| left + BEYOND)
    }

    /// After a job's failure; `failures` counts this one too.
    pub fn after_fetch_failure(
        &self,
        listed: bool,
        failures: u32,
        deadline: FetchDeadline,
        now: Timestamp,
        rng: &mut impl Rng,
    ) -> Next {
        let retries = if listed { &self.details } else { &self.list };
        let end = match retries.max {
            Some(max) if failures > max => return Next::GiveUp("all retries failed"),
            Some(_) if now >= deadline.latest => {
                return Next::GiveUp("the day would be too old for a report");
            }
            None if now >= deadline.at => return Next::GiveUp("the fetch deadline has passed"),
            Some(_) => deadline.latest,
            None => deadline.at,
        };
        Next::At(plus(now, retries.wait(failures, rng)).min(end))
    }

    /// When a collector that is not ready is asked again without that being a failure: it closes its day only after
    /// midnight, and we ask at midnight. `None`: it should be ready by now.
    pub fn while_closing(
        &self,
        day: Day,
        deadline: FetchDeadline,
        now: Timestamp,
        rng: &mut impl Rng,
    ) -> Option<Timestamp> {
        let closing = now < plus(day.next().start(), CLOSING);
        (closing && now < deadline.at).then(|| plus(now, self.list.wait(1, rng)).min(deadline.at))
    }
}

fn until(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests;
