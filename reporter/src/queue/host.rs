//! One host: a queue for each of its ports, and what all of them share.

use std::{cmp::Reverse, collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::{
    destination::{DestinationQueue, Taken},
    limits::Limits,
    strangers::Standing,
};
use crate::model::QueueKey;

/// Who takes which room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// The operator's own: each queue has room of its own.
    Own,
    /// Posts.
    Quick,
    /// Posts that were found slow.
    Slow,
}

/// A host's queues.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) is_own: bool,
    /// The one that has waited longest stands first.
    queues: VecDeque<(QueueKey, DestinationQueue)>,
    under_way: usize,
    /// From the beginning of one attempt to that of the next at least so long.
    gap: Duration,
    /// When the next may begin.
    next: Option<Instant>,
    /// It stands in a line of the scheduler.
    pub(super) is_in_line: bool,
    /// Somebody wakes it when the next may begin.
    pub(super) is_asleep: bool,
}

/// What a host has for somebody who is free.
pub(super) enum Offer {
    Taken(QueueKey, Taken),
    /// Not before then.
    Later(Instant),
}

impl Host {
    pub(super) fn new(is_own: bool, limits: &Limits) -> Host {
        // The relay is the operator's own, and so is the disk.
        let gap = match limits.rate_per_host {
            rate if rate > 0 && !is_own => Duration::from_secs(1) / rate,
            _ => Duration::ZERO,
        };
        Host {
            is_own,
            queues: VecDeque::new(),
            under_way: 0,
            gap,
            next: None,
            is_in_line: false,
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
            let queue = DestinationQueue::new(self.is_own);
            self.queues.push_back((key.clone(), queue));
            self.queues.len() - 1
        });
        &mut self.queues[at].1
    }

    /// Which queue is next, and the room that it takes. One that answers goes before one that never has; of these the
    /// usual port, and then what most reported domains wait for.
    pub(super) fn choose(&self, limits: &Limits, now: Instant) -> Option<(usize, Class)> {
        if !self.is_own && self.under_way >= limits.per_host {
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
        let class = match queue.is_slow() {
            _ if self.is_own => Class::Own,
            true => Class::Slow,
            false => Class::Quick,
        };
        Some((at, class))
    }

    fn unproven_under_way(&self) -> usize {
        let unproven = self.queues.iter().filter(|(_, queue)| !queue.answers);
        unproven.map(|(_, queue)| queue.under_way).sum()
    }

    /// From the queue that was chosen.
    pub(super) fn take(&mut self, at: usize, limits: &Limits, now: Instant) -> Option<Offer> {
        if let Some(next) = self.next.filter(|next| *next > now) {
            return Some(Offer::Later(next));
        }
        let (key, mut queue) = self.queues.remove(at)?;
        let taken = queue.take(limits, now);
        self.queues.push_back((key.clone(), queue));
        let taken = taken?;
        if let Taken::Begins(..) = taken {
            self.under_way += 1;
            self.next = (!self.gap.is_zero()).then(|| now + self.gap);
        }
        Some(Offer::Taken(key, taken))
    }

    /// One is no longer under way; the queue is told by itself.
    pub(super) fn ended(&mut self) {
        self.under_way -= 1;
    }

    /// All its connections are taken.
    pub(super) fn is_full(&self, limits: &Limits) -> bool {
        self.under_way >= limits.per_host
    }

    /// The best that waits in any queue that flows.
    pub(super) fn best_waiting(&self, now: Instant) -> Option<Standing> {
        let flowing = self
            .queues
            .iter()
            .filter(|(_, queue)| !queue.throttle.is_held());
        flowing
            .filter_map(|(_, queue)| queue.best_waiting(now))
            .min()
    }

    /// Forgets queues; gives their names.
    pub(super) fn forget(&mut self, is_to_go: impl Fn(&DestinationQueue) -> bool) -> Vec<QueueKey> {
        let mut gone = Vec::new();
        self.queues.retain(|(name, queue)| {
            let goes = queue.is_idle() && is_to_go(queue);
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
