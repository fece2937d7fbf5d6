//! Deliveries beside each other: so many in all, so many a lane.
//!
//! A lane has a queue and up to `max_concurrent_per_host` runners, which go on from delivery to delivery while the daemon
//! records what has ended. However slow one lane is, it holds no runner of another.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};

use super::Bounds;
use crate::{deliver::Outcome, outside::Outside, state::Claimed};

/// An attempt that has ended.
type Ended = (Claimed, Outcome);

/// All lanes with something in hand.
pub(super) struct Lanes {
    queues: HashMap<String, Lane>,
    /// In hand, by lane: waiting, under way, or ended and not yet taken.
    sizes: HashMap<String, usize>,
    in_hand: usize,
    /// Each gives its lane when it finds nothing more to do.
    runners: JoinSet<String>,
    /// Made with the first delivery, when the bounds are known.
    all: Option<Arc<Semaphore>>,
    sender: mpsc::UnboundedSender<Ended>,
    ended: mpsc::UnboundedReceiver<Ended>,
}

/// One lane, shared with its runners.
#[derive(Clone, Default)]
struct Lane(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    queue: VecDeque<Claimed>,
    /// Counted under the same lock: a runner that finds nothing is gone before the next delivery comes.
    runners: usize,
}

impl Lane {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nobody leaves a lane half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next delivery; without one the runner has to end.
    fn next(&self) -> Option<Claimed> {
        let mut inner = self.lock();
        let next = inner.queue.pop_front();
        inner.runners -= usize::from(next.is_none());
        next
    }
}

impl Default for Lanes {
    fn default() -> Lanes {
        // It holds no more than is in hand.
        let (sender, ended) = mpsc::unbounded_channel();
        Lanes {
            queues: HashMap::new(),
            sizes: HashMap::new(),
            in_hand: 0,
            runners: JoinSet::new(),
            all: None,
            sender,
            ended,
        }
    }
}

impl Lanes {
    /// How many deliveries are in hand.
    pub(super) fn in_hand(&self) -> usize {
        self.in_hand
    }

    /// The same by lane.
    pub(super) fn sizes(&self) -> &HashMap<String, usize> {
        &self.sizes
    }

    pub(super) fn is_busy(&self) -> bool {
        !self.runners.is_empty()
    }

    /// Puts a delivery into its lane.
    pub(super) fn push<O: Outside>(&mut self, outside: &Arc<O>, bounds: &Bounds, claimed: Claimed) {
        *self.sizes.entry(claimed.lane.clone()).or_default() += 1;
        self.in_hand += 1;
        let name = claimed.lane.clone();
        let all = self
            .all
            .get_or_insert_with(|| Arc::new(Semaphore::new(bounds.deliveries)));
        let lane = self.queues.entry(name.clone()).or_default().clone();
        let mut inner = lane.lock();
        inner.queue.push_back(claimed);
        if inner.runners < bounds.per_host {
            inner.runners += 1;
            drop(inner);
            let (outside, all, sender) =
                (Arc::clone(outside), Arc::clone(all), self.sender.clone());
            self.runners.spawn(async move {
                run(&*outside, &lane, &all, &sender).await;
                name
            });
        }
    }

    /// A delivery was taken out of the lane: its end is being recorded.
    pub(super) fn leave(&mut self, lane: &str) {
        self.in_hand -= 1;
        if let Some(size) = self.sizes.get_mut(lane) {
            *size -= 1;
            if *size == 0 {
                self.sizes.remove(lane);
            }
        }
    }

    /// The next attempt that has ended, if there is one.
    pub(super) fn next_ended(&mut self) -> Option<Ended> {
        while let Some(runner) = self.runners.try_join_next() {
            self.retire(runner);
        }
        self.ended.try_recv().ok()
    }

    /// Until an attempt has ended, or a runner has. Cancelling it loses nothing.
    pub(super) async fn wait(&mut self) -> Option<Ended> {
        tokio::select! {
            ended = self.ended.recv() => ended,
            Some(runner) = self.runners.join_next() => {
                self.retire(runner);
                None
            }
        }
    }

    /// Takes back what is not under way.
    pub(super) fn drain(&mut self) -> Vec<Claimed> {
        let waiting: Vec<Claimed> = self
            .queues
            .values()
            .flat_map(|lane| std::mem::take(&mut lane.lock().queue))
            .collect();
        waiting.iter().for_each(|claimed| self.leave(&claimed.lane));
        waiting
    }

    /// Ends all attempts, and gives their number.
    pub(super) fn abort(&mut self) -> usize {
        self.runners.abort_all();
        self.runners.len()
    }

    fn retire(&mut self, runner: Result<String, tokio::task::JoinError>) {
        match runner {
            Ok(name) => {
                let is_idle = |lane: &Lane| {
                    let inner = lane.lock();
                    inner.runners == 0 && inner.queue.is_empty()
                };
                if self.queues.get(&name).is_some_and(is_idle) {
                    self.queues.remove(&name);
                }
            }
            // Its delivery stays in hand, and is repeated after the next start.
            Err(error) => tracing::error!(%error, "a delivery ended badly"),
        }
    }
}

async fn run<O: Outside>(
    outside: &O,
    lane: &Lane,
    all: &Semaphore,
    sender: &mpsc::UnboundedSender<Ended>,
) {
    loop {
        // The place among all comes before the delivery, so that what waits for one can still be put back. The semaphore
        // is never closed.
        let Ok(_place) = all.acquire().await else {
            return;
        };
        let Some(claimed) = lane.next() else { return };
        if let Some(delivery) = &claimed.delivery {
            let outcome = outside.deliver(delivery).await;
            // Nobody listens any more: the outcome is lost, and the attempt is repeated after the next start.
            let _ = sender.send((claimed, outcome));
        }
    }
}
