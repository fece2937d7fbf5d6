//! Who begins next, and who has had enough room. One lock, no waiting: everything here is a matter of microseconds.

mod room;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};

use super::{
    Queued,
    destination::Taken,
    host::{Class, Host, Offer},
    limits::Limits,
    strangers::Standing,
    throttle::Begun,
};
use crate::{
    deliver::Outcome,
    model::{Delivery, QueueKey},
};

/// What became of a delivery that was in hand.
pub(crate) struct Ended {
    pub(crate) delivery: Delivery,
    pub(crate) end: End,
    /// Its queue has something to tell.
    pub(crate) news: bool,
}

pub(crate) enum End {
    /// It was tried, which took so long.
    Tried(Outcome, Duration),
    /// It was not, and may be again so much later.
    PutOff(Duration),
}

/// An attempt that may begin.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) id: u64,
    pub(super) queued: Queued,
    pub(super) is_own: bool,
}

/// What a free runner can do.
pub(super) enum Next {
    Begin(Box<Job>),
    /// A host may be asked again then; it is to be woken.
    Wake(Instant, String),
}

/// What a look at an attempt under way has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Nothing,
    /// There is room for others.
    Room,
    /// Its room is needed: it has to end.
    Cut,
}

/// What an attempt waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum WaitsFor {
    Connection,
    Answer,
}

#[derive(Debug)]
struct UnderWay {
    host: String,
    queue: QueueKey,
    domain: String,
    has_worked: bool,
    begun: Begun,
    standing: Standing,
    class: Class,
    since: Instant,
    /// Its connection or its answer is waited for since then, and may be waited for no longer. To cut the latter costs more:
    /// the receiver has the report.
    may_be_cut: Option<(WaitsFor, Instant)>,
    is_cut: bool,
}

pub(super) struct Scheduler {
    limits: Limits,
    pub(super) hosts: HashMap<String, Host>,
    /// Hosts that may have something to begin, by the room that it takes.
    lines: [VecDeque<String>; 3],
    /// Attempts by room.
    busy: [usize; 3],
    under_way: HashMap<u64, UnderWay>,
    /// Attempts that are slow and find no room among the slow.
    crowded: HashSet<u64>,
    /// Other needs for room.
    wanted: usize,
    last_id: u64,
    pub(super) is_stopped: bool,
    /// A queue may have more in hand than the daemon knows.
    pub(super) more: Arc<Notify>,
    sender: mpsc::UnboundedSender<Ended>,
}

impl Scheduler {
    pub(super) fn new(limits: Limits, sender: mpsc::UnboundedSender<Ended>) -> Scheduler {
        Scheduler {
            limits,
            hosts: HashMap::new(),
            lines: Default::default(),
            busy: [0; 3],
            under_way: HashMap::new(),
            crowded: HashSet::new(),
            wanted: 0,
            last_id: 0,
            is_stopped: false,
            more: Arc::default(),
            sender,
        }
    }

    pub(super) fn number_under_way(&self) -> usize {
        self.under_way.len()
    }

    pub(super) fn push(&mut self, queued: Queued, now: Instant) {
        let key = queued.delivery.queue.clone();
        let name = key.host();
        let host = self.hosts.entry(name.to_owned());
        let host = host.or_insert_with(|| Host::new(key.is_own(), &self.limits));
        match host.queue_or_new(&key).push(queued, now) {
            Some((queued, wait)) => self.put_off(queued, wait),
            None => self.line_up(name, now),
        }
    }

    fn put_off(&self, queued: Queued, wait: Duration) {
        // Nobody listens when the daemon has gone.
        let _ = self.sender.send(Ended {
            delivery: queued.delivery,
            end: End::PutOff(wait),
            news: false,
        });
    }

    /// A host that has something to begin stands in one line.
    fn line_up(&mut self, name: &str, now: Instant) {
        let Some(host) = self.hosts.get_mut(name) else {
            return;
        };
        if host.is_in_line || host.is_asleep {
            return;
        }
        if let Some((_, class)) = host.choose(&self.limits, now) {
            host.is_in_line = true;
            self.lines[class as usize].push_back(name.to_owned());
        }
    }

    fn has_room(&self, class: Class) -> bool {
        match class {
            Class::Own => true,
            Class::Quick => self.busy[Class::Quick as usize] < self.limits.quick,
            Class::Slow => self.busy[Class::Slow as usize] < self.limits.slow_begun(),
        }
    }

    /// The next that may begin; hosts take turns.
    pub(super) fn next(&mut self, now: Instant) -> Option<Next> {
        for class in [Class::Own, Class::Quick, Class::Slow] {
            while !self.is_stopped && self.has_room(class) {
                let Some(name) = self.lines[class as usize].pop_front() else {
                    break;
                };
                if let Some(next) = self.next_of(name, class, now) {
                    return Some(next);
                }
            }
        }
        None
    }

