//! Heartbeats: the service manager hears that the process is alive only while the threads that do the work are.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

/// The reader waits for nothing but the sockets, and wakes every second.
const READER: Duration = Duration::from_secs(5);
/// The writer may be at work for minutes: a day of millions of rows is split, or a disk is very slow. Meanwhile the
/// reader reads on.
const WRITER: Duration = Duration::from_secs(600);

/// When a thread last said that it is alive.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    start: Instant,
    /// Milliseconds from `start` to the last beat.
    last_millis: AtomicU64,
    /// A thread that was silent for so long hangs.
    tolerance: Duration,
}

impl Heartbeat {
    pub(crate) fn reader() -> Heartbeat {
        Heartbeat::new(READER, Instant::now())
    }

    pub(crate) fn writer() -> Heartbeat {
        Heartbeat::new(WRITER, Instant::now())
    }

    fn new(tolerance: Duration, start: Instant) -> Heartbeat {
        Heartbeat {
            start,
            last_millis: AtomicU64::new(0),
            tolerance,
        }
    }

    /// The thread is alive `now`: to be called on every pass of its loop.
    pub(crate) fn beat(&self, now: Instant) {
        self.last_millis.store(self.millis(now), Relaxed);
    }

    /// Whether the last beat is recent enough.
    pub(crate) fn is_alive(&self, now: Instant) -> bool {
        let silent = self
            .millis(now)
            .saturating_sub(self.last_millis.load(Relaxed));
        Duration::from_millis(silent) < self.tolerance
    }

    fn millis(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.start).as_millis() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_without_a_beat_for_its_tolerance_hangs() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let heartbeat = Heartbeat::new(Duration::from_millis(20), start);
        for (beat, now, alive, why) in [
            (None, 0, true, "the thread has just begun"),
            (None, 19, true, "within its tolerance"),
            (None, 20, false, "it never said anything"),
            (Some(30), 49, true, "it did at 30"),
            (None, 50, false, "and not since"),
            (Some(60), 55, true, "a beat that is newer than the question"),
        ] {
            if let Some(beat) = beat {
                heartbeat.beat(at(beat));
            }
            assert_eq!(heartbeat.is_alive(at(now)), alive, "{why}");
        }
    }
}
