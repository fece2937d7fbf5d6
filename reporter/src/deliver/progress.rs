//! How far an attempt is, for those who have to share room with it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What an attempt tells while it is under way.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Mutex<Stage>>);

#[derive(Clone, Copy, Debug, Default)]
enum Stage {
    /// It does not tell.
    #[default]
    Unknown,
    /// Nothing is sent, since then.
    Connecting(Instant),
    Waiting(Waiting),
}

/// All is sent, and the answer is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    /// Since then.
    pub since: Instant,
    /// The wait is not ended earlier than so long after it, whoever else needs the room.
    pub least: Duration,
}

impl Progress {
    /// It begins to connect. After a redirect the receiver has been waited for already.
    pub fn connects(&self) {
        let mut stage = self.lock();
        if !matches!(*stage, Stage::Waiting(_)) {
            *stage = Stage::Connecting(Instant::now());
        }
    }

    /// Something is sent.
    pub fn sends(&self) {
        let mut stage = self.lock();
        if matches!(*stage, Stage::Connecting(_)) {
            *stage = Stage::Unknown;
        }
    }

    /// All is sent. The first time counts: after a redirect the receiver has been waited for already.
    pub fn sent(&self, least: Duration) {
        let mut stage = self.lock();
        if !matches!(*stage, Stage::Waiting(_)) {
            let since = Instant::now();
            *stage = Stage::Waiting(Waiting { since, least });
        }
    }

    /// Whether nothing is sent, and since when.
    pub fn connecting(&self) -> Option<Instant> {
        match *self.lock() {
            Stage::Connecting(since) => Some(since),
            _ => None,
        }
    }

    /// Whether all is sent, and since when.
    pub fn waiting(&self) -> Option<Waiting> {
        match *self.lock() {
            Stage::Waiting(waiting) => Some(waiting),
            _ => None,
        }
    }

    #[cfg(test)]
    pub(crate) fn connecting_since(since: Instant) -> Progress {
        Progress(Arc::new(Mutex::new(Stage::Connecting(since))))
    }

    #[cfg(test)]
    pub(crate) fn waiting_since(since: Instant, least: Duration) -> Progress {
        let waiting = Waiting { since, least };
        Progress(Arc::new(Mutex::new(Stage::Waiting(waiting))))
    }

    fn lock(&self) -> MutexGuard<'_, Stage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
