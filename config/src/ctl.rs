//! The command and settings of `tlsrptctl`.

use std::ffi::OsString;

use crate::{Start, reportd::Reportd};

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
    let _ = (args, env);
    Start::Done {
        code: crate::exit::CONFIG,
        stdout: String::new(),
        stderr: "not built yet\n".into(),
    }
}
