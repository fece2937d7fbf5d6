//! The settings of `tlsrpt-fetcher`.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use crate::{
    Start, Storage,
    args::Words,
    day::date,
    load,
    log_level::LogLevel,
    option::Program,
    problem::{Place, Problem},
    reader::Reader,
};

/// The settings and arguments of `tlsrpt-fetcher`; each field but the last is the option of its name.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // `option` has a meaning for each
pub struct Fetcher {
    pub storage: Storage,
    pub logfilename: Option<PathBuf>,
    pub log_level: LogLevel,
    pub observation_socket: Option<PathBuf>,
    /// The arguments.
    pub question: Question,
}

/// What is asked. DOMAIN is as it was given: a domain, or `.` for all of them in one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Question {
    /// A closed day: DAY is a date that exists, as `YYYY-MM-DD`.
    Day { day: String, domain: Option<String> },
    /// What was counted today so far, of the collector itself.
    Today { domain: Option<String> },
    /// What the collector does, of itself.
    Status,
}

/// Reads arguments (without the program's name), environment and file.
pub fn load(
    args: impl IntoIterator<Item = OsString>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
) -> Start<Fetcher> {
    load::load(args, env)
}

/// The same; on `--check-config`, `look` says what is wrong with the files that the settings name; it is told which file
/// they are from.
pub fn load_with(
    args: impl IntoIterator<Item = OsString>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
    look: impl FnOnce(&Fetcher, Option<&Path>) -> Vec<String>,
) -> Start<Fetcher> {
    load::load_with(args, env, look)
}

impl load::Load for Fetcher {
    const PROGRAM: Program = Program::Fetcher;

    fn read(reader: &mut Reader<'_>, words: &Words, check: bool) -> Self {
        let question = match words.operands.as_slice() {
            [] if check => Question::Status,
            operands => question(reader, operands),
        };
        Fetcher {
            storage: storage(reader),
            logfilename: reader.take("logfilename"),
            log_level: reader.take("log_level"),
            observation_socket: reader.take("observation_socket"),
            question,
        }
    }
}

/// Only the first storage is read, as by sys4; it must be an SQLite file.
pub(crate) fn storage(reader: &mut Reader<'_>) -> Storage {
    let mut storages: Vec<Storage> = reader.take("storage");
    if storages.len() > 1 {
        reader.warn(
            "storage",
            "only the first storage is read, the others are ignored",
        );
        storages.truncate(1);
    }
    let nothing = Storage::Dummy {
        log: false,
        url: String::new(),
    };
    match storages.pop() {
        Some(storage @ Storage::Sqlite { .. }) => storage,
        Some(storage @ Storage::Dummy { .. }) => {
            let what = format!("`{}` keeps nothing that could be fetched", storage.url());
            reader.problem("storage", what, "sqlite:///ABSOLUTE/PATH");
            nothing
        }
        // The problem is reported already.
        None => nothing,
    }
}

fn question(reader: &mut Reader<'_>, operands: &[String]) -> Question {
    let mut operands = operands.iter();
    let subject = operands.next().cloned().unwrap_or_default();
    let (question, allowed) = match subject.as_str() {
        "status" => (Question::Status, "status"),
        "today" => {
            let domain = operands.next().cloned();
            (Question::Today { domain }, "today [DOMAIN]")
        }
        _ => (
            Question::Day {
                domain: operands.next().cloned(),
                day: subject,
            },
            "DAY [DOMAIN]",
        ),
    };
    if let Question::Day { day, .. } = &question
        && let Err(what) = date(day)
    {
        let place = Place::Argument("DAY".to_owned());
        reader
            .problems
            .push(Problem::new(place, what).allowing("YYYY-MM-DD, today, status"));
    }
    for extra in operands {
        let place = Place::Argument(extra.clone());
        reader
            .problems
            .push(Problem::new(place, "unexpected argument").allowing(allowed));
    }
    question
}
