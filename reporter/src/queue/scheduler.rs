//! Which attempt starts next, and which one has had its slot for long enough. One lock, no waiting: all of this takes
//! microseconds.

mod slots;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use rand::rngs::StdRng;
use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};

use super::{
    Queued,
    destination::{AttemptStart, Dequeued, Supply},
    host::{Host, SlotKind},
    limits::ConcurrencyLimits,
    throttle::ThrottleChange,
};
use crate::{
    deliver::Outcome,
    model::{Delivery, QueueKey},
};

/// What became of a claimed delivery.
pub(crate) enum DeliveryEvent {
    /// An attempt was made.
    Attempted {
        delivery: Delivery,
        outcome: Outcome,
        took: Duration,
        /// What changed for its queue.
        throttle: Option<ThrottleChange>,
    },
    /// None was made, and it may come again after that time.
    PutOff(Delivery, Duration),
}

/// An attempt that may start.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) id: u64,
    pub(super) queued: Queued,
    pub(super) is_local: bool,
}

/// What a free runner can do.
pub(super) enum RunnerTask {
    Attempt(Box<Attempt>),
    /// Wake a host at that time.
    WakeAt(Instant, String),
}

/// What a review of an attempt under way has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Review {
    Unchanged,
    /// Others may start.
    SlotFreed,
    /// Its slot is needed: it has to end.
    CutOff,
}

/// What an attempt waits for. The least is cut first: before there is a connection, nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum WaitsFor {
    Connection,
    /// Since then: the receiver has the report.
    Answer(Instant),
}

#[derive(Debug)]
struct ActiveAttempt {
    host: String,
    queue: QueueKey,
    domain: String,
    delivered_before: bool,
    start: AttemptStart,
    slot: SlotKind,
    since: Instant,
    /// For what it has waited long enough.
    may_be_cut: Option<WaitsFor>,
    is_cut: bool,
}

pub(super) struct Scheduler {
    limits: ConcurrencyLimits,
    rng: StdRng,
    pub(super) hosts: HashMap<String, Host>,
    /// Hosts that may have something to start, by the slot that it needs.
    ready: [VecDeque<String>; 3],
    /// Attempts by slot.
    busy: [usize; 3],
    active: HashMap<u64, ActiveAttempt>,
    /// Attempts that are slow while all slots for slow ones are taken.
    crowded: HashSet<u64>,
    /// Slots that are wanted for another reason.
    slots_wanted: usize,
    /// Queues of which it is not known that nothing more is due.
    supplied: Vec<QueueKey>,
    last_id: u64,
    pub(super) is_stopped: bool,
    /// Tells the daemon that a queue may take more deliveries than before, or runs low while more is due.
    pub(super) capacity_changed: Arc<Notify>,
    sender: mpsc::UnboundedSender<DeliveryEvent>,
}

impl Scheduler {
    pub(super) fn new(
        limits: ConcurrencyLimits,
        rng: StdRng,
        sender: mpsc::UnboundedSender<DeliveryEvent>,
    ) -> Scheduler {
        Scheduler {
            limits,
            rng,
            hosts: HashMap::new(),
            ready: Default::default(),
            busy: [0; 3],
            active: HashMap::new(),
            crowded: HashSet::new(),
            slots_wanted: 0,
            supplied: Vec::new(),
            last_id: 0,
            is_stopped: false,
            capacity_changed: Arc::default(),
            sender,
        }
    }

    pub(super) fn number_active(&self) -> usize {
        self.active.len()
    }

    pub(super) fn push(&mut self, queued: Queued, now: Instant) {
        let key = queued.delivery.queue.clone();
        let name = key.host();
        let host = self.hosts.entry(name.to_owned());
        let host = host.or_insert_with(|| Host::new(key.is_local(), &self.limits));
        let queue = host.queue_or_new(&key);
        if queue.supply == Supply::All {
            queue.supply = Supply::Unknown;
            self.supplied.push(key.clone());
        }
        match queue.push(queued, now) {
            Some((queued, wait)) => self.put_off(queued, wait),
            None => self.make_ready(name, now),
        }
    }

