//! One destination queue: the deliveries to one host and port, or to the relay, that wait for their turn.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::{
    Queued,
    limits::Limits,
    strangers::{Standing, Strangers},
    throttle::{Begun, DestinationThrottle, Heard, Witness},
};
use crate::{deliver::Outcome, model::Delivery};

/// An attempt that lasts longer is slow.
pub(super) const SLOW: Duration = Duration::from_secs(1);
/// So many slow attempts in a row make a slow destination.
const SLOW_ROW: u32 = 2;
/// A wish of one answer holds the domain's other deliveries no longer than that.
const LONGEST_HOLD: Duration = Duration::from_secs(3600);
/// So many deliveries of slow domains may wait at a destination that is quick for others,
const SLOW_AT_PROMPT: usize = 4;
/// and at another, so that none is in hand for hours; until
const SLOW_WAITING: usize = 6;
/// more come back.
const SLOW_BACK: Duration = Duration::from_secs(300);

/// One reported domain's.
#[derive(Debug)]
struct Share {
    domain: String,
    waiting: VecDeque<Queued>,
}

/// What waits, and what is known of the place.
#[derive(Debug)]
pub(super) struct DestinationQueue {
    is_own: bool,
    /// Reported domains take turns.
    shares: VecDeque<Share>,
    pub(super) under_way: usize,
    pub(super) throttle: DestinationThrottle,
    strangers: Strangers,
    /// Somebody is there, as far as is known.
    pub(super) answers: bool,
    /// It has served somebody at once.
    pub(super) is_prompt: bool,
    slow_row: u32,
    /// Under way for domains that are slow here.
    pub(super) slow_under_way: usize,
}

/// What comes out of a queue.
pub(super) enum Taken {
    Begins(Queued, Begun, Standing),
    /// The place has asked that domain to wait so long.
    PutOff(Queued, Duration),
}

impl DestinationQueue {
    /// `is_own`: the relay and the disk are the operator's own.
    pub(super) fn new(is_own: bool) -> DestinationQueue {
        DestinationQueue {
            is_own,
            shares: VecDeque::new(),
            under_way: 0,
            throttle: DestinationThrottle::default(),
            strangers: Strangers::default(),
            answers: is_own,
            is_prompt: false,
            slow_row: 0,
            slow_under_way: 0,
        }
    }

    /// Puts a delivery in, or gives it back with the time after which it may come again.
    pub(super) fn push(&mut self, queued: Queued, now: Instant) -> Option<(Queued, Duration)> {
        let most = match self.is_prompt {
            true => SLOW_AT_PROMPT,
            false => SLOW_WAITING,
        };
        if self.standing(&queued.delivery, now) == Standing::Slow && self.slow_waiting(now) >= most
        {
            return Some((queued, SLOW_BACK));
        }
        let domain = self.share(&queued.delivery);
        match self.shares.iter_mut().find(|share| share.domain == domain) {
            Some(share) => share.waiting.push_back(queued),
            None => self.shares.push_back(Share {
                domain: domain.to_owned(),
                waiting: [queued].into(),
            }),
        }
        None
    }

    /// Whether something waits here that may begin.
    pub(super) fn is_runnable(&self, limits: &Limits, now: Instant) -> bool {
        self.under_way < self.limit(limits)
            && !self.throttle.is_held()
            && self.next_share(limits, now).is_some()
    }

    /// At an unknown place one attempt is first.
    fn limit(&self, limits: &Limits) -> usize {
        match self.throttle.is_probing() || !self.answers {
            true => 1,
            false if self.is_own => limits.own,
            false => limits.per_host,
        }
    }

    pub(super) fn take(&mut self, limits: &Limits, now: Instant) -> Option<Taken> {
        let begun = self.throttle.begin()?;
        let next = self.next_share(limits, now)?;
        let mut share = self.shares.remove(next)?;
        let queued = share.waiting.pop_front()?;
        let held = self.strangers.held(&share.domain, now);
        if !share.waiting.is_empty() {
            self.shares.push_back(share);
        }
        if let Some(left) = held {
            return Some(Taken::PutOff(queued, left));
        }
        let standing = self.standing(&queued.delivery, now);
        self.under_way += 1;
        self.slow_under_way += usize::from(standing == Standing::Slow);
        Some(Taken::Begins(queued, begun, standing))
    }

