//! A database has one reporter at a time.
//!
//! The lock is on a file beside the database, never on the database itself: closing any descriptor of that file would
//! drop SQLite's own POSIX locks.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, Write as _},
    path::Path,
};

use nix::fcntl::{Flock, FlockArg};
use tlsrptd_config::{paths, service_view};
use tlsrptd_service::files;

use crate::store::StoreError;

/// The lock, held until it is dropped. The file stays: if it were removed, two processes could lock two files of one name.
#[derive(Debug)]
pub(super) struct DatabaseLock {
    _file: Flock<File>,
}

impl DatabaseLock {
    /// Locks the database at `path`.
    ///
    /// # Errors
    /// When another process holds the lock, whose number the error names, or the lock file cannot be used.
    pub(super) fn take(path: &Path) -> Result<DatabaseLock, StoreError> {
        let beside = paths::beside(path, ".lock");
        let fault = |error: io::Error| StoreError::Lock {
            lock: beside.display().to_string(),
            source: service_view::explained_writing(&beside, &error).into(),
        };
        let mut options = OpenOptions::new();
        options.read(true).write(true).truncate(false);
        let file = files::open_plainly(&mut options, &beside).map_err(fault)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(mut file) => {
                name_holder(&mut file).map_err(fault)?;
                Ok(DatabaseLock { _file: file })
            }
            Err((mut file, nix::errno::Errno::EWOULDBLOCK)) => Err(StoreError::Held {
                database: path.display().to_string(),
                holder: holder(&mut file),
            }),
            Err((_, errno)) => Err(fault(errno.into())),
        }
    }
}

fn name_holder(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => format!("process {}", text.trim()),
        _ => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let first = DatabaseLock::take(&path).unwrap();
        let second = DatabaseLock::take(&path).unwrap_err().to_string();
        assert!(
            second.contains(&format!("process {}", std::process::id())),
            "{second}"
        );
        drop(first);
        DatabaseLock::take(&path).unwrap();
    }
}
