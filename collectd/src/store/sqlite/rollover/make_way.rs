//! What stands where yesterday's file is to be goes to where older days are kept.

use std::{fs, io, path::Path};

use rusqlite::Connection;
use tlsrptd_config::paths;
use tlsrptd_proto::{day::Day, dayfile};
use tracing::{debug, error, warn};

use super::{
    super::{
        contents,
        error::{SqliteError, file_error},
        file,
    },
    move_rows::{Move, move_day},
    rename,
};

/// Leaves at most rows of the day before `today` in `PATH.yesterday`; other days go to their files. A file of a day to
/// come, by a clock that was ahead, is kept when it holds a session.
pub(super) fn make_way(path: &Path, today: Day) -> Result<(), SqliteError> {
    let yesterday = &dayfile::yesterday(path);
    match fs::symlink_metadata(yesterday) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(file_error(yesterday, "look at it")(error)),
        Ok(found) if found.is_dir() => return Err(SqliteError::NotAFile(yesterday.into())),
        Ok(_) => {}
    }
    let db = match file::open_plain(yesterday) {
        Ok(db) => db,
        Err(error) if error.is_damage() => return put_aside(yesterday, &error),
        Err(error) => return Err(error),
    };
    let rows = contents::days(&db, yesterday)?;
    let before = rows.is_empty().then_some(today);
    let complete = contents::newest_complete(&db, yesterday, before)?;
    let Some(newest) = rows.last().copied().max(complete) else {
        file::close(db, yesterday)?;
        debug!(path = %yesterday.display(), "removed: it holds no day");
        return remove(yesterday);
    };
    for day in rows.into_iter().filter(|day| *day != newest) {
        move_day(&db, yesterday, day, &dayfile::kept(path, day), Move::Sort)?;
    }
    if newest == today.previous() {
        return file::close(db, yesterday);
    }
    let target = &dayfile::kept(path, newest);
    if is_link_or_copy(&db, yesterday, target, newest)? {
        file::close(db, yesterday)?;
        warn!(path = %target.display(), "removed: it was only a copy of yesterday's file, which takes its place");
        // First removed: a file renamed to another name of its own stays where it is.
        remove(target)?;
        rename(yesterday, target)
    } else if target.exists() {
        move_day(&db, yesterday, newest, target, Move::Sort)?;
        file::close(db, yesterday)?;
        remove(yesterday)
    } else {
        file::close(db, yesterday)?;
        rename(yesterday, target)
    }
}

/// Whether somebody copied or linked yesterday's file to where its day will be kept: to add one to the other would double
/// every count.
fn is_link_or_copy(
    db: &Connection,
    yesterday: &Path,
    target: &Path,
    day: Day,
) -> Result<bool, SqliteError> {
    if fs::symlink_metadata(target).is_ok_and(|found| found.is_dir()) || !target.exists() {
        return Ok(false);
    }
    if file::identity(target) == file::identity(yesterday) {
        return Ok(true);
    }
    contents::holds_rows_of(db, yesterday, target, day, None)
}

/// A file that is no database of ours must not keep days from being closed; nor is it ours to delete.
fn put_aside(yesterday: &Path, error: &SqliteError) -> Result<(), SqliteError> {
    let aside = paths::beside(yesterday, ".damaged");
    error!(%error, aside = %aside.display(), "yesterday's file cannot be used and is put aside");
    rename(yesterday, &aside)
}

fn remove(path: &Path) -> Result<(), SqliteError> {
    fs::remove_file(path).map_err(file_error(path, "remove it"))
}
