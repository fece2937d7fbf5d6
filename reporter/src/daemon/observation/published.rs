//! A copy that the main loop makes when somebody wants it.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use tokio::{sync::Notify, time::sleep};

/// A copy is as good as new for so long.
const FRESH: Duration = Duration::from_secs(1);
/// Whoever asks waits so long for a new one; a main loop that waits for its disk answers later, and then they get the old
/// one.
const PATIENCE: Duration = Duration::from_millis(1500);

/// The last copy, and who wants another.
#[derive(Debug)]
pub(in crate::daemon) struct Published<T> {
    copy: Mutex<Option<(Instant, Arc<T>)>>,
    is_new: Condvar,
    is_wanted: AtomicBool,
    wanted: Notify,
}

impl<T> Published<T> {
    pub(in crate::daemon) fn new() -> Published<T> {
        Published {
            copy: Mutex::new(None),
            is_new: Condvar::new(),
            is_wanted: AtomicBool::new(false),
            wanted: Notify::new(),
        }
    }

    fn copy(&self) -> MutexGuard<'_, Option<(Instant, Arc<T>)>> {
        // Nobody panics while it is locked.
        self.copy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For a thread that asks: a fresh copy, or the last one if the main loop makes none in time.
    pub(in crate::daemon) fn fresh(&self) -> Option<Arc<T>> {
        let is_old = |copy: &mut Option<(Instant, Arc<T>)>| {
            copy.as_ref()
                .is_none_or(|(made, _)| made.elapsed() >= FRESH)
        };
        let mut copy = self.copy();
        if is_old(&mut copy) {
            self.is_wanted.store(true, SeqCst);
            self.wanted.notify_one();
            let waited = self.is_new.wait_timeout_while(copy, PATIENCE, is_old);
            copy = waited.map_or_else(|poisoned| poisoned.into_inner().0, |waited| waited.0);
        }
        copy.as_ref().map(|(_, copy)| Arc::clone(copy))
    }

    /// For the main loop: waits until somebody wants a copy, and the last one is old.
    pub(in crate::daemon) async fn wanted(&self) {
        loop {
            if self.is_wanted.load(SeqCst) {
                let age = self.copy().as_ref().map(|(made, _)| made.elapsed());
                if let Some(left) = age.and_then(|age| FRESH.checked_sub(age)) {
                    sleep(left).await;
                }
                return;
            }
            self.wanted.notified().await;
        }
    }

    /// The main loop has made one.
    pub(in crate::daemon) fn publish(&self, copy: T) {
        self.is_wanted.store(false, SeqCst);
        *self.copy() = Some((Instant::now(), Arc::new(copy)));
        self.is_new.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_copy_is_made_when_somebody_wants_it_and_once_a_second() {
        let published = Arc::new(Published::new());
        let ask = || {
            let published = Arc::clone(&published);
            std::thread::spawn(move || published.fresh().map(|copy| *copy))
        };
        let first = ask();
        published.wanted().await;
        published.publish(1);
        assert_eq!(first.join().unwrap(), Some(1));
        let begun = Instant::now();
        assert_eq!(ask().join().unwrap(), Some(1), "it is fresh");
        assert!(begun.elapsed() < FRESH);
        tokio::time::sleep(FRESH).await;
        let third = ask();
        published.wanted().await;
        published.publish(2);
        assert_eq!(third.join().unwrap(), Some(2));
    }

    #[test]
    fn a_main_loop_that_waits_for_its_disk_is_not_waited_for() {
        let published = Published::<u8>::new();
        let begun = Instant::now();
        assert_eq!(published.fresh(), None);
        assert!(begun.elapsed() >= PATIENCE);
    }
}
