//! Which counts are told again: new ones at once, others when they have grown by a tenth, or when their growth has waited for ten
//! minutes. So a key of a million sessions a day costs some 150 rows, and no count is more than ten minutes behind.

use std::time::{Duration, Instant};

/// Growth waits at most so long.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// What is told of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// What is worth it.
    Worthwhile,
    /// All that has grown: the day is over, or the program ends.
    Everything,
    /// Nothing: it is only added up.
    Nothing,
}

/// Whether a count is told: `told` so many before, `now` so many, which has been more than `told` for `waited`.
pub(crate) fn is_due(rule: Rule, told: u64, now: u64, waited: Duration) -> bool {
    now > told
        && match rule {
            Rule::Nothing => false,
            Rule::Everything => true,
            Rule::Worthwhile => {
                u128::from(now - told) * 10 >= u128::from(told) || waited >= LONGEST_WAIT
            }
        }
}

/// Instants in 15 bits: a number every four seconds, from 1. After a day and a half they stay where they are, and then everything
/// counts as having waited.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticks {
    began: Instant,
}

const SECONDS_A_TICK: u64 = 4;
pub(crate) const LAST_TICK: u16 = 0x7fff;

impl Ticks {
    pub(crate) fn from_now() -> Ticks {
        Ticks {
            began: Instant::now(),
        }
    }

    pub(crate) fn at(&self, now: Instant) -> u16 {
        let ticks = now.saturating_duration_since(self.began).as_secs() / SECONDS_A_TICK;
        u16::try_from(ticks + 1).map_or(LAST_TICK, |tick| tick.min(LAST_TICK))
    }
}

/// The time between two ticks; of the last, which may be any, as long as can be.
pub(crate) fn between(since: u16, now: u16) -> Duration {
    match now {
        LAST_TICK => LONGEST_WAIT,
        _ => Duration::from_secs(u64::from(now.saturating_sub(since)) * SECONDS_A_TICK),
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn rows() {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        for (rule, told, now, waited, want, why) in [
            (Rule::Worthwhile, 0, 1, minutes(0), true, "a new key"),
            (Rule::Worthwhile, 0, 0, minutes(60), false, "nothing"),
            (Rule::Worthwhile, 10, 11, minutes(0), true, "a tenth"),
            (
                Rule::Worthwhile,
                100,
                109,
                minutes(9),
                false,
                "less, not long",
            ),
            (Rule::Worthwhile, 100, 101, minutes(10), true, "long enough"),
            (Rule::Worthwhile, 100, 100, minutes(99), false, "no growth"),
            (Rule::Worthwhile, 100, 99, minutes(99), false, "never less"),
            (
                Rule::Everything,
                1_000_000,
                1_000_001,
                minutes(0),
                true,
                "all",
            ),
            (Rule::Everything, 5, 5, minutes(0), false, "not twice"),
            (Rule::Nothing, 0, 5, minutes(99), false, "nothing at all"),
            (
                Rule::Worthwhile,
                u64::MAX - 1,
                u64::MAX,
                minutes(0),
                false,
                "no overflow",
            ),
        ] {
            assert_eq!(is_due(rule, told, now, waited), want, "{why}");
        }
    }

    /// Counts that grow by chance, read every minute: nothing is behind by more than a tenth and ten minutes, a new key never waits,
    /// each telling is at least a tenth or ten minutes apart, the end tells the rest, and nothing is told that is told already.
    #[test]
    fn never_far_behind_and_never_too_often() {
        for chance in 0..200 {
            let mut rng = StdRng::seed_from_u64(chance);
            let (mut told, mut now, mut since, mut times) = (0_u64, 0_u64, None, 0_u32);
            let mut tellings: Vec<(u64, u64)> = Vec::new();
            for minute in 0..1440_u64 {
                let most = 1_u64 << rng.random_range(0..20);
                now += rng.random_range(0..most);
                since = (now > told).then(|| since.unwrap_or(minute));
                let waited = Duration::from_secs(60 * (minute - since.unwrap_or(minute)));
                if is_due(Rule::Worthwhile, told, now, waited) {
                    assert!(
                        told == 0
                            || waited >= LONGEST_WAIT
                            || u128::from(now) * 10 >= u128::from(told) * 11
                    );
                    (told, since) = (now, None);
                    times += 1;
                    tellings.push((minute, now));
                } else if now > told {
                    assert!(told > 0, "a new key is told at once");
                    assert!(waited < LONGEST_WAIT);
                    assert!((now - told) * 10 < told, "{now} {told}");
                }
            }
            // At most one in ten minutes, and one a tenth.
            let tenths = (now.max(1) as f64).ln() / 1.1_f64.ln();
            assert!(
                f64::from(times) <= 144.0 + tenths + 10.0,
                "{chance}: {times}"
            );
            assert!(!is_due(Rule::Everything, now, now, LONGEST_WAIT));
            assert_eq!(
                is_due(Rule::Everything, told, now, Duration::ZERO),
                now > told
            );
        }
    }

    #[test]
    fn ticks() {
        let ticks = Ticks::from_now();
        let at = |seconds| ticks.at(ticks.began + Duration::from_secs(seconds));
        assert_eq!((at(0), at(3), at(4)), (1, 1, 2));
        assert_eq!(at(1_000_000), LAST_TICK);
        assert_eq!(between(at(0), at(600)), LONGEST_WAIT);
        assert!(between(at(0), at(590)) < LONGEST_WAIT);
        assert!(between(LAST_TICK, LAST_TICK) >= LONGEST_WAIT);
    }
}
