//! The command and settings of `tlsrptctl`.

use std::{ffi::OsString, path::Path};

use crate::{
    Start,
    args::Words,
    command::{DKIM_RECORD, MAPTEST, STATUS, SUPPRESS},
    exit, help, load,
    option::Program,
    problem::{Place, Problem},
    reader::Reader,
    reportd::Reportd,
};

/// What `tlsrptctl` is asked to do.
#[derive(Debug, Clone)]
pub struct Ctl {
    /// The command.
    pub command: Command,
    /// The reporter's settings: those that the command needs, as given; the others at their defaults, or empty.
    pub reportd: Reportd,
}

/// A command of `tlsrptctl`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Counts by day and status; needs `dbname`.
    Status,
    /// The destinations of a record before and after the maps; needs the maps and the debug options.
    Maptest {
        /// The policy domain.
        domain: String,
        /// The text of its TLSRPT record.
        record: String,
    },
    /// The TXT records of the DKIM keys; needs `contact_info` and the keys.
    DkimRecord,
    /// What gets no reports; needs `dbname`.
    Suppress(Suppress),
}

/// What is to be done with the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Suppress {
    /// Puts a target on it.
    Add {
        /// An address, a URL, or a name.
        target: String,
        /// The last day; `None` for ever.
        until: Option<String>,
        /// Why, for whoever reads the list.
        reason: Option<String>,
    },
    /// Takes a target off it.
    Remove {
        /// As it stands in the list.
        target: String,
        /// Only for reports on this domain.
        domain: Option<String>,
    },
    /// Shows it.
    List,
}

/// Reads arguments (without the program's name), environment and file.
pub fn load(
    args: impl IntoIterator<Item = OsString>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
) -> Start<Ctl> {
    load_with(args, env, |_, _| Vec::new())
}

/// The same; on `--check-config`, `look` says what is wrong with the files that the settings name.
pub fn load_with(
    args: impl IntoIterator<Item = OsString>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
    look: impl FnOnce(&Ctl, Option<&Path>) -> Vec<String>,
) -> Start<Ctl> {
    let mut args = args.into_iter().peekable();
    if args.peek().is_none() {
        return Start::Done {
            code: exit::OK,
            stdout: help::text(Program::Ctl),
            stderr: String::new(),
        };
    }
    load::load_with(args, env, look)
}

impl load::Load for Ctl {
    const PROGRAM: Program = Program::Ctl;

    fn read(reader: &mut Reader<'_>, words: &Words, check: bool) -> Self {
        let command = match words.operands.as_slice() {
            // Without a command there is the whole configuration to check.
            [] if check => None,
            _ => command(words).unwrap_or_else(|problem| {
                reader.problems.push(problem);
                None
            }),
        };
        match &command {
            Some(Command::Status) => reader.need(STATUS),
            Some(Command::Maptest { .. }) => reader.need(MAPTEST),
            Some(Command::DkimRecord) => reader.need(DKIM_RECORD),
            Some(Command::Suppress(_)) => reader.need(SUPPRESS),
            None if check => {}
            // Which settings an unknown command needs is not known.
            None => reader.need(&[]),
        }
        Ctl {
            command: command.unwrap_or(Command::Status),
            reportd: Reportd::read(reader),
        }
    }
}

fn command(words: &Words) -> Result<Option<Command>, Problem> {
    const ALLOWED: &str = "status, maptest DOMAIN RECORD, dkim-record, suppress add TARGET, suppress remove TARGET, suppress list";
    let operands: Vec<&str> = words.operands.iter().map(String::as_str).collect();
    let problem = |place: &str, what: &str| {
        Err(Problem::new(Place::Argument(place.to_owned()), what).allowing(ALLOWED))
    };
    let word = match *operands {
        ["suppress", word @ ("add" | "remove"), ..] => word,
        _ => "",
    };
    let of = |name: &str| if name == "domain" { "remove" } else { "add" };
    if let Some((name, _)) = words.options.iter().find(|(name, _)| of(name) != word) {
        let what = format!("belongs to suppress {}", of(name));
        return problem(&format!("--{name}"), &what);
    }
    Ok(Some(match *operands {
        ["status"] => Command::Status,
        ["maptest", domain, record] => Command::Maptest {
            domain: domain.to_owned(),
            record: record.to_owned(),
        },
        ["suppress", "add", target] => Command::Suppress(Suppress::Add {
            target: target.to_owned(),
            until: last(words, "until"),
            reason: last(words, "reason"),
        }),
        ["suppress", "remove", target] => Command::Suppress(Suppress::Remove {
            target: target.to_owned(),
            domain: last(words, "domain"),
        }),
        ["dkim-record"] => Command::DkimRecord,
        ["suppress", "list"] => Command::Suppress(Suppress::List),
        [] => return problem("COMMAND", "required, but not given"),
        ["suppress"] => return problem("suppress", "needs add, remove or list"),
        ["suppress", name @ ("add" | "remove" | "list"), ..]
        | [name @ ("status" | "maptest" | "dkim-record"), ..] => {
            return problem(name, "wrong number of arguments");
        }
        ["suppress", name, ..] | [name, ..] => return problem(name, "unknown command"),
    }))
}

/// Of an option that is given twice, the later one counts.
fn last(words: &Words, name: &str) -> Option<String> {
    let given = words.options.iter().rev().find(|(given, _)| *given == name);
    given.map(|(_, value)| value.clone())
}
