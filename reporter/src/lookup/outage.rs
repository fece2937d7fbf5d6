//! Whether DNS answers at all. Pure: the time is an argument.
//!
//! A question that nobody answers takes 17 seconds. When DNS is out, a million domains must not wait for that, one after
//! the other: after many failures without one answer between them, domains do without DNS, and one question now and
//! then finds out when it is back. A domain whose own name servers are broken is answered too, by SERVFAIL; only a long
//! row of those says the same, as a resolver sends them that has lost its network.

use std::time::Duration;

use tokio::time::Instant;

/// What it takes to say that DNS is out: 64 questions without a response, or 1024 with a bad one.
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

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Out,
    Back {
        /// How long it was out.
        after: Duration,
        /// Questions that were not asked.
        passed_over: u64,
    },
}

impl Outage {
    /// Whether to ask this question.
    pub(super) fn may_ask(&mut self, now: Instant) -> bool {
        match &mut self.out {
            Some(out) if now < out.next => {
                out.passed_over += 1;
                false
            }
            Some(out) => {
                out.next = now + EVERY;
                true
            }
            None => true,
        }
    }

    /// Whether a question that has failed is worth repeating.
    pub(super) fn is_out(&self) -> bool {
        self.out.is_some()
    }

    pub(super) fn ended(&mut self, end: End, now: Instant) -> Option<Change> {
        self.weight = match end {
            End::Answer => {
                self.weight = 0;
                let out = self.out.take()?;
                return Some(Change::Back {
                    after: now - out.since,
                    passed_over: out.passed_over,
                });
            }
            End::BadResponse => self.weight.saturating_add(BAD_RESPONSE),
            End::Silence => self.weight.saturating_add(SILENCE),
        };
        if self.out.is_some() || self.weight < ENOUGH {
            return None;
        }
        self.out = Some(Out {
            since: now,
            next: now + EVERY,
            passed_over: 0,
        });
        Some(Change::Out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many ends after each other.
    fn after(ends: &[(usize, End)], now: Instant) -> Outage {
        let mut outage = Outage::default();
        for (number, end) in ends {
            for _ in 0..*number {
                outage.ended(*end, now);
            }
        }
        outage
    }

    #[test]
    fn what_an_outage_is() {
        use End::{Answer, BadResponse, Silence};
        let now = Instant::now();
        for (ends, out, why) in [
            (&[(63, Silence)][..], false, "some questions get lost"),
            (&[(64, Silence)], true, "nobody is there"),
            (
                &[(63, Silence), (1, Answer), (63, Silence)],
                false,
                "somebody is",
            ),
            (
                &[(1000, BadResponse)],
                false,
                "the broken domains of one hoster",
            ),
            (
                &[(1024, BadResponse)],
                true,
                "a resolver without its network",
            ),
            (&[(32, Silence), (512, BadResponse)], true, "both"),
            (
                &[(64, Silence), (9, BadResponse)],
                true,
                "a bad response is no answer",
            ),
            (&[(64, Silence), (1, Answer)], false, "one answer is enough"),
        ] {
            assert_eq!(after(ends, now).is_out(), out, "{ends:?}: {why}");
        }
    }

    #[test]
    fn one_question_now_and_then() {
        let now = Instant::now();
        let mut outage = after(&[(63, End::Silence)], now);
        assert!(outage.may_ask(now));
        assert_eq!(outage.ended(End::Silence, now), Some(Change::Out));
        assert_eq!(outage.ended(End::Silence, now), None, "told once");
        let tenths = |number: u32| now + EVERY / 10 * number;
        let asked: Vec<u32> = (0..50).filter(|n| outage.may_ask(tenths(*n))).collect();
        assert_eq!(asked, [10, 20, 30, 40]);
        let back = outage.ended(End::Answer, tenths(50));
        assert_eq!(
            back,
            Some(Change::Back {
                after: EVERY * 5,
                passed_over: 46
            })
        );
        assert!(outage.may_ask(tenths(50)) && outage.may_ask(tenths(50)));
        assert_eq!(outage.ended(End::Silence, now), None, "a new row begins");
    }
}
