//! What can go wrong in a benchmark.

use std::io;
use std::path::{Path, PathBuf};

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    /// A file, a folder or a socket.
    #[error("{what} {path}: {source}")]
    Io {
        what: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// A program that did not open its socket in time, or ended.
    #[error("{program} did not start; it said:\n{log}")]
    NotStarted { program: PathBuf, log: String },
    /// A load generator that failed or printed something else than its counts.
    #[error("the load generator printed no counts, but: {0}")]
    NoCounts(String),
    /// A reporter that does not come to an end.
    #[error("{what} did not come to an end; the reporter said:\n{log}")]
    Stuck { what: &'static str, log: String },
    /// README without the comments that a table stands between.
    #[error("{path} has no part <!-- bench {part} -->")]
    NoPart { path: PathBuf, part: String },
    /// Anything of the bench's own.
    #[error("{what} failed: {source}")]
    Other {
        what: &'static str,
        source: Box<dyn std::error::Error>,
    },
    /// A day file, or a reporter's database.
    #[error("cannot read {path}: {source}")]
    Sqlite {
        path: PathBuf,
        source: rusqlite::Error,
    },
    /// The collector's law is broken: the one thing worse than being slow.
    #[error(
        "of {accepted} datagrams accepted, {received} were received; {counted} are in the files, and {dropped} were \
         dropped by the collector's own account ({load})"
    )]
    Law {
        accepted: u64,
        received: u64,
        counted: u64,
        dropped: u64,
        load: String,
    },
}

impl BenchError {
    /// A closure for `map_err`.
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BenchError {
        let path = path.to_owned();
        move |source| BenchError::Io { what, path, source }
    }

    /// A closure for `map_err`.
    pub(crate) fn other<E: Into<Box<dyn std::error::Error>>>(
        what: &'static str,
    ) -> impl FnOnce(E) -> BenchError {
        move |source| BenchError::Other {
            what,
            source: source.into(),
        }
    }
}
