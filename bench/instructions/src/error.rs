//! Why a check fails.

use std::io;
use std::path::{Path, PathBuf};

/// Why there are no figures, or which of them have changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckError {
    /// Called in another way.
    #[error(
        "usage: tlsrptd-instructions FOLDER (of committed figures); or WORKLOAD ROUNDS, which callgrind runs"
    )]
    Usage,
    /// Nothing to count with.
    #[error("there is no valgrind (Debian: apt-get install valgrind)")]
    NoValgrind,
    /// Nothing to compare with: another processor, other instructions.
    #[error(
        "no figures are committed for {0}: UPDATE_BENCH_CHECK=1 make bench-check writes them there"
    )]
    NoFigures(&'static str),
    /// A workload of which callgrind counted nothing.
    #[error("callgrind did not count {workload}; it said:\n{said}")]
    NotCounted { workload: String, said: String },
    /// A file or a program.
    #[error("{what} {path}: {source}")]
    Io {
        what: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// A line of the committed figures.
    #[error("{path}: {line:?} is no figure (allowed: a name and a number)")]
    Line { path: PathBuf, line: String },
    /// A workload that did not do what it is counted for.
    #[error("{0}")]
    Workload(String),
    /// Figures that differ from the committed ones.
    #[error("{}", changed(faults, counted_with, tools))]
    Changed {
        faults: Vec<String>,
        counted_with: String,
        tools: String,
    },
}

fn changed(faults: &[String], counted_with: &str, tools: &str) -> String {
    let mut text = faults.join("\nbench-check: ");
    if counted_with != tools {
        text += &format!(
            "\nbench-check: perhaps not by a change of ours: the committed figures were counted with {counted_with}, these with {tools}"
        );
    }
    text + "\nbench-check: to accept what is meant, also a gain, so that it is not lost again: UPDATE_BENCH_CHECK=1 make bench-check, and commit"
}

impl CheckError {
    /// A closure for `map_err`.
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CheckError {
        let path = path.to_owned();
        move |source| CheckError::Io { what, path, source }
    }

    /// A closure for `map_err`.
    pub(crate) fn workload<E: std::fmt::Display>(
        what: &'static str,
    ) -> impl FnOnce(E) -> CheckError {
        move |error| CheckError::Workload(format!("{what}: {error}"))
    }
}
