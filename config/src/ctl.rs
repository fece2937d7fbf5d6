//! The command and settings of `tlsrptctl`.

use std::ffi::OsString;

use crate::{
    Start, exit, help, load,
    option::Program,
    problem::{Place, Problem},
    reader::Reader,
    reportd::Reportd,
};

/// What `status` looks at.
const STATUS: &[&str] = &["dbname", "log_level"];
/// What `maptest` looks at.
const MAPTEST: &[&str] = &[
    "tlsrpt_record_map",
    "mail_destination_map",
    "http_upload_map",
    "debug_send_mail_dest",
    "debug_send_http_dest",
    "debug_send_file_dest",
    "max_destinations",
    "log_level",
];

/// Whether any command looks at this option.
pub(crate) fn needs(name: &str) -> bool {
    STATUS.contains(&name) || MAPTEST.contains(&name)
}

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
}

/// Reads arguments (without the program's name), environment and file.
pub fn load(
    args: impl IntoIterator<Item = OsString>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
) -> Start<Ctl> {
    load_with(args, env, |_| Vec::new())
}

/// The same; on `--check-config`, `look` says what is wrong with the files that the settings name.
pub fn load_with(
    args: impl IntoIterator<Item = OsString>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
    look: impl FnOnce(&Ctl) -> Vec<String>,
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

    fn read(reader: &mut Reader<'_>, operands: &[String], check: bool) -> Self {
        let command = match operands {
            // Without a command there is the whole configuration to check.
            [] if check => None,
            _ => command(operands).unwrap_or_else(|problem| {
                reader.problems.push(problem);
                None
            }),
        };
        match &command {
            Some(Command::Status) => reader.need(STATUS),
            Some(Command::Maptest { .. }) => reader.need(MAPTEST),
            None if check => {}
            // Nothing can be said of the settings of a command that there is not.
            None => reader.need(&[]),
        }
        Ctl {
            command: command.unwrap_or(Command::Status),
            reportd: Reportd::read(reader),
        }
    }
}

fn command(operands: &[String]) -> Result<Option<Command>, Problem> {
    const ALLOWED: &str = "status, maptest DOMAIN RECORD";
    let words: Vec<&str> = operands.iter().map(String::as_str).collect();
    let problem = |place: &str, what: String| {
        Err(Problem::new(Place::Argument(place.to_owned()), what).allowing(ALLOWED))
    };
    match *words {
        ["status"] => Ok(Some(Command::Status)),
        ["maptest", domain, record] => Ok(Some(Command::Maptest {
            domain: domain.to_owned(),
            record: record.to_owned(),
        })),
        [] => problem("COMMAND", "required, but not given".to_owned()),
        [name @ ("status" | "maptest"), ..] => {
            problem(name, "wrong number of arguments".to_owned())
        }
        [name, ..] => problem(name, "unknown command".to_owned()),
    }
}
