//! Figures: several values of one thing, their median and spread, and what is asked of them.

/// The values of several runs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Values(Vec<f64>);

impl Values {
    /// Adds a run's value.
    pub(crate) fn push(&mut self, value: f64) {
        self.0.push(value);
        self.0.sort_by(f64::total_cmp);
    }

    /// The one in the middle.
    pub(crate) fn median(&self) -> Option<f64> {
        self.0.get(self.0.len() / 2).copied()
    }

    /// How many there are.
    pub(crate) fn number(&self) -> usize {
        self.0.len()
    }

    /// Adds those of another one.
    pub(crate) fn extend(&mut self, other: &Values) {
        other.0.iter().for_each(|value| self.push(*value));
    }

    /// The least and the greatest.
    pub(crate) fn spread(&self) -> Option<(f64, f64)> {
        Some((*self.0.first()?, *self.0.last()?))
    }
}

/// How a figure is written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    /// `208,000`
    Number,
    /// A share, as `92.1 %`
    Percent,
    /// `4.31 s`
    Seconds,
    /// `0.312 ms`
    Milliseconds,
    /// `12.3 MiB`
    Memory,
    /// `1.07`
    Ratio,
}

impl Unit {
    /// The text of a value.
    pub(crate) fn text(self, value: f64) -> String {
        match self {
            Unit::Number => thousands(value.round() as i64),
            Unit::Percent if value.abs() < 0.1 => format!("{:.3} %", value * 100.0),
            Unit::Percent => format!("{:.1} %", value * 100.0),
            Unit::Seconds => format!("{value:.2} s"),
            Unit::Milliseconds => format!("{value:.3} ms"),
            Unit::Memory => format!("{value:.1} MiB"),
            Unit::Ratio => format!("{value:.2}"),
        }
    }
}

fn thousands(number: i64) -> String {
    let digits = number.abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What is asked of our figure.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    /// At least so much of the floor's in the same run.
    OfFloor(f64),
    /// At most so many times the floor's.
    AtMostOfFloor(f64),
    /// At least so many times sys4's.
    OfTheirs(f64),
    /// At most so much of sys4's.
    AtMostOfTheirs(f64),
    /// At most so much.
    AtMost(f64),
}

/// Whether a goal is reached.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    /// What is asked, and what was found.
    pub(crate) text: String,
    pub(crate) is_reached: bool,
}

impl Goal {
    /// Whether it is reached, and by how much not; nothing where a value is missing.
    pub(crate) fn verdict(
        self,
        unit: Unit,
        [floor, theirs, ours]: [Option<f64>; 3],
    ) -> Option<Verdict> {
        let ours = ours?;
        Some(match self {
            Goal::OfFloor(share) => {
                let ratio = ours / floor?;
                at_least(
                    ratio,
                    share,
                    format!("{ratio:.2} of the floor, {share} asked"),
                )
            }
            Goal::AtMostOfFloor(most) => {
                let ratio = ours / floor?;
                let text = format!("{ratio:.2} of the floor, at most {most} asked");
                at_most(ratio, most, text)
            }
            Goal::OfTheirs(times) => {
                let ratio = ours / theirs?;
                at_least(
                    ratio,
                    times,
                    format!("{ratio:.0} times sys4, {times} asked"),
                )
            }
            Goal::AtMostOfTheirs(most) => {
                let ratio = ours / theirs?;
                at_most(
                    ratio,
                    most,
                    format!("{ratio:.2} of sys4's, at most {most} asked"),
                )
            }
            Goal::AtMost(most) => at_most(ours, most, format!("at most {} asked", unit.text(most))),
        })
    }
}

fn at_least(value: f64, least: f64, asked: String) -> Verdict {
    verdict(value >= least, (least - value) / least, asked)
}

fn at_most(value: f64, most: f64, asked: String) -> Verdict {
    verdict(value <= most, (value - most) / most, asked)
}

/// `missing` is the share of what is asked that is missing, or too much. Of nothing there are no shares.
fn verdict(is_reached: bool, missing: f64, asked: String) -> Verdict {
    let text = match (is_reached, missing.is_finite()) {
        (true, _) => format!("{asked}: reached"),
        (false, true) => format!("{asked}: not reached, by {:.1} %", missing * 100.0),
        (false, false) => format!("{asked}: not reached"),
    };
    Verdict { text, is_reached }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_for_reading() {
        for (unit, value, want, reason) in [
            (Unit::Number, 1_234_567.4, "1,234,567", "thousands"),
            (Unit::Number, 100.0, "100", "no comma in front"),
            (Unit::Number, -2000.0, "-2,000", "sign"),
            (Unit::Percent, 0.9234, "92.3 %", "share"),
            (Unit::Percent, 0.0001, "0.010 %", "small shares need digits"),
            (Unit::Memory, 11.96, "12.0 MiB", "memory"),
        ] {
            assert_eq!(unit.text(value), want, "{reason}");
        }
    }

    #[test]
    fn a_verdict_says_by_how_much() {
        for (goal, [floor, theirs, ours], want) in [
            (
                Goal::OfFloor(0.95),
                [200.0, 0.0, 190.0],
                "0.95 of the floor, 0.95 asked: reached",
            ),
            (
                Goal::OfFloor(0.95),
                [200.0, 0.0, 95.0],
                "0.47 of the floor, 0.95 asked: not reached, by 50.0 %",
            ),
            (
                Goal::AtMostOfFloor(2.0),
                [0.5, 0.0, 1.5],
                "3.00 of the floor, at most 2 asked: not reached, by 50.0 %",
            ),
            (
                Goal::OfTheirs(200.0),
                [0.0, 10.0, 2000.0],
                "200 times sys4, 200 asked: reached",
            ),
            (
                Goal::AtMostOfTheirs(0.25),
                [0.0, 40.0, 11.0],
                "0.28 of sys4's, at most 0.25 asked: not reached, by 10.0 %",
            ),
            (
                Goal::AtMost(16.0),
                [0.0, 0.0, 16.4],
                "at most 16.0 MiB asked: not reached, by 2.5 %",
            ),
            (
                Goal::AtMost(0.0),
                [0.0, 0.0, 1.0],
                "at most 0.0 MiB asked: not reached",
            ),
        ] {
            let verdict = goal
                .verdict(Unit::Memory, [floor, theirs, ours].map(Some))
                .unwrap();
            assert_eq!(verdict.text, want);
            assert_eq!(verdict.is_reached, want.ends_with(": reached"), "{want}");
        }
        let missing = [None, Some(1.0), Some(1.0)];
        assert_eq!(Goal::OfFloor(0.95).verdict(Unit::Ratio, missing), None);
    }

    #[test]
    fn the_median_needs_no_order() {
        let mut values = Values::default();
        assert!(values.median().is_none());
        for value in [3.0, 1.0, 2.0] {
            values.push(value);
        }
        assert_eq!(values.median(), Some(2.0));
        assert_eq!(values.spread(), Some((1.0, 3.0)));
    }
}
