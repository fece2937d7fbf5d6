//! `sqlite:` keeps a day's counts in the file that sys4's programs read and write too.
//!
//! In the order of the data: `pending_counts` holds what is not committed, `commit` commits it by `rows` and `statements`
//! (within `reached_limits`, `day_file_budget`, `shares` and `name_filter`), `replaced` helps when somebody takes the file away, `rollover` closes days, `day_reader` reads them,
//! `running_day` reads today's file for whoever asks; `contents`,
//! `file` and `journal` are what they all need of a file, `error` is what can be wrong with it.

mod commit;
mod contents;
mod day_file_budget;
mod day_reader;
mod error;
mod file;
mod journal;
mod name_filter;
mod pending_counts;
mod reached_limits;
mod replaced;
mod rollover;
mod rows;
mod running_day;
mod shares;
mod statements;
#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rusqlite::Connection;
use tlsrptd_proto::{day::Day, dayfile, session_result::SessionResult};
use tlsrptd_service::{clock::KnownTime, files::FileIdentity};
use tracing::{info, warn};

use super::{
    ClosedDay, DaySize, Flushed, FoldLimits, ResultsId, RunningDay, Store, StoreError, TodaysRows,
};
use crate::stats::Sessions;
use commit::UncertainCommit;
use day_file_budget::DayFileBudget;
use error::{SqliteError, sql};
use pending_counts::PendingCounts;
use reached_limits::ReachedLimits;
use running_day::{Gate, RunningFile};
use shares::Shares;

pub(super) use day_reader::ClosedFiles;
pub(super) use file::foreign;

/// Rows of a day whose sessions are added up: a start does not wait longer for a figure.
const MAX_ADDED_UP: u64 = 200_000;

const FLUSH_NUMBER: &str = "SELECT number FROM tlsrptd_flush";

/// See the module.
pub(super) struct Sqlite {
    url: String,
    path: PathBuf,
    limits: FoldLimits,
    keep_days: u32,
    extra_days: u32,
    db: Option<Connection>,
    /// Device and inode of the file that the row numbers in `pending_counts` belong to.
    identity: Option<FileIdentity>,
    /// The number of the last flush that is surely committed.
    number: i64,
    pending_counts: PendingCounts,
    reached: ReachedLimits,
    /// None until they are read from the file, each time that it is another one.
    shares: Option<Shares>,
    over_share: Option<String>,
    uncertain: Option<UncertainCommit>,
    /// For those who read today's file beside us.
    gate: Arc<Gate>,
}

impl Sqlite {
    /// Opens today's file, or makes it.
    pub(super) fn open(
        url: &str,
        path: &Path,
        limits: FoldLimits,
        keep_days: u32,
    ) -> Result<Sqlite, SqliteError> {
        let mut store = Sqlite::not_open(url, path, limits, keep_days);
        store.reopen()?;
        Ok(store)
    }

    /// The same, to be opened when something is to be written.
    pub(super) fn not_open(url: &str, path: &Path, limits: FoldLimits, keep_days: u32) -> Sqlite {
        Sqlite {
            url: url.into(),
            path: path.into(),
            limits,
            keep_days,
            extra_days: 0,
            db: None,
            identity: None,
            number: 0,
            pending_counts: PendingCounts::default(),
            reached: ReachedLimits::default(),
            shares: None,
            over_share: None,
            uncertain: None,
            gate: Arc::default(),
        }
    }

    /// Makes sure that the file is open, and still the one that the row numbers belong to.
    fn reopen(&mut self) -> Result<(), SqliteError> {
        if self.identity.is_some() && self.identity != file::identity(&self.path) {
            return Err(SqliteError::Replaced(self.path.clone()));
        }
        if self.db.is_some() {
            return Ok(());
        }
        // To open a file beside a connection of this process would end that one's locks.
        let _closed = self.gate.close();
        let (db, made) = file::open_today(&self.path)?;
        if made {
            info!("Database {} setup finished", self.path.display());
        }
        self.number = db
            .query_row(FLUSH_NUMBER, [], |row| row.get(0))
            .map_err(sql(&self.path, "read it"))?;
        self.identity = file::identity(&self.path);
        self.db = Some(db);
        Ok(())
    }
}

impl Store for Sqlite {
    fn name(&self) -> &str {
        &self.url
    }

    fn add(&mut self, day: Day, results: &Arc<[SessionResult]>) {
        self.pending_counts.add(day, Arc::clone(results));
    }

