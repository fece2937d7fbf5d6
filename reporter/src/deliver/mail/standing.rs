//! Whether the relay accepts mail from us at all, judged by all mails together.
//!
//! If it denies one mail and accepts others, that mail fails and is retried within its window like any failure. If it
//! accepts none, all mails wait. So a relay that denies everything costs no report, and a mail that is never accepted does
//! not hold up others.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::mail_answer::{Denial, DenialScope, MailAnswer, Permanence};
use crate::deliver::Outcome;

/// A relay that accepted a mail this recently accepts mail.
const LATELY: Duration = Duration::from_secs(15 * 60);
/// Transient denials in a row before a warning; a permanent one warns at once.
const ENOUGH: u32 = 3;
/// The warning is repeated after this time.
const AGAIN: Duration = Duration::from_secs(24 * 3600);
/// Least time between two warnings about different periods.
const APART: Duration = Duration::from_secs(3600);

/// What is logged for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Note {
    /// The relay accepts no mail.
    Denies {
        reason: String,
        remedy: &'static str,
    },
    /// The relay does not answer whether it accepted the mail.
    SaysNothing { reason: String },
    /// The relay accepts mail again.
    Takes,
}

/// The recent answers of the relay.
#[derive(Debug, Default)]
pub(super) struct RelayStanding(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    /// When it last accepted a mail.
    taken: Option<Instant>,
    /// Denials since then.
    denials: u32,
    /// The last warning.
    warned: Option<Instant>,
    /// A warning was logged, and no mail has been accepted since.
    denying: bool,
}

impl RelayStanding {
    /// Remembers this answer of the relay, logs when it begins or ceases to accept mail, and gives the mail's outcome.
    pub(super) fn record_and_classify(&self, answer: MailAnswer) -> Outcome {
        let now = Instant::now();
        // Nothing panics while it is locked.
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let note = memory.record(&answer, now);
        let takes_mail = memory.takes_mail(now);
        drop(memory);
        match note {
            Some(Note::Denies { reason, remedy }) => tracing::warn!(
                reason,
                remedy,
                "the relay takes no mail from us: reports wait until it does"
            ),
            Some(Note::SaysNothing { reason }) => tracing::warn!(
                reason,
                remedy = super::mail_answer::SEE_ITS_LOG,
                "the relay does not say whether it takes our mails: they are repeated, for retry_window at most"
            ),
            Some(Note::Takes) => tracing::warn!("the relay takes mail from us again"),
            None => {}
        }
        outcome(answer, takes_mail)
    }
}

/// The outcome of a mail that stands alone.
pub(super) fn outcome_apart(answer: MailAnswer) -> Outcome {
    outcome(answer, true)
}

fn outcome(answer: MailAnswer, takes_mail: bool) -> Outcome {
    match answer {
        MailAnswer::Taken { detail } => Outcome::Sent { detail },
        MailAnswer::NoSuchAddress { reason } => Outcome::Refused { reason },
        MailAnswer::AddressBusy { reason } | MailAnswer::Unknown { reason } => {
            Outcome::retry(reason)
        }
        MailAnswer::Denied(denial) if takes_mail && denial.scope == DenialScope::Mail => {
            Outcome::retry(denial.reason)
        }
        MailAnswer::Denied(Denial { reason, .. }) => Outcome::Denied { reason },
        MailAnswer::Nobody { reason } => Outcome::unreachable(reason),
    }
}

impl Memory {
    fn takes_mail(&self, now: Instant) -> bool {
        self.taken.is_some_and(|taken| now - taken < LATELY)
    }

