//! Signs of life: the service manager hears that we are alive only while the threads that do the work are.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

/// The reader waits for nothing but the sockets, and wakes every second.
const READER: Duration = Duration::from_secs(5);
/// The writer may be at work for minutes: a day of millions of rows is split, or a disk is very slow. Meanwhile the
/// reader reads on.
const WRITER: Duration = Duration::from_secs(600);

/// When a thread was last seen.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    epoch: Instant,
    last: AtomicU64,
    patience: Duration,
}

impl Heartbeat {
    pub(crate) fn reader() -> Heartbeat {
        Heartbeat::new(READER)
    }

    pub(crate) fn writer() -> Heartbeat {
        Heartbeat::new(WRITER)
    }

    fn new(patience: Duration) -> Heartbeat {
        Heartbeat {
            epoch: Instant::now(),
            last: AtomicU64::new(0),
            patience,
        }
    }

    /// The thread is here: to be said at each turn.
    pub(crate) fn beat(&self) {
        self.last.store(self.age(), Relaxed);
    }

    /// It was here a short while ago.
    pub(crate) fn is_alive(&self) -> bool {
        self.age().saturating_sub(self.last.load(Relaxed)) < self.patience.as_millis() as u64
    }

    fn age(&self) -> u64 {
        self.epoch.elapsed().as_millis() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alive_for_a_while() {
        let heartbeat = Heartbeat::new(Duration::from_millis(20));
        assert!(heartbeat.is_alive());
        std::thread::sleep(Duration::from_millis(40));
        assert!(!heartbeat.is_alive());
        heartbeat.beat();
        assert!(heartbeat.is_alive());
    }
}
