//! How a start may go.

use std::io::Write;

use crate::{exit, visible};

/// What `load` found.
#[derive(Debug)]
pub enum Start<T> {
    /// Go to work with these.
    Run(Settings<T>),
    /// Nothing to run: help, version, a check of the configuration, or errors.
    Done {
        /// The exit code.
        code: u8,
        /// For standard output.
        stdout: String,
        /// For standard error.
        stderr: String,
    },
}

/// The settings of one program, and what its log shall say about them.
#[derive(Debug)]
pub struct Settings<T> {
    /// The typed settings.
    pub values: T,
    /// The file, what is set to something else than its default, and notices: one line, to be logged at level info.
    /// Holds no secret.
    pub summary: String,
    /// `option = value (origin)` or `option not set (origin)`, one an option, and notices; to be logged at level
    /// debug. Holds no secret.
    pub lines: Vec<String>,
    /// To be logged at level warn.
    pub warnings: Vec<String>,
}

impl<T> Start<T> {
    /// The settings; or the exit code, after writing what was to be written.
    ///
    /// # Errors
    ///
    /// The exit code, when there is nothing to run.
    pub fn or_exit_code(self) -> Result<Settings<T>, u8> {
        match self {
            Start::Run(settings) => Ok(settings),
            Start::Done {
                code,
                stdout,
                stderr,
            } => {
                // With standard error closed, nobody can be told.
                let _ = std::io::stderr().write_all(visible::lines(&stderr).as_bytes());
                let mut out = std::io::stdout();
                let written = out.write_all(stdout.as_bytes()).and_then(|()| out.flush());
                match written {
                    Err(error)
                        if code == exit::OK && error.kind() != std::io::ErrorKind::BrokenPipe =>
                    {
                        Err(exit::OTHER)
                    }
                    _ => Err(code),
                }
            }
        }
    }
}
