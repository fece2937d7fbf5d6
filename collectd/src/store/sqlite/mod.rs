//! `sqlite:` keeps a day's counts in the file that sys4's programs read and write too.
//!
//! A flush is one transaction. It carries its number into the file, so that after a commit whose outcome is unknown
//! (the disk failed in the middle) the file itself tells whether it came about: nothing is added twice, nothing lost.
//!
//! In the order of the data: `pending_counts` holds what is not committed, `write` and `rows` commit it (within
//! `reached_limits`, `day_file_budget` and `shares`), `rollover` closes days, `day_reader` reads them; `contents`,
//! `file` and `journal` are what they all need of a file, `error` is what can be wrong with it.

mod contents;
mod day_file_budget;
mod day_reader;
mod error;
mod file;
mod journal;
mod pending_counts;
mod reached_limits;
mod rollover;
mod rows;
mod shares;
#[cfg(test)]
mod tests;
mod write;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use rusqlite::Connection;
use tlsrptd_config::paths;
use tlsrptd_proto::{day::Day, dayfile, session_result::SessionResult};
use tlsrptd_service::{clock::KnownTime, files::FileIdentity};
use tracing::{error, info, warn};

use super::{ClosedDay, DaySize, Flushed, FoldLimits, ResultsId, Store, StoreError, TodaysRows};
use error::{SqliteError, file_error, is_locked, sql};
use pending_counts::{Attempt, PendingCounts};
use reached_limits::ReachedLimits;
use shares::{Charge, Shares};
use write::write;

pub(super) use day_reader::ClosedFiles;
pub(super) use file::foreign;

const FLUSH_NUMBER: &str = "SELECT number FROM tlsrptd_flush";
const NEXT_FLUSH: &str = "UPDATE tlsrptd_flush SET number=number+1";

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
}

/// A flush of which nobody knows whether it came about.
struct UncertainCommit {
    attempt: Attempt,
    flushed: Flushed,
    charges: Vec<Charge>,
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

    /// Copies what a connection without a file name holds to where the file was.
    fn copy(&self, db: Connection) -> Result<(), SqliteError> {
        let new = paths::beside(&self.path, ".new");
        db.execute("VACUUM INTO ?1", [new.to_string_lossy()])
            .map_err(sql(&self.path, "write it anew"))?;
        // Closed first, lest its WAL be taken for the new file's.
        drop(db);
        fs::set_permissions(&new, fs::Permissions::from_mode(0o640))
            .and_then(|()| fs::rename(&new, &self.path))
            .map_err(file_error(&self.path, "write it anew"))
    }

    /// Reads who has used how much of the file: once from each.
    fn read_shares(&mut self) -> Result<(), SqliteError> {
        if let (None, Some(db)) = (&self.shares, &self.db) {
            match Shares::read(db) {
                Ok(shares) => self.shares = Some(shares),
                Err(source) => return Err(self.failed("read it", source)),
            }
        }
        Ok(())
    }

    /// After a failure other than a lock, the connection may be of no use any more.
    fn failed(&mut self, what: &'static str, source: rusqlite::Error) -> SqliteError {
        self.reached.clear();
        if !is_locked(&source) {
            self.db = None;
        }
        sql(&self.path, what)(source)
    }

    /// Looks into the file whether the last commit came about.
    fn resolve(&mut self) -> Result<Flushed, SqliteError> {
        let Some(uncertain) = self.uncertain.take() else {
            return Ok(Flushed::default());
        };
        let before = self.number;
        if let Err(error) = self.reopen() {
            self.uncertain = Some(uncertain);
            return Err(error);
        }
        let number = self
            .db
            .as_ref()
            .map(|db| db.query_row(FLUSH_NUMBER, [], |row| row.get::<_, i64>(0)));
        let Some(Ok(number)) = number else {
            self.db = None;
            self.number = before;
            self.uncertain = Some(uncertain);
            return Err(SqliteError::InDoubt(self.path.clone()));
        };
        self.number = number;
        if number == before {
            self.pending_counts.restore(uncertain.attempt);
            return Ok(Flushed::default());
        }
        self.pending_counts.accept(uncertain.attempt);
        if let Some(shares) = &mut self.shares {
            shares.charge_again(&uncertain.charges);
        }
        Ok(uncertain.flushed)
    }

