//! `sqlite:` keeps a day's counts in the file that sys4's programs read and write too.
//!
//! A flush is one transaction. It carries its number into the file, so that after a commit whose outcome is unknown
//! (the disk failed in the middle) the file itself tells whether it came about: nothing is added twice, nothing lost.

mod write;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use rusqlite::{Connection, ErrorCode};
use tlsrptd_proto::{day::Day, dayfile, session_result::SessionResult};
use tlsrptd_service::clock::KnownTime;
use tracing::{error, info, warn};

use super::{
    Closed, Flushed, FoldLimits, Store, StoreError, file,
    full::Full,
    pending_counts::{Attempt, PendingCounts},
    shares::{Charge, Shares},
};
use crate::rollover;
use write::write;

const FLUSH_NUMBER: &str = "SELECT number FROM tlsrptd_flush";
const NEXT_FLUSH: &str = "UPDATE tlsrptd_flush SET number=number+1";

/// See the module.
pub(crate) struct Sqlite {
    url: String,
    path: PathBuf,
    limits: FoldLimits,
    keep_days: u32,
    spare: u32,
    db: Option<Connection>,
    /// The file that the row numbers in the pending_counts belong to.
    identity: Option<(u64, u64)>,
    /// The number of the last flush that is surely committed.
    number: i64,
    pending_counts: PendingCounts,
    full: Full,
    /// None before they are read from a file that is another one.
    shares: Option<Shares>,
    over_share: Option<String>,
    doubt: Option<Doubt>,
}

/// A flush of which nobody knows whether it came about.
struct Doubt {
    attempt: Attempt,
    flushed: Flushed,
    charges: Vec<Charge>,
}

impl Sqlite {
    /// Opens today's file, or makes it.
    pub(crate) fn open(
        url: &str,
        path: &Path,
        limits: FoldLimits,
        keep_days: u32,
    ) -> Result<Sqlite, StoreError> {
        let mut store = Sqlite::not_open(url, path, limits, keep_days);
        store.reopen()?;
        Ok(store)
    }

    /// The same, to be opened when something is to be written.
    pub(crate) fn not_open(url: &str, path: &Path, limits: FoldLimits, keep_days: u32) -> Sqlite {
        Sqlite {
            url: url.into(),
            path: path.into(),
            limits,
            keep_days,
            spare: 0,
            db: None,
            identity: None,
            number: 0,
            pending_counts: PendingCounts::default(),
            full: Full::default(),
            shares: None,
            over_share: None,
            doubt: None,
        }
    }

    /// Makes sure that the file is open, and still the one that the row numbers belong to.
    fn reopen(&mut self) -> Result<(), StoreError> {
        if self.identity.is_some() && self.identity != file::identity(&self.path) {
            return Err(StoreError::Replaced(self.path.clone()));
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
            .map_err(file::sql(&self.path, "read it"))?;
        self.identity = file::identity(&self.path);
        self.db = Some(db);
        Ok(())
    }

    /// Copies what a connection without a file name holds to where the file was.
    fn copy(&self, db: Connection) -> Result<bool, StoreError> {
        let mut name = self.path.as_os_str().to_owned();
        name.push(".new");
        let new = PathBuf::from(name);
        db.execute("VACUUM INTO ?1", [new.to_string_lossy()])
            .map_err(file::sql(&self.path, "write it anew"))?;
        // Closed first, lest its WAL be taken for the new file's.
        drop(db);
        fs::set_permissions(&new, fs::Permissions::from_mode(0o640))
            .and_then(|()| fs::rename(&new, &self.path))
            .map_err(file::file_error(&self.path, "write it anew"))?;
        Ok(true)
    }

    /// Who has used how much of the file: read once from each.
    fn read_shares(&mut self) -> Result<(), StoreError> {
        if let (None, Some(db)) = (&self.shares, &self.db) {
            match Shares::read(db) {
                Ok(shares) => self.shares = Some(shares),
                Err(source) => return Err(self.failed("read it", source)),
            }
        }
        Ok(())
    }

    /// After a failure other than a lock, the connection may be of no use any more.
    fn failed(&mut self, what: &'static str, source: rusqlite::Error) -> StoreError {
        self.full.clear();
        let locked = [ErrorCode::DatabaseBusy, ErrorCode::DatabaseLocked].map(Some);
        if !locked.contains(&source.sqlite_error_code()) {
            self.db = None;
        }
        file::sql(&self.path, what)(source)
    }

    /// Looks into the file whether the last commit came about.
    fn resolve(&mut self) -> Result<Flushed, StoreError> {
        let Some(doubt) = self.doubt.take() else {
            return Ok(Flushed::default());
        };
        let before = self.number;
        if let Err(error) = self.reopen() {
            self.doubt = Some(doubt);
            return Err(error);
        }
        let number = self
            .db
            .as_ref()
            .map(|db| db.query_row(FLUSH_NUMBER, [], |row| row.get::<_, i64>(0)));
        match number {
            Some(Ok(number)) if number == before => {
                self.number = number;
                self.pending_counts.restore(doubt.attempt);
                Ok(Flushed::default())
            }
            Some(Ok(number)) => {
                self.number = number;
                self.pending_counts.accept(doubt.attempt);
                if let Some(shares) = &mut self.shares {
                    shares.charge_again(&doubt.charges);
                }
                Ok(doubt.flushed)
            }
            _ => {
                self.db = None;
                self.number = before;
                self.doubt = Some(doubt);
                Err(StoreError::InDoubt(self.path.clone()))
            }
        }
    }
}

impl Store for Sqlite {
    fn name(&self) -> &str {
        &self.url
    }

