//! Where the text of a setting came from, and which text counts.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use crate::{
    option::{Program, Row, rows},
    problem::Place,
};

/// Where a text came from; the later variants win.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    File { path: Arc<str>, line: usize },
    Environment(String),
    Argument,
}

impl Origin {
    fn rank(&self) -> u8 {
        match self {
            Origin::Default => 0,
            Origin::File { .. } => 1,
            Origin::Environment(_) => 2,
            Origin::Argument => 3,
        }
    }

    /// Where an error in a text of this origin is to be looked for.
    pub(crate) fn place(&self, name: &'static str) -> Place {
        match self {
            Origin::Default => Place::Option(name.to_owned()),
            Origin::File { path, line } => {
                Place::Line(Arc::clone(path), *line, Some(name.to_owned()))
            }
            Origin::Environment(variable) => Place::Variable(variable.clone()),
            Origin::Argument => Place::Argument(format!("--{name}")),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, line } => write!(f, "file {path}:{line}"),
            Origin::Environment(variable) => write!(f, "environment {variable}"),
            Origin::Argument => f.write_str("argument"),
        }
    }
}

/// The text of one option.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) value: String,
    pub(crate) origin: Origin,
}

/// One text an option, the one that counts.
#[derive(Debug)]
pub(crate) struct Texts {
    by_name: BTreeMap<&'static str, Text>,
    spoiled: BTreeSet<&'static str>,
    /// The file that was read, when a fetcher could read it too: it has a section for one.
    pub(crate) fetchers_file: Option<Arc<str>>,
    /// Whether the environment tells a fetcher that we start where its storage is.
    pub(crate) fetchers_storage: bool,
}

impl Texts {
    /// All defaults.
    pub(crate) fn new(program: Program) -> Texts {
        let default = |row: &Row| Text {
            value: row.default.text().to_owned(),
            origin: Origin::Default,
        };
        let by_name = rows(program)
            .iter()
            .map(|row| (row.name, default(row)))
            .collect();
        Texts {
            by_name,
            spoiled: BTreeSet::new(),
            fetchers_file: None,
            fetchers_storage: false,
        }
    }

    /// Invalid value, already reported.
    pub(crate) fn spoil(&mut self, row: &'static Row) {
        self.spoiled.insert(row.name);
    }

    pub(crate) fn is_spoiled(&self, name: &str) -> bool {
        self.spoiled.contains(name)
    }

    /// Command line beats environment beats file beats default; of two arguments the later one counts.
    pub(crate) fn offer(&mut self, row: &'static Row, value: String, origin: Origin) {
        match self.by_name.get(row.name) {
            Some(present) if present.origin.rank() > origin.rank() => {}
            _ => {
                self.by_name.insert(row.name, Text { value, origin });
            }
        }
    }

    /// The text of an option of the table.
    pub(crate) fn text(&self, row: &Row) -> Text {
        let default = || Text {
            value: row.default.text().to_owned(),
            origin: Origin::Default,
        };
        self.by_name.get(row.name).cloned().unwrap_or_else(default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_origin_counts_in_any_order() {
        let row = crate::option::row(Program::Collectd, "log_level").unwrap();
        let file = || Origin::File {
            path: "x".into(),
            line: 1,
        };
        let environment = || Origin::Environment("X".into());
        for (offers, want, why) in [
            (vec![], "warn", "nothing but the default"),
            (vec![("a", file())], "a", "file beats default"),
            (
                vec![("a", file()), ("b", environment())],
                "b",
                "environment beats file",
            ),
            (
                vec![("c", Origin::Argument), ("b", environment()), ("a", file())],
                "c",
                "argument beats all",
            ),
            (
                vec![("c", Origin::Argument), ("d", Origin::Argument)],
                "d",
                "the later argument counts",
            ),
        ] {
            let mut texts = Texts::new(Program::Collectd);
            for (value, origin) in offers {
                texts.offer(row, value.to_owned(), origin);
            }
            assert_eq!(texts.text(row).value, want, "{why}");
        }
    }
}