    /// Remembers an answer; gives what is to be logged.
    fn record(&mut self, answer: &MailAnswer, now: Instant) -> Option<Note> {
        let (note, least) = match answer {
            MailAnswer::Taken { .. } => {
                (self.taken, self.denials) = (Some(now), 0);
                return std::mem::take(&mut self.denying).then_some(Note::Takes);
            }
            MailAnswer::Denied(denial) => {
                let least = match denial.permanence {
                    Permanence::Permanent => 1,
                    Permanence::Transient => ENOUGH,
                };
                let (reason, remedy) = (denial.reason.clone(), denial.remedy);
                (Note::Denies { reason, remedy }, least)
            }
            // The relay may have accepted it, so each attempt counts.
            MailAnswer::Unknown { reason } => {
                let reason = reason.clone();
                (Note::SaysNothing { reason }, ENOUGH)
            }
            // A refused address says nothing about other mails, and neither does a relay that cannot be reached.
            _ => return None,
        };
        if self.takes_mail(now) {
            return None;
        }
        self.denials += 1;
        let rest = if self.denying { AGAIN } else { APART };
        let is_rested = self.warned.is_none_or(|warned| now - warned >= rest);
        if self.denials < least || !is_rested {
            return None;
        }
        (self.warned, self.denying) = (Some(now), true);
        Some(note)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::fixtures::outcome_name;

    fn denied(permanence: Permanence, scope: DenialScope) -> MailAnswer {
        MailAnswer::Denied(Denial {
            reason: "550 no".to_owned(),
            remedy: "mend it",
            permanence,
            scope,
        })
    }

    /// One letter a word: `t` taken, `l` a lasting denial, `p` a passing one, `s` one of the session, `u` unknown, `a` no such
    /// address, `b` a full mailbox, `n` nobody; `q` a quarter of an hour passes, `h` an hour, `d` a day. Gives the outcomes
    /// of the last word, and all notes: `!` denies, `?` says nothing, `.` takes again.
    fn play(events: &str) -> (String, String) {
        let (mut memory, mut now) = (Memory::default(), Instant::now());
        let (mut last, mut notes) = (String::new(), String::new());
        for event in events.chars() {
            now += Duration::from_secs(1);
            let text = String::new;
            let said = match event {
                't' => MailAnswer::Taken { detail: text() },
                'l' => denied(Permanence::Permanent, DenialScope::Mail),
                'p' => denied(Permanence::Transient, DenialScope::Mail),
                's' => denied(Permanence::Permanent, DenialScope::Session),
                'u' => MailAnswer::Unknown { reason: text() },
                'a' => MailAnswer::NoSuchAddress { reason: text() },
                'b' => MailAnswer::AddressBusy { reason: text() },
                'n' => MailAnswer::Nobody { reason: text() },
                'q' | 'h' | 'd' => {
                    now += match event {
                        'q' => LATELY,
                        'h' => APART,
                        _ => AGAIN,
                    };
                    continue;
                }
                other => panic!("{other}"),
            };
            match memory.record(&said, now) {
                Some(Note::Denies { .. }) => notes.push('!'),
                Some(Note::SaysNothing { .. }) => notes.push('?'),
                Some(Note::Takes) => notes.push('.'),
                None => {}
            }
            last = outcome_name(&outcome(said, memory.takes_mail(now))).to_owned();
        }
        (last, notes)
    }

    #[test]
    fn what_is_denied_while_others_are_taken_is_that_mails_affair() {
        #[rustfmt::skip]
        let rows = [
            ("t", "sent", "", "all is well"),
            ("l", "denied", "!", "it has never taken a mail: it may take none"),
            ("lll", "denied", "!", "told once"),
            ("ldl", "denied", "!!", "and again after a day"),
            ("pp", "denied", "", "greylisting, for one"),
            ("ppp", "denied", "!", "no greylisting"),
            ("tl", "retry", "", "it takes others"),
            ("tlllllll", "retry", "", "many mails may be such"),
            ("tql", "denied", "!", "it has taken none for a while"),
            ("ts", "denied", "", "no mail is to blame where there was none"),
            ("lt", "sent", "!.", "it is over"),
            ("ltt", "sent", "!.", "told once"),
            ("ltl", "retry", "!.", "that mail waits on its own now"),
            ("ltql", "denied", "!.", "a mail that nobody takes does not ring every quarter of an hour"),
            ("lthl", "denied", "!.!", "but it does when much time has passed"),
            ("a", "refused", "", "about the address"),
            ("b", "retry", "", "about the address"),
            ("tu", "retry", "", "nobody knows"),
            ("uuu", "retry", "?", "it hangs each time: no promise that reports wait"),
            ("uuut", "sent", "?.", "it is over"),
            ("uul", "denied", "!", "it says so in the end"),
            ("nnnnn", "unreachable", "", "the queue is throttled, and says so"),
            ("lat", "sent", "!.", "an address in between changes nothing"),
        ];
        for (events, outcome, notes, why) in rows {
            let found = play(events);
            let found = (found.0.as_str(), found.1.as_str());
            assert_eq!(found, (outcome, notes), "{events}: {why}");
        }
    }
}
