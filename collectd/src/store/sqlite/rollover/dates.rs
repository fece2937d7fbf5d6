//! Dates that a wrong clock gave: in today's file, and in the files beside it.
//!
//! Whichever of two clocks was wrong, nothing here is lost when the other turns out to be right: rows of today's file
//! only change their day, and may change it back; closed files keep their rows, and are not removed for their date.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;
use tlsrptd_proto::{day::Day, dayfile};
use tlsrptd_service::clock::KnownTime;
use tracing::warn;

use super::{
    super::{
        contents,
        error::{SqliteError, sql},
        file,
    },
    kept_files, move_rows,
};

/// Rows of a day that is still to come were counted by a clock that was ahead, and rows of a day that had been closed
/// before them by one that was behind: all are today's, as far as anybody knows.
pub(super) fn correct(db: &Connection, path: &Path, today: Day) -> Result<(), SqliteError> {
    let newest = closed_files(path)
        .filter_map(|(_, closed)| newest_complete(&closed, Some(today)))
        .max();
    for day in contents::days(db, path)? {
        let is_ahead = day > today;
        if is_ahead || newest.is_some_and(|newest| day <= newest) {
            warn!(%day, %today, "sessions dated by a wrong clock now count for today; none is lost");
            move_rows::relabel(db, day, today).map_err(sql(path, "correct a day"))?;
        }
    }
    Ok(())
}

/// Days that a clock that was ahead has closed, and that have not ended, are not complete. Nor do they tell the next start
/// what time it is.
pub(super) fn reopen_days(path: &Path, today: Day) {
    for (day, file) in closed_files(path) {
        if day.is_some_and(|day| day < today) {
            continue;
        }
        if let Err(error) = move_rows::reopen_days(&file, today) {
            // What it holds is told too early then; what is added later is told as an addition.
            warn!(%error, "a day that has not ended counts as complete");
        }
    }
}

/// What the files tell of the time when somebody last counted.
pub(in crate::store::sqlite) fn last_counted(db: &Connection, path: &Path) -> Option<KnownTime> {
    let newest = closed_files(path).filter_map(|(_, closed)| newest_complete(&closed, None));
    let newest = newest.max().map(Day::next);
    let counted = contents::days(db, path).ok()?.last().copied();
    let day = newest.max(counted)?;
    let (from, until) = (day.start(), day.next().start());
    let at = "SELECT its FROM finalresults ORDER BY rowid DESC LIMIT 1";
    let at: Option<String> = db.query_row(at, [], |row| row.get(0)).ok();
    // As SQLite writes CURRENT_TIMESTAMP.
    let at = at.and_then(|at| format!("{at}Z").parse::<Timestamp>().ok());
    match at.filter(|at| (from..until).contains(at)) {
        Some(at) => Some(KnownTime::at(at)),
        None => Some(KnownTime { from, until }),
    }
}

/// The newest day, before another one, that a closed file holds whole. A file that cannot be read holds none.
pub(in crate::store::sqlite) fn newest_complete(closed: &Path, before: Option<Day>) -> Option<Day> {
    let db = file::open_closed(closed).ok()?;
    contents::newest_complete(&db, closed, before).ok()?
}

/// The files of closed days, with the day in the name.
fn closed_files(path: &Path) -> impl Iterator<Item = (Option<Day>, PathBuf)> {
    let kept = kept_files(path)
        .into_iter()
        .map(|(day, file)| (Some(day), file));
    std::iter::once((None, dayfile::yesterday(path)))
        .filter(|(_, file)| file.is_file())
        .chain(kept)
}
