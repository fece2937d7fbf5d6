//! The day change: every day before today leaves today's file and is closed.
//!
//! Usually the file holds one day and is renamed to `PATH.yesterday`, after what stood there went to `PATH.YYYY-MM-DD`.
//! In all other cases (a start after some days, a clock that was wrong, a file with two days, a day that was rotated by
//! hand before) rows are moved day by day, each in one transaction over both files, to the file where they belong; what
//! is there already is added to. So the same function is right at midnight and at every start, and a crash at any point
//! leaves files from which it goes on.
//!
//! `make_way` clears the name of yesterday's file, `move_rows` takes rows from file to file, `dates` corrects the days that
//! a wrong clock gave, `prune` removes old files.

mod dates;
mod make_way;
mod move_rows;
mod prune;
#[cfg(test)]
mod tests;

use std::{fs, path::Path};

use tlsrptd_proto::{day::Day, dayfile};

use super::{
    contents,
    error::{SqliteError, file_error, sql},
    file,
};
use crate::store::{ClosedDay, TodaysRows};
use make_way::make_way;
use move_rows::{Move, close_in_place, move_day, relabel};

pub(super) use dates::{last_counted, newest_complete};
pub(super) use prune::kept_files;

/// Closes all days before `today`, and says which, oldest first. Nobody may have the file open.
pub(super) fn close_days(
    path: &Path,
    today: Day,
    todays_rows: TodaysRows,
    keep_days: u32,
) -> Result<Vec<ClosedDay>, SqliteError> {
    let yesterday = dayfile::yesterday(path);
    let last = today.previous();
    let db = file::open_plain(path)?;
    dates::correct(&db, path, today)?;
    dates::reopen_days(path, today);
    if todays_rows == TodaysRows::BecomeYesterdays {
        relabel(&db, today, last).map_err(sql(path, "make today's rows yesterday's"))?;
    }
    let days = contents::days(&db, path)?;
    let complete: Vec<Day> = days.range(..today).copied().collect();
    if complete.is_empty()
        && todays_rows == TodaysRows::Stay
        && newest_complete(&yesterday, Some(today)) >= Some(last)
    {
        return file::close(db, path).map(|()| Vec::new());
    }
    let closed = |day, path: &Path| ClosedDay {
        day,
        location: path.into(),
    };
    let mut all_closed = Vec::new();
    for &day in complete.iter().filter(|day| **day != last) {
        let target = dayfile::kept(path, day);
        move_day(&db, path, day, &target, Move::Close)?;
        all_closed.push(closed(day, &target));
    }
    make_way(path, today)?;
    let early = dayfile::kept(path, last);
    if !yesterday.exists() && early.is_file() {
        // A clock that was ahead has closed a part of the day before. One day stands in one file.
        rename(&early, &yesterday)?;
    }
    if yesterday.exists() || days.range(today..).next().is_some() {
        move_day(&db, path, last, &yesterday, Move::Close)?;
        file::close(db, path)?;
    } else {
        close_in_place(&db, last).map_err(sql(path, "mark the day as complete"))?;
        file::close(db, path)?;
        rename(path, &yesterday)?;
        file::close(file::open_plain(path)?, path)?;
    }
    all_closed.push(closed(last, &yesterday));
    prune::remove_old_files(path, today, keep_days);
    Ok(all_closed)
}

fn rename(from: &Path, to: &Path) -> Result<(), SqliteError> {
    fs::rename(from, to).map_err(file_error(from, "rename it"))?;
    file::sync_directory(to)
}
