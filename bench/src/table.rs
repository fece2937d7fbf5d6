//! The table: plain text, with a verdict for each figure of which something is asked.

use std::fmt;

use crate::daemon::Kind;
use crate::figure::{Goal, Unit, Values, Verdict};

/// One figure of all three.
#[derive(Debug)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) figure: String,
    /// How it is written.
    pub(crate) unit: Unit,
    /// What is asked of ours.
    pub(crate) goal: Option<Goal>,
    /// How README calls it, if it is shown there.
    pub(crate) readme: Option<String>,
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
            readme: None,
            floor: Values::default(),
            theirs: Values::default(),
            ours: Values::default(),
        }
    }

    /// With what is asked of ours. README shows it, unless it needs the row above it to be understood.
    pub(crate) fn asked(mut self, goal: Goal) -> Row {
        self.goal = Some(goal);
        if self.readme.is_none() && !self.figure.starts_with(' ') {
            self.readme = Some(self.figure.clone());
        }
        self
    }

    /// README shows it under this name.
    pub(crate) fn in_readme(mut self, name: &str) -> Row {
        self.readme = Some(name.to_owned());
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

    fn all(&self) -> [&Values; 3] {
        [&self.floor, &self.theirs, &self.ours]
    }

    /// Of floor, theirs and ours.
    pub(crate) fn medians(&self) -> [String; 3] {
        self.all().map(|values| match values.median() {
            Some(value) => self.unit.text(value),
            None => "-".to_owned(),
        })
    }

    /// The least and the greatest where they differ.
    pub(crate) fn spreads(&self) -> [Option<String>; 3] {
        self.all().map(|values| {
            let (least, most) = values.spread().filter(|(least, most)| least < most)?;
            let bare = |value| self.unit.text(value).trim_end_matches(UNITS).to_owned();
            Some(format!("{}..{}", bare(least), bare(most)))
        })
    }

    /// How many values the medians are of: one number, or those of floor, theirs and ours.
    pub(crate) fn runs(&self) -> String {
        let numbers = self.all().map(Values::number);
        let mut known: Vec<usize> = numbers.into_iter().filter(|number| *number > 0).collect();
        known.dedup();
        match known[..] {
            [] => String::new(),
            [number] => number.to_string(),
            _ => numbers.map(|number| number.to_string()).join("/"),
        }
    }

    /// Whether what is asked is reached.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        let medians = self.all().map(Values::median);
        self.goal?.verdict(self.unit, medians)
    }
}

/// What stands behind the number in a unit's text.
const UNITS: [char; 8] = [' ', '%', 'm', 's', 'M', 'i', 'B', 'x'];

/// All rows.
#[derive(Debug, Default)]
pub(crate) struct Table(pub(crate) Vec<Row>);

impl Table {
    /// The values of another run of the same figures. A row that is new comes last.
    pub(crate) fn add_run(&mut self, run: Vec<Row>) {
        for row in run {
            match self.0.iter_mut().find(|known| known.figure == row.figure) {
                Some(known) => {
                    known.floor.extend(&row.floor);
                    known.theirs.extend(&row.theirs);
                    known.ours.extend(&row.ours);
                }
                None => self.0.push(row),
            }
        }
    }

    /// How many of the goals are reached, and which are not.
    pub(crate) fn summary(&self) -> String {
        let asked: Vec<(&Row, Option<Verdict>)> = self
            .0
            .iter()
            .filter(|row| row.goal.is_some())
            .map(|row| (row, row.verdict()))
            .collect();
        let is_reached = |verdict: &Option<Verdict>| verdict.as_ref().is_some_and(|v| v.is_reached);
        let reached = asked.iter().filter(|(_, verdict)| is_reached(verdict));
        let mut text = format!("reached: {} of {} asked\n", reached.count(), asked.len());
        for (row, verdict) in asked.iter().filter(|(_, verdict)| !is_reached(verdict)) {
            let why = verdict.as_ref().map_or("not measured", |v| &v.text);
            text += &format!("  {}: {why}\n", row.figure.trim_start());
        }
        text
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["figure", "floor", "theirs", "ours", "runs", "asked of ours"];
        let mut lines = vec![head.map(str::to_owned)];
        for row in &self.0 {
            let [floor, theirs, ours] = row.medians();
            let verdict = row.verdict().map_or(String::new(), |verdict| verdict.text);
            lines.push([row.figure.clone(), floor, theirs, ours, row.runs(), verdict]);
            let spreads = row.spreads();
            if spreads.iter().any(Option::is_some) {
                let [floor, theirs, ours] = spreads.map(Option::unwrap_or_default);
                let none = String::new;
                lines.push([none(), floor, theirs, ours, none(), none()]);
            }
        }
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
        let [a, b, c, d, e, _] = std::array::from_fn(|column| width(column).unwrap_or(0));
        for [figure, floor, theirs, ours, runs, verdict] in &lines {
            let line = format!(
                "{figure:a$}  {floor:>b$}  {theirs:>c$}  {ours:>d$}  {runs:>e$}  {verdict}"
            );
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss(floor: &[f64], ours: &[f64]) -> Row {
        let mut row = Row::new("loss", Unit::Percent).asked(Goal::AtMost(0.001));
        floor.iter().for_each(|value| row.push(Kind::Floor, *value));
        ours.iter().for_each(|value| row.push(Kind::Ours, *value));
        row
    }

    #[test]
    fn columns_stand_under_each_other() {
        let want = "\
figure    floor  theirs          ours   runs  asked of ours
loss    0.010 %       -       0.040 %  1/0/2  at most 0.100 % asked: reached
                         0.020..0.040
";
        let row = loss(&[0.0001], &[0.0002, 0.0004]);
        assert_eq!(Table(vec![row]).to_string(), want);
    }

    #[test]
    fn runs_are_added_to_the_rows_of_their_names() {
        let mut table = Table(vec![loss(&[0.0001], &[0.0002])]);
        table.add_run(vec![
            loss(&[0.0001], &[0.0003]),
            Row::new("new", Unit::Ratio),
        ]);
        table.add_run(vec![loss(&[0.0001], &[0.01])]);
        let [row, new] = &table.0[..] else {
            panic!("{table}");
        };
        assert_eq!((row.runs(), new.runs()), ("3".to_owned(), String::new()));
        assert_eq!(row.medians()[2], "0.030 %");
    }

    #[test]
    fn what_is_not_reached_or_not_measured_is_named() {
        let memory = Row::new("  memory", Unit::Memory).asked(Goal::AtMost(64.0));
        let speed = Row::new("speed", Unit::Number);
        let mut table = Table(vec![loss(&[], &[0.0002]), memory, speed]);
        assert_eq!(
            table.summary(),
            "reached: 1 of 2 asked\n  memory: not measured\n"
        );
        table.0[1].push(Kind::Ours, 80.0);
        assert_eq!(
            table.summary(),
            "reached: 1 of 2 asked\n  memory: at most 64.0 MiB asked: not reached, by 25.0 %\n"
        );
    }
}
