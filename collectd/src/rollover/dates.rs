//! Dates that a wrong clock gave: in today's file, and in the files beside it.
//!
//! Whichever of two clocks was wrong, nothing here is lost when the other turns out to be right: rows of today's file
//! only change their day, and may change it back; closed files are neither read nor removed for their date.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;
use tlsrptd_proto::{day::Day, dayfile};
use tlsrptd_service::clock::KnownTime;
use tracing::warn;

use super::{kept_files, moving};
use crate::store::{
    StoreError,
    file::{self, sql},
};

/// Rows of a day that is still to come were counted by a clock that was ahead, and rows of a day that had been closed
/// before them by one that was behind: all are today's, as far as anybody knows.
pub(super) fn correct(db: &Connection, path: &Path, today: Day) -> Result<(), StoreError> {
    let newest = newest_before(path, today);
    for day in file::days(db, path)? {
        let is_ahead = day > today;
        if is_ahead || newest.is_some_and(|newest| day <= newest) {
            warn!(%day, %today, "sessions counted by a clock that was wrong are counted for today");
            moving::relabel(db, day, today).map_err(sql(path, "correct a day"))?;
        }
    }
    Ok(())
}

/// A day that was closed by a clock that was ahead, and has not ended, is not complete.
pub(super) fn open_again(path: &Path, today: Day) {
    for file in [dayfile::yesterday(path), dayfile::kept(path, today)] {
        if let Err(error) = moving::open_again(&file, today) {
            // What it holds is told too early then; what is added later is told as an addition.
            warn!(%error, "a day that has not ended counts as complete");
        }
    }
}

/// The newest day before `before` that a closed file holds whole. A file that cannot be read knows of none.
fn newest_before(path: &Path, before: Day) -> Option<Day> {
    closed_files(path)
        .filter_map(|closed| newest_complete(&closed, Some(before)))
        .max()
}

/// What the files know of the time when somebody last counted.
pub(crate) fn known(db: &Connection, path: &Path) -> Option<KnownTime> {
    let newest = closed_files(path).filter_map(|closed| newest_complete(&closed, None));
    let newest = newest.max().map(Day::next);
    let counted = file::days(db, path).ok()?.last().copied();
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

fn newest_complete(closed: &Path, before: Option<Day>) -> Option<Day> {
    let db = file::open_closed(closed).ok()?;
    file::newest_complete(&db, closed, before).ok()?
}

fn closed_files(path: &Path) -> impl Iterator<Item = PathBuf> {
    let kept = kept_files(path).into_iter().map(|(_, file)| file);
    std::iter::once(dayfile::yesterday(path))
        .filter(|file| file.is_file())
        .chain(kept)
}
