//! The settings of `tlsrpt-fetcher`.

use std::{ffi::OsString, path::PathBuf};

use crate::{Start, Storage, log::Level};

/// The settings and arguments of `tlsrpt-fetcher`; each field but the last two is the option of its name.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // `option` has a meaning for each
pub struct Fetcher {
    pub storage: Storage,
    pub logfilename: Option<PathBuf>,
    pub log_level: Level,
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
    let _ = (args, env);
    Start::Done {
        code: crate::exit::CONFIG,
        stdout: String::new(),
        stderr: "not built yet\n".into(),
    }
}
