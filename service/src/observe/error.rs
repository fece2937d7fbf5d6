//! Why a socket cannot be had, and why there is no answer.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Why there is no socket to listen on.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the messages say it
pub enum ServeError {
    #[error("socket {}: the name is longer than 107 bytes", .0.display())]
    TooLong(PathBuf),
    #[error("socket {}: the directory {} does not exist", .path.display(), .directory.display())]
    NoDirectory { path: PathBuf, directory: PathBuf },
    #[error("socket {}: the path exists and is not a socket; remove it or name another", .0.display())]
    NotASocket(PathBuf),
    #[error("socket {}: {by} answers there", .path.display())]
    Answered { path: PathBuf, by: String },
    #[error("socket {}: a socket of another kind is there and in use", .0.display())]
    OtherKind(PathBuf),
    #[error("socket {}: cannot {what}: {source}", .path.display())]
    Failed {
        path: PathBuf,
        what: &'static str,
        source: io::Error,
    },
}

impl ServeError {
    /// What was attempted with the socket at `path`, for `map_err`.
    pub(super) fn failed<E: Into<io::Error>>(
        path: &Path,
        what: &'static str,
    ) -> impl FnOnce(E) -> ServeError {
        move |source| ServeError::Failed {
            path: path.into(),
            what,
            source: source.into(),
        }
    }
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the messages say it
pub enum AskError {
    #[error("observation socket {}: there is none; is the daemon running, and has it this path as its observation_socket?", .0.display())]
    Missing(PathBuf),
    #[error("observation socket {}: nobody answers there: the daemon is not running", .0.display())]
    NobodyAnswers(PathBuf),
    #[error("observation socket {}: permission denied: root and the members of the socket's group may ask", .0.display())]
    Denied(PathBuf),
    #[error("observation socket {}: not a socket of this kind", .0.display())]
    OtherKind(PathBuf),
    #[error("observation socket {}: no answer within {seconds} s", .path.display())]
    TimedOut { path: PathBuf, seconds: u64 },
    #[error("observation socket {}: the answer was cut off", .0.display())]
    CutOff(PathBuf),
    #[error("observation socket {}: the answer is not a line of JSON: {source}", .path.display())]
    NotJson {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error("observation socket {}: the answer is longer than {} bytes", .0.display(), super::client::LONGEST_ANSWER)]
    TooLong(PathBuf),
    /// The daemon's own words.
    #[error("observation socket {}: the daemon says: {why}", .path.display())]
    Refused { path: PathBuf, why: String },
    #[error("observation socket {}: {source}", .path.display())]
    Failed { path: PathBuf, source: io::Error },
}
