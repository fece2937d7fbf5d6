//! One destination queue: the deliveries to one host and port, or to the relay, that wait for a slot.

use std::{collections::VecDeque, time::Duration};

use rand::Rng;
use tokio::time::Instant;

use super::{
    Queued,
    domain_history::{DomainHistory, Priority},
    limits::ConcurrencyLimits,
    throttle::{DestinationThrottle, Epoch, HostReply, ReportedDomain, ThrottleChange},
};
use crate::{deliver::Outcome, model::Delivery};

/// An attempt that lasts longer is slow.
pub(super) const SLOW: Duration = Duration::from_secs(1);
/// One that is not connected after so long makes room for others: hosts that are there answer sooner.
pub(super) const NOT_CONNECTED: Duration = Duration::from_millis(250);
/// One of the operator's own that ends sooner: of its queue more deliveries are claimed at a time,
const AT_ONCE: Duration = Duration::from_millis(50);
/// so many times as many.
const MORE_AT_ONCE: usize = 4;
/// So many slow attempts in a row make a slow destination.
const SLOW_IN_ROW: u32 = 2;
/// `Retry-After` delays the domain's other deliveries no longer than that.
const MAX_DELAY: Duration = Duration::from_secs(3600);
/// So many deliveries of slow domains may wait at a destination that is quick for others,
const SLOW_AT_PROMPT: usize = 4;
/// and at another one, so that none is claimed for hours.
const SLOW_WAITING: usize = 6;
/// Further ones come back so much later.
const SLOW_BACK: Duration = Duration::from_secs(300);

/// Whether more is due for a queue than the daemon has claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Supply {
    /// Nothing more is due.
    All,
    /// Something was put in, and nobody has said whether more is due.
    Unknown,
    /// More is due. When no more than so many wait, the daemon is told.
    Low(usize),
    /// More is due, and the daemon has been told, or knows by itself.
    Told,
}

/// The deliveries of one reported domain.
#[derive(Debug)]
struct DomainQueue {
    domain: String,
    waiting: VecDeque<Queued>,
}

/// What waits, and what is known about the destination.
#[derive(Debug)]
pub(super) struct DestinationQueue {
    is_local: bool,
    /// Reported domains take turns.
    domains: VecDeque<DomainQueue>,
    /// Deliveries of all of them.
    waiting: usize,
    pub(super) supply: Supply,
    pub(super) under_way: usize,
    pub(super) throttle: DestinationThrottle,
    history: DomainHistory,
    /// Somebody is there, as far as is known.
    pub(super) answers: bool,
    /// It has served somebody at once.
    pub(super) is_prompt: bool,
    slow_in_row: u32,
    /// The last attempt has ended at once.
    ends_at_once: bool,
    /// Attempts under way for domains that are slow here.
    pub(super) slow_under_way: usize,
}

/// What was known when an attempt started.
#[derive(Clone, Copy, Debug)]
pub(super) struct AttemptStart {
    pub(super) epoch: Epoch,
    pub(super) priority: Priority,
}

/// What comes out of a queue.
pub(super) enum Dequeued {
    Start(Queued, AttemptStart),
    /// The host has asked that domain to wait so long.
    PutOff(Queued, Duration),
}

impl DestinationQueue {
    /// `is_local`: the relay and the disk are the operator's own.
    pub(super) fn new(is_local: bool) -> DestinationQueue {
        DestinationQueue {
            is_local,
            domains: VecDeque::new(),
            waiting: 0,
            supply: Supply::All,
            under_way: 0,
            throttle: DestinationThrottle::new(),
            history: DomainHistory::default(),
            answers: is_local,
            is_prompt: false,
            slow_in_row: 0,
            ends_at_once: false,
            slow_under_way: 0,
        }
    }

    /// Puts a delivery in, or gives it back with the time after which it may come again.
    pub(super) fn push(&mut self, queued: Queued, now: Instant) -> Option<(Queued, Duration)> {
        let most = match self.is_prompt {
            true => SLOW_AT_PROMPT,
            false => SLOW_WAITING,
        };
        let priority = self.priority(&queued.delivery, now);
        if priority == Priority::Slow && self.slow_waiting(now) >= most {
            return Some((queued, SLOW_BACK));
        }
        self.waiting += 1;
        let name = self.domain_of(&queued.delivery);
        match self.domains.iter_mut().find(|one| one.domain == name) {
            Some(domain) => domain.waiting.push_back(queued),
            None => self.domains.push_back(DomainQueue {
                domain: name.to_owned(),
                waiting: [queued].into(),
            }),
        }
        None
    }

    /// Whether an attempt may start that waits here.
    pub(super) fn is_runnable(&self, limits: &ConcurrencyLimits, now: Instant) -> bool {
        self.under_way < self.limit(limits, now)
            && !self.throttle.is_paused(now)
            && self.next_domain(limits, now).is_some()
    }

    /// One attempt at a time until somebody has answered.
    fn limit(&self, limits: &ConcurrencyLimits, now: Instant) -> usize {
        match self.throttle.is_probing(now) || !self.answers {
            true => 1,
            false if self.is_local => limits.local,
            false => limits.per_host,
        }
    }

