//! Logs dropped datagrams. The reader and the writers only count them; the main thread looks now and then at what was added.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use tlsrptd_service::log::LogThrottle;
use tracing::warn;

use crate::stats::{DropReason, Stats};

/// One line a storage and reason in that time.
const INTERVAL: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Default)]
pub(crate) struct DropLog {
    /// By the place of the storage.
    logged: BTreeMap<(usize, DropReason), LoggedDrops>,
}

struct LoggedDrops {
    throttle: LogThrottle,
    datagrams: u64,
}

impl DropLog {
    /// Logs what was dropped since the last line about it, where a line is due.
    pub(crate) fn log(&mut self, stats: &Stats, now: Timestamp) {
        self.log_where(stats, |throttle| throttle.pass(now).is_some());
    }

    /// Logs everything that was dropped, at the end.
    pub(crate) fn log_all(&mut self, stats: &Stats) {
        self.log_where(stats, |_| true);
    }

    fn log_where(&mut self, stats: &Stats, is_due: impl Fn(&LogThrottle) -> bool) {
        for (place, stats) in stats.each().enumerate() {
            let storage = stats.storage.as_deref();
            for (reason, total) in stats.dropped.by_reason() {
                let logged = self
                    .logged
                    .entry((place, reason))
                    .or_insert_with(|| LoggedDrops {
                        throttle: LogThrottle::new(INTERVAL),
                        datagrams: 0,
                    });
                let datagrams = total.saturating_sub(logged.datagrams);
                if datagrams > 0 && is_due(&logged.throttle) {
                    logged.datagrams = total;
                    let remedy = remedy(reason);
                    let reason: &str = reason.into();
                    warn!(datagrams, reason, storage, "dropped, not counted: {remedy}");
                }
            }
        }
    }
}

/// What the operator can do about it.
fn remedy(reason: DropReason) -> &'static str {
    match reason {
        DropReason::QueueFull => {
            "the disk is too slow or stalls, or too many new ones come; a larger max_queued_datagrams bridges some seconds"
        }
        DropReason::Storage => {
            "a storage has not taken anything for too long, see the errors about it"
        }
        DropReason::DomainShare => {
            "a domain and those beside it have used their share of the day's file; others are counted, see the line about it"
        }
        DropReason::DayFull => {
            "the day's file is full and they need a new row, see max_day_file_size"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_drop_is_logged_once() {
        let (stats, mut log) = (Stats::default(), DropLog::default());
        let logged = |log: &DropLog| {
            let logged = log.logged.get(&(0, DropReason::QueueFull));
            logged.map(|logged| logged.datagrams)
        };
        let at = |second| Timestamp::from_second(second).unwrap();
        for (second, more, want, why) in [
            (0, 0, None, "nothing to log"),
            (1, 5, Some(5), "the first at once"),
            (2, 7, Some(5), "more within the minute waits"),
            (70, 0, Some(12), "and is logged after it"),
        ] {
            if more > 0 {
                stats.dropped.add(DropReason::QueueFull, more);
            }
            log.log(&stats, at(second));
            assert_eq!(logged(&log), want, "{why}");
        }
        stats.dropped.add(DropReason::QueueFull, 1);
        log.log_all(&stats);
        assert_eq!(logged(&log), Some(13), "the end keeps nothing back");
    }
}
