//! The daemon's part of holding queues back: for how long, and what becomes of what they have in hand.

use std::time::Duration;

use tokio::time::Instant;

use super::{Daemon, delivering::Delivering};
use crate::{
    deliver::Outcome, environment::Environment, model::QueueKey, queue::News, schedule::Schedule,
    store::StoreError,
};

impl<O: Environment> Delivering<O> {
    /// How long until a queue is not held back any longer.
    pub(super) fn until_next_probe(&self) -> Option<Duration> {
        let next = self.queues.next_probe()?;
        Some(next.saturating_duration_since(Instant::now()))
    }
}

impl<O: Environment> Daemon<O> {
    /// Sees to a queue that has something to tell, after an attempt that ended so.
    pub(super) fn heed(&mut self, queue: &QueueKey, outcome: &Outcome) {
        match self.delivering.queues.news(queue) {
            Some(News::Holds { wish, times, first }) => {
                let time = match wish {
                    Some(wish) => Schedule::hold_as_asked(wish),
                    None => self.schedule.hold(times, &mut self.rng),
                };
                let waiting = self.delivering.queues.hold(queue, Instant::now() + time);
                self.delivering.released.extend(waiting);
                self.store.hold_queue(queue);
                if first && matches!(outcome, Outcome::Denied { .. }) {
                    self.delivering.is_denied = true;
                }
                tell(queue, outcome, time, first);
            }
            Some(News::Flows) if queue.is_own() => {
                self.store.queue_flows(queue);
                // Only mails are denied, and one line is enough.
                if *queue == QueueKey::Relay && std::mem::take(&mut self.delivering.is_denied) {
                    return;
                }
                tracing::warn!(%queue, "somebody answers again: deliveries go on");
            }
            Some(News::Flows) => tracing::info!(%queue, "the host answers: deliveries go on"),
            None => {}
        }
    }

    /// Lets one attempt begin in each queue whose time is over.
    pub(super) fn probe_queues(&mut self) {
        let now = Instant::now();
        let queues = &mut self.delivering.queues;
        let mut free = queues.probe(now);
        free.extend(queues.forget(now));
        free.into_iter()
            .for_each(|queue| self.store.free_queue(&queue));
    }

    /// What is in hand no more is pending again. When that fails it is kept, and done later.
    pub(super) fn put_back_released(&mut self) -> Result<(), StoreError> {
        self.store.put_back(&self.delivering.released)?;
        self.delivering.released.clear();
        Ok(())
    }
}

/// Once when it begins. The relay is the operator's to mend; a stranger's host is not.
fn tell(queue: &QueueKey, outcome: &Outcome, time: Duration, first: bool) {
    let seconds = time.as_secs();
    let (Outcome::Unreachable { reason } | Outcome::Retry { reason, .. }) = outcome else {
        return;
    };
    if !first {
        tracing::debug!(%queue, seconds, reason, "held back again");
    } else if queue.is_own() {
        tracing::warn!(%queue, seconds, reason, "nobody answers: deliveries wait");
    } else {
        tracing::info!(
            %queue,
            seconds,
            reason,
            "the host does not take reports now: deliveries wait"
        );
    }
}
