//! A database has one reporter at a time.
//!
//! The lock is on a file beside the database, never on the database itself: closing any descriptor of that file would
//! drop SQLite's own POSIX locks.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, Write as _},
    path::Path,
    time::Duration,
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};
use tlsrptd_config::{paths, service_view};
use tlsrptd_service::files;

use crate::store::StoreError;

/// Attempts to take the lock: `tlsrptctl` may be looking at it, which takes microseconds.
const ATTEMPTS: u32 = 5;
/// Between two of them.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(40);

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
        let mut file = files::open_plainly(&mut options, &beside).map_err(fault)?;
        for attempt in 1..=ATTEMPTS {
            file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(mut file) => {
                    name_holder(&mut file).map_err(fault)?;
                    return Ok(DatabaseLock { _file: file });
                }
                Err((file, Errno::EWOULDBLOCK)) => file,
                Err((_, errno)) => return Err(fault(errno.into())),
            };
            if attempt < ATTEMPTS {
                std::thread::sleep(BETWEEN_ATTEMPTS);
            }
        }
        Err(StoreError::Held {
            database: path.display().to_string(),
            holder: holder(&mut file),
        })
    }
}

/// Who holds the lock of the database at `path`: the reporter at work. The look takes a shared lock for a moment.
///
/// # Errors
/// When the lock file cannot be read.
pub(in crate::store) fn held_by(path: &Path) -> io::Result<Option<String>> {
    let beside = paths::beside(path, ".lock");
    let file = match File::open(&beside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => {
            opened.map_err(|error| io::Error::other(format!("{}: {error}", beside.display())))?
        }
    };
    match Flock::lock(file, FlockArg::LockSharedNonblock) {
        Ok(_) => Ok(None),
        Err((mut file, Errno::EWOULDBLOCK)) => Ok(Some(holder(&mut file))),
        Err((_, errno)) => Err(errno.into()),
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
        assert_eq!(
            held_by(&path).unwrap(),
            Some(format!("process {}", std::process::id()))
        );
        drop(first);
        assert_eq!(held_by(&path).unwrap(), None, "nobody");
        DatabaseLock::take(&path).unwrap();
    }

    /// A look from `tlsrptctl` at the moment of a start.
    #[test]
    fn a_look_keeps_no_reporter_from_starting() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        drop(DatabaseLock::take(&path).unwrap());
        let looker = File::open(paths::beside(&path, ".lock")).unwrap();
        let looking = Flock::lock(looker, FlockArg::LockSharedNonblock).unwrap();
        let end = std::thread::spawn(move || {
            std::thread::sleep(BETWEEN_ATTEMPTS);
            drop(looking);
        });
        DatabaseLock::take(&path).unwrap();
        end.join().unwrap();
    }
}