    fn count(&mut self, id: ResultsId, times: u64) {
        self.pending_counts.count(id, times);
    }

    fn uncommitted(&self) -> u64 {
        self.pending_counts.uncommitted()
    }

    fn waiting_bytes(&self) -> usize {
        self.pending_counts.new_bytes()
    }

    fn rows(&self) -> usize {
        self.pending_counts.all_rows()
    }

    fn has_sessions(&self) -> bool {
        let yesterday = file::open_closed(&dayfile::yesterday(&self.path)).ok();
        // A file that cannot be read is reported elsewhere.
        [self.db.as_ref(), yesterday.as_ref()]
            .into_iter()
            .flatten()
            .any(|db| contents::has_sessions(db).unwrap_or(false))
    }

    fn take_over_share(&mut self) -> Option<String> {
        self.over_share.take()
    }

    fn last_counted(&self) -> Option<KnownTime> {
        rollover::last_counted(self.db.as_ref()?, &self.path)
    }

    fn newest_closed(&self) -> Option<Day> {
        rollover::newest_complete(&dayfile::yesterday(&self.path), None)
    }

    fn flush(&mut self) -> Result<Flushed, StoreError> {
        Ok(self.commit_pending()?)
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        match &self.db {
            Some(db) => Ok(file::sync(db, &self.path)?),
            None => Ok(()),
        }
    }

    fn start_epoch(&mut self) {
        self.pending_counts.clear();
        self.reached.clear();
    }

    fn close_days(
        &mut self,
        today: Day,
        todays_rows: TodaysRows,
    ) -> Result<Vec<ClosedDay>, StoreError> {
        if self.uncommitted() > 0 {
            return Err(SqliteError::Uncommitted(self.path.clone()).into());
        }
        let gate = Arc::clone(&self.gate);
        let _closed = gate.close();
        if let Some(db) = self.db.take() {
            file::close(db, &self.path)?;
        }
        self.identity = None;
        self.shares = None;
        let keep = self.keep_days.saturating_add(self.extra_days);
        let closed = rollover::close_days(&self.path, today, todays_rows, keep);
        if let Err(error) = self.reopen() {
            warn!(%error, "cannot open the day's file again yet");
        }
        Ok(closed?)
    }

    fn running_day(&self) -> Option<Arc<dyn RunningDay>> {
        let gate = Arc::clone(&self.gate);
        Some(Arc::new(RunningFile::new(&self.path, gate)))
    }

    fn keep_extra_days(&mut self, days: u32) {
        self.extra_days = days;
    }

    fn day_size(&mut self, today: Day) -> Result<DaySize, StoreError> {
        self.reopen()?;
        let Some(db) = &self.db else {
            return Ok(DaySize::default());
        };
        let count = "SELECT count(DISTINCT domain), count(*) FROM finalresults WHERE day=?1";
        let size = db.query_row(count, [today.to_string()], |row| {
            let policies = row.get::<_, i64>(1)?.unsigned_abs();
            Ok(DaySize {
                domains: row.get::<_, i64>(0)?.unsigned_abs(),
                policies,
                file_bytes: DayFileBudget::measure(db, i64::MAX)?.used(),
                sessions: match policies <= MAX_ADDED_UP {
                    true => Some(sessions(db, today)?),
                    false => None,
                },
            })
        });
        Ok(size.map_err(sql(&self.path, "count its rows"))?)
    }

    fn recover_replaced_file(&mut self, saved: &mut Vec<Flushed>) -> Result<u64, StoreError> {
        Ok(self.begin_file_anew(saved)?)
    }

    fn finish(&mut self) -> Result<(), StoreError> {
        let _closed = self.gate.close();
        match self.db.take() {
            Some(db) => Ok(file::close(db, &self.path)?),
            None => Ok(()),
        }
    }
}

fn sessions(db: &Connection, day: Day) -> rusqlite::Result<Sessions> {
    let sum = "SELECT sum(cntrtotal), sum(cntrfailure) FROM finalresults NOT INDEXED WHERE day=?1";
    let number = |n: Option<i64>| u64::try_from(n.unwrap_or(0)).unwrap_or(0);
    db.query_row(sum, [day.to_string()], |row| {
        Ok(Sessions {
            total: number(row.get(0)?),
            failed: number(row.get(1)?),
        })
    })
}

impl Drop for Sqlite {
    /// A start that fails later leaves the file as it leaves it at the end.
    fn drop(&mut self) {
        if let Err(error) = self.finish() {
            warn!(%error, "cannot close the storage");
        }
    }
}
