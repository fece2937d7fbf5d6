//! What had to be let go is told. The reader and the writer only count it; this looks now and then at what was added.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use tlsrptd_service::log::LogThrottle;
use tracing::warn;

use crate::stats::{DAY_FULL, DOMAIN_SHARE, QUEUE_FULL, STORAGE, Stats};

/// One line a storage and reason in that time.
const INTERVAL: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Default)]
pub(crate) struct Dropped {
    /// By the place of the storage.
    told: BTreeMap<(usize, &'static str), Told>,
}

struct Told {
    limit: LogThrottle,
    datagrams: u64,
}

impl Dropped {
    /// Tells what was dropped since the last line about it.
    pub(crate) fn tell(&mut self, stats: &Stats, now: Timestamp) {
        self.tell_where(stats, |limit| limit.pass(now).is_some());
    }

    /// The end: nothing is kept back.
    pub(crate) fn tell_all(&mut self, stats: &Stats) {
        self.tell_where(stats, |_| true);
    }

    fn tell_where(&mut self, stats: &Stats, mut may: impl FnMut(&mut LogThrottle) -> bool) {
        for (place, stats) in stats.each().enumerate() {
            let storage = stats.storage.as_deref();
            for (reason, total) in stats.dropped.by_reason() {
                let told = self.told.entry((place, reason)).or_insert_with(|| Told {
                    limit: LogThrottle::new(INTERVAL),
                    datagrams: 0,
                });
                let datagrams = total.saturating_sub(told.datagrams);
                if datagrams > 0 && may(&mut told.limit) {
                    told.datagrams = total;
                    let remedy = remedy(reason);
                    warn!(datagrams, reason, storage, "dropped, not counted: {remedy}");
                }
            }
        }
    }
}

/// What the operator can do about it.
fn remedy(reason: &str) -> &'static str {
    match reason {
        QUEUE_FULL => {
            "new ones come faster than they can be written; max_queued_datagrams holds a longer burst"
        }
        STORAGE => "a storage has not taken anything for too long, see the errors about it",
        DOMAIN_SHARE => {
            "a domain and those beside it have used their share of the day's file; others are counted, see the line about it"
        }
        DAY_FULL => "the day's file is full and they need a new row, see max_day_file_size",
        _ => "a bound is reached, see the stats_file",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_drop_is_told_once() {
        let (stats, mut dropped) = (Stats::default(), Dropped::default());
        let told = |dropped: &Dropped| {
            dropped
                .told
                .get(&(0, QUEUE_FULL))
                .map(|told| told.datagrams)
        };
        let at = |second| Timestamp::from_second(second).unwrap();
        for (second, more, want, why) in [
            (0, 0, None, "nothing to tell"),
            (1, 5, Some(5), "the first at once"),
            (2, 7, Some(5), "more within the minute waits"),
            (70, 0, Some(12), "and is told after it"),
        ] {
            if more > 0 {
                stats.dropped.add(QUEUE_FULL, more);
            }
            dropped.tell(&stats, at(second));
            assert_eq!(told(&dropped), want, "{why}");
        }
        stats.dropped.add(QUEUE_FULL, 1);
        dropped.tell_all(&stats);
        assert_eq!(told(&dropped), Some(13), "the end keeps nothing back");
    }
}
