//! The collector's law: what `send()` accepted is in the files, or dropped and counted as such. The files are read by
//! SQLite alone, not by our own code.

use std::fs;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::daemon::{day_file, stats_file};
use crate::error::BenchError;

/// The sessions in all day files of a folder. Every datagram that the load generator sends tells one.
pub(crate) fn sessions(folder: &Path) -> Result<u64, BenchError> {
    let today = day_file(folder);
    let name = today.file_name().unwrap_or_default().to_string_lossy();
    let entries = fs::read_dir(folder).map_err(BenchError::io("cannot read", folder))?;
    let mut all = 0;
    for entry in entries {
        let path = entry.map_err(BenchError::io("cannot read", folder))?.path();
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let is_aside = ["-wal", "-shm", "-journal"]
            .iter()
            .any(|suffix| file.ends_with(suffix));
        if file.starts_with(&*name) && !is_aside {
            all += file_sessions(&path)?;
        }
    }
    Ok(all)
}

/// A number of the collector's own account, by its metric's name and labels; 0 when it is not there.
pub(crate) fn told(folder: &Path, series: &str) -> u64 {
    let text = fs::read_to_string(stats_file(folder)).unwrap_or_default();
    let value = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .find(|(name, _)| *name == series);
    value
        .and_then(|(_, number)| number.parse().ok())
        .unwrap_or(0)
}

fn file_sessions(path: &Path) -> Result<u64, BenchError> {
    let read = || {
        let file = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let sum = "SELECT coalesce(sum(cntrtotal), 0) FROM finalresults";
        file.query_row(sum, [], |row| row.get::<_, i64>(0))
    };
    let sum = read().map_err(|source| BenchError::Sqlite {
        path: path.to_owned(),
        source,
    })?;
    Ok(sum.unsigned_abs())
}
