//! The reporter's memory: sys4's database, with what is ours beside it. Nothing else in this crate knows SQL.
//!
//! Every fetch job, report and delivery is a row, and every step of its life is one transaction, listed in [`STEPS`].
//! A crash leaves each row in a state that has a name, from which the next start goes on.
//!
//! The narrow interface: [`Store::open`], then jobs ([`FetchJob`]), their rows, decisions ([`DecidedDomain`](crate::model::DecidedDomain)) and deliveries
//! ([`Claimed`], [`Disposition`]). It runs on the thread of its caller, and answers within milliseconds.

mod claims;
mod clock;
mod collectors;
mod counts;
mod decided;
mod decisions;
mod deliveries;
mod discard;
mod installation;
mod jobs;
mod journal;
mod late;
mod lock;
mod mails;
mod normalize_domains;
mod open;
mod pending;
mod rows;
mod schema;
mod suppressed;
mod text;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tlsrptd_proto::report::InstallationId;

use super::{CommitHook, CommitSide, HookVerdict, Step, StoreError};

pub use claims::{Claimed, CorruptRow};
pub(crate) use collectors::identity;
pub use collectors::{JobChange, JobNote};
pub use counts::{StatusCount, StatusCounts, WhyPending};
pub use decisions::{CollectorRow, DomainDay};
pub use deliveries::{AttemptEnd, Disposition};
pub use jobs::{CollectorCommand, FetchJob};
pub use mails::{LONGEST_SILENCE, OurMails};
pub use open::find_fault;
pub use pending::ClaimLimit;
pub use rows::Fetched;
pub use suppressed::{SuppressionList, SuppressionRow, Suspension};

/// The open database.
pub struct Store {
    db: Connection,
    path: std::path::PathBuf,
    /// Held until the end, so that no second reporter sends the same reports.
    _lock: lock::DatabaseLock,
    hook: Option<CommitHook>,
    pending: pending::PendingQueues,
    reports: claims::ReportsInHand,
    /// With `loop_guard`.
    guard: Option<mails::LoopGuard>,
    suppressions: suppressed::CachedList,
    installation: InstallationId,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Which reporter of its organisation works on this database: the same for as long as the file is.
    pub fn installation(&self) -> &InstallationId {
        &self.installation
    }

    /// Everything that changes a row goes through here: one step, one transaction.
    fn transact<T>(
        &mut self,
        step: Step,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let fault = |source: rusqlite::Error| StoreError::Step {
            step,
            may_pass: may_pass(&source),
            source: source.into(),
        };
        let tx = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(fault)?;
        let value = work(&tx).map_err(fault)?;
        let mut hook = |side| match self.hook.as_mut().map(|hook| hook(step, side)) {
            Some(HookVerdict::Crash) => Err(StoreError::Stopped { step, side }),
            Some(HookVerdict::Fail) if side == CommitSide::Before => Err(fault(disk_full())),
            _ => Ok(()),
        };
        hook(CommitSide::Before)?;
        tx.commit().map_err(fault)?;
        hook(CommitSide::After)?;
        Ok(value)
    }

    /// Reads, without a step.
    fn read<T>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        work(&self.db).map_err(|source| unreadable(what, source))
    }
}

fn unreadable(what: &'static str, source: rusqlite::Error) -> StoreError {
    StoreError::Read {
        what,
        may_pass: may_pass(&source),
        source: source.into(),
    }
}

/// Whether the disk is full, the file locked or the like.
fn may_pass(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked, DiskFull, ReadOnly, SystemIoFailure};
    matches!(
        error.sqlite_error_code(),
        Some(DatabaseBusy | DatabaseLocked | DiskFull | ReadOnly | SystemIoFailure)
    )
}

/// What SQLite says when the disk is full.
fn disk_full() -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
    rusqlite::Error::SqliteFailure(code, None)
}
