//! SQLite: sys4's database, with what is ours beside it. Nothing else in this crate knows SQL.

mod additions;
mod bounces;
mod claims;
mod clean;
mod clock;
mod collectors;
mod days;
mod decisions;
mod deliveries;
mod deliveries_view;
mod digests;
mod discard;
mod domain_day;
mod history;
mod installation;
mod jobs;
mod journal;
mod lock;
mod mails;
#[cfg(feature = "postgresql")]
mod moving;
mod mx_hosts;
mod named;
mod normalize_domains;
mod open;
mod operator;
mod pending_rows;
mod requests;
mod rows;
mod schema;
mod suppressed;
mod text;
mod used;

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tlsrptd_proto::{day::Day, report::InstallationId};

use crate::model::BounceKey;

use super::{
    CommitHook, CommitSide, HookVerdict, Lease, Membership, OperatorAccess, OperatorStore, Step,
    Store, StoreError, Tended, in_hand::ReportsInHand, mailed::GuardedMails,
    pending::PendingQueues,
};

pub(super) use lock::held_by;
#[cfg(feature = "postgresql")]
pub(super) use moving::{MovedRow, Whereabouts, installation_of, note, whereabouts};
pub use open::find_fault;
pub use operator::ExistingDatabase;

/// The open database.
pub struct SqliteStore {
    db: Connection,
    path: std::path::PathBuf,
    /// Held until the end, so that no second reporter sends the same reports.
    _lock: lock::DatabaseLock,
    hook: Option<CommitHook>,
    pending: PendingQueues<i64>,
    reports: ReportsInHand,
    /// With `loop_guard`.
    guard: Option<GuardedMails>,
    /// `mx_reports`.
    mx_reports: bool,
    suppressions: suppressed::CachedList,
    failures: history::TopFailures,
    kept: history::KeptReports,
    installation: InstallationId,
    bounce_key: BounceKey,
    /// The last bounce that was looked at, while more stand behind it.
    bounces_after: i64,
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Store for SqliteStore {
    fn installation(&self) -> &InstallationId {
        &self.installation
    }

    fn open_reader(&self) -> Result<Box<dyn OperatorStore + Send>, StoreError> {
        let reader = ExistingDatabase::open(&self.path, OperatorAccess::Read)?;
        Ok(Box::new(reader))
    }

    fn close(self: Box<Self>) -> Result<(), StoreError> {
        SqliteStore::close(*self)
    }
}

/// Alone on its database.
impl Membership for SqliteStore {
    fn lease(&self) -> Lease {
        Lease::always()
    }

    fn tend(
        &mut self,
        _: Timestamp,
        _: Option<&dyn Fn(Day, Timestamp) -> Timestamp>,
    ) -> Result<Tended, StoreError> {
        Ok(Tended::default())
    }
}

impl SqliteStore {
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

    /// Reads, outside of any step.
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
