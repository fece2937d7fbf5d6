//! Mails that came back: looks whether `tlsrptctl bounce` has left any, and applies them.
//!
//! As with requests, the look costs next to nothing while there are none.

use std::time::Duration;

use jiff::Timestamp;
use tlsrptd_proto::domain::Domain;
use tlsrptd_service::{clock::WorkingTime, log::LogThrottle};
use tokio::time::{Instant, sleep_until};

use super::delivering;
use crate::store::{AppliedBounce, Store, StoreError};

/// A bounce that came before the outcome of its delivery was recorded is looked at again after so long.
const WAIT: Duration = Duration::from_secs(30);
/// Strangers can send any number of mails to the address.
const LOG_INTERVAL: Duration = Duration::from_secs(3600);

/// Applies bounces.
pub(super) struct BounceRunner {
    interval: Duration,
    next_look: Instant,
    /// The store's number at the last look.
    change_number: Option<i64>,
    /// When those that wait are looked at again, or those behind what was applied.
    again: Option<Instant>,
    /// Some wait, of this round.
    waits: bool,
    /// Mails that are nobody's, at the last look and as they were logged last.
    unclaimed: Option<u64>,
    logged: u64,
    throttle: LogThrottle,
}

impl BounceRunner {
    pub(super) fn new(interval: Duration) -> BounceRunner {
        BounceRunner {
            interval,
            next_look: Instant::now(),
            change_number: None,
            again: None,
            waits: false,
            unclaimed: None,
            logged: 0,
            throttle: LogThrottle::new(LOG_INTERVAL),
        }
    }

    /// Waits until there is something to do. Cancel safe.
    pub(super) async fn wait(&mut self, store: &dyn Store) {
        loop {
            sleep_until(self.next_look).await;
            if self.is_due() || store.change_number().ok() != self.change_number {
                return;
            }
            self.next_look = Instant::now() + self.interval;
        }
    }

    fn is_due(&self) -> bool {
        self.again.is_some_and(|at| at <= Instant::now())
    }

    /// Looks what came, and applies it.
    pub(super) fn apply(
        &mut self,
        store: &mut dyn Store,
        moment: &WorkingTime,
    ) -> Result<(), StoreError> {
        let at = Instant::now();
        if at < self.next_look {
            return Ok(());
        }
        // Before all that may end this look: whoever waits for the next one must not find it due at once.
        self.next_look = at + self.interval;
        // By a time that is days behind, a refusal would count for the wrong day.
        if !moment.is_beyond_last_known() {
            return Ok(());
        }
        let number = Some(store.change_number()?);
        if number == self.change_number && !self.is_due() {
            return Ok(());
        }
        let applied = store.apply_bounces(moment.now)?;
        self.change_number = number;
        if applied.has_more {
            // A pass for each transaction, until there are none.
            self.next_look = at;
        }
        self.waits |= applied.waiting > 0;
        self.again = match applied.has_more {
            true => Some(at),
            false => std::mem::take(&mut self.waits).then(|| at + WAIT),
        };
        applied.applied.iter().for_each(|bounce| log(store, bounce));
        delivering::log_suspensions(applied.suspended);
        self.count_unclaimed(store.unclaimed_bounces()?, moment.now);
        Ok(())
    }

    fn count_unclaimed(&mut self, all: u64, now: Timestamp) {
        let Some(before) = self.unclaimed.replace(all) else {
            self.logged = all;
            return;
        };
        if all > before && self.throttle.pass(now).is_some() {
            let mails = all.saturating_sub(self.logged);
            self.logged = all;
            tracing::warn!(
                mails,
                "what came to bounce_address is no bounce, or bears no tag of ours: nothing follows from it"
            );
        }
    }
}

/// One line, with the keys of a delivery.
fn log(store: &dyn Store, bounce: &AppliedBounce) {
    let (result, reason) = (bounce.result.as_str(), bounce.text.as_str());
    let rua = bounce.destination.as_ref().map(|to| to.uri());
    let Some((day, domain, uniqid)) = &bounce.report else {
        tracing::info!(rua, result, reason, "bounce");
        return;
    };
    let name = Domain::parse(domain).ok();
    let report = name.map(|name| store.installation().report_id(*day, *uniqid, &name));
    let day = day.to_string();
    tracing::info!(day, domain, report, rua, result, reason, "bounce");
}
