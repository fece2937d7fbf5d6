//! The day change: every day before today leaves today's file and is closed.
//!
//! Usually the file holds one day and is renamed to `PATH.yesterday`, after what stood there went to `PATH.YYYY-MM-DD`.
//! In all other cases (a start after some days, a clock that was wrong, a file with two days, a day that was rolled over
//! by hand before) rows are moved day by day, each in one transaction over both files, to the file where they belong;
//! what is there already is added to. So the same function is right at midnight and at every start, and a crash at any
//! point leaves files from which it goes on.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use rusqlite::Connection;
use tlsrptd_proto::{day::Day, dayfile};
use tracing::{debug, error, warn};

use crate::store::{
    Closed, StoreError,
    file::{self, file_error, sql},
};

/// Closes all days before `today`. Nobody may have the file open. Says what was closed, oldest first.
///
/// With `roll`, today's rows become yesterday's before that.
pub(crate) fn settle(
    path: &Path,
    today: Day,
    roll: bool,
    keep_days: u32,
) -> Result<Vec<Closed>, StoreError> {
    let yesterday = dayfile::yesterday(path);
    let last = today.previous();
    let db = file::open_plain(path)?;
    if roll {
        relabel(&db, path, today, last)?;
    }
    let days = file::days(&db, path)?;
    let complete: Vec<Day> = days.range(..today).copied().collect();
    if complete.is_empty() && !roll && newest_closed(&yesterday, today)? >= Some(last) {
        return file::close(db, path).map(|()| Vec::new());
    }
    let mut closed = Vec::new();
    for &day in complete.iter().filter(|day| **day != last) {
        let target = dayfile::kept(path, day);
        move_day(&db, path, day, &target)?;
        closed.push(Closed { day, path: target });
    }
    retire(path, &yesterday, last)?;
    if yesterday.exists() || days.range(today..).next().is_some() {
        move_day(&db, path, last, &yesterday)?;
        file::close(db, path)?;
    } else {
        file::mark_complete(&db, last).map_err(sql(path, "mark the day as complete"))?;
        file::close(db, path)?;
        rename(path, &yesterday)?;
        file::close(file::open_plain(path)?, path)?;
    }
    closed.push(Closed {
        day: last,
        path: yesterday,
    });
    prune(path, keep_days);
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

/// SIGUSR2: today's rows become yesterday's.
fn relabel(db: &Connection, path: &Path, today: Day, last: Day) -> Result<(), StoreError> {
    let days = (today.to_string(), last.to_string());
    let relabel = || {
        let transaction = db.unchecked_transaction()?;
        transaction.execute(&copy_sessions("main", "?2"), (&days.0, &days.1))?;
        transaction.execute(&copy_failures("main", "?2"), (&days.0, &days.1))?;
        delete(&transaction, &days.0)?;
        transaction.commit()
    };
    relabel().map_err(sql(path, "make today's rows yesterday's"))
}

/// Makes way for yesterday's file: an older one goes to where older days are kept. One of the same day stays.
fn retire(path: &Path, yesterday: &Path, last: Day) -> Result<(), StoreError> {
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
    let complete = file::newest_complete(&db, yesterday, None)?;
    let Some(newest) = rows.last().copied().max(complete) else {
        file::close(db, yesterday)?;
        debug!(path = %yesterday.display(), "removed: it holds no day");
        return fs::remove_file(yesterday).map_err(file_error(yesterday, "remove it"));
    };
    let others = rows.iter().copied().filter(|day| *day != newest);
    let stays = newest == last;
    let target = dayfile::kept(path, newest);
    for day in others {
        move_day(&db, yesterday, day, &dayfile::kept(path, day))?;
    }
    if stays {
        return file::close(db, yesterday);
    }
    if target.exists() {
        move_day(&db, yesterday, newest, &target)?;
        file::close(db, yesterday)?;
        fs::remove_file(yesterday).map_err(file_error(yesterday, "remove it"))
    } else {
        file::close(db, yesterday)?;
        rename(yesterday, &target)
    }
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

/// Moves a day's rows to another file, made when it is not there: in both files or in none.
fn move_day(db: &Connection, path: &Path, day: Day, target: &Path) -> Result<(), StoreError> {
    if target.is_dir() {
        return Err(StoreError::NotAFile(target.into()));
    }
    file::close(file::open_plain(target)?, target)?;
    let text = day.to_string();
    let attached = target.to_string_lossy();
    db.execute("ATTACH DATABASE ?1 AS target", [&*attached])
        .map_err(sql(target, "open it"))?;
    let copy = || {
        let transaction = db.unchecked_transaction()?;
        transaction.execute(&copy_sessions("target", "?1"), [&text])?;
        transaction.execute(&copy_failures("target", "?1"), [&text])?;
        transaction.execute(
            "INSERT OR IGNORE INTO target.daystatus(daycomplete) VALUES(?1)",
            [&text],
        )?;
        delete(&transaction, &text)?;
        transaction.commit()
    };
    let copied = copy().map_err(sql(path, "move a day out of it"));
    let detached = db
        .execute_batch("DETACH DATABASE target")
        .map_err(sql(target, "close it"));
    copied.and(detached)
}

fn copy_sessions(target: &str, day: &str) -> String {
    format!(
        "INSERT INTO {target}.finalresults(day, domain, tlsrptrecord, policy, cntrtotal, cntrfailure, its)
         SELECT {day}, domain, tlsrptrecord, policy, cntrtotal, cntrfailure, its FROM main.finalresults WHERE day=?1
         ON CONFLICT(day, domain, tlsrptrecord, policy) DO UPDATE
         SET cntrtotal=cntrtotal+excluded.cntrtotal, cntrfailure=cntrfailure+excluded.cntrfailure"
    )
}

fn copy_failures(target: &str, day: &str) -> String {
    format!(
        "INSERT INTO {target}.failures(day, domain, tlsrptrecord, policy, reason, cntr)
         SELECT {day}, domain, tlsrptrecord, policy, reason, cntr FROM main.failures WHERE day=?1
         ON CONFLICT(day, domain, tlsrptrecord, policy, reason) DO UPDATE SET cntr=cntr+excluded.cntr"
    )
}

fn delete(db: &Connection, day: &str) -> rusqlite::Result<()> {
    db.execute("DELETE FROM main.finalresults WHERE day=?1", [day])?;
    db.execute("DELETE FROM main.failures WHERE day=?1", [day])?;
    Ok(())
}

fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to).map_err(file_error(from, "rename it"))?;
    file::sync_directory(to)
}

/// Keeps the newest files, `keep_days` with that of yesterday: by their number and not by the date, so that a clock that
/// was wrong for a moment does not cost days that are not reported yet. What cannot be removed is no reason to stop.
fn prune(path: &Path, keep_days: u32) {
    let keep = usize::try_from(keep_days)
        .unwrap_or(usize::MAX)
        .saturating_sub(1);
    for (_, old) in kept_files(path).into_iter().rev().skip(keep) {
        match fs::remove_file(&old) {
            Ok(()) => debug!(path = %old.display(), "removed: more than keep_days"),
            Err(error) => warn!(%error, path = %old.display(), "cannot remove an old day's file"),
        }
    }
}

/// The files of closed days beside today's, but for `PATH.yesterday`.
pub(crate) fn kept_files(path: &Path) -> BTreeSet<(Day, PathBuf)> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
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
