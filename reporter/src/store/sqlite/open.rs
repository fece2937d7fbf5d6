//! Opening and closing.

use std::{
    fs::{OpenOptions, Permissions},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
    time::Duration,
};

use rusqlite::{
    Connection, OpenFlags,
    trace::{TraceEvent, TraceEventCodes},
};

use tlsrptd_config::service_view;

use super::{SqliteStore, bounces, installation, journal, lock::DatabaseLock, schema};
use crate::store::{Cause, CommitHook, Step, StoreError};

/// How long a statement waits for the lock of another program: `tlsrptctl` for the reporter, or the reverse.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Of a new database.
const MODE: u32 = 0o640;

/// Attempts to leave the file as sys4 wants it, and the time between two.
const CLOSING_ATTEMPTS: u32 = 40;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(50);

impl SqliteStore {
    /// Opens the database, or makes it. `log_sql` logs each statement; `hook` sees every step, the first too.
    ///
    /// # Errors
    /// When the file cannot be used, belongs to another program, or has a reporter.
    pub fn open(
        path: &Path,
        log_sql: bool,
        hook: Option<CommitHook>,
    ) -> Result<SqliteStore, StoreError> {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        check_folder(&path)?;
        let lock = DatabaseLock::take(&path)?;
        let (db, kind) = open_in_wal_mode(&path, log_sql).map_err(|error| fault(&path, error))?;
        if let schema::FileKind::Other(found) = kind {
            return Err(foreign(&path, found));
        }
        let prepared = tune(&db).and_then(|()| Ok((installation::of(&db)?, bounces::key_of(&db)?)));
        let (installation, bounce_key) = prepared.map_err(|error| fault(&path, error))?;
        let mut store = SqliteStore {
            installation,
            bounce_key,
            bounces_after: 0,
            db,
            path,
            _lock: lock,
            hook,
            pending: Default::default(),
            reports: Default::default(),
            guard: None,
            mx_reports: false,
            suppressions: Default::default(),
            failures: Default::default(),
            kept: Default::default(),
        };
        match store.set_up(kind == schema::FileKind::Empty) {
            Ok(()) => Ok(store),
            Err(error) => {
                // Left as it was found; when that fails too, the first error is the one to report.
                let _ = store.close();
                Err(error)
            }
        }
    }

    fn set_up(&mut self, new: bool) -> Result<(), StoreError> {
        let (installation, key) = (self.installation.clone(), self.bounce_key.clone());
        let made = self.transact(Step::Made, |tx| {
            if new {
                schema::create(tx)?;
            }
            schema::extend(tx, &installation)?;
            bounces::keep_key(tx, &key)
        });
        made.map_err(|error| match error {
            StoreError::Step { source, .. } => StoreError::Open {
                database: self.path.display().to_string(),
                source,
            },
            other => other,
        })?;
        if new {
            tracing::info!("Database '{}' setup finished", self.path.display());
        }
        Ok(())
    }

    /// Leaves the file as sys4 wants it: no journal of ours beside it.
    ///
    /// While another program has the file open its journal stays: any SQLite recovers it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn close(self) -> Result<(), StoreError> {
        let SqliteStore { db, path, .. } = self;
        // The journal mode changes only while nobody else has the file open; `tlsrptctl` has it for a moment.
        let mut emptied = leave_wal_mode(&db);
        for _ in 1..CLOSING_ATTEMPTS {
            match &emptied {
                Err(error) if super::may_pass(error) => std::thread::sleep(BETWEEN_ATTEMPTS),
                _ => break,
            }
            emptied = leave_wal_mode(&db);
        }
        match emptied {
            // A question, or another program, has the file open: all is stored, and whoever opens it next recovers the rest.
            Err(error) if super::may_pass(&error) => {
                tracing::info!(database = %path.display(), "another program reads the database: its journal stays beside it");
            }
            other => other.map_err(|error| fault(&path, error))?,
        }
        let closed = db.close().map_err(|(_, error)| error);
        closed.map_err(|error| fault(&path, error))
    }
}

fn leave_wal_mode(db: &Connection) -> rusqlite::Result<()> {
    // A stop does not wait long for whoever reads.
    db.busy_timeout(BETWEEN_ATTEMPTS)?;
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    db.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))
}

/// A failure to open, set up or close the file.
pub(super) fn fault(path: &Path, source: rusqlite::Error) -> StoreError {
    StoreError::Open {
        database: path.display().to_string(),
        source: source.into(),
    }
}

/// The same of one that is only read.
pub(super) fn unreadable(path: &Path, source: impl Into<Cause>) -> StoreError {
    StoreError::Unreadable {
        database: path.display().to_string(),
        source: source.into(),
    }
}

fn foreign(path: &Path, found: String) -> StoreError {
    let database = path.display().to_string();
    StoreError::Purpose { database, found }
}

/// A connection, and what the file is. A file of another program stays as it is.
fn open_in_wal_mode(
    path: &Path,
    log_sql: bool,
) -> rusqlite::Result<(Connection, schema::FileKind)> {
    make_file(path);
    let (db, kind) = match connect(path, log_sql) {
        Err(error) if journal::lacks_shared_memory(&error) => {
            // Left in WAL mode, on another file system or by an earlier version.
            journal::put_back(path)?;
            connect(path, log_sql)?
        }
        connected => connected?,
    };
    if matches!(kind, schema::FileKind::Other(_)) {
        return Ok((db, kind));
    }
    match begin_wal(&db) {
        Err(error) if journal::lacks_shared_memory(&error) => {
            drop(db);
            journal::put_back(path)?;
            let connected = connect(path, log_sql)?;
            tracing::warn!(path = %path.display(), "the file system has no shared memory mappings: SQLite's rollback journal is used, which is slower");
            Ok(connected)
        }
        begun => begun.map(|()| (db, kind)),
    }
}

