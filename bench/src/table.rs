//! The table: plain text, fit for a README.

use std::fmt;

use crate::daemon::Kind;
use crate::figure::{Goal, Unit, Values};

/// One figure of all three.
#[derive(Debug)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) figure: String,
    /// How it is written.
    pub(crate) unit: Unit,
    /// What is asked of ours.
    pub(crate) goal: Option<Goal>,
    floor: Values,
    theirs: Values,
    ours: Values,
}

impl Row {
    /// A row without values.
    pub(crate) fn new(figure: &str, unit: Unit) -> Row {
        Row {
            figure: figure.to_owned(),
            unit,
            goal: None,
            floor: Values::default(),
            theirs: Values::default(),
            ours: Values::default(),
        }
    }

    /// With what is asked of ours.
    pub(crate) fn asked(mut self, goal: Goal) -> Row {
        self.goal = Some(goal);
        self
    }

    /// Adds a run's value.
    pub(crate) fn push(&mut self, kind: Kind, value: f64) {
        match kind {
            Kind::Floor => self.floor.push(value),
            Kind::Theirs => self.theirs.push(value),
            Kind::Ours => self.ours.push(value),
        }
    }

    /// The medians, then the spread below them.
    fn cells(&self) -> [[String; 5]; 2] {
        let all = [&self.floor, &self.theirs, &self.ours];
        let median = |values: &Values| {
            values
                .median()
                .map_or("-".to_owned(), |value| self.unit.text(value))
        };
        let spread = |values: &Values| match values.spread() {
            Some((least, most)) if least < most => {
                let bare = |value| self.unit.text(value).trim_end_matches(UNITS).to_owned();
                format!("{}..{}", bare(least), bare(most))
            }
            _ => String::new(),
        };
        let [floor, theirs, ours] = all.map(median);
        let verdict = self.goal.map_or(String::new(), |goal| {
            goal.verdict(self.unit, all.map(Values::median))
        });
        let above = [self.figure.clone(), floor, theirs, ours, verdict];
        let [floor, theirs, ours] = all.map(spread);
        [above, [String::new(), floor, theirs, ours, String::new()]]
    }
}

/// What stands behind the number in a unit's text.
const UNITS: [char; 8] = [' ', '%', 'm', 's', 'M', 'i', 'B', 'x'];

/// All rows.
#[derive(Debug, Default)]
pub(crate) struct Table(pub(crate) Vec<Row>);

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["figure", "floor", "theirs", "ours", "asked of ours"].map(str::to_owned);
        let mut lines = vec![head];
        for row in &self.0 {
            let [medians, spreads] = row.cells();
            lines.push(medians);
            if spreads.iter().any(|cell| !cell.is_empty()) {
                lines.push(spreads);
            }
        }
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
        let widths: [usize; 5] = std::array::from_fn(|column| width(column).unwrap_or(0));
        for [figure, floor, theirs, ours, verdict] in &lines {
            let [a, b, c, d, _] = widths;
            let line = format!("{figure:a$}  {floor:>b$}  {theirs:>c$}  {ours:>d$}  {verdict}");
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other() {
        let mut row = Row::new("loss", Unit::Percent).asked(Goal::AtMost(0.001));
        row.push(Kind::Floor, 0.0001);
        row.push(Kind::Ours, 0.0002);
        row.push(Kind::Ours, 0.0004);
        let want = "\
figure    floor  theirs          ours  asked of ours
loss    0.010 %       -       0.040 %  at most 0.100 % asked: reached
                         0.020..0.040
";
        assert_eq!(Table(vec![row]).to_string(), want);
    }
}