    /// The daemon has claimed; of these queues more is due.
    pub(super) fn claimed(&mut self, is_due: impl Fn(&QueueKey) -> bool, now: Instant) {
        for key in std::mem::take(&mut self.supplied) {
            let host = self.hosts.get_mut(key.host());
            let Some(queue) = host.and_then(|host| host.queue_mut(&key)) else {
                continue;
            };
            if is_due(&key) {
                queue.more_is_due();
                self.supplied.push(key);
            } else {
                queue.supply = Supply::All;
                self.forget_clear_queues(key.host(), now);
            }
        }
    }

    fn put_off(&self, queued: Queued, wait: Duration) {
        let event = DeliveryEvent::PutOff(queued.delivery, wait);
        // Fails only when the daemon has gone.
        let _ = self.sender.send(event);
    }

    /// A host that has something to start is ready for one kind of slot.
    pub(super) fn make_ready(&mut self, name: &str, now: Instant) {
        let Some(host) = self.hosts.get_mut(name) else {
            return;
        };
        if host.is_ready || host.is_asleep {
            return;
        }
        if let Some((_, slot)) = host.choose(&self.limits, now) {
            host.is_ready = true;
            self.ready[slot as usize].push_back(name.to_owned());
        }
    }

    fn has_slot(&self, slot: SlotKind) -> bool {
        match slot {
            SlotKind::Local => true,
            SlotKind::Quick => self.busy[SlotKind::Quick as usize] < self.limits.quick,
            SlotKind::Slow => self.busy[SlotKind::Slow as usize] < self.limits.slow_at_start(),
        }
    }

    /// The next attempt that may start, or `WakeAt` for a host whose rate is reached; hosts take turns.
    pub(super) fn next(&mut self, now: Instant) -> Option<RunnerTask> {
        for slot in [SlotKind::Local, SlotKind::Quick, SlotKind::Slow] {
            while !self.is_stopped && self.has_slot(slot) {
                let Some(name) = self.ready[slot as usize].pop_front() else {
                    break;
                };
                if let Some(task) = self.next_of(name, slot, now) {
                    return Some(task);
                }
            }
        }
        None
    }

    fn next_of(&mut self, name: String, slot: SlotKind, now: Instant) -> Option<RunnerTask> {
        let host = self.hosts.get_mut(&name)?;
        host.is_ready = false;
        let (at, needed) = host.choose(&self.limits, now)?;
        if needed != slot {
            self.make_ready(&name, now);
            return None;
        }
        if let Some(until) = host.rate_limited(now) {
            host.is_asleep = true;
            return Some(RunnerTask::WakeAt(until, name));
        }
        let (queue, dequeued) = host.take(at, &self.limits, now)?;
        if host.queue_mut(&queue).is_some_and(|it| it.runs_low()) {
            self.capacity_changed.notify_one();
        }
        match dequeued {
            Dequeued::PutOff(queued, left) => {
                self.put_off(queued, left);
                self.make_ready(&name, now);
                None
            }
            Dequeued::Start(queued, start) => {
                self.last_id += 1;
                self.busy[slot as usize] += 1;
                let active = ActiveAttempt {
                    host: name.clone(),
                    queue,
                    domain: queued.delivery.domain().to_owned(),
                    delivered_before: queued.delivery.delivered_before,
                    start,
                    slot,
                    since: now,
                    may_be_cut: None,
                    is_cut: false,
                };
                self.active.insert(self.last_id, active);
                self.make_ready(&name, now);
                Some(RunnerTask::Attempt(Box::new(Attempt {
                    id: self.last_id,
                    queued,
                    is_local: slot == SlotKind::Local,
                })))
            }
        }
    }

