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

/// The settings and arguments of `tlsrpt-fetcher`; each field but the last two is the option of its name.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // `option` has a meaning for each
pub struct Fetcher {
    pub storage: Storage,
    pub logfilename: Option<PathBuf>,
    pub log_level: LogLevel,
    /// DAY: a date that exists, as `YYYY-MM-DD`.
    pub day: String,
    /// DOMAIN as given: a domain, or `.` for all of them in one stream.
    pub domain: Option<String>,
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
        let (day, domain) = match words.operands.as_slice() {
            [] if check => (String::new(), None),
            operands => day_and_domain(reader, operands),
        };
        Fetcher {
            storage: storage(reader),
            logfilename: reader.take("logfilename"),
            log_level: reader.take("log_level"),
            day,
            domain,
        }
    }
}

/// Only the first storage is read, as by sys4; it must be an SQLite file.
fn storage(reader: &mut Reader<'_>) -> Storage {
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

fn day_and_domain(reader: &mut Reader<'_>, operands: &[String]) -> (String, Option<String>) {
    let mut operands = operands.iter();
    let day = operands.next().cloned().unwrap_or_default();
    let domain = operands.next().cloned();
    if let Err(what) = date(&day) {
        let place = Place::Argument("DAY".to_owned());
        reader
            .problems
            .push(Problem::new(place, what).allowing("YYYY-MM-DD"));
    }
    for extra in operands {
        let place = Place::Argument(extra.clone());
        reader
            .problems
            .push(Problem::new(place, "unexpected argument").allowing("DAY [DOMAIN]"));
    }
    (day, domain)
}
