//! What can go wrong with the store, whatever its engine.

use super::{CommitSide, Step};

/// What the engine says.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why the store could not be used: what was attempted, on which database, and the cause.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory is missing.
    #[error(
        "the directory {folder} of dbname does not exist (allowed: an existing directory that is writable)"
    )]
    NoFolder {
        /// The directory.
        folder: String,
    },
    /// No reporter has made it.
    #[error("there is no database {database} yet (tlsrpt-reportd makes it when it starts)")]
    Missing {
        /// Which.
        database: String,
    },
    /// The user that we run as may not use it.
    #[error("cannot use the database {database}: {who}")]
    Denied {
        /// Which.
        database: String,
        /// What is in the way, and who may.
        who: String,
    },
    /// It cannot be opened, made or written.
    #[error("cannot set up the database {database}: {source}")]
    Open {
        /// Which.
        database: String,
        /// Why.
        source: Cause,
    },
    /// It cannot be read, by a program that does no more.
    #[error("cannot read the database {database}: {source}")]
    Unreadable {
        /// Which.
        database: String,
        /// Why.
        source: Cause,
    },
    /// This program was built without the engine for it.
    #[error(
        "cannot use {database}: this program was built without PostgreSQL (allowed: a path, or a program with the feature postgresql, which the packages have)"
    )]
    NoEngine {
        /// Which.
        database: String,
    },
    /// A database's contents are not moved.
    #[error("{what} is not moved: {why}")]
    NotMoved {
        /// Which.
        what: String,
        /// Why not.
        why: String,
    },
    /// It belongs to another program.
    #[error(
        "{database} is not a database of tlsrpt-reportd: {found} (allowed: version 1, purpose \"TLSRPT-Reportd-DB-devel-2024-10-28\")"
    )]
    Purpose {
        /// Which.
        database: String,
        /// What it is instead.
        found: String,
    },
    /// Another reporter is at work.
    #[error(
        "the database {database} is in use by {holder} (allowed: one tlsrpt-reportd a database)"
    )]
    Held {
        /// Which.
        database: String,
        /// Who has it.
        holder: String,
    },
    /// The lock on it cannot be taken.
    #[error("cannot lock {lock}: {source}")]
    Lock {
        /// The lock.
        lock: String,
        /// Why.
        source: Cause,
    },
    /// A step failed and changed nothing.
    #[error("database step {step:?}: {source}")]
    Step {
        /// Which.
        step: Step,
        /// Why.
        source: Cause,
        /// The operator can help, or only waiting can: the same step may work later.
        may_pass: bool,
    },
    /// Something could not be read.
    #[error("reading {what} from the database: {source}")]
    Read {
        /// What.
        what: &'static str,
        /// Why.
        source: Cause,
        /// As with a step.
        may_pass: bool,
    },
    /// This reporter was taken for dead: what it has in hand is others' now, and it begins anew.
    #[error(
        "the fleet has taken this reporter for dead, as it was silent for longer than its lease"
    )]
    Fenced,
    /// A test stopped the reporter here.
    #[error("stopped at step {step:?}, {side:?} its commit")]
    Stopped {
        /// The step.
        step: Step,
        /// The side of its commit.
        side: CommitSide,
    },
}

impl StoreError {
    /// Whether the disk is full, the database locked or the like: the same step may work later.
    pub fn may_pass(&self) -> bool {
        match self {
            StoreError::Step { may_pass, .. } | StoreError::Read { may_pass, .. } => *may_pass,
            _ => false,
        }
    }
}