    /// Of the best standing the one that has waited longest.
    fn next_share(&self, limits: &Limits, now: Instant) -> Option<usize> {
        let (next, (_, best)) = self
            .standings(now)
            .enumerate()
            .min_by_key(|(_, (_, s))| *s)?;
        let is_full = self.slow_under_way >= limits.slow_domains();
        (best != Standing::Slow || !is_full).then_some(next)
    }

    fn standings(&self, now: Instant) -> impl Iterator<Item = (&Share, Standing)> {
        self.shares.iter().filter_map(move |share| {
            let first = share.waiting.front()?;
            Some((share, self.standing(&first.delivery, now)))
        })
    }

    /// Reported domains that wait.
    pub(super) fn domains(&self) -> usize {
        self.shares.len()
    }

    /// The best that waits.
    pub(super) fn best_waiting(&self, now: Instant) -> Option<Standing> {
        self.standings(now).map(|(_, standing)| standing).min()
    }

    /// Deliveries of slow domains that wait: they are to keep no others from being taken in hand.
    pub(super) fn slow_waiting(&self, now: Instant) -> usize {
        let slow = self.standings(now).filter(|(_, s)| *s == Standing::Slow);
        slow.map(|(share, _)| share.waiting.len()).sum()
    }

    fn standing(&self, delivery: &Delivery, now: Instant) -> Standing {
        let domain = delivery.domain();
        self.strangers.standing(domain, delivery.has_worked, now)
    }

    /// All mails are one share: the relay treats them alike.
    fn share<'a>(&self, delivery: &'a Delivery) -> &'a str {
        match self.is_own {
            true => "",
            false => delivery.domain(),
        }
    }

    /// That domain's answer has been waited for for long. Gives whether that is new.
    pub(super) fn is_slow_for(&mut self, domain: &str, now: Instant) -> bool {
        self.strangers.is_slow(domain, now)
    }

    /// An attempt has ended. Gives whether the daemon has to look.
    pub(super) fn end(
        &mut self,
        delivery: &Delivery,
        begun: Begun,
        standing: Standing,
        outcome: &Outcome,
        took: Duration,
        now: Instant,
    ) -> bool {
        self.under_way -= 1;
        self.slow_under_way -= usize::from(standing == Standing::Slow);
        let heard = Heard::of(outcome);
        self.answers |= !matches!(heard, Heard::Nothing | Heard::Ours);
        if heard == Heard::Ours {
            // It did not last as long as it would have.
        } else if took > SLOW {
            self.slow_row += 1;
        } else {
            self.slow_row = 0;
        }
        if self.is_own {
            // The operator's own relay asks nobody to wait for others' sake.
        } else if let Heard::Wish(wish) = heard {
            self.strangers
                .hold(delivery.domain(), wish.min(LONGEST_HOLD), now);
        } else if heard == Heard::Served && took <= SLOW {
            self.is_prompt = true;
            self.strangers.is_quick(delivery.domain());
        }
        let witness = Witness {
            domain: delivery.domain(),
            has_worked: delivery.has_worked,
        };
        self.throttle.end(begun, heard, witness, now)
    }

    pub(super) fn is_slow(&self) -> bool {
        self.slow_row >= SLOW_ROW
    }

    pub(super) fn is_idle(&self) -> bool {
        self.under_way == 0 && self.shares.is_empty()
    }

    /// Nothing in it is worth remembering.
    pub(super) fn is_plain(&self, now: Instant) -> bool {
        self.throttle.is_plain(now) && self.strangers.is_empty() && !self.is_slow()
    }

    /// Takes back what waits.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Delivery> + use<> {
        std::mem::take(&mut self.shares)
            .into_iter()
            .flat_map(|share| share.waiting)
            .map(|queued| queued.delivery)
    }
}
