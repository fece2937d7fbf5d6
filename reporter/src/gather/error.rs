//! Why a collector's answer is missing.

use std::{io, process::ExitStatus, time::Duration};

use tlsrptd_proto::{day::Day, fetch::FetchError};

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    /// There is no program.
    #[error("the command is empty (allowed: a program and its arguments)")]
    Empty,
    /// The program cannot be started.
    #[error("cannot run {program}: {source}")]
    Start {
        /// The program.
        program: String,
        /// What the system says.
        source: io::Error,
    },
    /// Its output cannot be read.
    #[error("cannot read the answer: {0}")]
    Read(#[from] io::Error),
    /// It said nothing for so long, and was ended.
    #[error("no line for {} seconds", limit.as_secs())]
    Stalled {
        /// The limit.
        limit: Duration,
    },
    /// It did not begin to answer, and was ended.
    #[error("no answer in {} s", limit.as_secs())]
    NoAnswer {
        /// The limit.
        limit: Duration,
    },
    /// It took too long as a whole, and was ended.
    #[error("the answer took longer than {} seconds", limit.as_secs())]
    TooSlow {
        /// The limit.
        limit: Duration,
    },
    /// More than any domain can have.
    #[error("a line is too long (allowed: {} bytes)", super::process::MAX_LINE)]
    TooLong {
        /// How it begins.
        begin: String,
    },
    /// More than a collector's day can have.
    #[error("the answer is larger than max_answer_size ({limit} bytes)")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// It did not exit with 0.
    #[error("the command ended with {status}{}", said(stderr))]
    Exit {
        /// How.
        status: ExitStatus,
        /// The end of its standard error.
        stderr: String,
    },
    /// The collector has not closed the day yet.
    #[error("the collector is not ready: its newest complete day is {}", newest.map_or("none".to_owned(), |day| day.to_string()))]
    NotReady {
        /// What it has.
        newest: Option<Day>,
    },
    /// It tells closed days only.
    #[error(
        "its fetcher cannot tell what was counted today (it is not tlsrptd's, or an older one)"
    )]
    NoToday,
    /// What it said cannot be used.
    #[error("{source}{}", said(line))]
    Answer {
        /// Why.
        source: FetchError,
        /// The begin of the line.
        line: String,
    },
    /// So many domains of sys4's list are still missing.
    #[error("{missing} of the listed domains failed, the last one: {last}")]
    Details {
        /// How many.
        missing: u64,
        /// Why the last one did.
        last: String,
    },
    /// We are stopping.
    #[error("stopped")]
    Stopped,
}

impl GatherError {
    /// What was said instead of something useful; strangers may have written it.
    pub(super) fn answer(source: FetchError, line: &str) -> GatherError {
        GatherError::Answer {
            source,
            line: line.trim_end().chars().take(80).collect(),
        }
    }
}

fn said(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!(", it said {text:?}")
    }
}
