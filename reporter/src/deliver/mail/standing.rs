//! How we stand with the relay: whether it takes mail from us at all, judged by all mails together.
//!
//! What it denies to one mail while it takes others is that mail's affair: it is tried for as long as its window lasts, as any
//! failure is. What it denies while it takes none is the relay's, and every mail waits. So neither can a relay that denies
//! everything cost a report, nor a mail that no relay takes hold up the others.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::mail_answer::{Denial, DenialScope, MailAnswer, Permanence};
use crate::deliver::Outcome;

/// A relay that has taken a mail so lately takes mail.
const LATELY: Duration = Duration::from_secs(15 * 60);
/// So many denials in a row that may pass are worth a warning; of those that last, the first.
const ENOUGH: u32 = 3;
/// A denial that lasts is told again after so long.
const AGAIN: Duration = Duration::from_secs(24 * 3600);
/// Between the ends of one and the warning of the next at least so much time passes.
const APART: Duration = Duration::from_secs(3600);

/// What the operator has to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Note {
    /// It takes no mail.
    Denies {
        reason: String,
        remedy: &'static str,
    },
    /// It does not say whether it takes any.
    SaysNothing { reason: String },
    /// It does again.
    Takes,
}

/// The relay's standing with us.
#[derive(Debug, Default)]
pub(super) struct RelayStanding(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    /// When it last took a mail.
    taken: Option<Instant>,
    /// Denials since.
    denials: u32,
    /// The last warning.
    warned: Option<Instant>,
    /// The warning stands: it is not over yet.
    denying: bool,
}

impl RelayStanding {
    /// What becomes of a mail to which this was said.
    pub(super) fn judge(&self, word: MailAnswer) -> Outcome {
        let now = Instant::now();
        // Nobody leaves it half changed.
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let note = memory.note(&word, now);
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
        outcome(word, takes_mail)
    }
}

fn outcome(word: MailAnswer, takes_mail: bool) -> Outcome {
    match word {
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

    fn note(&mut self, word: &MailAnswer, now: Instant) -> Option<Note> {
        let (note, least) = match word {
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
            // It may have taken it, so each attempt is one of its delivery.
            MailAnswer::Unknown { reason } => {
                let reason = reason.clone();
                (Note::SaysNothing { reason }, ENOUGH)
            }
            // An address that is refused says nothing of the others, and who is not there says nothing at all.
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
    use crate::deliver::fixtures::word;

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
            match memory.note(&said, now) {
                Some(Note::Denies { .. }) => notes.push('!'),
                Some(Note::SaysNothing { .. }) => notes.push('?'),
                Some(Note::Takes) => notes.push('.'),
                None => {}
            }
            last = word(&outcome(said, memory.takes_mail(now))).to_owned();
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
