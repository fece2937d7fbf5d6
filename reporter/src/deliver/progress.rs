//! How far an attempt is, for those who have to share room with it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What an attempt tells while it is under way.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Mutex<Option<Waiting>>>);

/// All is sent, and the answer is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    /// Since then.
    pub since: Instant,
    /// The wait is not ended earlier than so long after it, whoever else needs the room.
    pub least: Duration,
}

impl Progress {
    /// All is sent. The first time counts: after a redirect the receiver has been waited for already.
    pub fn sent(&self, least: Duration) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.get_or_insert(Waiting {
            since: Instant::now(),
            least,
        });
    }

    /// Whether all is sent, and since when.
    pub fn waiting(&self) -> Option<Waiting> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