    fn next_of(&mut self, name: String, class: Class, now: Instant) -> Option<Next> {
        let host = self.hosts.get_mut(&name)?;
        host.is_in_line = false;
        let (at, is_now) = host.choose(&self.limits, now)?;
        if is_now != class {
            self.line_up(&name, now);
            return None;
        }
        match host.take(at, &self.limits, now)? {
            Offer::Later(at) => {
                host.is_asleep = true;
                Some(Next::Wake(at, name))
            }
            Offer::Taken(_, Taken::PutOff(queued, left)) => {
                self.put_off(queued, left);
                self.line_up(&name, now);
                None
            }
            Offer::Taken(queue, Taken::Begins(queued, begun, standing)) => {
                self.last_id += 1;
                self.busy[class as usize] += 1;
                let under_way = UnderWay {
                    host: name.clone(),
                    queue,
                    domain: queued.delivery.domain().to_owned(),
                    has_worked: queued.delivery.has_worked,
                    begun,
                    standing,
                    class,
                    since: now,
                    may_be_cut: None,
                    is_cut: false,
                };
                self.under_way.insert(self.last_id, under_way);
                self.line_up(&name, now);
                Some(Next::Begin(Box::new(Job {
                    id: self.last_id,
                    queued,
                    is_own: class == Class::Own,
                })))
            }
        }
    }

    /// The time has come that [`Next::Wake`] named.
    pub(super) fn wake(&mut self, name: &str, now: Instant) {
        if let Some(host) = self.hosts.get_mut(name) {
            host.is_asleep = false;
            self.line_up(name, now);
            self.retire(name, now);
        }
    }

    /// An attempt has ended.
    pub(super) fn end(&mut self, job: Job, outcome: Outcome, now: Instant) {
        let Some(attempt) = self.under_way.remove(&job.id) else {
            return;
        };
        self.crowded.remove(&job.id);
        self.busy[attempt.class as usize] -= 1;
        // Its report's memory may be free: who needs more asks again.
        if attempt.class != Class::Own {
            self.wanted = 0;
        }
        let mut news = false;
        let took = now - attempt.since;
        if let Some(host) = self.hosts.get_mut(&attempt.host) {
            host.ended();
            if let Some(queue) = host.queue_mut(&attempt.queue) {
                let (begun, standing) = (attempt.begun, attempt.standing);
                news = queue.end(&job.queued.delivery, begun, standing, &outcome, took, now);
            }
            self.line_up(&attempt.host, now);
            if !news {
                self.retire(&attempt.host, now);
            }
        }
        // Nobody listens any more: the outcome is lost, and the attempt is repeated after the next start.
        let _ = self.sender.send(Ended {
            delivery: job.queued.delivery,
            end: End::Tried(outcome, took),
            news,
        });
    }

    /// Forgets what is over.
    fn retire(&mut self, name: &str, now: Instant) {
        if let Some(host) = self.hosts.get_mut(name) {
            host.forget(|queue| queue.is_plain(now));
            if host.is_empty() && !host.is_in_line {
                self.hosts.remove(name);
            }
        }
    }

    /// A queue that was held back may ask.
    pub(super) fn probe(&mut self, key: &QueueKey, now: Instant) {
        let name = key.host();
        if let Some(host) = self.hosts.get_mut(name) {
            if let Some(queue) = host.queue_mut(key) {
                queue.throttle.probe();
            }
            self.line_up(name, now);
        }
    }

    /// How many a queue may have in hand.
    pub(super) fn share_in_hand(&self, key: &QueueKey, each: usize, now: Instant) -> usize {
        let host = self.hosts.get(key.host());
        let limits = &self.limits;
        let Some(queue) = host.and_then(|host| host.queue(key)) else {
            return match key.is_own() {
                true => each * limits.own,
                // Nobody knows whether it is worth more.
                false => each,
            };
        };
        if key.is_own() {
            return if queue.throttle.is_probing() {
                1
            } else {
                each * limits.own
            };
        }
        let slow = self.busy[Class::Slow as usize] + self.lines[Class::Slow as usize].len();
        match queue.is_slow() {
            // Of several the best asks first.
            _ if queue.throttle.is_probing() || !queue.answers => each,
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

    /// Forgets queues with nothing in hand until so many are left, and gives their names. What is over goes first; which
    /// ones of the others, chance says. Of the operator's own only what is over goes: strangers name hosts without number.
    pub(super) fn forget(&mut self, left: usize, now: Instant) -> Vec<QueueKey> {
        for host in self.hosts.values_mut() {
            host.forget(|queue| queue.is_plain(now));
        }
        let mut gone = Vec::new();
        let too_many = self.number_of_queues().saturating_sub(left);
        for host in self.hosts.values_mut().filter(|host| !host.is_own) {
            if gone.len() >= too_many {
                break;
            }
            gone.extend(host.forget(|_| true));
        }
        self.hosts
            .retain(|_, host| host.is_in_line || !host.is_empty());
        gone
    }
}

#[cfg(test)]
mod tests;
