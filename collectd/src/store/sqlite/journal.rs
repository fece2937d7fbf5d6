//! File systems without shared memory mappings (9p, some CIFS): SQLite's WAL cannot be used there, and its rollback journal
//! can.
//!
//! SQLite finds that out after it has written the mode into the file, and then nobody can open it there, not even sys4's
//! programs. So the mode is changed back. (The reporter has the same few lines: the daemons share no code that knows
//! SQLite.)

use std::{fs, path::Path};

use rusqlite::{Connection, OpenFlags, Result, ffi};
use tlsrptd_config::paths;

/// Whether the error says that processes cannot share the WAL's index.
pub(super) fn lacks_shared_memory(error: &rusqlite::Error) -> bool {
    let code = match error {
        rusqlite::Error::SqliteFailure(error, _) => error.extended_code,
        _ => return false,
    };
    [
        ffi::SQLITE_IOERR_SHMMAP,
        ffi::SQLITE_IOERR_SHMOPEN,
        ffi::SQLITE_IOERR_SHMLOCK,
    ]
    .contains(&code)
}

/// Changes a file from WAL mode back to the rollback journal, without shared memory: nobody else may have it open.
pub(super) fn put_back(path: &Path) -> Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    // With this, the index is in the memory of this process.
    db.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
    db.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    db.close().map_err(|(_, error)| error)?;
    // The failed attempt may have left it.
    let _ = fs::remove_file(paths::beside(path, "-shm"));
    Ok(())
}