    /// See [`Store::flush`].
    fn commit_pending(&mut self) -> Result<Flushed, SqliteError> {
        let resolved = self.resolve()?;
        if self.pending_counts.uncommitted() == 0 {
            return Ok(resolved);
        }
        self.reopen()?;
        self.read_shares()?;
        let (Some(db), Some(shares)) = (&self.db, &mut self.shares) else {
            return Err(SqliteError::InDoubt(self.path.clone()));
        };
        let mut attempt = self.pending_counts.attempt();
        let limits = (&mut self.reached, &mut *shares, self.limits);
        let written = write(db, &self.pending_counts, limits, &mut attempt);
        let (flushed, over_share) = match written {
            Ok(written) => written,
            Err(source) => {
                let _ = db.execute_batch("ROLLBACK");
                shares.roll_back();
                attempt.rows.clear();
                self.pending_counts.restore(attempt);
                return Err(self.failed("write to it", source));
            }
        };
        if let Err(source) = db.execute_batch("COMMIT") {
            let _ = db.execute_batch("ROLLBACK");
            self.uncertain = Some(UncertainCommit {
                attempt,
                flushed,
                charges: shares.roll_back(),
            });
            let error = self.failed("commit", source);
            return match self.resolve()? {
                nothing if nothing.datagrams == 0 => Err(error),
                flushed => Ok(flushed + resolved),
            };
        }
        shares.commit();
        self.number += 1;
        self.over_share = over_share.or(self.over_share.take());
        self.pending_counts.accept(attempt);
        Ok(flushed + resolved)
    }

    /// See [`Store::rescue`].
    fn begin_file_anew(&mut self) -> Result<u64, SqliteError> {
        if self.identity.is_none() || self.identity == file::identity(&self.path) {
            return Ok(0);
        }
        let removed = !self.path.exists();
        let gone = self.identity.take();
        if removed && self.db.is_some() && self.uncertain.is_none() {
            // Without its name the file lives on while it is open: commit to it, and copy it to where it was.
            while self.uncommitted() > 0 {
                self.commit_pending()
                    .inspect_err(|_| self.identity = gone)?;
            }
        }
        match self.db.take() {
            Some(db) if file::empty_wal(&db).is_ok() && removed => {
                self.copy(db).inspect_err(|_| self.identity = gone)?;
                warn!(path = %self.path.display(), "somebody removed today's file; it is written anew");
            }
            _ => {
                error!(path = %self.path.display(), "today's file is another one; what was counted before is not in it");
            }
        }
        self.uncertain = None;
        let lost = self.pending_counts.discard();
        self.reached.clear();
        self.shares = None;
        self.number = 0;
        self.reopen().map(|()| lost)
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
            Ok(DaySize {
                domains: row.get::<_, i64>(0)?.unsigned_abs(),
                policies: row.get::<_, i64>(1)?.unsigned_abs(),
            })
        });
        Ok(size.map_err(sql(&self.path, "count its rows"))?)
    }

    fn rescue(&mut self) -> Result<u64, StoreError> {
        Ok(self.begin_file_anew()?)
    }

    fn finish(&mut self) -> Result<(), StoreError> {
        match self.db.take() {
            Some(db) => Ok(file::close(db, &self.path)?),
            None => Ok(()),
        }
    }
}

impl Drop for Sqlite {
    /// A start that fails later leaves the file as it leaves it at the end.
    fn drop(&mut self) {
        if let Err(error) = self.finish() {
            warn!(%error, "cannot close the storage");
        }
    }
}
