//! Whether the deliveries of one destination queue, a host and port, flow. Pure: the time is an argument.
//!
//! Where nobody answers, not each of the thousand domains that name a host tries it. After several attempts in a row
//! without a connection the queue is stopped and held back for a while, which grows each time; then one attempt at a time
//! asks whether somebody is there. An answer, whatever it says, lets the queue flow.
//!
//! An answer with the wish to wait (`Retry-After`) speaks of the reported domain that it was given to, and holds back that
//! domain alone: strangers share hosts. Only where several domains in a row hear it, and none has been served between, is
//! the host itself busy, and all are held back: as long as it asks when they are its customers, whose reports have arrived
//! there before; for a minute at most after many strangers.
//!
//! What began before a stop tells nothing new when it ends after: it is one event, however many were under way.

use std::time::Duration;

use tlsrptd_proto::domain::owner;
use tokio::time::Instant;

use crate::deliver::Outcome;

/// So many in a row stop a queue: a connection may break by chance, and one domain speaks for itself.
const ENOUGH: u32 = 5;
/// So many strangers in a row: who has not been served before may have come to hold others up.
const MANY: usize = 20;
/// For strangers a queue is held back so long at first, and up to four times as long.
const FOR_STRANGERS: Duration = Duration::from_secs(15);
/// What happened longer ago than that is no row with what happens now.
const A_ROW: Duration = Duration::from_secs(3600);
/// A shorter wish is over before it could be heeded.
const LEAST_WISH: Duration = Duration::from_secs(1);

/// One queue's.
#[derive(Debug, Default)]
pub(super) struct DestinationThrottle {
    phase: Phase,
    /// How often in a row nobody was found: the next wait grows with it.
    holds: u32,
    /// The daemon knows that it does not flow.
    told: bool,
    /// All stops: tells what began before the last one.
    stops: u64,
    /// The last time that nobody answered.
    last: Option<Instant>,
    /// Those who heard a wish since anybody was served.
    wishes: Vec<Wish>,
    last_wish: Option<Instant>,
    /// It was held back for its customers, and nobody has been served since: one more of them is enough.
    is_busy: bool,
    /// How often in a row it was held back for strangers.
    for_strangers: u32,
}

#[derive(Debug)]
struct Wish {
    owner: String,
    wait: Duration,
    is_customer: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    /// So many in a row had no answer.
    Flows { unanswered: u32 },
    /// Nothing begins any more; for how long, the daemon has not said yet.
    Stopped { wish: Option<Duration> },
    /// Nothing begins.
    Held,
    /// One attempt at a time.
    Probing,
}

impl Default for Phase {
    fn default() -> Phase {
        Phase::Flows { unanswered: 0 }
    }
}

/// An attempt that may begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    stops: u64,
}

/// What the end of an attempt tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A report was taken.
    Served,
    /// Somebody is there.
    Answer,
    /// Somebody is there, and wants this domain to wait.
    Wish(Duration),
    /// Nobody is there, or somebody who takes nothing.
    Nothing,
    /// The attempt says nothing: it failed here.
    Ours,
}

/// Whose attempt it was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Witness<'a> {
    /// The reported domain.
    pub(super) domain: &'a str,
    /// Reports have arrived at that destination before.
    pub(super) has_worked: bool,
}

/// What the daemon has to see to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// It is to be held back.
    Holds {
        /// Somebody is there, and wants it held back so long.
        wish: Option<Duration>,
        /// How often in a row nobody was found.
        times: u32,
        /// It flowed until now.
        first: bool,
    },
    /// It flows again.
    Flows,
}

impl Heard {
    pub(super) fn of(outcome: &Outcome) -> Heard {
        match outcome {
            Outcome::Unreachable { .. } | Outcome::Denied { .. } => Heard::Nothing,
            Outcome::Retry {
                after: Some(wish), ..
            } if *wish >= LEAST_WISH => Heard::Wish(*wish),
            Outcome::Sent { .. } => Heard::Served,
            // It never left the house.
            Outcome::Exhausted { .. } | Outcome::NotReady { .. } | Outcome::Crowded { .. } => {
                Heard::Ours
            }
            _ => Heard::Answer,
        }
    }
}

impl DestinationThrottle {
    /// `None`: nothing may begin now.
    pub(super) fn begin(&self) -> Option<Begun> {
        let begun = Begun { stops: self.stops };
        match self.phase {
            Phase::Flows { .. } | Phase::Probing => Some(begun),
            Phase::Stopped { .. } | Phase::Held => None,
        }
    }

