//! Queues that are paused: the store claims nothing for them meanwhile, and what waits in them is pending again.

use std::time::Duration;

use tokio::time::Instant;

use super::Delivering;
use crate::{
    deliver::Outcome, environment::Environment, model::QueueKey, queue::ThrottleChange,
    store::Store,
};

impl<E: Environment> Delivering<E> {
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
        match change {
            ThrottleChange::Paused { until, is_first } => {
                let waiting = self.queues.pause(queue, until);
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
        free.extend(self.queues.forget(now));
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
