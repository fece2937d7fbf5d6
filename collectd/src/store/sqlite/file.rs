//! A day's file: made, opened, checked and closed.
//!
//! Today's file is in WAL mode where the file system allows it: readers do not wait, and a commit costs no sync. Whenever
//! the file is left, it is self-contained again, and synced, as sys4's programs expect (only SQLite's rollback journal is
//! safe with a second reader while the file is renamed).

use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags, OptionalExtension};
use tlsrptd_config::paths;
use tlsrptd_proto::dayfile;
use tlsrptd_service::files::FileIdentity;
use tracing::warn;

use super::{
    error::{SqliteError, file_error, is_locked, sql},
    journal,
};

/// How long another program may hold the file before a transaction is put off.
const PATIENCE: Duration = Duration::from_millis(500);
/// Where we have to wait ourselves: the time between two tries.
const PAUSE: Duration = Duration::from_millis(10);
/// Pages of WAL from which on SQLite itself brings them into the file: 64 MiB. Usually [`sync`] does so before. On a day of very
/// many domains each new row is on a page of its own: the more rows at once, the fewer pages are written twice.
const WAL_PAGES: u32 = 16384;

/// At most so much of the file is kept in memory, for days of many domains: the inner pages of the index for a million of them.
const CACHE_KIB: i64 = 48 * 1024;

/// A table of ours, which sys4's programs ignore: the number of the last flush.
const CREATE_FLUSH: &str = "CREATE TABLE IF NOT EXISTS tlsrptd_flush(number INTEGER)";

/// Opens today's file for counting, in WAL mode where the file system allows it; makes it when it does not exist. Says
/// whether it was made.
pub(super) fn open_today(path: &Path) -> Result<(Connection, bool), SqliteError> {
    let (db, made) = open(path)?;
    match tune(&db, Journal::Wal) {
        Ok(()) => Ok((db, made)),
        Err(error) if journal::lacks_shared_memory(&error) => {
            drop(db);
            journal::put_back(path).map_err(sql(path, "leave WAL mode"))?;
            let (db, _) = open(path)?;
            tune(&db, Journal::Rollback).map_err(sql(path, "set it up"))?;
            warn!(path = %path.display(), "the file system has no shared memory mappings: commits go through SQLite's rollback journal, which is slower");
            Ok((db, made))
        }
        Err(error) => {
            // Left as it was found.
            let _ = leave_wal(&db, path);
            Err(sql(path, "set it up")(error))
        }
    }
}

/// How SQLite keeps a transaction whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Journal {
    /// A commit costs no sync, and readers do not wait.
    Wal,
    Rollback,
}

fn tune(db: &Connection, journal: Journal) -> rusqlite::Result<()> {
    if journal == Journal::Wal {
        db.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0))?;
    }
    db.pragma_update(None, "synchronous", "NORMAL")?;
    db.pragma_update_and_check(None, "wal_autocheckpoint", WAL_PAGES, |_| Ok(()))?;
    db.pragma_update(None, "cache_size", -CACHE_KIB)?;
    db.execute_batch(CREATE_FLUSH)?;
    let count = "SELECT count(*) FROM tlsrptd_flush";
    if db.query_row(count, [], |row| row.get::<_, i64>(0))? == 0 {
        db.execute("INSERT INTO tlsrptd_flush(number) VALUES(0)", [])?;
    }
    Ok(())
}

/// Opens a file to move rows, not in WAL mode; makes it when it does not exist.
///
/// Only in this mode is a transaction over two files one that either happens in both or in none.
pub(super) fn open_plain(path: &Path) -> Result<Connection, SqliteError> {
    let (db, _) = open(path)?;
    leave_wal(&db, path)?;
    Ok(db)
}

/// Opens a closed file for reading only.
pub(super) fn open_closed(path: &Path) -> Result<Connection, SqliteError> {
    if path.is_dir() {
        return Err(SqliteError::NotAFile(path.into()));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).map_err(sql(path, "open it"))?;
    db.busy_timeout(PATIENCE).map_err(sql(path, "open it"))?;
    check(&db, path)?;
    Ok(db)
}

/// Brings the WAL into the file and syncs both.
pub(super) fn sync(db: &Connection, path: &Path) -> Result<(), SqliteError> {
    db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
        .map_err(sql(path, "write a checkpoint"))
}

