//! A vertical axis that begins at zero and has round numbers.

use super::as_f64;

/// At most so many intervals.
const INTERVALS: u64 = 5;

/// From zero to a multiple of the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scale {
    step: u64,
    intervals: u64,
}

impl Scale {
    /// One that has room for this number.
    pub(super) fn of(highest: u64) -> Scale {
        let mut unit: u64 = 1;
        loop {
            for factor in [1, 2, 5] {
                // Beyond that a number of 64 bits cannot be.
                let step = unit.saturating_mul(factor);
                if step.saturating_mul(INTERVALS) >= highest {
                    let intervals = highest.div_ceil(step).max(1);
                    return Scale { step, intervals };
                }
            }
            unit = unit.saturating_mul(10);
        }
    }

    /// Where it has marks.
    pub(super) fn ticks(self) -> impl Iterator<Item = u64> {
        (0..=self.intervals).map(move |tick| self.step.saturating_mul(tick))
    }

    /// How high a number is, of the whole.
    pub(super) fn share(self, number: u64) -> f64 {
        as_f64(number) / (as_f64(self.step) * as_f64(self.intervals))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_round_numbers() {
        for (highest, step, top, why) in [
            (0, 1, 1, "nothing: still an axis"),
            (1, 1, 1, "one"),
            (5, 1, 5, "no tick between whole sessions"),
            (6, 2, 6, "even ones"),
            (99, 20, 100, "the next round one"),
            (100, 20, 100, "it fits"),
            (101, 50, 150, "and is not much higher than needed"),
            (12_345_678, 5_000_000, 15_000_000, "millions"),
            (
                u64::MAX,
                5_000_000_000_000_000_000,
                u64::MAX,
                "all that a number can be",
            ),
        ] {
            let scale = Scale::of(highest);
            let ticks: Vec<u64> = scale.ticks().collect();
            assert_eq!((ticks[1], *ticks.last().unwrap()), (step, top), "{why}");
            assert!(ticks.len() <= 6 && ticks[0] == 0, "{why}: {ticks:?}");
            let share = scale.share(highest);
            assert!((0.0..=1.0).contains(&share), "{why}: {share}");
        }
    }
}
