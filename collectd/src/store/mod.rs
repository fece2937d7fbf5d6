//! Where counts are kept: the ports that every storage engine has, and the engines.
//!
//! [`Store`] is how the collector writes the running day. It learns what a datagram says once, under a [`ResultsId`], and
//! from then on is told only how often it came. Nothing reaches the disk before [`Store::flush`], and what a flush could
//! not bring there stays for the next one. [`DayReader`] is how closed days are read; the fetcher uses it.
//! [`RunningDay`] is how the running day is read beside the collector's work; the observation socket uses it.
//!
//! An engine is a module here and an arm in [`open`], [`open_later`], [`foreign`] and [`read_day`]; its scheme is a variant
//! of [`Storage`]. `sqlite` shares its files with sys4's programs, `dummy` keeps nothing. Where to put what is to come:
//!
//! - A program that ships counts to PostgreSQL is no engine here: the collector never waits for a network. It reads today
//!   through that socket and closed days through [`read_day`]. All these counts are absolute: read twice, they say the same.

mod bounded_counts;
mod dummy;
mod error;
mod sqlite;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, ffi::OsString, sync::Arc};

use tlsrptd_config::Storage;
use tlsrptd_proto::{
    counts::DomainCounts, day::Day, domain::Domain, session_result::SessionResult,
};
use tlsrptd_service::clock::KnownTime;

use crate::stats::Sessions;
use dummy::Dummy;
use sqlite::{ClosedFiles, Sqlite};

pub(crate) use error::FailureKind;
pub use error::StoreError;

/// Opens the store of the running day, or makes it.
pub(crate) fn open(
    storage: &Storage,
    limits: FoldLimits,
    keep_days: u32,
) -> Result<Box<dyn Store>, StoreError> {
    Ok(match storage {
        Storage::Sqlite { path, url } => Box::new(Sqlite::open(url, path, limits, keep_days)?),
        Storage::Dummy { log, url } => Box::new(Dummy::new(url, *log)),
    })
}

/// The same, opened when something is to be written: for a store that cannot be opened yet.
pub(crate) fn open_later(storage: &Storage, limits: FoldLimits, keep_days: u32) -> Box<dyn Store> {
    match storage {
        Storage::Sqlite { path, url } => Box::new(Sqlite::not_open(url, path, limits, keep_days)),
        Storage::Dummy { log, url } => Box::new(Dummy::new(url, *log)),
    }
}

/// Why what a storage names is not a collector's. Nothing is changed, and no lock is taken.
pub(crate) fn foreign(storage: &Storage) -> Option<StoreError> {
    match storage {
        Storage::Sqlite { path, .. } => sqlite::foreign(path).map(StoreError::from),
        Storage::Dummy { .. } => None,
    }
}

/// Opens what is known of a closed day, as of `today`.
pub(crate) fn read_day(
    storage: &Storage,
    question: &DayQuestion<'_>,
    today: Day,
) -> Result<Box<dyn DayReader>, StoreError> {
    match storage {
        Storage::Sqlite { path, .. } => Ok(Box::new(ClosedFiles::open(path, question, today)?)),
        Storage::Dummy { .. } => Err(StoreError::new(
            FailureKind::Permanent,
            "a dummy storage keeps no day",
        )),
    }
}

/// Counts of the running day. A datagram is known by the number of its [`Store::add`] in the epoch: its [`ResultsId`].
pub(crate) trait Store: Send {
    /// What it is called in the log and by the rollover script: the storage URL.
    fn name(&self) -> &str;
    /// Learns what a datagram says, and counts it once.
    fn add(&mut self, day: Day, results: &Arc<[SessionResult]>);
    /// Counts a datagram learned before.
    fn count(&mut self, id: ResultsId, times: u64);
    /// Datagrams that are not yet committed.
    fn uncommitted(&self) -> u64;
    /// Bytes of memory that datagrams take which wait for their first commit.
    fn waiting_bytes(&self) -> usize;
    /// Rows that the datagrams learned so far add to.
    fn rows(&self) -> usize {
        0
    }
    /// When somebody last counted, as far as the stored data tell.
    fn last_counted(&self) -> Option<KnownTime> {
        None
    }
    /// The newest day that was closed.
    fn newest_closed(&self) -> Option<Day> {
        None
    }
    /// Whether it holds sessions, of today or of the day before.
    fn has_sessions(&self) -> bool {
        false
    }
    /// The owner of names that has used up its share of the file, once for each flush in which that was so.
    fn take_over_share(&mut self) -> Option<String> {
        None
    }
    /// Commits what is not yet committed in one transaction; of very much, only a part. What fails stays for the next flush.
    fn flush(&mut self) -> Result<Flushed, StoreError>;
    /// Makes what is committed outlive a power cut.
    fn sync(&mut self) -> Result<(), StoreError>;
    /// Forgets all datagrams: ids begin anew at 0. Only when nothing is uncommitted.
    fn start_epoch(&mut self);
    /// Closes every day before `today`, and says which, oldest first. After a failure it goes on where it was. Only when
    /// nothing is uncommitted, and before [`Store::start_epoch`]: rows may move to other files.
    fn close_days(
        &mut self,
        today: Day,
        todays_rows: TodaysRows,
    ) -> Result<Vec<ClosedDay>, StoreError>;
    /// How the running day is read beside the store's work, by any thread.
    fn running_day(&self) -> Option<Arc<dyn RunningDay>> {
        None
    }
    /// From now on, keeps so many closed days beside `keep_days`.
    fn keep_extra_days(&mut self, _days: u32) {}
    /// Counts the rows of the running day.
    fn day_size(&mut self, today: Day) -> Result<DaySize, StoreError>;
    /// When a flush failed because somebody took the data away: saves what can be saved, and begins anew where nothing is.
    /// Says how many datagrams are lost, which no retry would bring back, and adds what was committed, also before a failure.
    fn recover_replaced_file(&mut self, _saved: &mut Vec<Flushed>) -> Result<u64, StoreError> {
        Ok(0)
    }
    /// Leaves the data so that any other program may open them. Only when nothing is uncommitted.
    fn finish(&mut self) -> Result<(), StoreError>;
}

