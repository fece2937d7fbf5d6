//! One lane: its queue, its runners' count, whether it flows and how fast.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, mpsc},
    time::{Instant, sleep_until},
};

use super::{
    Bounds,
    circuit::{Begun, Circuit, Heard},
};
use crate::{deliver::Outcome, outside::Outside, state::Claimed};

/// An attempt that has ended.
pub(super) struct Ended {
    pub(super) claimed: Claimed,
    pub(super) outcome: Outcome,
    /// Its lane has something to tell.
    pub(super) news: bool,
}

/// Shared with its runners.
#[derive(Clone)]
pub(super) struct Lane(Arc<Mutex<Inner>>);

#[derive(Default)]
pub(super) struct Inner {
    pub(super) queue: VecDeque<Claimed>,
    /// Counted under the same lock: a runner that finds nothing is gone before the next delivery comes.
    pub(super) runners: usize,
    pub(super) circuit: Circuit,
    /// From the beginning of one attempt to that of the next at least so long.
    gap: Duration,
    /// When the next may begin.
    next: Option<Instant>,
}

impl Inner {
    pub(super) fn is_idle(&self) -> bool {
        self.runners == 0 && self.queue.is_empty()
    }
}

impl Lane {
    pub(super) fn new(name: &str, bounds: &Bounds) -> Lane {
        // The relay is the operator's own, and so is the disk.
        let is_paced = name.starts_with("https:") && bounds.rate_per_host > 0;
        let gap = match is_paced {
            true => Duration::from_secs(1) / bounds.rate_per_host,
            false => Duration::ZERO,
        };
        Lane(Arc::new(Mutex::new(Inner {
            gap,
            ..Inner::default()
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nobody leaves a lane half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next delivery; without one the runner has to end. What a lane that was stopped holds, the daemon takes back.
    fn next(&self) -> Option<(Claimed, Begun)> {
        let mut inner = self.lock();
        let begun = inner.circuit.begin();
        let next = begun.and_then(|begun| Some((inner.queue.pop_front()?, begun)));
        inner.runners -= usize::from(next.is_none());
        next
    }

    /// When the next attempt may begin, so that it is some time after the one before.
    fn turn(&self) -> Option<Instant> {
        let mut inner = self.lock();
        if inner.gap.is_zero() || inner.queue.is_empty() {
            return None;
        }
        let now = Instant::now();
        let turn = inner.next.map_or(now, |next| next.max(now));
        inner.next = Some(turn + inner.gap);
        Some(turn)
    }

    /// From delivery to delivery until there is none.
    pub(super) async fn run<O: Outside>(
        &self,
        outside: &O,
        all: &Semaphore,
        sender: &mpsc::UnboundedSender<Ended>,
    ) {
        loop {
            // Nobody else's place is taken meanwhile.
            if let Some(turn) = self.turn() {
                sleep_until(turn).await;
            }
            // The place among all comes before the delivery, so that what waits for one can still be put back. The
            // semaphore is never closed.
            let Ok(_place) = all.acquire().await else {
                return;
            };
            let Some((claimed, begun)) = self.next() else {
                return;
            };
            if let Some(delivery) = &claimed.delivery {
                let outcome = outside.deliver(delivery).await;
                let heard = Heard::of(&outcome);
                let news = self.lock().circuit.end(begun, heard, Instant::now());
                // Nobody listens any more: the outcome is lost, and the attempt is repeated after the next start.
                let _ = sender.send(Ended {
                    claimed,
                    outcome,
                    news,
                });
            }
        }
    }
}
