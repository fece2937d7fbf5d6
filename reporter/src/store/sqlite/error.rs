//! What can go wrong with the database.

use std::path::PathBuf;

use super::{CommitSide, Step};

/// Why the database could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder is missing.
    #[error(
        "the directory {folder} of dbname does not exist (allowed: an existing directory that is writable)"
    )]
    NoFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// Nobody has made it.
    #[error("there is no database {path} yet (tlsrpt-reportd makes it when it starts)")]
    Missing {
        /// The database.
        path: PathBuf,
    },
    /// Not for the user that we run as.
    #[error("cannot use the database {path}: {who}")]
    Denied {
        /// The database.
        path: PathBuf,
        /// What is in the way, and who may.
        who: String,
    },
    /// The file cannot be opened, made or written.
    #[error("cannot set up the database {path}: {source}")]
    Open {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The file is something else.
    #[error(
        "{path} is not a database of tlsrpt-reportd: {found} (allowed: version 1, purpose \"TLSRPT-Reportd-DB-devel-2024-10-28\")"
    )]
    Purpose {
        /// The database.
        path: PathBuf,
        /// What it is instead.
        found: String,
    },
    /// Another reporter is at work.
    #[error("the database {path} is in use by {holder} (allowed: one tlsrpt-reportd a database)")]
    Held {
        /// The database.
        path: PathBuf,
        /// Who has it.
        holder: String,
    },
    /// The lock file cannot be used.
    #[error(
        "cannot lock {path}: {}",
        tlsrptd_config::eyes::explained_writing(path, source)
    )]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A step failed and changed nothing.
    #[error("database step {step:?}: {source}")]
    Step {
        /// The step.
        step: Step,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// Something could not be read.
    #[error("reading {what} from the database: {source}")]
    Read {
        /// What.
        what: &'static str,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// A test stopped here.
    #[error("stopped at step {step:?}, {moment:?} its commit")]
    Stopped {
        /// The step.
        step: Step,
        /// On which side of the commit.
        moment: CommitSide,
    },
}

impl StoreError {
    /// Whether the disk is full, the file locked or the like: the operator can help, and the same step may work later.
    pub fn may_pass(&self) -> bool {
        use rusqlite::ErrorCode::{
            DatabaseBusy, DatabaseLocked, DiskFull, ReadOnly, SystemIoFailure,
        };
        match self {
            StoreError::Step { source, .. } | StoreError::Read { source, .. } => matches!(
                source.sqlite_error_code(),
                Some(DatabaseBusy | DatabaseLocked | DiskFull | ReadOnly | SystemIoFailure)
            ),
            _ => false,
        }
    }
}
