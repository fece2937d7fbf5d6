//! Whether DNS answers at all. Pure: the time is an argument.
//!
//! A question that nobody answers takes many seconds. When DNS is out, a million domains must not wait for that, one after
//! the other: they do without DNS, and one question now and then finds out when it is back. But names that never answer
//! are anybody's to make, by the thousand. They only raise the suspicion; what decides is the root of all names, which
//! nobody can withhold.

use std::time::Duration;

use tokio::time::Instant;

/// What it takes to suspect it: 64 questions without a response, or 1024 with a bad one, and no answer between them.
const ENOUGH: u32 = 1024;
const SILENCE: u32 = 16;
const BAD_RESPONSE: u32 = 1;
/// One question in so much time.
const EVERY: Duration = Duration::from_secs(2);

/// What is known of DNS.
#[derive(Debug, Default)]
pub(super) struct Outage {
    /// What speaks for an outage since the last answer.
    weight: u32,
    out: Option<Out>,
}

#[derive(Debug)]
struct Out {
    since: Instant,
    /// When the next question may be asked.
    next: Instant,
    passed_over: u64,
}

/// How a question ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// There is such a record, or there is none.
    Answer,
    /// An error, told by a server.
    BadResponse,
    /// Nothing came, or nothing could be sent.
    Silence,
}

/// What to do about a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Ask it.
    Ask,
    /// DNS is out: ask for the root before it.
    AskForTheRoot,
    /// DNS is out.
    PassOver,
}

/// What follows from how a question ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Ask for the root.
    Suspected,
    Out,
    Back {
        /// How long it was out.
        after: Duration,
        /// Questions that were not asked.
        passed_over: u64,
    },
}

impl Outage {
    /// Whether to ask a question.
    pub(super) fn turn(&mut self, now: Instant) -> Turn {
        match &mut self.out {
            Some(out) if now < out.next => {
                out.passed_over += 1;
                Turn::PassOver
            }
            Some(out) => {
                out.next = now + EVERY;
                Turn::AskForTheRoot
            }
            None => Turn::Ask,
        }
    }

    /// Whether a question that has failed is worth repeating.
    pub(super) fn is_out(&self) -> bool {
        self.out.is_some()
    }

    /// A question about somebody's name ended.
    pub(super) fn ended(&mut self, end: End, now: Instant) -> Option<Change> {
        self.weight += match end {
            End::Answer => return self.back(now),
            End::BadResponse => BAD_RESPONSE,
            End::Silence => SILENCE,
        };
        if self.weight < ENOUGH {
            return None;
        }
        self.weight = 0;
        self.out.is_none().then_some(Change::Suspected)
    }

    /// The question for the root ended.
    pub(super) fn root_asked(&mut self, is_known: bool, now: Instant) -> Option<Change> {
        if is_known {
            return self.back(now);
        }
        if self.out.is_some() {
            return None;
        }
        self.out = Some(Out {
            since: now,
            next: now + EVERY,
            passed_over: 0,
        });
        Some(Change::Out)
    }

    fn back(&mut self, now: Instant) -> Option<Change> {
        self.weight = 0;
        let out = self.out.take()?;
        Some(Change::Back {
            after: now - out.since,
            passed_over: out.passed_over,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_raises_suspicion() {
        use End::{Answer, BadResponse, Silence};
        let now = Instant::now();
        for (ends, suspected, why) in [
            (&[(63, Silence)][..], 0, "some questions get lost"),
            (
                &[(64, Silence)],
                1,
                "nobody is there, or nobody wants to be",
            ),
            (&[(128, Silence)], 2, "and again, as long as it goes on"),
            (
                &[(63, Silence), (1, Answer), (63, Silence)],
                0,
                "somebody is",
            ),
            (
                &[(1000, BadResponse)],
                0,
                "the broken domains of one hoster",
            ),
            (&[(1024, BadResponse)], 1, "a resolver without its network"),
            (&[(32, Silence), (512, BadResponse)], 1, "both"),
        ] {
            let mut outage = Outage::default();
            let each = ends
                .iter()
                .flat_map(|(number, end)| std::iter::repeat_n(*end, *number));
            let changes: Vec<Change> = each.filter_map(|end| outage.ended(end, now)).collect();
            assert_eq!(
                changes,
                vec![Change::Suspected; suspected],
                "{ends:?}: {why}"
            );
            assert!(!outage.is_out(), "names alone are no outage");
        }
    }

    #[test]
    fn the_root_decides() {
        let now = Instant::now();
        let mut outage = Outage::default();
        assert_eq!(outage.root_asked(true, now), None);
        assert_eq!(outage.turn(now), Turn::Ask, "names may be silent for ever");
        assert_eq!(outage.root_asked(false, now), Some(Change::Out));
        assert_eq!(outage.root_asked(false, now), None, "told once");
        assert!(matches!(
            outage.root_asked(true, now),
            Some(Change::Back { .. })
        ));
    }

    #[test]
    fn one_question_now_and_then() {
        let now = Instant::now();
        let mut outage = Outage::default();
        outage.root_asked(false, now);
        let tenths = |number: u32| now + EVERY / 10 * number;
        let asked: Vec<u32> = (0..50)
            .filter(|n| outage.turn(tenths(*n)) == Turn::AskForTheRoot)
            .collect();
        assert_eq!(asked, [10, 20, 30, 40]);
        assert_eq!(outage.ended(End::Silence, tenths(50)), None);
        let back = outage.ended(End::Answer, tenths(50));
        assert_eq!(
            back,
            Some(Change::Back {
                after: EVERY * 5,
                passed_over: 46
            }),
            "any answer is one"
        );
        assert_eq!(outage.turn(tenths(50)), Turn::Ask);
        assert_eq!(outage.ended(End::Silence, now), None, "a new row begins");
    }
}
