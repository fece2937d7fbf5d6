//! Where counts go: one narrow interface, and its forms.
//!
//! A store learns what a datagram says once, under an index, and from then on is told only how often it came. Nothing
//! reaches the disk before [`Store::flush`], and what a flush could not bring there stays for the next one.

mod day_file_budget;
mod dummy;
pub(crate) mod file;
mod full;
mod journal;
mod pending_counts;
mod rows;
mod shares;
mod sqlite;
#[cfg(test)]
mod tests;

use std::{path::PathBuf, sync::Arc};

use thiserror::Error;
use tlsrptd_proto::{day::Day, session_result::SessionResult};
use tlsrptd_service::clock::KnownTime;

pub(crate) use dummy::Dummy;
pub(crate) use sqlite::Sqlite;

/// Why a store could not do what was asked.
#[derive(Debug, Error)]
#[allow(missing_docs)] // the messages say it
pub enum StoreError {
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
        source: std::io::Error,
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
    #[error("database {}: counts wait to be committed first", .0.display())]
    Uncommitted(PathBuf),
}

impl StoreError {
    /// Whether it may work later as things are: it is locked, or the disk is full, read-only or ill.
    pub(crate) fn may_pass(&self) -> bool {
        use nix::libc::{EDQUOT, EIO, ENOSPC, EROFS, ESTALE};
        use rusqlite::ErrorCode::{
            DatabaseBusy, DatabaseLocked, DiskFull, ReadOnly, SystemIoFailure,
        };
        match self {
            StoreError::Sql { source, .. } => source.sqlite_error_code().is_some_and(|code| {
                [
                    DatabaseBusy,
                    DatabaseLocked,
                    DiskFull,
                    ReadOnly,
                    SystemIoFailure,
                ]
                .contains(&code)
            }),
            StoreError::File { source, .. } => source
                .raw_os_error()
                .is_some_and(|code| [EDQUOT, EIO, ENOSPC, EROFS, ESTALE].contains(&code)),
            _ => false,
        }
    }
}

/// A day that was closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Closed {
    pub(crate) day: Day,
    pub(crate) path: PathBuf,
}

/// How far details go before they are folded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FoldLimits {
    policies: i64,
    failures: i64,
    /// `max_day_file_size`
    file_bytes: i64,
}

impl FoldLimits {
    /// At least one of each; SQLite has no larger number than an i64.
    pub(crate) fn new(policies: usize, failures: usize) -> FoldLimits {
        let limit = |n| i64::try_from(n).unwrap_or(i64::MAX).max(1);
        FoldLimits {
            policies: limit(policies),
            failures: limit(failures),
            file_bytes: i64::MAX,
        }
    }

    /// With a bound on the file.
    pub(crate) fn in_file_of(self, bytes: u64) -> FoldLimits {
        FoldLimits {
            file_bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
            ..self
        }
    }
}

/// What a flush brought to the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Flushed {
    /// Datagrams committed.
    pub(crate) datagrams: u64,
    /// Policies that gave way to a limit.
    pub(crate) folded_policies: u64,
    /// Failures that gave way to a limit.
    pub(crate) folded_failures: u64,
    /// Rows made.
    pub(crate) new_policies: u64,
    /// Domains that had no row.
    pub(crate) new_domains: u64,
    /// Datagrams dropped, because the file is full and they needed a row that is not there.
    pub(crate) refused: u64,
    /// Datagrams dropped, because their domain and those beside it have used their share of the file.
    pub(crate) over_share: u64,
    /// The file is nearly full.
    pub(crate) tight: bool,
    /// Bytes of the file that are in use.
    pub(crate) file_bytes: u64,
}

impl std::ops::Add for Flushed {
    type Output = Flushed;

    fn add(self, other: Flushed) -> Flushed {
        Flushed {
            datagrams: self.datagrams + other.datagrams,
            folded_policies: self.folded_policies + other.folded_policies,
            folded_failures: self.folded_failures + other.folded_failures,
            new_policies: self.new_policies + other.new_policies,
            new_domains: self.new_domains + other.new_domains,
            refused: self.refused + other.refused,
            over_share: self.over_share + other.over_share,
            tight: self.tight | other.tight,
            file_bytes: self.file_bytes.max(other.file_bytes),
        }
    }
}

/// Counts of a day that is still running. Indexes are given in the order of [`Store::add`], from 0.
pub(crate) trait Store: Send {
    /// What it is called in the log and by the rollover script: the storage URL.
    fn name(&self) -> &str;
    /// Learns a datagram, and counts it once.
    fn add(&mut self, day: Day, records: &Arc<[SessionResult]>);
    /// Counts a datagram learned before.
    fn count(&mut self, index: u32, times: u64);
    /// Datagrams that are not yet committed.
    fn uncommitted(&self) -> u64;
    /// Bytes of memory that datagrams take which wait for their first commit.
    fn waiting_bytes(&self) -> usize;
    /// Rows that the datagrams learned so far add to.
    fn rows(&self) -> usize {
        0
    }
    /// What its files know of the time when somebody last counted.
    fn known(&self) -> Option<KnownTime> {
        None
    }
    /// The newest day that was closed.
    fn newest_closed(&self) -> Option<Day> {
        None
    }
    /// It holds sessions of today or of days before.
    fn was_used(&self) -> bool {
        false
    }
    /// Whose share was used up, of the last flush in which that was so.
    fn who_is_over_share(&mut self) -> Option<String> {
        None
    }
    /// One transaction with what is not yet committed; with very much of it, there is something left.
    fn flush(&mut self) -> Result<Flushed, StoreError>;
    /// Makes what is committed outlive a power cut.
    fn sync(&mut self) -> Result<(), StoreError>;
    /// Indexes begin anew at 0. Only when nothing is uncommitted.
    fn forget(&mut self);
    /// Closes every day before `today`; with `roll`, today's data becomes yesterday's first. Only when nothing is
    /// uncommitted, and before [`Store::forget`]: rows may move to other files.
    fn close_days(&mut self, today: Day, roll: bool) -> Result<Vec<Closed>, StoreError>;
    /// From now on, so many files of closed days are kept beside `keep_days`.
    fn keep_more(&mut self, _spare: u32) {}
    /// Domains and policies of that day, by a look at the file.
    fn census(&mut self, today: Day) -> Result<(u64, u64), StoreError>;
    /// When a flush failed because somebody took the file away: saves what can be saved, and begins a new file where there
    /// is none. Tells how many datagrams are lost, which no retry would bring back.
    fn rescue(&mut self) -> Result<u64, StoreError> {
        Ok(0)
    }
    /// Leaves the files as any other program may open them. Only when nothing is uncommitted.
    fn finish(&mut self) -> Result<(), StoreError>;
}
