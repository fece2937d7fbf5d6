//! How long the reporter waits for collectors.
//!
//! Two options meet here: `fetch_deadline` counts from the moment when a day's jobs were made, `max_report_age` (or
//! `keep_days`, if that is less) from the day's end. Reports must be composed before their day is too old, so the second
//! limits the first.

use std::time::Duration;

use jiff::Timestamp;
use rand::Rng;
use tlsrptd_proto::day::Day;

use super::{NextAttempt, Schedule, plus};

/// So long after midnight a collector may not have closed its day yet.
const CLOSING: Duration = Duration::from_secs(600);
/// Time to compose before the day is too old; half of what is left if that is less.
const COMPOSING: Duration = Duration::from_secs(3600);
/// An attempt may last so much beyond the deadline, which then has certainly passed when it ends.
const BEYOND: Duration = Duration::from_secs(1);

/// Until when the reporter waits for a job's collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchDeadline {
    /// By `fetch_deadline`, or `latest` if that is sooner.
    pub at: Timestamp,
    /// By `max_report_age`: what comes later cannot be reported in time.
    pub latest: Timestamp,
    /// The day is too old for a report.
    too_old: Timestamp,
}

impl Schedule {
    /// The deadline of a job that was made then. After days without a reporter, collectors get as long as after midnight.
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

    /// How long an attempt at a job may take that starts now. It ends with the deadline: a collector that hangs must not
    /// hold the day. The last one leaves time to compose. `None`: no limit but the answer's own, as nobody waits for it.
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

    /// After a job's failure; `failures` includes this one.
    pub fn after_fetch_failure(
        &self,
        listed: bool,
        failures: u32,
        deadline: FetchDeadline,
        now: Timestamp,
        rng: &mut impl Rng,
    ) -> NextAttempt {
        let retries = if listed { &self.details } else { &self.list };
        let end = match retries.max {
            Some(max) if failures > max => return NextAttempt::GiveUp("all retries failed"),
            Some(_) if now >= deadline.latest => {
                return NextAttempt::GiveUp("the day would be too old for a report");
            }
            None if now >= deadline.at => {
                return NextAttempt::GiveUp("the fetch deadline has passed");
            }
            Some(_) => deadline.latest,
            None => deadline.at,
        };
        NextAttempt::At(plus(now, retries.backoff.wait(failures, rng)).min(end))
    }

    /// When to ask a collector again that is not ready, without counting a failure: we ask at midnight, and it closes its
    /// day only then. `None`: it should be ready by now.
    pub fn while_closing(
        &self,
        day: Day,
        deadline: FetchDeadline,
        now: Timestamp,
        rng: &mut impl Rng,
    ) -> Option<Timestamp> {
        let closing = now < plus(day.next().start(), CLOSING);
        (closing && now < deadline.at)
            .then(|| plus(now, self.list.backoff.wait(1, rng)).min(deadline.at))
    }
}

fn until(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests;
