//! The storages of a configuration: opened together; from then on each is on its own.

use std::{ffi::OsStr, path::Path, sync::Arc, time::Duration};

use tlsrptd_config::{Storage, collectd::Collectd, paths};
use tlsrptd_service::files::FileIdentity;
use tracing::{error, warn};

use crate::{
    days::{DayWatch, ReadClocks, day_of_arrival},
    error::Error,
    stats::Stats,
    store::{self, FailureKind, FoldLimits, Store, StoreError},
};

/// The figures of a storage by its place.
pub(super) fn of_storage(stats: &Arc<Stats>, place: usize) -> Arc<Stats> {
    let other = place
        .checked_sub(1)
        .and_then(|place| stats.others.get(place));
    Arc::clone(other.unwrap_or(stats))
}

pub(super) fn url(storage: &Storage) -> &str {
    match storage {
        Storage::Sqlite { url, .. } | Storage::Dummy { url, .. } => url,
    }
}

/// The day to begin with, by a clock that is held against what the files know. A clock that was set back a little, into
/// the day just closed, does not reopen it, as it does not while we run: its reports may be on their way.
pub(super) fn first_day(
    stores: &[Box<dyn Store>],
    read_clocks: ReadClocks,
    confirmation: Duration,
) -> DayWatch {
    let known = stores.iter().filter_map(|store| store.last_counted());
    let known = known.max_by_key(|known| known.until);
    let mut days = DayWatch::begin(read_clocks, confirmation, known);
    let shown = days.today;
    if stores
        .iter()
        .any(|store| store.newest_closed() == Some(shown))
    {
        days.today = day_of_arrival(shown.next(), days.now());
        if days.today != shown {
            warn!(day = %shown, "the clock shows a day that is closed already: counting for the next one");
        }
    }
    days
}

/// Opens all. One that fails for now does not keep the others from counting: it is opened as soon as that works.
///
/// # Errors
///
/// None can be opened, one fails for good, or two are one file.
pub(super) fn open_stores(settings: &Collectd) -> Result<Vec<Box<dyn Store>>, Error> {
    let (limits, keep_days) = (limits(settings), settings.keep_days);
    let storages = settings.storage.iter();
    let opened: Vec<_> = storages
        .clone()
        .map(|storage| store::open(storage, limits, keep_days))
        .collect();
    let is_one_well = opened.iter().any(Result::is_ok);
    let stores = storages
        .zip(opened)
        .map(|(storage, opened)| match opened {
            Err(error) if is_one_well && error.kind == FailureKind::Temporary => {
                error!(%error, storage = url(storage), "a storage cannot be opened yet: the others count; to be tried again");
                Ok(store::open_later(storage, limits, keep_days))
            }
            opened => opened,
        })
        .collect::<Result<_, StoreError>>()?;
    // Once they are open, their files are there.
    refuse_one_file_twice(&settings.storage)?;
    Ok(stores)
}

/// Two URLs may lead to one file, whose sessions would be counted twice.
fn refuse_one_file_twice(storages: &[Storage]) -> Result<(), Error> {
    let mut known: Vec<(StorageFile<'_>, &str)> = Vec::new();
    for storage in storages {
        let Storage::Sqlite { path, url } = storage else {
            continue;
        };
        let Some(file) = storage_file(path) else {
            continue;
        };
        if let Some((_, other)) = known.iter().find(|(known, _)| *known == file) {
            return Err(Error::SameFile {
                url: url.clone(),
                other: (*other).into(),
            });
        }
        known.push((file, url));
    }
    Ok(())
}

/// A file. Of one that is not there yet, its directory and its name.
type StorageFile<'p> = (FileIdentity, Option<&'p OsStr>);

fn storage_file(path: &Path) -> Option<StorageFile<'_>> {
    match FileIdentity::of(path) {
        Ok(file) => Some((file, None)),
        Err(_) => {
            let directory = FileIdentity::of(paths::directory(path)).ok()?;
            Some((directory, path.file_name()))
        }
    }
}

fn limits(settings: &Collectd) -> FoldLimits {
    FoldLimits::new(
        settings.max_policies_per_domain,
        settings.max_failures_per_policy,
    )
    .in_file_of(settings.max_day_file_size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::symlink};

    #[test]
    fn one_file_under_two_urls_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        fs::create_dir(at("data")).unwrap();
        symlink(at("data"), at("link")).unwrap();
        fs::write(at("data/there"), "").unwrap();
        symlink(at("data/there"), at("other")).unwrap();
        for (first, second, is_refused, why) in [
            ("data/there", "link/there", true, "its folder is a link"),
            ("data/there", "other", true, "the file is a link"),
            ("data/there", "data/../data/there", true, "a way around"),
            ("data/new", "link/new", true, "neither is there yet"),
            ("data/new", "link/newer", false, "two files to be made"),
            ("data/there", "data/new", false, "one is there"),
            ("data/there", "none/there", false, "no such folder"),
        ] {
            let storage = |path| Storage::Sqlite {
                path: at(path),
                url: format!("sqlite://{path}"),
            };
            let found = refuse_one_file_twice(&[storage(first), storage(second)]);
            assert_eq!(found.is_err(), is_refused, "{why}");
        }
    }
}
