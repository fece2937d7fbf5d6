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
    /// At most so much.
    AtMost(f64),
}

impl Goal {
    /// Whether it is reached, and by what.
    pub(crate) fn verdict(self, unit: Unit, [floor, theirs, ours]: [Option<f64>; 3]) -> String {
        let word = |reached: bool| if reached { "reached" } else { "not reached" };
        let Some(ours) = ours else {
            return String::new();
        };
        match (self, floor, theirs) {
            (Goal::OfFloor(share), Some(floor), _) => {
                let ratio = ours / floor;
                let word = word(ratio >= share);
                format!("{ratio:.2} of the floor, {share} asked: {word}")
            }
            (Goal::AtMostOfFloor(most), Some(floor), _) => {
                let ratio = ours / floor;
                let word = word(ratio <= most);
                format!("{ratio:.2} of the floor, at most {most} asked: {word}")
            }
            (Goal::OfTheirs(times), _, Some(theirs)) => {
                let ratio = ours / theirs;
                let word = word(ratio >= times);
                format!("{ratio:.0} times sys4, {times} asked: {word}")
            }
            (Goal::AtMost(most), ..) => {
                let word = word(ours <= most);
                format!("at most {} asked: {word}", unit.text(most))
            }
            _ => String::new(),
        }
    }
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
        for (goal, floor, theirs, ours, want) in [
            (
                Goal::OfFloor(0.95),
                200.0,
                0.0,
                190.0,
                "0.95 of the floor, 0.95 asked: reached",
            ),
            (
                Goal::OfFloor(0.95),
                200.0,
                0.0,
                100.0,
                "0.50 of the floor, 0.95 asked: not reached",
            ),
            (
                Goal::AtMostOfFloor(2.0),
                0.5,
                0.0,
                1.5,
                "3.00 of the floor, at most 2 asked: not reached",
            ),
            (
                Goal::OfTheirs(200.0),
                0.0,
                10.0,
                2000.0,
                "200 times sys4, 200 asked: reached",
            ),
            (
                Goal::AtMost(16.0),
                0.0,
                0.0,
                16.5,
                "at most 16.0 MiB asked: not reached",
            ),
        ] {
            let values = [floor, theirs, ours].map(Some);
            assert_eq!(goal.verdict(Unit::Memory, values), want);
        }
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
