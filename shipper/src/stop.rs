//! Whether the worker is to end, and that it is alive.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

/// What the main thread tells the worker, and sees of it.
#[derive(Debug)]
pub(crate) struct Stop {
    is_requested: AtomicBool,
    /// What is shipped at the end has to be shipped by then.
    until: Mutex<Option<Instant>>,
    began: Instant,
    /// Milliseconds since `began` of the last sign of life.
    alive: AtomicU64,
    /// For `systemctl status`.
    status: Mutex<String>,
}

/// The statement of a database that hangs is given up before.
const LONGEST_SILENCE: Duration = Duration::from_secs(240);

impl Stop {
    pub(crate) fn new() -> Stop {
        Stop {
            is_requested: AtomicBool::new(false),
            until: Mutex::new(None),
            began: Instant::now(),
            alive: AtomicU64::new(0),
            status: Mutex::default(),
        }
    }

    /// The work is to end: what it has is shipped within that time.
    pub(crate) fn request(&self, within: Duration) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + within);
        self.is_requested.store(true, SeqCst);
    }

    pub(crate) fn is_requested(&self) -> bool {
        self.is_requested.load(SeqCst)
    }

    /// The time for the last things is over.
    pub(crate) fn is_overdue(&self) -> bool {
        let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() >= until)
    }

    /// The worker is at work.
    pub(crate) fn beat(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.alive.store(now, SeqCst);
    }

    pub(crate) fn is_alive(&self) -> bool {
        let alive = Duration::from_millis(self.alive.load(SeqCst));
        self.began.elapsed().saturating_sub(alive) < LONGEST_SILENCE
    }

    pub(crate) fn tell(&self, status: String) {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }

    pub(crate) fn status(&self) -> String {
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.clone()
    }
}
