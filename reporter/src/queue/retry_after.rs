//! What `Retry-After` from several reported domains' posts says about the host itself. Pure: the time is an argument.
//!
//! An answer with `Retry-After` speaks about the reported domain that it was given to, and delays that domain alone:
//! strangers share hosts. Only when several domains in a row hear it, and none has been served between, the host itself is
//! busy, and its whole queue is paused: as long as it asks if they are its customers, whose reports have arrived there
//! before; a minute at most after many strangers.

use std::time::Duration;

use tlsrptd_proto::domain::owner;
use tokio::time::Instant;

use super::throttle::{ENOUGH, ReportedDomain};
use crate::throttle::ROW;

/// So many strangers in a row pause a queue: a domain that was never served may be there to hinder others.
const MANY: usize = 20;
/// The first pause for strangers; the longest is four times as long.
pub(super) const FOR_STRANGERS: Duration = Duration::from_secs(15);
/// Domains that share a host may be strangers to each other: no pause for `Retry-After` is longer.
const MAX_PAUSE: Duration = Duration::from_secs(900);

/// Who was told to wait since anybody was served.
#[derive(Debug, Default)]
pub(super) struct RetryAfter {
    told: Vec<Told>,
    last: Option<Instant>,
    /// The queue was paused for customers, and nobody has been served since: one more of them is enough.
    is_busy: bool,
    /// Pauses in a row for strangers.
    stranger_pauses: u32,
}

#[derive(Debug)]
struct Told {
    owner: String,
    wait: Duration,
    is_customer: bool,
}

impl RetryAfter {
    /// Nothing that counts for the next answer.
    pub(super) fn is_clear(&self, now: Instant) -> bool {
        self.last.is_none_or(|last| now - last > ROW)
    }

    /// A report was taken.
    pub(super) fn served(&mut self) {
        self.told.clear();
        self.is_busy = false;
        self.stranger_pauses = 0;
    }

    /// Notes that a domain was told to wait. `Some`: so long the whole queue has to wait.
    pub(super) fn told(
        &mut self,
        wait: Duration,
        domain: ReportedDomain<'_>,
        now: Instant,
    ) -> Option<Duration> {
        if self.is_clear(now) {
            self.served();
        }
        self.last = Some(now);
        let (owner, is_customer) = (owner(domain.name).to_owned(), domain.delivered_before);
        self.told.retain(|known| known.owner != owner);
        self.told.push(Told {
            owner,
            wait,
            is_customer,
        });
        let pause = self.pause(is_customer)?;
        self.told.clear();
        Some(pause.min(MAX_PAUSE))
    }

    fn pause(&mut self, is_customer: bool) -> Option<Duration> {
        let customers = self.told.iter().filter(|told| told.is_customer);
        let customers: Vec<Duration> = customers.map(|told| told.wait).collect();
        if is_customer && (self.is_busy || customers.len() >= ENOUGH as usize) {
            self.is_busy = true;
            return customers.into_iter().min();
        }
        if self.told.len() < MANY {
            return None;
        }
        let longest = FOR_STRANGERS * (1 << self.stranger_pauses.min(2));
        self.stranger_pauses += 1;
        let least = self.told.iter().map(|told| told.wait).min();
        least.map(|least| least.min(longest))
    }
}
