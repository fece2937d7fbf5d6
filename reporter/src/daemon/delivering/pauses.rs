//! Queues that are paused: the store claims nothing for them meanwhile, and what waits in them is pending again.

use std::time::Duration;

use tlsrptd_config::visible;
use tokio::time::Instant;

use super::Delivering;
use crate::{
    deliver::Outcome, environment::Environment, model::QueueKey, queue::ThrottleChange,
    store::Store,
};

/// Throttled queues of other people's hosts that are remembered with their reasons.
const REMEMBERED: usize = 4096;

/// Why a queue is throttled.
#[derive(Clone, Debug)]
pub(in crate::daemon) struct ThrottledQueue {
    /// Then one delivery probes it.
    pub(in crate::daemon) until: Instant,
    /// When it was throttled first.
    pub(in crate::daemon) since: Instant,
    /// What the last attempt ended with.
    pub(in crate::daemon) reason: String,
}

impl<E: Environment> Delivering<E> {
    /// How long a queue remains throttled, and why.
    pub(in crate::daemon) fn throttled(&self, queue: &QueueKey) -> Option<(Duration, &str)> {
        let throttled = self.throttled.get(queue)?;
        let left = throttled.until.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some((left, throttled.reason.as_str()))
    }

    fn remember(&mut self, queue: &QueueKey, until: Instant, outcome: &Outcome) {
        let now = Instant::now();
        if self.throttled.len() >= REMEMBERED {
            self.throttled
                .retain(|queue, throttled| queue.is_local() || throttled.until > now);
        }
        let entry = self.throttled.entry(queue.clone());
        let throttled = entry.or_insert_with(|| ThrottledQueue {
            until,
            since: now,
            reason: String::new(),
        });
        throttled.until = until;
        throttled.reason = visible::one_line(outcome.reason());
    }

    /// How long until the next pause ends.
    pub(in crate::daemon) fn until_next_probe(&self) -> Option<Duration> {
        let next = self.queues.next_probe()?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    /// An attempt that ended so has paused its queue, or ended the pause.
    pub(super) fn follow_throttle(
        &mut self,
        store: &mut dyn Store,
        queue: &QueueKey,
        outcome: &Outcome,
        change: ThrottleChange,
    ) {
        if change == ThrottleChange::Unthrottled {
            self.throttled.remove(queue);
        }
        match change {
            ThrottleChange::Paused { until, is_first } => {
                let waiting = self.queues.pause(queue, until);
                self.remember(queue, until, outcome);
                self.released.extend(waiting);
                store.hold_queue(queue);
                self.is_relay_denied |= is_first && matches!(outcome, Outcome::Denied { .. });
                let pause = until.saturating_duration_since(Instant::now());
                log_pause(queue, outcome, pause, is_first);
            }
            ThrottleChange::Unthrottled if queue.is_local() => {
                store.queue_flows(queue);
                // The end of a denial is logged elsewhere; one line is enough.
                let is_relay = *queue == QueueKey::Relay;
                if !(is_relay && std::mem::take(&mut self.is_relay_denied)) {
                    tracing::warn!(%queue, "destination reachable again: deliveries go on");
                }
            }
            ThrottleChange::Unthrottled => {
                tracing::info!(%queue, "the host answers again: deliveries go on");
            }
        }
    }

    /// The store may claim a probe for each queue whose pause is over.
    pub(in crate::daemon) fn end_pauses(&mut self, store: &mut dyn Store) {
        let now = Instant::now();
        let mut free = self.queues.take_unpaused(now);
        let forgotten = self.queues.forget(now);
        forgotten
            .iter()
            .for_each(|queue| _ = self.throttled.remove(queue));
        free.extend(forgotten);
        free.iter().for_each(|queue| store.free_queue(queue));
    }
}

/// A warning once, when it begins. The relay is the operator's to mend; a stranger's host is not.
fn log_pause(queue: &QueueKey, outcome: &Outcome, pause: Duration, is_first: bool) {
    let seconds = pause.as_secs();
    let (Outcome::Unreachable { reason } | Outcome::Retry { reason, .. }) = outcome else {
        return;
    };
    if !is_first {
        tracing::debug!(%queue, seconds, reason, "paused again");
    } else if queue.is_local() {
        tracing::warn!(%queue, seconds, reason, "destination unreachable: deliveries are paused");
    } else {
        tracing::info!(%queue, seconds, reason, "the host takes no reports now: deliveries are paused");
    }
}
