//! The daemon's side of the queues: what is in hand, what has ended, what is held back.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};

use super::{
    Queued,
    limits::Limits,
    runner::Runners,
    scheduler::{Ended, Scheduler},
    throttle::News,
};
use crate::{
    deliver::PreparedMail,
    environment::Environment,
    model::{Delivery, QueueKey},
};

/// Queues that are remembered with nothing in hand: strangers name hosts without number.
const REMEMBERED: usize = 4096;

/// All queues with something in hand, and those that do not flow.
pub(crate) struct Queues<O: Environment> {
    runners: Arc<Runners<O>>,
    limits: Limits,
    /// Those that are held back, by the time when somebody is to ask again.
    held: BTreeSet<(Instant, QueueKey)>,
    /// In hand, by queue: waiting, under way, or ended and not yet taken.
    sizes: HashMap<QueueKey, usize>,
    in_hand: InHand,
    ended: mpsc::UnboundedReceiver<Ended>,
    more: Arc<Notify>,
}

/// Deliveries in hand: none of one kind takes room of the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct InHand {
    /// For the relay and the disk.
    pub(crate) own: usize,
    /// For hosts of other people.
    pub(crate) posts: usize,
}

impl<O: Environment> Queues<O> {
    pub(crate) fn new(environment: Arc<O>, limits: Limits) -> Queues<O> {
        // It holds no more than is in hand.
        let (sender, ended) = mpsc::unbounded_channel();
        let scheduler = Scheduler::new(limits, sender);
        let more = Arc::clone(&scheduler.more);
        Queues {
            more,
            runners: Arc::new(Runners::new(environment, scheduler)),
            limits,
            held: BTreeSet::new(),
            sizes: HashMap::new(),
            in_hand: InHand::default(),
            ended,
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// How many deliveries are in hand.
    pub(crate) fn in_hand(&self) -> InHand {
        self.in_hand
    }

    /// How many more a queue may have in hand, out of so many for each connection.
    pub(crate) fn room(&self, key: &QueueKey, each: usize) -> usize {
        let busy = self.sizes.get(key).copied().unwrap_or(0);
        let scheduler = self.runners.scheduler();
        let share = scheduler.share_in_hand(key, each, Instant::now());
        share.saturating_sub(busy)
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.runners.scheduler().number_under_way() > 0
    }

    /// Puts a delivery into its queue.
    pub(crate) fn push(&mut self, delivery: Delivery) {
        *self.sizes.entry(delivery.queue.clone()).or_default() += 1;
        *self.count(&delivery.queue) += 1;
        let mail = PreparedMail::default();
        self.runners.environment().prepare_mail(&delivery, &mail);
        let queued = Queued { delivery, mail };
        self.runners.scheduler().push(queued, Instant::now());
        self.runners.start();
    }

    /// A delivery was taken out of the queue: its end is being recorded.
    pub(crate) fn leave(&mut self, key: &QueueKey) {
        *self.count(key) -= 1;
        if let Some(size) = self.sizes.get_mut(key) {
            *size -= 1;
            if *size == 0 {
                self.sizes.remove(key);
            }
        }
    }

    fn count(&mut self, key: &QueueKey) -> &mut usize {
        match key.is_own() {
            true => &mut self.in_hand.own,
            false => &mut self.in_hand.posts,
        }
    }

    /// The next attempt that has ended, if there is one.
    pub(crate) fn next_ended(&mut self) -> Option<Ended> {
        self.ended.try_recv().ok()
    }

    /// Until an attempt has ended, or more may be taken in hand. Cancelling it loses nothing.
    pub(crate) async fn wait(&mut self) -> Option<Ended> {
        tokio::select! {
            biased;
            ended = self.ended.recv() => ended,
            () = self.more.notified() => None,
        }
    }

    /// What a queue has to tell.
    pub(crate) fn news(&self, key: &QueueKey) -> Option<News> {
        let mut scheduler = self.runners.scheduler();
        let host = scheduler.hosts.get_mut(key.host())?;
        host.queue_mut(key)?.throttle.news()
    }

    /// Holds a queue back until then. Gives what was in hand and is not under way.
    pub(crate) fn hold(&mut self, key: &QueueKey, until: Instant) -> Vec<Delivery> {
        let waiting: Vec<Delivery> = {
            let mut scheduler = self.runners.scheduler();
            let host = scheduler.hosts.get_mut(key.host());
            let Some(queue) = host.and_then(|host| host.queue_mut(key)) else {
                return Vec::new();
            };
            queue.drain().collect()
        };
        waiting
            .iter()
            .for_each(|delivery| self.leave(&delivery.queue));
        self.held.insert((until, key.clone()));
        waiting
    }

    /// Queues that were held back until now: one attempt of each may begin.
    pub(crate) fn probe(&mut self, now: Instant) -> Vec<QueueKey> {
        let mut keys = Vec::new();
        while let Some(first) = self.held.first()
            && first.0 <= now
            && let Some((_, key)) = self.held.pop_first()
        {
            self.runners.scheduler().probe(&key, now);
            keys.push(key);
        }
        keys
    }

    /// When the next queue is not held back any longer.
    pub(crate) fn next_probe(&self) -> Option<Instant> {
        self.held.first().map(|(until, _)| *until)
    }

    /// Forgets queues with nothing in hand when they are too many, and gives them.
    pub(crate) fn forget(&mut self, now: Instant) -> Vec<QueueKey> {
        let gone = {
            let mut scheduler = self.runners.scheduler();
            if scheduler.number_of_queues() <= REMEMBERED + self.sizes.len() {
                return Vec::new();
            }
            // Half of them, so that it is not done for each one that comes.
            scheduler.forget(REMEMBERED / 2, now)
        };
        self.held.retain(|(_, key)| !gone.contains(key));
        gone
    }

    /// Memory is short: of the posts whose answers are waited for longest one is to end.
    pub(crate) fn want_room(&self) {
        self.runners.scheduler().want_room();
    }

    /// Takes back what is not under way.
    pub(crate) fn drain(&mut self) -> Vec<Delivery> {
        let waiting: Vec<Delivery> = {
            let mut scheduler = self.runners.scheduler();
            let queues = scheduler
                .hosts
                .values_mut()
                .flat_map(|host| host.queues_mut());
            queues.flat_map(|queue| queue.drain()).collect()
        };
        waiting
            .iter()
            .for_each(|delivery| self.leave(&delivery.queue));
        waiting
    }

    /// Ends all attempts, and gives their number.
    pub(crate) fn abort(&mut self) -> usize {
        self.runners.stop();
        self.runners.scheduler().number_under_way()
    }
}

impl<O: Environment> Drop for Queues<O> {
    fn drop(&mut self) {
        self.runners.stop();
    }
}
