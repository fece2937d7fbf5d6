//! The reporter's memory: sys4's database, with what is ours beside it. Nothing else in this crate knows SQL.
//!
//! Every fetch job, report and delivery is a row, and every step of its life is one transaction, listed in [`STEPS`].
//! A crash leaves each row in a state that has a name, from which the next start goes on.
//!
//! The narrow interface: [`Store::open`], then jobs ([`Job`]), their rows, decisions ([`Decision`]) and deliveries
//! ([`Claimed`], [`Verdict`]). It runs on the thread of its caller, and answers within milliseconds.

mod claims;
mod clock;
mod collectors;
mod counts;
mod decided;
mod decisions;
mod deliveries;
mod error;
mod forget;
mod installation;
mod jobs;
mod journal;
mod late;
mod lock;
mod mails;
mod normalize_domains;
mod open;
mod ready;
mod rows;
mod schema;
mod steps;
mod suppressed;
mod text;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tlsrptd_proto::report::InstallationId;

pub use claims::Claimed;
pub(crate) use collectors::identity;
pub use collectors::{JobChange, JobNote};
pub use counts::{Count, Counts, WhyPending};
pub use decisions::{Decision, DomainDay, Stored};
pub use deliveries::{Recorded, Verdict};
pub use error::StoreError;
pub use jobs::{Job, NewJob};
pub use mails::{LONGEST_SILENCE, OurMails};
pub use open::fault;
pub use ready::Room;
pub use rows::Fetched;
pub use steps::{CommitSide, STEPS, Step, StepRow};
pub use suppressed::{Listed, SuppressionList, Suspended};

/// The open database.
pub struct Store {
    db: Connection,
    path: std::path::PathBuf,
    /// Held until the end, so that no second reporter sends the same reports.
    _lock: lock::Lock,
    watcher: Option<CommitHook>,
    ready: ready::Ready,
    reports: claims::Shared,
    /// With `loop_guard`.
    guard: Option<mails::Guard>,
    suppressions: suppressed::Kept,
    installation: InstallationId,
}

/// Sees every step before and after its commit, and says how it goes on. Only tests have one.
pub type CommitHook = Box<dyn FnMut(Step, CommitSide) -> HookVerdict + Send>;

/// What a [`CommitHook`] makes of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookVerdict {
    /// It goes on.
    On,
    /// Before its commit: the disk is full, and the step undone. After it, nothing can fail any more.
    Fail,
    /// It stops there, as a crash would.
    Crash,
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
        let fault = |source| StoreError::Step { step, source };
        let tx = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(fault)?;
        let value = work(&tx).map_err(fault)?;
        let go_on = |watcher: &mut Option<CommitHook>, moment| {
            let go = watcher
                .as_mut()
                .map_or(HookVerdict::On, |see| see(step, moment));
            match (go, moment) {
                (HookVerdict::Crash, _) => Err(StoreError::Stopped { step, moment }),
                (HookVerdict::Fail, CommitSide::Before) => Err(fault(disk_full())),
                (HookVerdict::On | HookVerdict::Fail, _) => Ok(()),
            }
        };
        go_on(&mut self.watcher, CommitSide::Before)?;
        tx.commit().map_err(fault)?;
        go_on(&mut self.watcher, CommitSide::After)?;
        Ok(value)
    }

    /// Reads, without a step.
    fn read<T>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        work(&self.db).map_err(|source| StoreError::Read { what, source })
    }
}

/// What SQLite says then.
fn disk_full() -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
    rusqlite::Error::SqliteFailure(code, None)
}
