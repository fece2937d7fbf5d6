//! Why the reporter cannot start or go on, and the exit code for it.

use std::process::ExitCode;

use tlsrptd_config::{Listen, exit, visible};
use tlsrptd_proto::tlsrpt_record::MailboxError;
use tlsrptd_service::{
    log::LogError, observe::ServeError, passed_sockets::PassedSocketError, pid_file::PidFileError,
};

use crate::{deliver::PrepareError, route::RouteError, store::StoreError};

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
    #[error("contact_info: {}", visible::with_allowed(.0, "one address, as in tls-reports@example.com"))]
    Contact(#[source] MailboxError),
    /// Keys, certificates, programs.
    #[error(transparent)]
    Deliver(#[from] PrepareError),
    /// Several of these.
    #[error("{}", lines(.0))]
    Several(Vec<Error>),
    /// The database.
    #[error(transparent)]
    State(#[from] StoreError),
    /// The pid file.
    #[error(transparent)]
    PidFile(#[from] PidFileError),
    /// What keeps `tlsrpt-statusd` from serving.
    #[error(transparent)]
    Statusd(#[from] StatusdError),
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
    /// The arguments are right, and what they ask for cannot be done now.
    #[error("{what}: {problem}")]
    NotDone {
        /// What it is about.
        what: &'static str,
        /// Why not.
        problem: String,
    },
    /// Standard output.
    #[error("cannot write the answer: {0}")]
    Output(std::io::Error),
    /// Who asked wants no answer any more.
    #[error("ended by signal {0}")]
    Signal(i32),
}

impl Error {
    /// The only one as itself.
    pub(crate) fn all(mut errors: Vec<Error>) -> Error {
        match errors.len() {
            1 => errors.remove(0),
            _ => Error::Several(errors),
        }
    }

    /// sys4's exit codes; whatever is wrong with the configuration is 2.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Maps(_) | Error::Contact(_) | Error::Log(LogError::Open { .. }) => exit::CONFIG,
            Error::Deliver(problem) if problem.is_configuration() => exit::CONFIG,
            Error::Statusd(problem) if problem.is_configuration() => exit::CONFIG,
            // A fault of the configuration decides: the operator can mend it.
            Error::Several(errors) => {
                let mut codes = errors.iter().map(Error::exit_code);
                if codes.any(|code| code == exit::CONFIG) {
                    exit::CONFIG
                } else {
                    exit::OTHER
                }
            }
            Error::State(StoreError::Purpose { .. }) => exit::DATABASE_PURPOSE,
            Error::State(
                StoreError::NoFolder { .. }
                | StoreError::Missing { .. }
                | StoreError::Denied { .. }
                | StoreError::Open { .. }
                | StoreError::NoEngine { .. }
                | StoreError::Unreadable { .. }
                | StoreError::Lock { .. },
            ) => exit::DATABASE,
            Error::Argument { .. } => exit::CONFIG,
            Error::NotDone { .. } | Error::State(StoreError::NotMoved { .. }) => exit::FAILED,
            // As the shell says it of a program that the signal has ended.
            Error::Signal(number) => 128_u8.saturating_add(u8::try_from(*number).unwrap_or(0)),
            _ => exit::OTHER,
        }
    }
}

/// Why the page cannot be served.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the messages say it
pub enum StatusdError {
    #[error("listen: cannot listen on {listen}: {source}")]
    Bind {
        listen: Listen,
        source: std::io::Error,
    },
    #[error("listen: {0}")]
    Socket(#[from] ServeError),
    #[error(transparent)]
    Passed(#[from] PassedSocketError),
    #[error("cannot use the socket that the service manager passed: {0}")]
    Listener(std::io::Error),
    #[error(
        "the service manager passed {0}, which is reached from other hosts, and nobody is asked for a password there (allowed: an address of this host alone, or allow_remote = yes)"
    )]
    Remote(Listen),
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}

impl StatusdError {
    /// Whether the configuration, this program's or the service manager's, has to be changed.
    pub(crate) fn is_configuration(&self) -> bool {
        !matches!(self, StatusdError::Thread(_))
    }
}

/// Logs the error, if there is one, and gives the exit code.
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

/// Writes the error to standard error, for a program without a log, and gives the exit code.
pub fn end_without_log(error: Error) -> ExitCode {
    use std::io::Write as _;
    // If standard error is closed, there is nobody to tell.
    let text = error.to_string();
    let _ = writeln!(std::io::stderr(), "{}", visible::lines(&text));
    ExitCode::from(error.exit_code())
}

fn lines(errors: &[impl ToString]) -> String {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_the_configuration_is_2() {
        let log = || {
            Error::Log(LogError::Open {
                path: "/x".into(),
                source: std::io::ErrorKind::NotFound.into(),
            })
        };
        let runtime = || Error::Runtime(std::io::ErrorKind::Other.into());
        let password = Error::Deliver(PrepareError::PasswordFile {
            path: "/x".into(),
            source: std::io::ErrorKind::NotFound.into(),
        });
        for (error, code, why) in [
            (log(), 2, "a log file is named in the configuration"),
            (password, 2, "so is the password's"),
            (runtime(), 8, "the system"),
            (
                Error::Several(vec![runtime(), log()]),
                2,
                "the operator can mend one",
            ),
            (
                Error::Several(vec![runtime(), runtime()]),
                8,
                "nothing to mend there",
            ),
        ] {
            assert_eq!(error.exit_code(), code, "{why}");
        }
    }
}
