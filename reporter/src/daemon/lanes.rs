//! Deliveries beside each other: so many in all, so many a lane.
//!
//! A lane has a queue and up to `max_concurrent_per_host` runners, which go on from delivery to delivery while the daemon
//! records what has ended. However slow one lane is, it holds no runner of another. Where nobody answers, the lane is
//! held back ([`super::circuit`]).

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::Instant,
};

use super::{
    Bounds,
    circuit::News,
    lane::{Ended, Lane},
};
use crate::{outside::Outside, state::Claimed};

/// Lanes that are remembered with nothing in hand: strangers name hosts without number.
const REMEMBERED: usize = 4096;

/// All lanes with something in hand, and those that do not flow.
pub(super) struct Lanes {
    queues: HashMap<String, Lane>,
    /// Those that are held back, by the time when somebody is to ask again.
    held: BTreeSet<(Instant, String)>,
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

impl Default for Lanes {
    fn default() -> Lanes {
        // It holds no more than is in hand.
        let (sender, ended) = mpsc::unbounded_channel();
        Lanes {
            queues: HashMap::new(),
            held: BTreeSet::new(),
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

    /// How many more a lane may have in hand, out of so many.
    pub(super) fn room(&self, lane: &str, of: usize) -> usize {
        let busy = self.sizes.get(lane).copied().unwrap_or(0);
        let is_probing = |lane: &Lane| lane.lock().circuit.is_probing();
        let of = match self.queues.get(lane).is_some_and(is_probing) {
            true => 1,
            false => of,
        };
        of.saturating_sub(busy)
    }

    pub(super) fn is_busy(&self) -> bool {
        !self.runners.is_empty()
    }

    /// Puts a delivery into its lane.
    pub(super) fn push<O: Outside>(&mut self, outside: &Arc<O>, bounds: &Bounds, claimed: Claimed) {
        *self.sizes.entry(claimed.lane.clone()).or_default() += 1;
        self.in_hand += 1;
        if let Some(delivery) = &claimed.delivery {
            outside.foresee(delivery);
        }
        let name = claimed.lane.clone();
        let all = self
            .all
            .get_or_insert_with(|| Arc::new(Semaphore::new(bounds.deliveries)));
        let lane = self.queues.entry(name.clone());
        let lane = lane
            .or_insert_with_key(|name| Lane::new(name, bounds))
            .clone();
        let mut inner = lane.lock();
        inner.queue.push_back(claimed);
        if inner.runners < bounds.per_host && !inner.circuit.is_held() {
            inner.runners += 1;
            drop(inner);
            let (outside, all, sender) =
                (Arc::clone(outside), Arc::clone(all), self.sender.clone());
            self.runners.spawn(async move {
                lane.run(&*outside, &all, &sender).await;
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

    /// What a lane has to tell.
    pub(super) fn news(&self, lane: &str) -> Option<News> {
        self.queues.get(lane)?.lock().circuit.news()
    }

    /// Holds a lane back until then. Gives what was in hand and is not under way.
    pub(super) fn hold(&mut self, lane: &str, until: Instant) -> Vec<Claimed> {
        let Some(found) = self.queues.get(lane) else {
            return Vec::new();
        };
        let waiting: Vec<Claimed> = std::mem::take(&mut found.lock().queue).into();
        waiting.iter().for_each(|claimed| self.leave(&claimed.lane));
        self.held.insert((until, lane.to_owned()));
        waiting
    }

    /// Lanes that were held back until now: one attempt of each may begin.
    pub(super) fn probe(&mut self, now: Instant) -> Vec<String> {
        let mut lanes = Vec::new();
        while let Some(first) = self.held.first()
            && first.0 <= now
            && let Some((_, name)) = self.held.pop_first()
        {
            if let Some(lane) = self.queues.get(&name) {
                lane.lock().circuit.probe();
            }
            lanes.push(name);
        }
        lanes
    }

    /// When the next lane is not held back any longer.
    pub(super) fn next_probe(&self) -> Option<Instant> {
        self.held.first().map(|(until, _)| *until)
    }

    /// Forgets lanes with nothing in hand when they are too many, and gives them.
    pub(super) fn forget(&mut self, now: Instant) -> Vec<String> {
        if self.queues.len() <= REMEMBERED + self.sizes.len() {
            return Vec::new();
        }
        self.queues.retain(|_, lane| {
            let inner = lane.lock();
            !inner.is_idle() || !inner.circuit.is_plain(now)
        });
        // Half of them, so that it is not done for each one that comes. Which ones, chance says.
        let too_many = self.queues.len().saturating_sub(REMEMBERED / 2);
        let idle = self.queues.iter().filter(|(_, lane)| lane.lock().is_idle());
        let names = idle.map(|(name, _)| name.clone());
        let names: BTreeSet<String> = names.take(too_many).collect();
        self.queues.retain(|name, _| !names.contains(name));
        self.held.retain(|(_, name)| !names.contains(name));
        names.into_iter().collect()
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
                let is_done = |lane: &Lane| {
                    let inner = lane.lock();
                    inner.is_idle() && inner.circuit.is_plain(Instant::now())
                };
                if self.queues.get(&name).is_some_and(is_done) {
                    self.queues.remove(&name);
                }
            }
            // Its delivery stays in hand, and is repeated after the next start.
            Err(error) => tracing::error!(%error, "a delivery ended badly"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::{circuit::Heard, lane::Lane};

    const BOUNDS: Bounds = Bounds {
        fetchers: Vec::new(),
        deliveries: 1,
        per_host: 1,
        rate_per_host: 0,
        clock_confirmation: std::time::Duration::ZERO,
        late_interval: std::time::Duration::ZERO,
        interval: std::time::Duration::ZERO,
    };

    /// A lane where nobody answered, so often.
    fn lane(unanswered: usize, now: Instant) -> Lane {
        let lane = Lane::new("https:x", &BOUNDS);
        for _ in 0..unanswered {
            let mut inner = lane.lock();
            let begun = inner.circuit.begin().unwrap();
            inner.circuit.end(begun, Heard::Nothing, now);
        }
        lane
    }

    #[test]
    fn hosts_without_number_are_forgotten() {
        let (mut lanes, now) = (Lanes::default(), Instant::now());
        for number in 0..=REMEMBERED {
            assert!(lanes.forget(now).is_empty(), "room for {number}");
            let name = format!("https:h{number}");
            lanes.queues.insert(name.clone(), lane(5, now));
            assert!(lanes.news(&name).is_some(), "it is held back");
            assert!(lanes.hold(&name, now).is_empty(), "nothing is in hand");
        }
        lanes.queues.insert("mailto:".to_owned(), lane(5, now));
        lanes.queues["mailto:"].lock().runners = 1;
        let forgotten = lanes.forget(now);
        assert!(!forgotten.contains(&"mailto:".to_owned()), "it is at work");
        assert_eq!(lanes.queues.len(), REMEMBERED / 2);
        assert_eq!(forgotten.len(), REMEMBERED / 2 + 2);
        assert_eq!(lanes.held.len(), REMEMBERED / 2 - 1);
        assert_eq!(lanes.probe(now).len(), REMEMBERED / 2 - 1);
    }

    #[test]
    fn what_is_over_is_forgotten_first() {
        let (mut lanes, now) = (Lanes::default(), Instant::now());
        for number in 0..REMEMBERED {
            lanes
                .queues
                .insert(format!("https:h{number}"), lane(0, now));
        }
        lanes.queues.insert("https:dead".to_owned(), lane(5, now));
        assert!(lanes.forget(now).is_empty(), "no other is forgotten");
        assert_eq!(lanes.queues.len(), 1);
    }
}