    pub(super) fn take(&mut self, limits: &ConcurrencyLimits, now: Instant) -> Option<Dequeued> {
        let epoch = self.throttle.start(now)?;
        let next = self.next_domain(limits, now)?;
        let mut domain = self.domains.remove(next)?;
        let queued = domain.waiting.pop_front()?;
        self.waiting -= 1;
        let delay = self.history.delay(&domain.domain, now);
        if !domain.waiting.is_empty() {
            self.domains.push_back(domain);
        }
        if let Some(left) = delay {
            return Some(Dequeued::PutOff(queued, left));
        }
        let priority = self.priority(&queued.delivery, now);
        self.under_way += 1;
        self.slow_under_way += usize::from(priority == Priority::Slow);
        Some(Dequeued::Start(queued, AttemptStart { epoch, priority }))
    }

    /// Of those with the best priority the one that has waited longest.
    fn next_domain(&self, limits: &ConcurrencyLimits, now: Instant) -> Option<usize> {
        let priorities = self.priorities(now).enumerate();
        let (next, (_, best)) = priorities.min_by_key(|(_, (_, priority))| *priority)?;
        let is_full = self.slow_under_way >= limits.slow_domains();
        (best != Priority::Slow || !is_full).then_some(next)
    }

    fn priorities(&self, now: Instant) -> impl Iterator<Item = (&DomainQueue, Priority)> {
        self.domains.iter().filter_map(move |domain| {
            let first = domain.waiting.front()?;
            Some((domain, self.priority(&first.delivery, now)))
        })
    }

    /// The daemon has claimed as much as there was room for, and more is due: it shall claim again before nothing waits.
    pub(super) fn more_is_due(&mut self) {
        self.supply = match self.waiting {
            0 => Supply::Told,
            waiting => Supply::Low(waiting / 2),
        };
    }

    /// Gives whether the daemon has to be told now that more can be claimed.
    pub(super) fn runs_low(&mut self) -> bool {
        let is_low = matches!(self.supply, Supply::Low(least) if self.waiting <= least);
        if is_low {
            self.supply = Supply::Told;
        }
        is_low
    }

    /// Reported domains that wait.
    pub(super) fn domains(&self) -> usize {
        self.domains.len()
    }

    /// The best priority that waits.
    pub(super) fn best_waiting(&self, now: Instant) -> Option<Priority> {
        self.priorities(now).map(|(_, priority)| priority).min()
    }

    /// Deliveries of slow domains that wait: because of them no fewer others are claimed.
    pub(super) fn slow_waiting(&self, now: Instant) -> usize {
        let priorities = self.priorities(now);
        let slow = priorities.filter(|(_, priority)| *priority == Priority::Slow);
        slow.map(|(domain, _)| domain.waiting.len()).sum()
    }

    fn priority(&self, delivery: &Delivery, now: Instant) -> Priority {
        let domain = delivery.domain();
        self.history
            .priority(domain, delivery.delivered_before, now)
    }

    /// All mails are one domain's: the relay treats them alike.
    fn domain_of<'a>(&self, delivery: &'a Delivery) -> &'a str {
        match self.is_local {
            true => "",
            false => delivery.domain(),
        }
    }

    /// That domain's answers take long. Gives whether that is new.
    pub(super) fn mark_slow(&mut self, domain: &str, now: Instant) -> bool {
        self.history.mark_slow(domain, now)
    }

    /// An attempt has ended.
    pub(super) fn end(
        &mut self,
        delivery: &Delivery,
        start: AttemptStart,
        outcome: &Outcome,
        took: Duration,
        now: Instant,
        rng: &mut impl Rng,
    ) -> Option<ThrottleChange> {
        self.under_way -= 1;
        self.slow_under_way -= usize::from(start.priority == Priority::Slow);
        self.ends_at_once = took < AT_ONCE;
        let reply = HostReply::of(outcome);
        self.answers |= !matches!(reply, HostReply::NoAnswer | HostReply::LocalFault);
        match reply {
            // It did not last as long as it would have.
            HostReply::LocalFault => {}
            _ if took > SLOW => self.slow_in_row += 1,
            _ => self.slow_in_row = 0,
        }
        match reply {
            // The operator's own relay asks nobody to wait for others' sake.
            _ if self.is_local => {}
            HostReply::RetryAfter(wait) => {
                let wait = wait.min(MAX_DELAY);
                self.history.delay_for(delivery.domain(), wait, now);
            }
            HostReply::Served if took <= SLOW => {
                self.is_prompt = true;
                self.history.mark_quick(delivery.domain());
            }
            _ => {}
        }
        let domain = ReportedDomain {
            name: delivery.domain(),
            delivered_before: delivery.delivered_before,
        };
        self.throttle.end(start.epoch, reply, domain, now, rng)
    }

    /// How many deliveries may be claimed at a time for each connection to one of the operator's own, instead of `usual`.
    pub(super) fn local_claims(&self, usual: usize) -> usize {
        match self.ends_at_once {
            true => MORE_AT_ONCE * usual,
            false => usual,
        }
    }

    pub(super) fn is_slow(&self) -> bool {
        self.slow_in_row >= SLOW_IN_ROW
    }

    pub(super) fn is_idle(&self) -> bool {
        self.under_way == 0 && self.domains.is_empty()
    }

    /// Nothing in it is worth remembering. While more is due, it is known how much the queue can carry.
    pub(super) fn is_clear(&self, now: Instant) -> bool {
        let is_known = self.is_local || self.supply != Supply::All;
        !is_known && self.throttle.is_clear(now) && self.history.is_empty() && !self.is_slow()
    }

    /// Takes back what waits.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Delivery> + use<> {
        self.waiting = 0;
        std::mem::take(&mut self.domains)
            .into_iter()
            .flat_map(|domain| domain.waiting)
            .map(|queued| queued.delivery)
    }
}
