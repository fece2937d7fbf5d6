//! One host: a queue for each of its ports, and the limits that they share.

use std::{cmp::Reverse, collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::{
    destination::{Dequeued, DestinationQueue},
    domain_history::Priority,
    limits::ConcurrencyLimits,
};
use crate::model::QueueKey;

/// Which slots an attempt uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SlotKind {
    /// The operator's own: each queue has slots of its own.
    Local,
    /// Posts.
    Quick,
    /// Posts that were found slow.
    Slow,
}

/// A host's queues.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) is_local: bool,
    /// The one that has waited longest comes first.
    queues: VecDeque<(QueueKey, DestinationQueue)>,
    under_way: usize,
    /// The least time between the starts of two attempts.
    gap: Duration,
    /// When the next attempt may start.
    next: Option<Instant>,
    /// The scheduler has it among those that are ready.
    pub(super) is_ready: bool,
    /// A task wakes it when the next attempt may start.
    pub(super) is_asleep: bool,
}

impl Host {
    pub(super) fn new(is_local: bool, limits: &ConcurrencyLimits) -> Host {
        // The relay is the operator's own, and so is the disk.
        let gap = match limits.rate_per_host {
            rate if rate > 0 && !is_local => Duration::from_secs(1) / rate,
            _ => Duration::ZERO,
        };
        Host {
            is_local,
            queues: VecDeque::new(),
            under_way: 0,
            gap,
            next: None,
            is_ready: false,
            is_asleep: false,
        }
    }

    pub(super) fn queue(&self, key: &QueueKey) -> Option<&DestinationQueue> {
        let found = self.queues.iter().find(|(name, _)| name == key);
        found.map(|(_, queue)| queue)
    }

    pub(super) fn queue_mut(&mut self, key: &QueueKey) -> Option<&mut DestinationQueue> {
        let found = self.queues.iter_mut().find(|(name, _)| name == key);
        found.map(|(_, queue)| queue)
    }

    pub(super) fn queue_or_new(&mut self, key: &QueueKey) -> &mut DestinationQueue {
        let at = self.queues.iter().position(|(name, _)| name == key);
        let at = at.unwrap_or_else(|| {
            let queue = DestinationQueue::new(self.is_local);
            self.queues.push_back((key.clone(), queue));
            self.queues.len() - 1
        });
        &mut self.queues[at].1
    }

    /// The next queue, and the slot that it needs. One that answers comes before one that never has; of these the usual
    /// port, and then the one with the most reported domains.
    pub(super) fn choose(
        &self,
        limits: &ConcurrencyLimits,
        now: Instant,
    ) -> Option<(usize, SlotKind)> {
        if !self.is_local && self.under_way >= limits.per_host {
            return None;
        }
        let queues = self.queues.iter().enumerate();
        let runnable = queues.filter(|(_, (_, queue))| queue.is_runnable(limits, now));
        let (at, (_, queue)) = runnable.min_by_key(|(_, (name, queue))| {
            let is_usual = matches!(name, QueueKey::Https { port: 443, .. });
            (!queue.answers, !is_usual, Reverse(queue.domains()))
        })?;
        let some_answer = self.queues.iter().any(|(_, queue)| queue.answers);
        if !queue.answers && some_answer && self.unproven_under_way() >= limits.unproven() {
            return None;
        }
        let slot = match queue.is_slow() {
            _ if self.is_local => SlotKind::Local,
            true => SlotKind::Slow,
            false => SlotKind::Quick,
        };
        Some((at, slot))
    }

    fn unproven_under_way(&self) -> usize {
        let unproven = self.queues.iter().filter(|(_, queue)| !queue.answers);
        unproven.map(|(_, queue)| queue.under_way).sum()
    }

    /// `Some`: no attempt may start before then, by `max_rate_per_host`.
    pub(super) fn rate_limited(&self, now: Instant) -> Option<Instant> {
        self.next.filter(|next| *next > now)
    }

    /// From the queue that was chosen.
    pub(super) fn take(
        &mut self,
        at: usize,
        limits: &ConcurrencyLimits,
        now: Instant,
    ) -> Option<(QueueKey, Dequeued)> {
        let (key, mut queue) = self.queues.remove(at)?;
        let dequeued = queue.take(limits, now);
        self.queues.push_back((key.clone(), queue));
        let dequeued = dequeued?;
        if let Dequeued::Start(..) = dequeued {
            self.under_way += 1;
            self.next = (!self.gap.is_zero()).then(|| now + self.gap);
        }
        Some((key, dequeued))
    }

    /// An attempt has ended; its queue is told separately.
    pub(super) fn ended(&mut self) {
        self.under_way -= 1;
    }

    /// As many attempts are under way as may be.
    pub(super) fn is_full(&self, limits: &ConcurrencyLimits) -> bool {
        self.under_way >= limits.per_host
    }

    /// The best priority that waits in any queue that is not paused.
    pub(super) fn best_waiting(&self, now: Instant) -> Option<Priority> {
        let queues = self.queues.iter().map(|(_, queue)| queue);
        let flowing = queues.filter(|queue| !queue.throttle.is_paused(now));
        flowing.filter_map(|queue| queue.best_waiting(now)).min()
    }

    /// Forgets idle queues; gives their keys.
    pub(super) fn forget(&mut self, goes: impl Fn(&DestinationQueue) -> bool) -> Vec<QueueKey> {
        let mut gone = Vec::new();
        self.queues.retain(|(name, queue)| {
            let goes = queue.is_idle() && goes(queue);
            if goes {
                gone.push(name.clone());
            }
            !goes
        });
        gone
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queues.is_empty() && !self.is_asleep
    }

    pub(super) fn number(&self) -> usize {
        self.queues.len()
    }

    pub(super) fn queues_mut(&mut self) -> impl Iterator<Item = &mut DestinationQueue> {
        self.queues.iter_mut().map(|(_, queue)| queue)
    }
}
