//! The day change: every day before today leaves today's file and is closed.
//!
//! Usually the file holds one day and is renamed to `PATH.yesterday`, after what stood there went to `PATH.YYYY-MM-DD`.
//! In all other cases (a start after some days, a clock that was wrong, a file with two days, a day that was rolled over
//! by hand before) rows are moved day by day, each in one transaction over both files, to the file where they belong;
//! what is there already is added to. So the same function is right at midnight and at every start, and a crash at any
//! point leaves files from which it goes on.
//!
//! `moving` takes rows from file to file, `dates` mends the days that a wrong clock gave.

mod dates;
mod moving;

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use tlsrptd_config::paths;
use tlsrptd_proto::{day::Day, dayfile};
use tracing::{debug, error, warn};

use crate::store::{
    Closed, StoreError,
    file::{self, file_error, sql},
};
use moving::{Move, move_day};

pub(crate) use dates::known;

/// Closes all days before `today`. Nobody may have the file open. Says what was closed, oldest first.
///
/// With `roll`, today's rows become yesterday's before that.
pub(crate) fn close_days(
    path: &Path,
    today: Day,
    roll: bool,
    keep_days: u32,
) -> Result<Vec<Closed>, StoreError> {
    let yesterday = dayfile::yesterday(path);
    let last = today.previous();
    let db = file::open_plain(path)?;
    dates::correct(&db, path, today)?;
    dates::open_again(path, today);
    if roll {
        moving::relabel(&db, today, last).map_err(sql(path, "make today's rows yesterday's"))?;
    }
    let days = file::days(&db, path)?;
    let complete: Vec<Day> = days.range(..today).copied().collect();
    if complete.is_empty() && !roll && newest_closed(&yesterday, today)? >= Some(last) {
        return file::close(db, path).map(|()| Vec::new());
    }
    let mut closed = Vec::new();
    for &day in complete.iter().filter(|day| **day != last) {
        let target = dayfile::kept(path, day);
        move_day(&db, path, day, &target, Move::Close)?;
        closed.push(Closed { day, path: target });
    }
    retire(path, &yesterday, last, today)?;
    let early = dayfile::kept(path, last);
    if !yesterday.exists() && early.is_file() {
        // A clock that was ahead has closed a part of the day before. One day stands in one file.
        rename(&early, &yesterday)?;
    }
    if yesterday.exists() || days.range(today..).next().is_some() {
        move_day(&db, path, last, &yesterday, Move::Close)?;
        file::close(db, path)?;
    } else {
        moving::close_in_place(&db, last).map_err(sql(path, "mark the day as complete"))?;
        file::close(db, path)?;
        rename(path, &yesterday)?;
        file::close(file::open_plain(path)?, path)?;
    }
    closed.push(Closed {
        day: last,
        path: yesterday,
    });
    prune(path, today, keep_days);
    Ok(closed)
}

/// The newest day that `PATH.yesterday` holds whole, whenever that is.
pub(crate) fn newest(path: &Path) -> Option<Day> {
    let yesterday = dayfile::yesterday(path);
    let db = file::open_closed(&yesterday).ok()?;
    file::newest_complete(&db, &yesterday, None).ok()?
}

/// The newest day before today that `PATH.yesterday` holds whole, if the file is there and readable at all.
fn newest_closed(yesterday: &Path, today: Day) -> Result<Option<Day>, StoreError> {
    if !yesterday.exists() {
        return Ok(None);
    }
    match file::open_closed(yesterday) {
        Ok(db) => file::newest_complete(&db, yesterday, Some(today)),
        // The way is made free of it below, or it is named there as what stands in the way.
        Err(_) => Ok(None),
    }
}

