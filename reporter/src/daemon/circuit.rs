//! Whether the deliveries of one lane flow. Pure: the time is an argument.
//!
//! Where nobody answers, not each of the thousand domains that name a host tries it. After several attempts in a row
//! without an answer the lane is stopped and held back for a while, which grows each time; then one attempt at a time
//! asks whether somebody is there. An answer, whatever it says, lets the lane flow. A host that answers with the wish to
//! wait (`Retry-After`) is held back as long as that, and asked by one attempt too.
//!
//! What began before a stop tells nothing new when it ends after: it is one event, however many were under way.

use std::time::Duration;

use tokio::time::Instant;

use crate::deliver::Outcome;

/// So many in a row stop a lane: a connection may break by chance.
const ENOUGH: u32 = 5;
/// What happened longer ago than that is no row with what happens now.
const A_ROW: Duration = Duration::from_secs(3600);
/// A shorter wish is over before it could be heeded.
const LEAST_WISH: Duration = Duration::from_secs(1);

/// One lane's.
#[derive(Debug, Default)]
pub(super) struct Circuit {
    phase: Phase,
    /// How often in a row nobody was found: the next wait grows with it.
    holds: u32,
    /// The daemon knows that it does not flow.
    told: bool,
    /// All stops: tells what began before the last one.
    stops: u64,
    /// The last time that nobody answered.
    last: Option<Instant>,
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

/// What the end of an attempt tells of the lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Somebody is there.
    Answer,
    /// Somebody is there, and wants us to wait.
    Wish(Duration),
    /// Nobody is there, or somebody who takes nothing.
    Nothing,
}

/// What the daemon has to see to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
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
            Outcome::Sent { .. }
            | Outcome::Retry { .. }
            | Outcome::Refused { .. }
            | Outcome::Unsendable { .. }
            | Outcome::UnknownScheme => Heard::Answer,
        }
    }
}

impl Circuit {
    /// `None`: nothing may begin now.
    pub(super) fn begin(&self) -> Option<Begun> {
        let begun = Begun { stops: self.stops };
        match self.phase {
            Phase::Flows { .. } | Phase::Probing => Some(begun),
            Phase::Stopped { .. } | Phase::Held => None,
        }
    }

    /// An attempt has ended. Gives whether the daemon has to look ([`Circuit::news`]).
    pub(super) fn end(&mut self, begun: Begun, heard: Heard, now: Instant) -> bool {
        let was_under_way = begun.stops != self.stops;
        match (heard, &mut self.phase) {
            // Of several wishes that come together the longest counts.
            (Heard::Wish(wish), Phase::Stopped { wish: known }) => {
                *known = Some(known.unwrap_or_default().max(wish));
                true
            }
            _ if was_under_way => false,
            (Heard::Wish(wish), _) => self.stop(Some(wish)),
            (Heard::Nothing, Phase::Flows { unanswered }) => {
                let in_a_row = self.last.is_some_and(|last| now - last <= A_ROW);
                *unanswered = if in_a_row { *unanswered + 1 } else { 1 };
                let enough = *unanswered >= ENOUGH;
                self.last = Some(now);
                enough && self.stop(None)
            }
            (Heard::Nothing, _) => self.stop(None),
            (Heard::Answer, phase) => {
                let again = *phase == Phase::Probing;
                *phase = Phase::default();
                self.last = None;
                again
            }
        }
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
        flows && !self.told && self.last.is_none_or(|last| now - last > A_ROW)
    }
}

#[cfg(test)]
mod tests;
