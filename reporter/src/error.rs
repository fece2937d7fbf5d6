//! Why the reporter cannot start or go on, and the exit code for it.

use std::{path::PathBuf, process::ExitCode};

use tlsrptd_config::{exit, log::LogError};
use tlsrptd_proto::txt::MailboxError;

use crate::{deliver::PrepareError, lookup::ResolverError, route::RouteError, state::StateError};

/// What ends a program.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log file.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The destination maps; all their mistakes at once.
    #[error("{}", lines(.0))]
    Maps(Vec<RouteError>),
    /// `contact_info`.
    #[error("contact_info: {0} (allowed: one address, as in tls-reports@example.com)")]
    Contact(#[source] MailboxError),
    /// Keys, certificates, programs.
    #[error(transparent)]
    Deliver(#[from] PrepareError),
    /// Name servers.
    #[error(transparent)]
    Resolver(#[from] ResolverError),
    /// The database.
    #[error(transparent)]
    State(#[from] StateError),
    /// The pid file.
    #[error("cannot write the pid file {path}: {source}")]
    PidFile {
        /// Where.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Threads or signals.
    #[error("cannot start: {0}")]
    Runtime(std::io::Error),
    /// A command's argument.
    #[error("{what}: {problem}")]
    Argument {
        /// Which.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// Nobody reads our output.
    #[error("cannot write the answer: {0}")]
    Output(std::io::Error),
}

impl Error {
    /// The peer's exit codes; whatever is wrong with the configuration is 2.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Maps(_) | Error::Contact(_) => exit::CONFIG,
            Error::State(StateError::Purpose { .. }) => exit::DATABASE_PURPOSE,
            Error::State(
                StateError::NoFolder { .. }
                | StateError::Missing { .. }
                | StateError::Open { .. }
                | StateError::Lock { .. },
            ) => exit::DATABASE,
            Error::Argument { .. } => exit::FAILED,
            _ => exit::OTHER,
        }
    }
}

/// Says in the log how a program ended, and makes its exit code of it.
pub fn end(result: Result<(), Error>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::from(exit::OK),
        Err(error) => {
            error
                .to_string()
                .lines()
                .for_each(|line| tracing::error!("{line}"));
            ExitCode::from(error.exit_code())
        }
    }
}

/// The same for a program that has no log.
pub fn end_without_log(error: Error) -> ExitCode {
    use std::io::Write as _;
    // A closed standard error leaves nobody to tell.
    let _ = writeln!(std::io::stderr(), "{error}");
    ExitCode::from(error.exit_code())
}

fn lines(errors: &[RouteError]) -> String {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
