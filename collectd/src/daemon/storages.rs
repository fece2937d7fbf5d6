//! The storages of a configuration: opened together, and from then on each on its own.

use std::{sync::Arc, thread::JoinHandle, time::Duration};

use tlsrptd_config::{Storage, collectd::Collectd};
use tracing::{error, warn};

use crate::{
    days::{DayWatch, Readings, day_of_arrival},
    error::Error,
    stats::Stats,
    store::{self, FailureKind, FoldLimits, Store, StoreError},
    writer::Unwritten,
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

/// Waits for all writers. A panic ends the process at once in a release build; elsewhere it is a lost thread.
pub(super) fn join(writers: Vec<JoinHandle<Result<(), Unwritten>>>) -> Result<(), Error> {
    let ends: Vec<_> = writers
        .into_iter()
        .map(|writer| writer.join().unwrap_or(Err(Unwritten::default())))
        .collect();
    let unwritten = ends.into_iter().filter_map(Result::err);
    match unwritten.map(|unwritten| unwritten.datagrams).max() {
        Some(lost) => Err(Error::Unwritten { lost }),
        None => Ok(()),
    }
}

/// The day to begin with, by a clock that is held against what the files know. A clock that was set back a little, into
/// the day just closed, does not reopen it, as it does not while we run: its reports may be on their way.
pub(super) fn first_day(
    stores: &[Box<dyn Store>],
    readings: Readings,
    confirmation: Duration,
) -> DayWatch {
    let known = stores.iter().filter_map(|store| store.last_counted());
    let known = known.max_by_key(|known| known.until);
    let mut days = DayWatch::begin(readings, confirmation, known);
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

/// Opens all. One that is only sick does not keep the others from counting: it is opened when it can be.
pub(super) fn open_stores(settings: &Collectd) -> Result<Vec<Box<dyn Store>>, StoreError> {
    let (limits, keep_days) = (limits(settings), settings.keep_days);
    let storages = settings.storage.iter();
    let opened: Vec<_> = storages
        .clone()
        .map(|storage| store::open(storage, limits, keep_days))
        .collect();
    let is_one_well = opened.iter().any(Result::is_ok);
    storages
        .zip(opened)
        .map(|(storage, opened)| match opened {
            Err(error) if is_one_well && error.kind == FailureKind::Temporary => {
                error!(%error, storage = url(storage), "a storage cannot be opened yet: the others count; to be tried again");
                Ok(store::open_later(storage, limits, keep_days))
            }
            opened => opened,
        })
        .collect()
}

fn limits(settings: &Collectd) -> FoldLimits {
    FoldLimits::new(
        settings.max_policies_per_domain,
        settings.max_failures_per_policy,
    )
    .in_file_of(settings.max_day_file_size)
}
