//! How far an attempt is, for the scheduler, which may end attempts that wait for an answer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Shared between an attempt and the scheduler.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Mutex<AttemptStage>>);

#[derive(Clone, Copy, Debug, Default)]
enum AttemptStage {
    /// Between connecting and the last byte, or not reported.
    #[default]
    Unknown,
    /// Nothing has been sent; since this time.
    Connecting(Instant),
    Waiting(Waiting),
}

/// Everything is sent; the answer has not come.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    /// When the last byte was sent.
    pub since: Instant,
    /// The attempt is not ended before this much time has passed.
    pub least: Duration,
}

impl Progress {
    /// Connecting begins. Ignored after a redirect: the wait for the receiver goes on.
    pub fn connects(&self) {
        let mut stage = self.lock();
        if !matches!(*stage, AttemptStage::Waiting(_)) {
            *stage = AttemptStage::Connecting(Instant::now());
        }
    }

    /// Sending begins.
    pub fn sends(&self) {
        let mut stage = self.lock();
        if matches!(*stage, AttemptStage::Connecting(_)) {
            *stage = AttemptStage::Unknown;
        }
    }

    /// Everything is sent. Only the first call counts: after a redirect the wait goes on.
    pub fn sent(&self, least: Duration) {
        let mut stage = self.lock();
        if !matches!(*stage, AttemptStage::Waiting(_)) {
            let since = Instant::now();
            *stage = AttemptStage::Waiting(Waiting { since, least });
        }
    }

    /// Since when it connects, if nothing has been sent.
    pub fn connecting(&self) -> Option<Instant> {
        match *self.lock() {
            AttemptStage::Connecting(since) => Some(since),
            _ => None,
        }
    }

    /// The wait for the answer, if it has begun.
    pub fn waiting(&self) -> Option<Waiting> {
        match *self.lock() {
            AttemptStage::Waiting(waiting) => Some(waiting),
            _ => None,
        }
    }

    #[cfg(test)]
    pub(crate) fn connecting_since(since: Instant) -> Progress {
        Progress(Arc::new(Mutex::new(AttemptStage::Connecting(since))))
    }

    #[cfg(test)]
    pub(crate) fn waiting_since(since: Instant, least: Duration) -> Progress {
        let waiting = Waiting { since, least };
        Progress(Arc::new(Mutex::new(AttemptStage::Waiting(waiting))))
    }

    fn lock(&self) -> MutexGuard<'_, AttemptStage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
