//! When a play begins and ends, and how long its days wait for collectors.

use std::time::Duration;

/// The times of a play, on its virtual clock.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// The first start, when the 18th and the 19th are closed.
    pub begin: &'static str,
    /// Orderly stops: while a day waits for a collector, while deliveries wait for others, and the end.
    pub stops: [&'static str; 3],
    /// How long a day waits for its collectors.
    pub fetch_deadline: Duration,
    /// How long a collector that is waited for thinks before it says that it is not ready.
    pub not_ready_after: Duration,
}

/// Of a reporter that is killed: the next one asks each collector at once.
pub const OF_KILLS: Times = Times {
    begin: "2026-11-20T22:00:00Z",
    stops: [
        "2026-11-20T22:05:00Z",
        "2026-11-20T22:15:25Z",
        "2026-11-23T06:00:00Z",
    ],
    fetch_deadline: Duration::from_secs(900),
    not_ready_after: Duration::ZERO,
};

/// Of a connection that is cut: after an answer that could not be stored, no collector is asked for five minutes, and with each
/// new connection a dozen steps are done again. However many cuts come in a row, they must not reach the deadline: what a
/// collector tells behind it is rightly a report of its own, and the laws count reports. So a day waits for ten hours more, which
/// the collector that is late spends in a few long answers; and the first days are decided before the next one has ended.
pub const OF_CUTS: Times = Times {
    begin: "2026-11-20T10:00:00Z",
    stops: [
        "2026-11-20T10:05:00Z",
        "2026-11-20T20:15:25Z",
        "2026-11-23T16:00:00Z",
    ],
    fetch_deadline: Duration::from_secs(10 * 3600 + 900),
    not_ready_after: Duration::from_secs(3600),
};
