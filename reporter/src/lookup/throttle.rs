//! Whether the resolver answers at all. Pure: the time is an argument.
//!
//! A query that nobody answers takes many seconds. When the resolver is unavailable, a million domains must not wait for
//! that, one after the other: their queries are skipped, and a probe now and then finds out when it is back. But anybody can
//! make thousands of names whose servers never answer. Such names only raise the suspicion; the query for the root zone,
//! which nobody can withhold, decides.

use std::time::Duration;

use tokio::time::Instant;

use crate::throttle::{Permit, Throttle};

/// What raises the suspicion: 64 queries without a response, or 1024 with an error, and no answer between them.
const ENOUGH: u32 = 1024;
const TIMEOUT_WEIGHT: u32 = 16;
const ERROR_WEIGHT: u32 = 1;
/// While the resolver is unavailable, one query in so much time.
const PROBE_INTERVAL: Duration = Duration::from_secs(2);

/// What is known of the resolver.
#[derive(Debug)]
pub(super) struct ResolverThrottle {
    throttle: Throttle,
    /// Queries that were not made during the outage.
    skipped: u64,
}

/// How a query ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QueryEnd {
    /// The resolver said that there is such a record, or none.
    Answered,
    /// A server answered with an error.
    Error,
    /// Nothing came, or nothing could be sent.
    TimedOut,
}

/// What follows from how a query ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResolverChange {
    /// Ask for the root zone.
    Suspected,
    Unavailable,
    Available {
        /// How long it was not.
        after: Duration,
        skipped: u64,
    },
}

impl ResolverThrottle {
    pub(super) fn new() -> ResolverThrottle {
        ResolverThrottle {
            throttle: Throttle::new(ENOUGH),
            skipped: 0,
        }
    }

    /// Whether to make a query. [`Permit::Probe`]: ask for the root zone before it.
    pub(super) fn permit(&mut self, now: Instant) -> Permit {
        let permit = self.throttle.permit(now);
        match permit {
            Permit::Go => {}
            Permit::Probe => _ = self.throttle.pause(now + PROBE_INTERVAL, now),
            Permit::Wait => self.skipped += 1,
        }
        permit
    }

    /// Queries that were not made during the outage.
    pub(super) fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Whether there is no point in repeating a query.
    pub(super) fn is_unavailable(&self) -> bool {
        self.throttle.is_paused()
    }

    /// A query for somebody's name ended.
    pub(super) fn query_ended(&mut self, end: QueryEnd, now: Instant) -> Option<ResolverChange> {
        let weight = match end {
            QueryEnd::Answered => return self.works(now),
            QueryEnd::Error => ERROR_WEIGHT,
            QueryEnd::TimedOut => TIMEOUT_WEIGHT,
        };
        let is_suspect = self.throttle.failed(weight, now) && !self.throttle.is_paused();
        is_suspect.then_some(ResolverChange::Suspected)
    }

    /// The query for the root zone was not answered.
    pub(super) fn root_failed(&mut self, now: Instant) -> Option<ResolverChange> {
        if self.throttle.is_paused() {
            return None;
        }
        self.throttle.pause(now + PROBE_INTERVAL, now);
        self.skipped = 0;
        Some(ResolverChange::Unavailable)
    }

    /// A query was answered.
    pub(super) fn works(&mut self, now: Instant) -> Option<ResolverChange> {
        let after = self.throttle.works(now)?;
        let skipped = self.skipped;
        Some(ResolverChange::Available { after, skipped })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_raises_suspicion() {
        use QueryEnd::{Answered, Error, TimedOut};
        let now = Instant::now();
        for (ends, suspected, why) in [
            (&[(63, TimedOut)][..], 0, "some queries get lost"),
            (
                &[(64, TimedOut)],
                1,
                "nobody is there, or nobody wants to be",
            ),
            (&[(128, TimedOut)], 2, "and again, as long as it goes on"),
            (
                &[(63, TimedOut), (1, Answered), (63, TimedOut)],
                0,
                "somebody is",
            ),
            (&[(1000, Error)], 0, "the broken domains of one hoster"),
            (&[(1024, Error)], 1, "a resolver without its network"),
            (&[(32, TimedOut), (512, Error)], 1, "both"),
        ] {
            let mut throttle = ResolverThrottle::new();
            let each = ends
                .iter()
                .flat_map(|(number, end)| std::iter::repeat_n(*end, *number));
            let changes: Vec<ResolverChange> = each
                .filter_map(|end| throttle.query_ended(end, now))
                .collect();
            assert_eq!(
                changes,
                vec![ResolverChange::Suspected; suspected],
                "{ends:?}: {why}"
            );
            assert!(!throttle.is_unavailable(), "names alone are no outage");
        }
    }

    #[test]
    fn the_root_decides() {
        let now = Instant::now();
        let mut throttle = ResolverThrottle::new();
        assert_eq!(throttle.works(now), None);
        assert_eq!(
            throttle.permit(now),
            Permit::Go,
            "names may be silent for ever"
        );
        assert_eq!(throttle.root_failed(now), Some(ResolverChange::Unavailable));
        assert_eq!(throttle.root_failed(now), None, "told once");
        assert!(matches!(
            throttle.works(now),
            Some(ResolverChange::Available { .. })
        ));
    }

    #[test]
    fn one_query_now_and_then() {
        let now = Instant::now();
        let mut throttle = ResolverThrottle::new();
        throttle.root_failed(now);
        let tenths = |number: u32| now + PROBE_INTERVAL / 10 * number;
        let asked: Vec<u32> = (0..50)
            .filter(|n| throttle.permit(tenths(*n)) == Permit::Probe)
            .collect();
        assert_eq!(asked, [10, 20, 30, 40]);
        assert_eq!(throttle.query_ended(QueryEnd::TimedOut, tenths(50)), None);
        let back = throttle.query_ended(QueryEnd::Answered, tenths(50));
        assert_eq!(
            back,
            Some(ResolverChange::Available {
                after: PROBE_INTERVAL * 5,
                skipped: 46
            }),
            "any answer is one"
        );
        assert_eq!(throttle.permit(tenths(50)), Permit::Go);
        assert_eq!(
            throttle.query_ended(QueryEnd::TimedOut, now),
            None,
            "a new row starts"
        );
    }
}
