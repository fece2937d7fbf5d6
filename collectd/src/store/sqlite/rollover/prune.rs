//! Which files of closed days are there, and which are too many.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use tlsrptd_config::paths;
use tlsrptd_proto::{day::Day, dayfile};
use tracing::{debug, warn};

use super::super::{contents, file};

/// Keeps the newest files, `keep_days` with that of yesterday: by their number and not by the date, so that a clock that
/// was wrong does not cost days that are not reported yet. Files of days to come were made by such a clock, and do not
/// count; files without a session, which such a clock leaves too, are counted apart. What cannot be removed is no reason
/// to stop.
pub(super) fn remove_old_files(path: &Path, today: Day, keep_days: u32) {
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
    file::open_closed(file)
        .is_ok_and(|db| contents::has_sessions(&db).is_ok_and(|has_some| !has_some))
}

/// The files of closed days beside today's, but for `PATH.yesterday`.
pub(in crate::store::sqlite) fn kept_files(path: &Path) -> BTreeSet<(Day, PathBuf)> {
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