    fn add(&mut self, day: Day, records: &Arc<[SessionResult]>) {
        self.pending_counts.add(day, Arc::clone(records));
    }

    fn count(&mut self, index: u32, times: u64) {
        self.pending_counts.count(index, times);
    }

    fn uncommitted(&self) -> u64 {
        self.pending_counts.uncommitted()
    }

    fn waiting_bytes(&self) -> usize {
        self.pending_counts.fresh_bytes()
    }

    fn rows(&self) -> usize {
        self.pending_counts.all_rows()
    }

    fn was_used(&self) -> bool {
        let sessions = |db: &Connection| {
            let exist = "SELECT EXISTS(SELECT 1 FROM finalresults)";
            db.query_row(exist, [], |row| row.get(0))
        };
        let closed = file::open_closed(&dayfile::yesterday(&self.path)).ok();
        let files = [self.db.as_ref(), closed.as_ref()];
        // One that cannot be read is told of elsewhere.
        files
            .into_iter()
            .flatten()
            .any(|db| sessions(db).unwrap_or(false))
    }

    fn who_is_over_share(&mut self) -> Option<String> {
        self.over_share.take()
    }

    fn known(&self) -> Option<KnownTime> {
        rollover::known(self.db.as_ref()?, &self.path)
    }

    fn newest_closed(&self) -> Option<Day> {
        rollover::newest(&self.path)
    }

    fn flush(&mut self) -> Result<Flushed, StoreError> {
        let resolved = self.resolve()?;
        if self.pending_counts.uncommitted() == 0 {
            return Ok(resolved);
        }
        self.reopen()?;
        self.read_shares()?;
        let (Some(db), Some(shares)) = (&self.db, &mut self.shares) else {
            return Err(StoreError::InDoubt(self.path.clone()));
        };
        let mut attempt = self.pending_counts.attempt();
        let books = (&mut self.full, &mut *shares);
        match write(db, &self.pending_counts, books, self.limits, &mut attempt) {
            Ok((flushed, over_share)) => match db.execute_batch("COMMIT") {
                Ok(()) => {
                    shares.commit();
                    self.number += 1;
                    self.over_share = over_share.or(self.over_share.take());
                    self.pending_counts.accept(attempt);
                    Ok(flushed + resolved)
                }
                Err(source) => {
                    let _ = db.execute_batch("ROLLBACK");
                    self.doubt = Some(Doubt {
                        attempt,
                        flushed,
                        charges: shares.roll_back(),
                    });
                    let error = self.failed("commit", source);
                    match self.resolve()? {
                        nothing if nothing.datagrams == 0 => Err(error),
                        flushed => Ok(flushed + resolved),
                    }
                }
            },
            Err(source) => {
                let _ = db.execute_batch("ROLLBACK");
                shares.roll_back();
                attempt.rows.clear();
                self.pending_counts.restore(attempt);
                Err(self.failed("write to it", source))
            }
        }
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        match &self.db {
            Some(db) => file::sync(db, &self.path),
            None => Ok(()),
        }
    }

    fn forget(&mut self) {
        self.pending_counts.clear();
        self.full.clear();
    }

    fn close_days(&mut self, today: Day, roll: bool) -> Result<Vec<Closed>, StoreError> {
        if self.uncommitted() > 0 {
            return Err(StoreError::Uncommitted(self.path.clone()));
        }
        if let Some(db) = self.db.take() {
            file::close(db, &self.path)?;
        }
        self.identity = None;
        self.shares = None;
        let keep = self.keep_days.saturating_add(self.spare);
        let closed = rollover::close_days(&self.path, today, roll, keep);
        if let Err(error) = self.reopen() {
            warn!(%error, "cannot open the day's file again yet");
        }
        closed
    }

    fn keep_more(&mut self, spare: u32) {
        self.spare = spare;
    }

    fn census(&mut self, today: Day) -> Result<(u64, u64), StoreError> {
        self.reopen()?;
        let Some(db) = &self.db else {
            return Ok((0, 0));
        };
        let count = "SELECT count(DISTINCT domain), count(*) FROM finalresults WHERE day=?1";
        let number =
            |row: &rusqlite::Row<'_>, column| row.get(column).map(|n: i64| n.unsigned_abs());
        db.query_row(count, [today.to_string()], |row| {
            Ok((number(row, 0)?, number(row, 1)?))
        })
        .map_err(file::sql(&self.path, "count its rows"))
    }

    fn rescue(&mut self) -> Result<u64, StoreError> {
        if self.identity.is_none() || self.identity == file::identity(&self.path) {
            return Ok(0);
        }
        let removed = !self.path.exists();
        let gone = self.identity.take();
        if removed && self.db.is_some() && self.doubt.is_none() {
            // Without its name the file lives on while it is open: commit to it, and copy it to where it was.
            while self.uncommitted() > 0 {
                self.flush().inspect_err(|_| self.identity = gone)?;
            }
        }
        let copied = match self.db.take() {
            Some(db) if file::empty_wal(&db).is_ok() && removed => {
                self.copy(db).inspect_err(|_| self.identity = gone)?
            }
            _ => false,
        };
        if copied {
            warn!(path = %self.path.display(), "somebody removed today's file; it is written anew");
        } else {
            error!(path = %self.path.display(), "today's file is another one; what was counted before is not in it");
        }
        self.doubt = None;
        let lost = self.pending_counts.discard();
        self.full.clear();
        self.shares = None;
        self.number = 0;
        self.reopen().map(|()| lost)
    }

    fn finish(&mut self) -> Result<(), StoreError> {
        match self.db.take() {
            Some(db) => file::close(db, &self.path),
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