    /// An attempt has ended. Gives whether the daemon has to look ([`DestinationThrottle::news`]).
    pub(super) fn end(
        &mut self,
        begun: Begun,
        heard: Heard,
        witness: Witness<'_>,
        now: Instant,
    ) -> bool {
        if heard == Heard::Served {
            self.wishes.clear();
            (self.is_busy, self.for_strangers) = (false, 0);
        }
        if begun.stops != self.stops {
            return false;
        }
        if let Heard::Wish(wish) = heard
            && let Some(wait) = self.wish_of_all(wish, witness, now)
        {
            self.wishes.clear();
            return self.stop(Some(wait));
        }
        match (heard, &mut self.phase) {
            (Heard::Ours, _) => false,
            (Heard::Nothing, Phase::Flows { unanswered }) => {
                let in_a_row = self.last.is_some_and(|last| now - last <= A_ROW);
                *unanswered = if in_a_row { *unanswered + 1 } else { 1 };
                let enough = *unanswered >= ENOUGH;
                self.last = Some(now);
                enough && self.stop(None)
            }
            (Heard::Nothing, _) => self.stop(None),
            (Heard::Served | Heard::Answer | Heard::Wish(_), phase) => {
                let again = *phase == Phase::Probing;
                *phase = Phase::default();
                self.last = None;
                again
            }
        }
    }

    /// Notes a wish; gives for how long it is everybody's, if it is.
    fn wish_of_all(
        &mut self,
        wait: Duration,
        witness: Witness<'_>,
        now: Instant,
    ) -> Option<Duration> {
        if self.last_wish.is_none_or(|last| now - last > A_ROW) {
            self.wishes.clear();
            (self.is_busy, self.for_strangers) = (false, 0);
        }
        self.last_wish = Some(now);
        let (owner, is_customer) = (owner(witness.domain).to_owned(), witness.has_worked);
        self.wishes.retain(|known| known.owner != owner);
        self.wishes.push(Wish {
            owner,
            wait,
            is_customer,
        });
        let customers = self.wishes.iter().filter(|wish| wish.is_customer);
        let customers: Vec<Duration> = customers.map(|wish| wish.wait).collect();
        if is_customer && (self.is_busy || customers.len() >= ENOUGH as usize) {
            self.is_busy = true;
            return customers.into_iter().min();
        }
        if self.wishes.len() < MANY {
            return None;
        }
        let longest = FOR_STRANGERS * (1 << self.for_strangers.min(2));
        self.for_strangers += 1;
        let least = self.wishes.iter().map(|wish| wish.wait).min();
        least.map(|least| least.min(longest))
    }

    fn stop(&mut self, wish: Option<Duration>) -> bool {
        self.phase = Phase::Stopped { wish };
        self.stops += 1;
        true
    }

    /// What is to be done about it, once.
    pub(super) fn news(&mut self) -> Option<News> {
        match self.phase {
            Phase::Stopped { wish } => {
                self.phase = Phase::Held;
                self.holds = match wish {
                    Some(_) => 0,
                    None => self.holds + 1,
                };
                Some(News::Holds {
                    wish,
                    times: self.holds,
                    first: !std::mem::replace(&mut self.told, true),
                })
            }
            Phase::Flows { .. } if self.told => {
                (self.told, self.holds) = (false, 0);
                Some(News::Flows)
            }
            _ => None,
        }
    }

    /// The time for which it was held back is over.
    pub(super) fn probe(&mut self) {
        if self.phase == Phase::Held {
            self.phase = Phase::Probing;
        }
    }

    /// One attempt at a time.
    pub(super) fn is_probing(&self) -> bool {
        self.phase == Phase::Probing
    }

    /// Held back, or about to be.
    pub(super) fn is_held(&self) -> bool {
        matches!(self.phase, Phase::Held | Phase::Stopped { .. })
    }

    /// Nothing in it is worth remembering.
    pub(super) fn is_plain(&self, now: Instant) -> bool {
        let flows = matches!(self.phase, Phase::Flows { .. });
        let is_over = |last: Option<Instant>| last.is_none_or(|last| now - last > A_ROW);
        flows && !self.told && is_over(self.last) && is_over(self.last_wish)
    }
}

#[cfg(test)]
mod tests;