/// Why a start would refuse the file at this path, as far as can be seen without changing it.
pub fn find_fault(path: &Path) -> Option<StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let error = existing(path, flags, PATIENCE).err()?;
    let is_foreign = match &error {
        StoreError::Purpose { .. } => true,
        StoreError::Unreadable { source, .. } => {
            let source = source
                .downcast_ref()
                .and_then(rusqlite::Error::sqlite_error_code);
            source == Some(rusqlite::ErrorCode::NotADatabase)
        }
        _ => false,
    };
    is_foreign.then_some(error)
}

/// A reporter's database that exists, for a program that is not its reporter.
pub(super) fn existing(
    path: &Path,
    flags: OpenFlags,
    patience: Duration,
) -> Result<Connection, StoreError> {
    let database = path.display().to_string();
    let writes = flags.contains(OpenFlags::SQLITE_OPEN_READ_WRITE);
    // Beside it stand files that even a reader needs.
    let folder = path.parent().filter(|_| writes);
    let who = service_view::denied(path, writes);
    if let Some(who) = who.or_else(|| folder.and_then(|folder| service_view::denied(folder, true)))
    {
        return Err(StoreError::Denied { database, who });
    }
    if !path.exists() {
        return Err(StoreError::Missing { database });
    }
    // A pipe would be waited for without end.
    if path.is_dir() {
        return Err(unreadable(path, "it is a directory"));
    }
    if !path.is_file() {
        return Err(unreadable(path, "it is no file"));
    }
    let opened = Connection::open_with_flags(path, flags).and_then(|db| {
        db.busy_timeout(patience)?;
        let kind = schema::kind(&db)?;
        Ok((db, kind))
    });
    match opened {
        Ok((db, schema::FileKind::Ours)) => Ok(db),
        Ok((_, schema::FileKind::Empty)) => Err(StoreError::Missing { database }),
        Ok((_, schema::FileKind::Other(found))) => Err(foreign(path, found)),
        Err(error) => {
            // With a WAL beside the database even a reader writes: the index of the WAL.
            let is_about_rights = matches!(
                error.sqlite_error_code(),
                Some(rusqlite::ErrorCode::CannotOpen | rusqlite::ErrorCode::ReadOnly)
            );
            let folder = path.parent().filter(|_| is_about_rights);
            match folder.and_then(|folder| service_view::denied(folder, true)) {
                Some(who) => Err(StoreError::Denied { database, who }),
                None if writes => Err(fault(path, error)),
                None => Err(unreadable(path, error)),
            }
        }
    }
}

fn check_folder(path: &Path) -> Result<(), StoreError> {
    match path.parent() {
        Some(folder) if !folder.is_dir() => Err(StoreError::NoFolder {
            folder: folder.display().to_string(),
        }),
        _ => Ok(()),
    }
}

/// The file says who mails whom: no other user may read it, and of the group those who show the status (tlsrpt-statusd),
/// whatever the umask of the service. SQLite gives the files beside it the same mode. A failure shows when SQLite opens it.
fn make_file(path: &Path) {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(MODE)
        .open(path);
    if let Ok(file) = made {
        let _ = file.set_permissions(Permissions::from_mode(MODE));
    }
}

/// A connection, and what the file is.
fn connect(path: &Path, log_sql: bool) -> rusqlite::Result<(Connection, schema::FileKind)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(path, flags)?;
    if log_sql {
        db.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(log_statement))?;
    }
    db.busy_timeout(PATIENCE)?;
    let kind = schema::kind(&db)?;
    Ok((db, kind))
}

/// With a WAL, `tlsrptctl` reads without blocking the reporter.
fn begin_wal(db: &Connection) -> rusqlite::Result<()> {
    db.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    // Only reading the file shows whether WAL works there.
    db.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))
}

fn tune(db: &Connection) -> rusqlite::Result<()> {
    // A recorded outcome must survive a power cut: else a report is sent twice.
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "foreign_keys", "OFF")?;
    db.set_prepared_statement_cache_capacity(256);
    Ok(())
}

fn log_statement(event: TraceEvent<'_>) {
    if let TraceEvent::Stmt(_, sql) = event {
        tracing::info!("sql {sql}");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// A backup, or a question that takes long, holds a read transaction: a stop gives up soon, and nothing is lost.
    #[test]
    fn whoever_reads_holds_no_stop() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("reportd.sqlite");
        let store = SqliteStore::open(&path, false, None).unwrap();
        let reader = Connection::open(&path).unwrap();
        reader.execute_batch("BEGIN").unwrap();
        let tables = "SELECT count(*) FROM sqlite_master";
        let before: i64 = reader.query_row(tables, [], |row| row.get(0)).unwrap();
        let begun = Instant::now();
        store.close().unwrap();
        // With the patience of an ordinary statement each attempt would take as long as that.
        assert!(begun.elapsed() < 3 * PATIENCE, "{:?}", begun.elapsed());
        drop(reader);
        let again = SqliteStore::open(&path, false, None).unwrap();
        let after: i64 = again.db.query_row(tables, [], |row| row.get(0)).unwrap();
        assert_eq!(after, before);
        again.close().unwrap();
        assert!(!folder.path().join("reportd.sqlite-wal").exists());
    }
}