/// What was counted on one closed day. Whatever reads fails when the data cannot be read.
pub(crate) trait DayReader {
    /// The newest day that is complete, of all; none after today.
    fn newest_complete(&self) -> Option<Day>;
    /// The days, of all, that grew after they were closed, and how often each did. Read anew each time.
    fn growth(&self) -> Result<BTreeMap<Day, u64>, StoreError>;
    /// From now on, the day is only what was added to it after so many additions.
    fn keep_added_since(&mut self, additions: u64) -> Result<(), StoreError>;
    /// The names of the domains as they are stored, in binary order, each once.
    fn names(&self) -> Box<dyn Iterator<Item = Result<String, StoreError>> + '_>;
    /// The counts of one domain under the name that was asked for; where there are none, under its normal form.
    fn counts_as_asked(&self, domain: &Domain, asked: &str) -> Result<DomainCounts, StoreError>;
    /// Every domain with its counts, in binary order of their normal names, each once. Memory does not grow with them.
    fn domains(&self) -> Result<DomainIterator<'_>, StoreError>;
}

/// The running day, as far as it is committed, for whoever asks while the store works. The store does not wait for it: it
/// takes the data from a reader that is in its way.
pub(crate) trait RunningDay: Send + Sync {
    /// Opens the data of a day for one question. Fails while the store closes days.
    fn begin(&self, day: Day) -> Result<Box<dyn RunningDayReader>, StoreError>;
}

/// One question about the running day, answered in short looks: between two of them nothing is locked, and the caller may
/// take as long as it likes. Each fails when the data were taken away meanwhile.
pub(crate) trait RunningDayReader {
    /// As [`DayReader::counts_as_asked`].
    fn counts_as_asked(&self, domain: &Domain, asked: &str) -> Result<DomainCounts, StoreError>;
    /// The next domains, in binary order of their normal names, each once; each with its counts as they are at this look.
    fn look(&mut self, detail: Detail) -> Result<Look, StoreError>;
}

/// What is read of each domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// The name alone.
    Names,
    Counts,
}

/// What a look at the running day found.
#[derive(Debug)]
pub(crate) enum Look {
    /// Domains, perhaps none, and more may follow.
    Domains(Vec<(Domain, DomainCounts)>),
    /// There are no more.
    End,
}

/// Domains, each with its counts.
pub(crate) type DomainIterator<'r> =
    Box<dyn Iterator<Item = Result<(Domain, DomainCounts), StoreError>> + 'r>;

/// What is asked of a closed day.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DayQuestion<'q> {
    pub(crate) day: Day,
    /// One domain's name as it was asked for, when the rest of the day does not matter.
    pub(crate) only: Option<&'q str>,
}

/// What a store calls a datagram: how many it had learned before, in this epoch.
pub(crate) type ResultsId = u32;

/// A day that was closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClosedDay {
    pub(crate) day: Day,
    /// Where its data are, for the operator's script: with SQLite the path of the file.
    pub(crate) location: OsString,
}

/// What becomes of the rows of the running day when days are closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TodaysRows {
    /// They stay today's.
    Stay,
    /// They become yesterday's, and are closed with it: the operator's SIGUSR2.
    BecomeYesterdays,
}

/// How much a day holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct DaySize {
    pub(crate) domains: u64,
    pub(crate) policies: u64,
    /// Bytes of its file that are in use.
    pub(crate) file_bytes: u64,
    /// `None` when they are too many rows to add up.
    pub(crate) sessions: Option<Sessions>,
}

/// How many details are kept before they are folded into one entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FoldLimits {
    policies: i64,
    failures: i64,
    /// `max_day_file_size`
    file_bytes: i64,
}

impl FoldLimits {
    /// At least one policy a domain, and one failure a policy.
    pub(crate) fn new(policies: usize, failures: usize) -> FoldLimits {
        let limit = |n| i64::try_from(n).unwrap_or(i64::MAX).max(1);
        FoldLimits {
            policies: limit(policies),
            failures: limit(failures),
            file_bytes: i64::MAX,
        }
    }

    /// The same, in a day file of at most so many bytes.
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
    /// How often a policy was folded, for a limit.
    pub(crate) folded_policies: u64,
    /// How often a failure was folded, for a limit.
    pub(crate) folded_failures: u64,
    /// Sessions of what is committed.
    pub(crate) sessions: Sessions,
    /// Policies that had no row.
    pub(crate) new_policies: u64,
    /// Domains that had no row.
    pub(crate) new_domains: u64,
    /// Datagrams dropped, because the file is full and they needed a new row.
    pub(crate) refused: u64,
    /// Datagrams dropped, because the owner of their domain has used up its share of the file.
    pub(crate) over_share: u64,
    /// The file is nearly full.
    pub(crate) tight: bool,
    /// Bytes of the file that are in use.
    pub(crate) file_bytes: u64,
}

impl Flushed {
    /// A session came so many times.
    pub(crate) fn count_sessions(&mut self, failed: bool, times: u64) {
        self.sessions.total += times;
        self.sessions.failed += if failed { times } else { 0 };
    }
}
