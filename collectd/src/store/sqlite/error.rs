//! What can go wrong with a day's file.

use std::{
    io,
    path::{Path, PathBuf},
};

use rusqlite::ErrorCode;
use thiserror::Error;

use crate::store::{FailureKind, StoreError};

/// Why a file could not be used as asked.
#[derive(Debug, Error)]
pub(in crate::store) enum SqliteError {
    #[error("database {}: cannot be used: {who}", .path.display())]
    Denied { path: PathBuf, who: String },
    #[error("database {}: cannot {what}: {source}", .path.display())]
    Sql {
        path: PathBuf,
        what: &'static str,
        source: rusqlite::Error,
    },
    #[error("database {}: cannot {what}: {source}", .path.display())]
    File {
        path: PathBuf,
        what: &'static str,
        source: io::Error,
    },
    #[error("database {}: it is of another purpose or version (version {version}, purpose {purpose:?})", .path.display())]
    Foreign {
        path: PathBuf,
        version: String,
        purpose: String,
    },
    #[error("database {}: it is a database of another program", .0.display())]
    NotOurs(PathBuf),
    #[error("{} is not a file; move it away", .0.display())]
    NotAFile(PathBuf),
    #[error("database {}: whether the last commit came about is not known yet", .0.display())]
    InDoubt(PathBuf),
    #[error("database {}: somebody removed or replaced the file while it was in use", .0.display())]
    Replaced(PathBuf),
    #[error("the day is being closed, or the collector stops: ask again")]
    DayCloses,
    #[error("database {}: counts wait to be committed first", .0.display())]
    Uncommitted(PathBuf),
}

impl From<SqliteError> for StoreError {
    fn from(error: SqliteError) -> StoreError {
        StoreError::new(error.kind(), error)
    }
}

impl SqliteError {
    fn kind(&self) -> FailureKind {
        use nix::libc::{EDQUOT, EIO, ENOSPC, EROFS, ESTALE};
        use rusqlite::ErrorCode::{DiskFull, ReadOnly, SystemIoFailure};
        let is_temporary = match self {
            SqliteError::Foreign { .. } | SqliteError::NotOurs(_) => return FailureKind::Foreign,
            SqliteError::Replaced(_) => return FailureKind::Replaced,
            SqliteError::DayCloses => true,
            SqliteError::Sql { source, .. } => {
                is_locked(source) || is_one_of(source, &[DiskFull, ReadOnly, SystemIoFailure])
            }
            SqliteError::File { source, .. } => source
                .raw_os_error()
                .is_some_and(|code| [EDQUOT, EIO, ENOSPC, EROFS, ESTALE].contains(&code)),
            _ => false,
        };
        match is_temporary {
            true => FailureKind::Temporary,
            false => FailureKind::Permanent,
        }
    }

    /// Whether the file is no database of ours, or not one any more.
    pub(super) fn is_damage(&self) -> bool {
        use ErrorCode::{DatabaseCorrupt, NotADatabase};
        match self {
            SqliteError::Sql { source, .. } => is_one_of(source, &[DatabaseCorrupt, NotADatabase]),
            SqliteError::NotOurs(_) | SqliteError::Foreign { .. } => true,
            _ => false,
        }
    }
}

/// Whether another connection has locked the file.
pub(super) fn is_locked(error: &rusqlite::Error) -> bool {
    is_one_of(error, &[ErrorCode::DatabaseBusy, ErrorCode::DatabaseLocked])
}

fn is_one_of(error: &rusqlite::Error, codes: &[ErrorCode]) -> bool {
    error
        .sqlite_error_code()
        .is_some_and(|code| codes.contains(&code))
}

/// For `map_err`: SQLite could not do `what` with the file.
pub(super) fn sql<'p>(
    path: &'p Path,
    what: &'static str,
) -> impl Fn(rusqlite::Error) -> SqliteError + 'p {
    move |source| SqliteError::Sql {
        path: path.into(),
        what,
        source,
    }
}

/// For `map_err`: the system could not do `what` with the file.
pub(super) fn file_error<'p>(
    path: &'p Path,
    what: &'static str,
) -> impl Fn(io::Error) -> SqliteError + 'p {
    move |source| SqliteError::File {
        path: path.into(),
        what,
        source,
    }
}
