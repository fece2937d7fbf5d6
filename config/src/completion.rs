//! Completions for shells, out of the table.
//!
//! Names are offered as they stand in the files; values where the table knows them.

mod bash;
mod fish;
mod zsh;

use crate::{
    command::{self, CommandOption},
    help::{General, general, listed},
    option::{Kind, Program, Row},
};

/// A shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    /// bash 4 and newer.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
}

impl Shell {
    /// The name under which it looks for the completion of a program.
    pub fn file(self, program: Program) -> String {
        let name = program.name();
        match self {
            Shell::Bash => format!("bash/{name}"),
            Shell::Zsh => format!("zsh/_{name}"),
            Shell::Fish => format!("fish/{name}.fish"),
        }
    }
}

/// The completion of a program.
pub fn text(shell: Shell, program: Program) -> String {
    match shell {
        Shell::Bash => bash::text(program),
        Shell::Zsh => zsh::text(program),
        Shell::Fish => fish::text(program),
    }
}

/// An option as a shell sees it.
struct Offer {
    name: &'static str,
    /// Empty: it takes no value.
    metavar: &'static str,
    /// Short and without a full stop.
    meaning: String,
    values: Values,
}

/// What may stand behind an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Values {
    /// Nothing that could be offered.
    Free,
    Files,
    Words(&'static [&'static str]),
}

fn offers(program: Program) -> Vec<Offer> {
    let own = |option: General| Offer {
        name: option.name,
        metavar: option.metavar,
        meaning: short(&option.meaning),
        values: match option.metavar {
            "FILE" => Values::Files,
            _ => Values::Free,
        },
    };
    let row = |row: &'static Row| Offer {
        name: row.name,
        metavar: row.kind.metavar(),
        meaning: short(row.meaning),
        values: values(row.kind),
    };
    let of_command = |option: &CommandOption| Offer {
        name: option.name,
        metavar: option.metavar,
        meaning: option.meaning.to_owned(),
        values: Values::Free,
    };
    general(program)
        .into_iter()
        .map(own)
        .chain(command::options(program).iter().map(of_command))
        .chain(listed(program).map(row))
        .collect()
}

fn values(kind: Kind) -> Values {
    match kind {
        Kind::Path | Kind::Sockets => Values::Files,
        Kind::Switch => Values::Words(&["yes", "no"]),
        Kind::Days => Values::Words(&["all", "failures"]),
        Kind::Level => Values::Words(&["debug", "info", "warn", "error"]),
        Kind::Transport => Values::Words(&["sendmail", "smtp://", "smtps://"]),
        Kind::Storages => Values::Words(&["sqlite:///", "dummy:"]),
        _ => Values::Free,
    }
}

/// The first sentence.
fn short(meaning: &str) -> String {
    let first = meaning.split(". ").next().unwrap_or_default();
    first.trim_end_matches('.').to_owned()
}

/// As one word of any of these shells: fish reads `\'` within the quotes, the others do not, so there is none.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "\u{2019}"))
}

/// The name of a shell function.
fn function(program: Program) -> String {
    format!("_{}", program.name().replace('-', "_"))
}

/// Who made the file, for whoever is about to change it.
fn remark(shell: &str, program: Program) -> String {
    format!(
        "# {shell} completion of {}, made from the table of its options.\n",
        program.name()
    )
}