/// Makes way for yesterday's file: an older one goes to where older days are kept. One of the same day stays. One of a day
/// that is still to come, by a clock that was ahead, is kept when it holds a session.
fn retire(path: &Path, yesterday: &Path, last: Day, today: Day) -> Result<(), StoreError> {
    match fs::symlink_metadata(yesterday) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(file_error(yesterday, "look at it")(error)),
        Ok(found) if found.is_dir() => return Err(StoreError::NotAFile(yesterday.into())),
        Ok(_) => {}
    }
    let db = match file::open_plain(yesterday) {
        Ok(db) => db,
        Err(error) if is_damaged(&error) => return put_aside(yesterday, &error),
        Err(error) => return Err(error),
    };
    let rows = file::days(&db, yesterday)?;
    let before = rows.is_empty().then_some(today);
    let complete = file::newest_complete(&db, yesterday, before)?;
    let Some(newest) = rows.last().copied().max(complete) else {
        file::close(db, yesterday)?;
        debug!(path = %yesterday.display(), "removed: it holds no day");
        return fs::remove_file(yesterday).map_err(file_error(yesterday, "remove it"));
    };
    let others = rows.iter().copied().filter(|day| *day != newest);
    let stays = newest == last;
    let target = dayfile::kept(path, newest);
    for day in others {
        move_day(&db, yesterday, day, &dayfile::kept(path, day), Move::Sort)?;
    }
    if stays {
        return file::close(db, yesterday);
    }
    if is_link_or_copy(&db, yesterday, &target, newest)? {
        file::close(db, yesterday)?;
        warn!(path = %target.display(), "a copy of yesterday's file stands where the collector keeps that day: it is replaced");
        // First removed: a file renamed to another name of its own stays where it is.
        fs::remove_file(&target).map_err(file_error(&target, "remove it"))?;
        rename(yesterday, &target)
    } else if target.exists() {
        move_day(&db, yesterday, newest, &target, Move::Sort)?;
        file::close(db, yesterday)?;
        fs::remove_file(yesterday).map_err(file_error(yesterday, "remove it"))
    } else {
        file::close(db, yesterday)?;
        rename(yesterday, &target)
    }
}

/// Whether somebody copied or linked yesterday's file to where its day will be kept: to add one to the other would double
/// every count.
fn is_link_or_copy(
    db: &rusqlite::Connection,
    yesterday: &Path,
    target: &Path,
    day: Day,
) -> Result<bool, StoreError> {
    if fs::symlink_metadata(target).is_ok_and(|found| found.is_dir()) || !target.exists() {
        return Ok(false);
    }
    if file::identity(target) == file::identity(yesterday) {
        return Ok(true);
    }
    file::holds_day_of(db, yesterday, target, day)
}

fn is_damaged(error: &StoreError) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    match error {
        StoreError::Sql { source, .. } => [DatabaseCorrupt, NotADatabase]
            .map(Some)
            .contains(&source.sqlite_error_code()),
        StoreError::NotOurs(_) | StoreError::Foreign { .. } => true,
        _ => false,
    }
}

/// A file that is no database of ours must not keep days from being closed; nor is it ours to delete.
fn put_aside(yesterday: &Path, error: &StoreError) -> Result<(), StoreError> {
    let mut name = yesterday.as_os_str().to_owned();
    name.push(".damaged");
    let aside = PathBuf::from(name);
    error!(%error, aside = %aside.display(), "yesterday's file cannot be used and is put aside");
    rename(yesterday, &aside)
}

fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to).map_err(file_error(from, "rename it"))?;
    file::sync_directory(to)
}

/// Keeps the newest files, `keep_days` with that of yesterday: by their number and not by the date, so that a clock that
/// was wrong does not cost days that are not reported yet. Those of days to come were made by such a clock: they stand
/// aside, and do not count; nor do those without a session, which such a clock leaves too, count against the others.
/// What cannot be removed is no reason to stop.
fn prune(path: &Path, today: Day, keep_days: u32) {
    let keep = usize::try_from(keep_days)
        .unwrap_or(usize::MAX)
        .saturating_sub(1);
    let ended = kept_files(path).into_iter().filter(|(day, _)| *day < today);
    let (empty, used): (Vec<_>, Vec<_>) = ended.rev().partition(|(_, file)| is_empty(file));
    for (_, old) in [empty, used].iter().flat_map(|kind| kind.iter().skip(keep)) {
        match fs::remove_file(old) {
            Ok(()) => debug!(path = %old.display(), "removed: more than keep_days"),
            Err(error) => warn!(%error, path = %old.display(), "cannot remove an old day's file"),
        }
    }
}

/// Whether a file surely holds no session.
fn is_empty(file: &Path) -> bool {
    let none = "SELECT NOT EXISTS(SELECT 1 FROM finalresults)";
    file::open_closed(file)
        .is_ok_and(|db| db.query_row(none, [], |row| row.get(0)).unwrap_or_default())
}

/// The files of closed days beside today's, but for `PATH.yesterday`.
pub(crate) fn kept_files(path: &Path) -> BTreeSet<(Day, PathBuf)> {
    let directory = paths::directory(path);
    let Ok(entries) = fs::read_dir(directory) else {
        return BTreeSet::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let found = directory.join(entry.file_name());
            dayfile::kept_day(path, &found).map(|day| (day, found))
        })
        .collect()
}

#[cfg(test)]
mod tests;
