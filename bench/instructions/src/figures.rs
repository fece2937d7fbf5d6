//! The figures: instructions of one of each, as a part of the reference, and how they compare with those that are committed.

use std::fmt;
use std::fs;
use std::path::Path;

use crate::count::Counter;
use crate::error::CheckError;
use crate::workload::Workload;

/// More, or less, than this share is a fault: also what has become cheaper, so that it stays so.
const TOLERANCE: f64 = 0.05;
/// What figures are written in: thousandths of a round of the reference.
const PARTS: f64 = 1000.0;
const COUNTED_WITH: &str = "# counted with ";

/// Each with its name.
#[derive(Debug, PartialEq)]
pub(crate) struct Figures(Vec<(String, f64)>);

impl Figures {
    /// Counts them.
    pub(crate) fn count(counter: &Counter) -> Result<Figures, CheckError> {
        let rounds = counter.rounds(&Workload::ALL)?;
        let of = |workload: Workload| {
            let place = Workload::ALL.iter().position(|one| *one == workload);
            place.map_or(f64::NAN, |place| rounds[place])
        };
        let whole = of(Workload::Reference) / PARTS;
        let header = of(Workload::SignedMessage) - of(Workload::Message) - of(Workload::Signature);
        let plain = [
            Workload::DatagramKnown,
            Workload::DatagramNew,
            Workload::Compose,
            Workload::Message,
        ];
        let mut figures: Vec<_> = plain
            .map(|workload| (workload.name().to_owned(), of(workload) / whole))
            .into();
        // All but the signature.
        figures.push(("dkim-header".to_owned(), header / whole));
        Ok(Figures(figures))
    }

    /// Those that are committed.
    pub(crate) fn read(path: &Path) -> Result<Figures, CheckError> {
        let text = fs::read_to_string(path).map_err(CheckError::io("cannot read", path))?;
        let lines = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let figure = |line: &str| {
            let (name, value) = line.split_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        let figures = lines.map(|line| {
            figure(line).ok_or_else(|| CheckError::Line {
                path: path.to_owned(),
                line: line.to_owned(),
            })
        });
        Ok(Figures(figures.collect::<Result<_, _>>()?))
    }

    /// Writes them to be committed.
    pub(crate) fn write(&self, path: &Path, tools: &str) -> Result<(), CheckError> {
        let text = format!(
            "# Instructions of one, in thousandths of a round of the reference. UPDATE_BENCH_CHECK=1 make bench-check writes this.\n\
             {COUNTED_WITH}{tools}\n{self}"
        );
        fs::write(path, text).map_err(CheckError::io("cannot write", path))
    }

    /// Now, and before.
    pub(crate) fn compare(self, committed: &Figures) -> Comparison {
        let lines = self.0.into_iter().map(|(name, now)| {
            let before = committed.0.iter().find(|(known, _)| *known == name);
            let before = before.map(|(_, value)| *value);
            Compared { name, now, before }
        });
        Comparison(lines.collect())
    }
}

/// What committed figures were counted with.
pub(crate) fn tools_of(path: &Path) -> Result<String, CheckError> {
    let text = fs::read_to_string(path).map_err(CheckError::io("cannot read", path))?;
    let found = text
        .lines()
        .find_map(|line| line.strip_prefix(COUNTED_WITH));
    Ok(found.unwrap_or("something unknown").to_owned())
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = self.0.iter();
        lines.try_for_each(|(name, value)| writeln!(f, "{name} {value:.4}"))
    }
}

/// All figures beside those that are committed.
#[derive(Debug)]
pub(crate) struct Comparison(Vec<Compared>);

#[derive(Debug)]
struct Compared {
    name: String,
    now: f64,
    before: Option<f64>,
}

impl Compared {
    /// The share that has been added.
    fn change(&self) -> Option<f64> {
        self.before.map(|before| self.now / before - 1.0)
    }

    fn fault(&self) -> Option<String> {
        let name = &self.name;
        let Some(change) = self.change() else {
            return Some(format!("{name} has no committed figure"));
        };
        // Also where either is no number.
        if change.abs() <= TOLERANCE {
            return None;
        }
        let percent = change.abs() * 100.0;
        Some(match change < 0.0 {
            true => format!("{name} takes {percent:.1} % fewer instructions than committed"),
            false => format!("{name} takes {percent:.1} % more instructions than committed"),
        })
    }
}

impl Comparison {
    /// What has changed by too much, a line each.
    pub(crate) fn faults(&self) -> Vec<String> {
        self.0.iter().filter_map(Compared::fault).collect()
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<16} {:>10} {:>10} {:>8}",
            "instructions", "committed", "now", "change"
        )?;
        for compared in &self.0 {
            let before = compared
                .before
                .map_or("-".to_owned(), |v| format!("{v:.4}"));
            let change = compared.change().map_or(f64::NAN, |change| change * 100.0);
            let (name, now) = (&compared.name, compared.now);
            writeln!(f, "{name:<16} {before:>10} {now:>10.4} {change:>+6.1} %")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(values: &[(&str, f64)]) -> Figures {
        let owned = values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), *value));
        Figures(owned.collect())
    }

    #[test]
    fn five_percent_either_way_is_a_fault() {
        for (before, now, want, why) in [
            (Some(100.0), 100.0, None, "the same"),
            (Some(100.0), 104.9, None, "a little more"),
            (Some(100.0), 95.1, None, "a little less"),
            (
                Some(100.0),
                106.0,
                Some("x takes 6.0 % more instructions than committed"),
                "dearer",
            ),
            (
                Some(100.0),
                50.0,
                Some("x takes 50.0 % fewer instructions than committed"),
                "a gain is committed too",
            ),
            (None, 1.0, Some("x has no committed figure"), "a new one"),
            (
                Some(100.0),
                f64::NAN,
                Some("x takes NaN % more instructions than committed"),
                "nothing was counted",
            ),
        ] {
            let committed = figures(
                &before
                    .map(|value| ("x", value))
                    .into_iter()
                    .collect::<Vec<_>>(),
            );
            let found = figures(&[("x", now)]).compare(&committed).faults();
            assert_eq!(found.first().map(String::as_str), want, "{why}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("figures");
        let written = figures(&[("one", 1.5), ("two", 0.25)]);
        written.write(&path, "rustc 1.95.0").unwrap();
        assert_eq!(Figures::read(&path).unwrap(), written);
        assert_eq!(tools_of(&path).unwrap(), "rustc 1.95.0");
        fs::write(&path, "one\n").unwrap();
        let error = Figures::read(&path).unwrap_err().to_string();
        assert!(error.contains("\"one\" is no figure"), "{error}");
    }
}
