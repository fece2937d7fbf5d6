//! Why a store could not do what was asked: in the engine's own words, and of a kind that is the same for all engines.

use std::error::Error;

/// A failure of a store: the message is the engine's.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub struct StoreError {
    pub(crate) kind: FailureKind,
    problem: Box<dyn Error + Send + Sync>,
}

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// It may work later as things are: the data are locked, or the disk is full, read-only or failing.
    Temporary,
    /// The data are another program's, or of another version.
    Foreign,
    /// Somebody removed or replaced today's data while they were in use: [`super::Store::recover_replaced_file`] helps.
    Replaced,
    /// It helps only to change something.
    Permanent,
}

impl StoreError {
    pub(crate) fn new(
        kind: FailureKind,
        problem: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> StoreError {
        let problem = problem.into();
        StoreError { kind, problem }
    }
}
