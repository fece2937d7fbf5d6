//! Reports that were sent completely and have no answer yet: to cancel now would send them twice.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Progress;

/// A stop waits no longer than this, or the time-out of the post, for the answer to a post.
const PATIENCE: Duration = Duration::from_secs(60);

/// The unanswered attempts of one transport.
#[derive(Debug, Default)]
pub(super) struct UnansweredReports(Mutex<UnansweredAttempts>);

#[derive(Debug, Default)]
struct UnansweredAttempts {
    next: u64,
    attempts: BTreeMap<u64, Progress>,
}

impl UnansweredReports {
    /// Counts an attempt as unanswered until the result is dropped.
    pub(super) fn one(&self) -> impl Drop + '_ {
        let progress = Progress::default();
        progress.sent(Duration::MAX);
        self.watch(&progress)
    }

    /// Counts an attempt from the moment when `progress` says that everything is sent, for a bounded time.
    pub(super) fn watch<'a>(&'a self, progress: &Progress) -> impl Drop + use<'a> {
        struct One<'a>(&'a UnansweredReports, u64);
        impl Drop for One<'_> {
            fn drop(&mut self) {
                self.0.lock().attempts.remove(&self.1);
            }
        }
        let mut under_way = self.lock();
        let number = under_way.next;
        under_way.next += 1;
        under_way.attempts.insert(number, progress.clone());
        One(self, number)
    }

    pub(super) fn count(&self) -> usize {
        let under_way = self.lock();
        let waiting = under_way.attempts.values().filter_map(Progress::waiting);
        waiting
            .filter(|w| w.since.elapsed() < w.least.max(PATIENCE))
            .count()
    }

    fn lock(&self) -> MutexGuard<'_, UnansweredAttempts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_counts_from_when_all_is_sent_and_not_for_ever() {
        let unanswered = UnansweredReports::default();
        let progress = Progress::default();
        let post = unanswered.watch(&progress);
        assert_eq!(unanswered.count(), 0, "nothing is lost by hanging up");
        progress.sent(Duration::from_secs(10));
        let mail = unanswered.one();
        assert_eq!(unanswered.count(), 2);
        tokio::time::sleep(PATIENCE).await;
        assert_eq!(
            unanswered.count(),
            1,
            "the relay is ours, the receiver a stranger"
        );
        drop((post, mail));
        assert_eq!(unanswered.count(), 0);
    }
}
