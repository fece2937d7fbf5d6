//! The throttle of one destination queue: a host and port, or the relay. Pure: time and chance are arguments.
//!
//! If a host is dead, not every one of the thousand domains that name it shall try it. After several attempts in a row
//! without an answer the queue is paused, longer each time; then one attempt at a time probes the host. Any answer,
//! whatever it says, unthrottles the queue. [`super::retry_after`] says when a host that answers has to be left alone.
//!
//! Attempts that began before a pause say nothing new when they end after its start: they are one event, however many were
//! under way.

use std::time::Duration;

use rand::Rng;
use tokio::time::Instant;

use super::retry_after::RetryAfter;
use crate::{
    deliver::Outcome,
    schedule::Backoff,
    throttle::{Permit, Throttle},
};

/// So many failures in a row pause a queue: one connection may break by chance, and one domain speaks for itself.
pub(super) const ENOUGH: u32 = 5;
/// The pauses while nobody answers.
const PAUSES: Backoff = Backoff::of_seconds(30, 900);
/// A shorter `Retry-After` is over before the next attempt anyway.
const LEAST_RETRY_AFTER: Duration = Duration::from_secs(1);

/// One queue's.
#[derive(Debug)]
pub(super) struct DestinationThrottle {
    throttle: Throttle,
    /// Pauses in a row because nobody answered.
    pauses: u32,
    epoch: Epoch,
    retry_after: RetryAfter,
}

/// Counts the pauses: tells which attempts began before the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Epoch(u64);

/// What the end of an attempt says about the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HostReply {
    /// It took a report.
    Served,
    /// It answered.
    Answered,
    /// It answered, and asks this domain to wait.
    RetryAfter(Duration),
    /// Nobody is there, or somebody who takes nothing.
    NoAnswer,
    /// Nothing: the attempt failed on our side.
    LocalFault,
}

/// Whose attempt it was.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReportedDomain<'a> {
    pub(super) name: &'a str,
    /// Reports on it have arrived at that destination before.
    pub(super) delivered_before: bool,
}

/// What changed for the whole queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ThrottleChange {
    /// Nothing starts before `until`; then one attempt at a time.
    Paused {
        until: Instant,
        /// It was not paused before.
        is_first: bool,
    },
    /// It answers again.
    Unthrottled,
}

impl HostReply {
    pub(super) fn of(outcome: &Outcome) -> HostReply {
        match outcome {
            Outcome::Unreachable { .. } | Outcome::Denied { .. } => HostReply::NoAnswer,
            Outcome::Retry {
                after: Some(wait), ..
            } if *wait >= LEAST_RETRY_AFTER => HostReply::RetryAfter(*wait),
            Outcome::Sent { .. } => HostReply::Served,
            Outcome::LocalShortage { .. }
            | Outcome::HttpsUnavailableHere { .. }
            | Outcome::OwnerLimitReached { .. } => HostReply::LocalFault,
            _ => HostReply::Answered,
        }
    }
}

impl DestinationThrottle {
    pub(super) fn new() -> DestinationThrottle {
        DestinationThrottle {
            throttle: Throttle::new(ENOUGH),
            pauses: 0,
            epoch: Epoch(0),
            retry_after: RetryAfter::default(),
        }
    }

    /// `None`: nothing may start now.
    pub(super) fn start(&self, now: Instant) -> Option<Epoch> {
        (!self.is_paused(now)).then_some(self.epoch)
    }

    pub(super) fn is_paused(&self, now: Instant) -> bool {
        self.throttle.permit(now) == Permit::Wait
    }

    /// One attempt at a time.
    pub(super) fn is_probing(&self, now: Instant) -> bool {
        self.throttle.permit(now) == Permit::Probe
    }

    /// Nothing in it is worth remembering.
    pub(super) fn is_clear(&self, now: Instant) -> bool {
        self.throttle.is_clear(now) && self.retry_after.is_clear(now)
    }

    /// An attempt has ended that started in `epoch`.
    pub(super) fn end(
        &mut self,
        epoch: Epoch,
        reply: HostReply,
        domain: ReportedDomain<'_>,
        now: Instant,
        rng: &mut impl Rng,
    ) -> Option<ThrottleChange> {
        if reply == HostReply::Served {
            self.retry_after.served();
        }
        if epoch != self.epoch {
            return None;
        }
        match reply {
            HostReply::LocalFault => None,
            HostReply::NoAnswer => self.throttle.failed(1, now).then(|| {
                self.pauses += 1;
                self.pause(PAUSES.wait(self.pauses, rng), now)
            }),
            HostReply::RetryAfter(wait) => match self.retry_after.told(wait, domain, now) {
                Some(wait) => {
                    self.pauses = 0;
                    Some(self.pause(wait, now))
                }
                None => self.unthrottle(now),
            },
            HostReply::Served | HostReply::Answered => self.unthrottle(now),
        }
    }

    fn pause(&mut self, time: Duration, now: Instant) -> ThrottleChange {
        self.epoch.0 += 1;
        let until = now + time;
        let is_first = self.throttle.pause(until, now);
        ThrottleChange::Paused { until, is_first }
    }

    fn unthrottle(&mut self, now: Instant) -> Option<ThrottleChange> {
        self.throttle.works(now)?;
        self.pauses = 0;
        Some(ThrottleChange::Unthrottled)
    }
}

#[cfg(test)]
mod tests;