/// Brings the WAL into the file and empties it: a new file of the same name could take it for its own.
pub(super) fn empty_wal(db: &Connection) -> rusqlite::Result<()> {
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

/// Leaves the file: self-contained, synced, with nothing beside it.
pub(super) fn close(db: Connection, path: &Path) -> Result<(), SqliteError> {
    let left = leave_wal(&db, path);
    let closed = db
        .close()
        .map_err(|(_, source)| sql(path, "close it")(source));
    left.and(closed)?;
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(file_error(path, "sync it"))?;
    sync_directory(path)
}

/// After a file was made, renamed or removed.
pub(super) fn sync_directory(path: &Path) -> Result<(), SqliteError> {
    File::open(paths::directory(path))
        .and_then(|directory| directory.sync_all())
        .map_err(file_error(path, "sync its directory"))
}

/// Which file it is, so that another one of the same name is noticed.
pub(super) fn identity(path: &Path) -> Option<FileIdentity> {
    FileIdentity::of(path).ok()
}

fn open(path: &Path) -> Result<(Connection, bool), SqliteError> {
    if path.is_dir() {
        return Err(SqliteError::NotAFile(path.into()));
    }
    // Made by us, for its mode: it tells who mails whom. SQLite takes an empty file for a new database.
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o640)
        .open(path)
        .map_err(file_error(path, "open it for writing"))?;
    let (db, tables) = match connect(path) {
        Err(error) if journal::lacks_shared_memory(&error) => {
            // Left in WAL mode, on another file system or by an earlier version.
            journal::put_back(path).map_err(sql(path, "leave WAL mode"))?;
            connect(path)
        }
        connected => connected,
    }
    .map_err(sql(path, "open it"))?;
    if tables == 0 {
        set_up(&db).map_err(sql(path, "set it up"))?;
    } else {
        check(&db, path)?;
    }
    Ok((db, tables == 0))
}

/// A connection, and the number of tables.
fn connect(path: &Path) -> rusqlite::Result<(Connection, i64)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(PATIENCE)?;
    db.set_prepared_statement_cache_capacity(32);
    let count = "SELECT count(*) FROM sqlite_master";
    let tables = db.query_row(count, [], |row| row.get(0))?;
    Ok((db, tables))
}

fn set_up(db: &Connection) -> rusqlite::Result<()> {
    let transaction = db.unchecked_transaction()?;
    for create in dayfile::CREATE {
        transaction.execute_batch(create)?;
    }
    transaction.execute(
        dayfile::INSERT_DBVERSION,
        (dayfile::VERSION, dayfile::PURPOSE),
    )?;
    transaction.commit()
}

/// Why a file that is there is not a collector's; looked at without a lock and without a trace, whoever works with it.
pub(in crate::store) fn foreign(path: &Path) -> Option<SqliteError> {
    // What a collector has just made stands in the WAL only.
    if fs::metadata(path).map_or(true, |file| file.len() == 0) {
        return None;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    // With an authority, an empty one: a path that begins with `//` would be taken for one.
    let authority = if path.is_absolute() { "//" } else { "" };
    let url = format!("file:{authority}{}?immutable=1", escaped(path));
    match Connection::open_with_flags(url, flags).map_err(sql(path, "open it")) {
        Ok(db) => check(&db, path).err(),
        Err(error) => Some(error),
    }
}

/// As a path of SQLite's URLs.
fn escaped(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes().iter();
    bytes
        .map(|byte| match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                char::from(*byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

fn check(db: &Connection, path: &Path) -> Result<(), SqliteError> {
    let ours: i64 = db
        .query_row(
            "SELECT count(*) FROM sqlite_master WHERE name='dbversion'",
            [],
            |row| row.get(0),
        )
        .map_err(sql(path, "read it"))?;
    if ours == 0 {
        return Err(SqliteError::NotOurs(path.into()));
    }
    let found: Option<(String, String)> = db
        .query_row(
            "SELECT CAST(version AS TEXT), CAST(purpose AS TEXT) FROM dbversion",
            [],
            |row| {
                Ok((
                    row.get::<_, Option<String>>(0)?.unwrap_or_default(),
                    row.get::<_, Option<String>>(1)?.unwrap_or_default(),
                ))
            },
        )
        .optional()
        .map_err(sql(path, "read its version"))?;
    match found {
        Some((version, purpose))
            if version == dayfile::VERSION.to_string() && purpose == dayfile::PURPOSE =>
        {
            Ok(())
        }
        Some((version, purpose)) => Err(SqliteError::Foreign {
            path: path.into(),
            version,
            purpose,
        }),
        None => Err(SqliteError::NotOurs(path.into())),
    }
}

fn leave_wal(db: &Connection, path: &Path) -> Result<(), SqliteError> {
    let end = Instant::now() + PATIENCE;
    let leave = || {
        db.pragma_update_and_check(None, "journal_mode", "DELETE", |row| {
            row.get::<_, String>(0)
        })
    };
    let mode = loop {
        match leave() {
            // A reader has the file open, for a moment. SQLite does not wait for it here as it does elsewhere.
            Err(error) if is_locked(&error) && Instant::now() < end => thread::sleep(PAUSE),
            left => break left.map_err(sql(path, "leave WAL mode"))?,
        }
    };
    debug_assert_eq!(mode, "delete");
    db.pragma_update(None, "synchronous", "FULL")
        .map_err(sql(path, "set it up"))
}
