//! Which digests have been made.

use tlsrptd_reporter::model::DigestPeriod;

use crate::{
    at, day,
    environment::{each_engine, folder, settings},
    open,
};

/// Else all days of the weekly time would look missed when `digest` is `daily` again, and be told of at once.
#[each_engine]
fn a_change_of_the_length_begins_anew() {
    let folder = folder();
    let mut store = open(&settings(folder.path(), &[]));
    let now = at("22T01:00:00");
    for (period, daily, weekly, why) in [
        (DigestPeriod::day(day()), 1, 0, "the first"),
        (DigestPeriod::day(day().next()), 2, 0, "the next day"),
        (
            DigestPeriod::week(day()),
            0,
            1,
            "digest = weekly from now on",
        ),
        (DigestPeriod::day(day()), 1, 0, "and back"),
    ] {
        store.store_digest(period, None, now).unwrap();
        let made = |days| store.digests_made(days, now).unwrap().len();
        assert_eq!((made(1), made(7)), (daily, weekly), "{why}");
    }
}