    /// The time of [`RunnerTask::WakeAt`] has come.
    pub(super) fn wake(&mut self, name: &str, now: Instant) {
        if let Some(host) = self.hosts.get_mut(name) {
            host.is_asleep = false;
            self.make_ready(name, now);
            self.forget_clear_queues(name, now);
        }
    }

    /// An attempt has ended.
    pub(super) fn end(&mut self, attempt: Attempt, outcome: Outcome, now: Instant) {
        let Some(active) = self.active.remove(&attempt.id) else {
            return;
        };
        self.crowded.remove(&attempt.id);
        self.busy[active.slot as usize] -= 1;
        if active.slot == SlotKind::Slow {
            self.relieve_crowded();
        }
        // Its report's memory may be free: the daemon asks again if it needs more.
        if active.slot != SlotKind::Local {
            self.slots_wanted = 0;
        }
        let (delivery, took) = (attempt.queued.delivery, now - active.since);
        let mut throttle = None;
        if let Some(host) = self.hosts.get_mut(&active.host) {
            host.ended();
            if let Some(queue) = host.queue_mut(&active.queue) {
                let (start, rng) = (active.start, &mut self.rng);
                throttle = queue.end(&delivery, start, &outcome, took, now, rng);
            }
            self.make_ready(&active.host, now);
            self.forget_clear_queues(&active.host, now);
        }
        // Fails only when the daemon has gone: the attempt is repeated after the next start.
        let _ = self.sender.send(DeliveryEvent::Attempted {
            delivery,
            outcome,
            took,
            throttle,
        });
    }

    fn forget_clear_queues(&mut self, name: &str, now: Instant) {
        if let Some(host) = self.hosts.get_mut(name) {
            host.forget(|queue| queue.is_clear(now));
            if host.is_empty() && !host.is_ready {
                self.hosts.remove(name);
            }
        }
    }

    /// How many deliveries of a queue may be claimed at a time, with so many for each connection.
    pub(super) fn capacity(&self, key: &QueueKey, per_connection: usize, now: Instant) -> usize {
        let host = self.hosts.get(key.host());
        let (limits, each) = (&self.limits, per_connection);
        let Some(queue) = host.and_then(|host| host.queue(key)) else {
            return match key.is_local() {
                true => each * limits.local,
                // It may never answer.
                false => each,
            };
        };
        let is_probing = queue.throttle.is_probing(now);
        if key.is_local() {
            return match is_probing {
                true => 1,
                false => queue.local_claims(each) * limits.local,
            };
        }
        let slow = SlotKind::Slow as usize;
        let slow = self.busy[slow] + self.ready[slow].len();
        match queue.is_slow() {
            // The best of several is the probe.
            _ if is_probing || !queue.answers => each,
            true if slow >= limits.slow => 0,
            // A quick host goes on for a while without the daemon; a slow one needs no more than it can carry.
            true => 2 * limits.per_host + queue.slow_waiting(now),
            false => each * limits.per_host + queue.slow_waiting(now),
        }
    }

    /// All queues that are remembered.
    pub(super) fn number_of_queues(&self) -> usize {
        self.hosts.values().map(Host::number).sum()
    }

    /// Forgets idle queues until so many are left, and gives their keys. Those with nothing worth remembering go first;
    /// of the others chance decides. The operator's own stay: strangers name hosts without number.
    pub(super) fn forget(&mut self, left: usize, now: Instant) -> Vec<QueueKey> {
        for host in self.hosts.values_mut() {
            host.forget(|queue| queue.is_clear(now));
        }
        let mut gone = Vec::new();
        let too_many = self.number_of_queues().saturating_sub(left);
        for host in self.hosts.values_mut().filter(|host| !host.is_local) {
            if gone.len() >= too_many {
                break;
            }
            gone.extend(host.forget(|_| true));
        }
        self.hosts
            .retain(|_, host| host.is_ready || !host.is_empty());
        gone
    }
}

#[cfg(test)]
mod tests;
