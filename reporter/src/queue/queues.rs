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
    limits::Limits,
    runner::Runners,
    scheduler::{Ended, Scheduler},
    throttle::News,
};
use crate::{environment::Environment, schedule, store::Claimed};

/// Queues that are remembered with nothing in hand: strangers name hosts without number.
const REMEMBERED: usize = 4096;

/// All queues with something in hand, and those that do not flow.
pub(crate) struct Queues<O: Environment> {
    runners: Arc<Runners<O>>,
    limits: Limits,
    /// Those that are held back, by the time when somebody is to ask again.
    held: BTreeSet<(Instant, String)>,
    /// In hand, by queue: waiting, under way, or ended and not yet taken.
    sizes: HashMap<String, usize>,
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
    pub(crate) fn room(&self, lane: &str, each: usize) -> usize {
        let busy = self.sizes.get(lane).copied().unwrap_or(0);
        let scheduler = self.runners.scheduler();
        let share = scheduler.share_in_hand(lane, each, Instant::now());
        share.saturating_sub(busy)
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.runners.scheduler().number_under_way() > 0
    }

    /// Puts a delivery into its queue.
    pub(crate) fn push(&mut self, claimed: Claimed) {
        *self.sizes.entry(claimed.lane.clone()).or_default() += 1;
        *self.count(&claimed.lane) += 1;
        if let Some(delivery) = &claimed.delivery {
            self.runners.environment().prepare_mail(delivery);
        }
        self.runners.scheduler().push(claimed, Instant::now());
        self.runners.start();
    }

    /// A delivery was taken out of the queue: its end is being recorded.
    pub(crate) fn leave(&mut self, lane: &str) {
        *self.count(lane) -= 1;
        if let Some(size) = self.sizes.get_mut(lane) {
            *size -= 1;
            if *size == 0 {
                self.sizes.remove(lane);
            }
        }
    }

    fn count(&mut self, lane: &str) -> &mut usize {
        match schedule::is_own(lane) {
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
    pub(crate) fn news(&self, lane: &str) -> Option<News> {
        let mut scheduler = self.runners.scheduler();
        let host = scheduler.hosts.get_mut(schedule::host(lane))?;
        host.queue_mut(lane)?.throttle.news()
    }

    /// Holds a queue back until then. Gives what was in hand and is not under way.
    pub(crate) fn hold(&mut self, lane: &str, until: Instant) -> Vec<Claimed> {
        let waiting: Vec<Claimed> = {
            let mut scheduler = self.runners.scheduler();
            let host = scheduler.hosts.get_mut(schedule::host(lane));
            let Some(queue) = host.and_then(|host| host.queue_mut(lane)) else {
                return Vec::new();
            };
            queue.drain().collect()
        };
        waiting.iter().for_each(|claimed| self.leave(&claimed.lane));
        self.held.insert((until, lane.to_owned()));
        waiting
    }

    /// Queues that were held back until now: one attempt of each may begin.
    pub(crate) fn probe(&mut self, now: Instant) -> Vec<String> {
        let mut lanes = Vec::new();
        while let Some(first) = self.held.first()
            && first.0 <= now
            && let Some((_, lane)) = self.held.pop_first()
        {
            self.runners.scheduler().probe(&lane, now);
            lanes.push(lane);
        }
        lanes
    }

    /// When the next queue is not held back any longer.
    pub(crate) fn next_probe(&self) -> Option<Instant> {
        self.held.first().map(|(until, _)| *until)
    }

    /// Forgets queues with nothing in hand when they are too many, and gives them.
    pub(crate) fn forget(&mut self, now: Instant) -> Vec<String> {
        let gone = {
            let mut scheduler = self.runners.scheduler();
            if scheduler.number_of_queues() <= REMEMBERED + self.sizes.len() {
                return Vec::new();
            }
            // Half of them, so that it is not done for each one that comes.
            scheduler.forget(REMEMBERED / 2, now)
        };
        let gone: BTreeSet<String> = gone.iter().map(ToString::to_string).collect();
        self.held.retain(|(_, lane)| !gone.contains(lane));
        gone.into_iter().collect()
    }

    /// Memory is short: of the posts whose answers are waited for longest one is to end.
    pub(crate) fn want_room(&self) {
        self.runners.scheduler().want_room();
    }

    /// Takes back what is not under way.
    pub(crate) fn drain(&mut self) -> Vec<Claimed> {
        let waiting: Vec<Claimed> = {
            let mut scheduler = self.runners.scheduler();
            let queues = scheduler
                .hosts
                .values_mut()
                .flat_map(|host| host.queues_mut());
            queues.flat_map(|queue| queue.drain()).collect()
        };
        waiting.iter().for_each(|claimed| self.leave(&claimed.lane));
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
