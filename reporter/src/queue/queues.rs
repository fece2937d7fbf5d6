//! The daemon's side of the queues: what is claimed, what has ended, which queues are paused.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use rand::rngs::StdRng;
use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};

use super::{
    Queued,
    limits::ConcurrencyLimits,
    runner::Runners,
    scheduler::{DeliveryEvent, Scheduler},
};
use crate::{
    deliver::PreparedMail,
    environment::Environment,
    model::{Delivery, QueueKey},
    store::Lease,
};

/// Idle queues that are remembered: strangers name hosts without number.
const REMEMBERED: usize = 4096;

/// All queues with claimed deliveries, and those that are paused.
pub(crate) struct DeliveryQueues<E: Environment> {
    runners: Arc<Runners<E>>,
    limits: ConcurrencyLimits,
    /// The paused queues, by the end of their pause.
    paused: BTreeSet<(Instant, QueueKey)>,
    /// Claimed deliveries by queue: waiting, under way, or ended and not yet recorded.
    sizes: HashMap<QueueKey, usize>,
    claimed: ClaimedCounts,
    events: mpsc::UnboundedReceiver<DeliveryEvent>,
    capacity_changed: Arc<Notify>,
}

/// How many deliveries are claimed: each kind has a limit of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClaimedCounts {
    /// For the relay and the disk.
    pub(crate) local: usize,
    /// For hosts of other people.
    pub(crate) posts: usize,
}

impl<E: Environment> DeliveryQueues<E> {
    pub(crate) fn new(
        environment: Arc<E>,
        lease: Lease,
        limits: ConcurrencyLimits,
        rng: StdRng,
    ) -> DeliveryQueues<E> {
        // It holds no more events than deliveries are claimed.
        let (sender, events) = mpsc::unbounded_channel();
        let scheduler = Scheduler::new(limits, rng, sender);
        let capacity_changed = Arc::clone(&scheduler.capacity_changed);
        DeliveryQueues {
            runners: Arc::new(Runners::new(environment, lease, scheduler)),
            limits,
            paused: BTreeSet::new(),
            sizes: HashMap::new(),
            claimed: ClaimedCounts::default(),
            events,
            capacity_changed,
        }
    }

    pub(crate) fn limits(&self) -> &ConcurrencyLimits {
        &self.limits
    }

    pub(crate) fn claimed(&self) -> ClaimedCounts {
        self.claimed
    }

    /// How many more deliveries of a queue may be claimed, with so many for each connection.
    pub(crate) fn capacity(&self, key: &QueueKey, per_connection: usize) -> usize {
        let size = self.sizes.get(key).copied().unwrap_or(0);
        let scheduler = self.runners.scheduler();
        let capacity = scheduler.capacity(key, per_connection, Instant::now());
        capacity.saturating_sub(size)
    }

    /// Attempts under way.
    pub(crate) fn number_active(&self) -> usize {
        self.runners.scheduler().number_active()
    }

    /// Claimed deliveries by queue.
    pub(crate) fn sizes(&self) -> &HashMap<QueueKey, usize> {
        &self.sizes
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.runners.scheduler().number_active() > 0
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

    /// The daemon has claimed what there was room for; of these queues more is due.
    pub(crate) fn claimed_all(&self, is_due: impl Fn(&QueueKey) -> bool) {
        self.runners.scheduler().claimed(is_due, Instant::now());
    }

    /// Waits until more can be claimed, or has to be so that a queue does not run dry. Cancel safe.
    pub(crate) async fn wait_for_capacity(&self) {
        self.capacity_changed.notified().await;
    }

    /// A delivery has left its queue: the event is being recorded.
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
        match key.is_local() {
            true => &mut self.claimed.local,
            false => &mut self.claimed.posts,
        }
    }

    /// The next event, if there is one.
    pub(crate) fn next_event(&mut self) -> Option<DeliveryEvent> {
        self.events.try_recv().ok()
    }

    /// Waits until an attempt has ended (`Some`), or more may be claimed. Cancel safe.
    pub(crate) async fn wait(&mut self) -> Option<DeliveryEvent> {
        tokio::select! {
            biased;
            event = self.events.recv() => event,
            () = self.capacity_changed.notified() => None,
        }
    }

    /// A queue is paused until then. Gives the deliveries back that wait in it.
    pub(crate) fn pause(&mut self, key: &QueueKey, until: Instant) -> Vec<Delivery> {
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
        self.paused.insert((until, key.clone()));
        waiting
    }

    /// The queues whose pause is over: a probe of each may start.
    pub(crate) fn take_unpaused(&mut self, now: Instant) -> Vec<QueueKey> {
        let mut keys = Vec::new();
        while let Some(first) = self.paused.first()
            && first.0 <= now
            && let Some((_, key)) = self.paused.pop_first()
        {
            self.runners.scheduler().make_ready(key.host(), now);
            keys.push(key);
        }
        keys
    }

    /// When the next pause ends.
    pub(crate) fn next_probe(&self) -> Option<Instant> {
        self.paused.first().map(|(until, _)| *until)
    }

    /// Forgets idle queues if they are too many, and gives their keys.
    pub(crate) fn forget(&mut self, now: Instant) -> Vec<QueueKey> {
        let gone = {
            let mut scheduler = self.runners.scheduler();
            if scheduler.number_of_queues() <= REMEMBERED + self.sizes.len() {
                return Vec::new();
            }
            // Half of them, so that it is not done for each new one.
            scheduler.forget(REMEMBERED / 2, now)
        };
        self.paused.retain(|(_, key)| !gone.contains(key));
        gone
    }

    /// Memory is short: one of the posts whose answers have been awaited longest has to end.
    pub(crate) fn want_slot(&self) {
        self.runners.scheduler().want_slot();
    }

    /// Takes back what is not under way, of all queues.
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
        self.runners.scheduler().number_active()
    }
}

impl<E: Environment> Drop for DeliveryQueues<E> {
    fn drop(&mut self) {
        self.runners.stop();
    }
}
