//! What is wrong with the configuration; all of it is told at once.

use std::{fmt, sync::Arc};

use crate::visible;

/// Where it is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// An argument, as written in messages: `--name`, or DAY.
    Argument(String),
    /// An environment variable.
    Variable(String),
    /// A line of a file, and the option that stands there.
    Line(Arc<str>, usize, Option<String>),
    /// A file as a whole.
    File(String),
    /// An option that is not set.
    Option(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Argument(name)
            | Place::Variable(name)
            | Place::File(name)
            | Place::Option(name) => f.write_str(name),
            Place::Line(path, line, Some(option)) => write!(f, "{path}:{line}: {option}"),
            Place::Line(path, line, None) => write!(f, "{path}:{line}"),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    pub(crate) place: Place,
    pub(crate) what: String,
    /// What would be right; empty where `what` says it.
    pub(crate) allowed: String,
}

impl Problem {
    pub(crate) fn new(place: Place, what: impl Into<String>) -> Problem {
        Problem {
            place,
            what: what.into(),
            allowed: String::new(),
        }
    }

    pub(crate) fn allowing(self, allowed: impl Into<String>) -> Problem {
        Problem {
            allowed: allowed.into(),
            ..self
        }
    }

    /// An unknown option.
    pub(crate) fn unknown(place: Place, what: &str, nearest: Option<&str>) -> Problem {
        match nearest {
            Some(name) => Problem::new(place, format!("unknown {what}; did you mean {name}?")),
            None => Problem::new(place, format!("unknown {what}; --help lists the options")),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = visible::with_allowed(&self.what, &self.allowed);
        let line = format!("{}: {what}", self.place);
        // One problem, one line, whatever the operator's texts hold.
        f.write_str(&one_line(&line))
    }
}

/// The text, with line ends and invisible characters made visible.
pub(crate) fn one_line(text: &str) -> String {
    visible::text(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_lines() {
        let line =
            |option: Option<&str>| Place::Line("/etc/x.cfg".into(), 3, option.map(str::to_owned));
        for (problem, want, why) in [
            (
                Problem::new(line(Some("keep_days")), "`x` is no number").allowing("1 or more"),
                "/etc/x.cfg:3: keep_days: `x` is no number (allowed: 1 or more)",
                "file, line, option, problem, remedy",
            ),
            (
                Problem::new(line(None), "no section"),
                "/etc/x.cfg:3: no section",
                "a line without an option",
            ),
            (
                Problem::new(Place::Argument("--storage".into()), "a\nb"),
                "--storage: a\\nb",
                "a line end in a text makes no second line",
            ),
            (
                Problem::unknown(Place::Variable("X".into()), "option", Some("storage")),
                "X: unknown option; did you mean storage?",
                "the nearest name",
            ),
        ] {
            assert_eq!(problem.to_string(), want, "{why}");
        }
    }
}
