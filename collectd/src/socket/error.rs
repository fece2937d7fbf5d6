//! Why a socket cannot be made or removed.

use std::{
    io,
    path::{Path, PathBuf},
};

use tlsrptd_service::passed_sockets::PassedSocketError;

/// Why there is no socket to read.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the messages say it
pub enum SocketError {
    #[error("socket {}: the name is longer than 107 bytes", .0.display())]
    TooLong(PathBuf),
    #[error("socket {}: the directory {} does not exist", .path.display(), .directory.display())]
    NoDirectory { path: PathBuf, directory: PathBuf },
    #[error("socket {}: the path exists and is not a socket; remove it or name another", .0.display())]
    NotASocket(PathBuf),
    #[error("socket {}: another collector answers there", .0.display())]
    Answered(PathBuf),
    #[error("socket {}: a socket of another kind is there and in use", .0.display())]
    OtherKind(PathBuf),
    #[error("socket {}: no {what} named {name:?} on this system", .path.display())]
    NoSuchOwner {
        path: PathBuf,
        what: &'static str,
        name: String,
    },
    #[error("socket {}: cannot remove it at the end: {source}", .path.display())]
    Unlink { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Passed(#[from] PassedSocketError),
    #[error("socket {}: cannot {what}: {source}", .path.display())]
    Failed {
        path: PathBuf,
        what: &'static str,
        source: io::Error,
    },
}

impl SocketError {
    /// What was attempted with the socket at `path`, for `map_err`.
    pub(super) fn failed<E: Into<io::Error>>(
        path: &Path,
        what: &'static str,
    ) -> impl FnOnce(E) -> SocketError {
        move |source| SocketError::Failed {
            path: path.into(),
            what,
            source: source.into(),
        }
    }
}
