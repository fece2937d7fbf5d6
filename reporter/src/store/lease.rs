//! How long a reporter may act on what it has in hand.
//!
//! Alone on its database it may for ever. In a fleet it may while its lease lasts: behind its end others do its work. A process
//! that was stopped, or whose machine was suspended, must do nothing with what it had in hand before: so whoever attempts
//! anything asks the lease each time it is woken, before all else. The lease is judged by the boot-time clock, which nobody
//! sets and which counts the time for which a machine is suspended; it begins when it was asked for, not when it was granted.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    task::Poll,
    time::Duration,
};

use tlsrptd_service::clock::ClockReading;
use tokio::{sync::Notify, time::sleep};

/// It has ended for good.
const OVER: u64 = 0;

/// How long a reporter may act on what it has in hand. Copies are the same lease.
#[derive(Clone, Debug)]
pub struct Lease(Option<Arc<Term>>);

#[derive(Debug)]
struct Term {
    /// By the boot-time clock, in microseconds.
    until: AtomicU64,
    ended: Notify,
    /// Something has changed in the fleet.
    has_news: AtomicBool,
    news: Notify,
}

impl Lease {
    /// One that does not end.
    pub fn always() -> Lease {
        Lease(None)
    }

    /// One that was asked for when the boot-time clock showed `asked`.
    pub fn of(asked: Duration, length: Duration) -> Lease {
        Lease(Some(Arc::new(Term {
            until: AtomicU64::new(microseconds(asked.saturating_add(length))),
            ended: Notify::new(),
            has_news: AtomicBool::new(true),
            news: Notify::new(),
        })))
    }

    /// What the boot-time clock shows, to be read before a lease is asked for.
    pub fn clock() -> Duration {
        ClockReading::take().boot
    }

    /// It was asked for once more at `asked`, and granted. One that has ended meanwhile stays so: `false`.
    pub fn renew(&self, asked: Duration, length: Duration) -> bool {
        let Some(term) = &self.0 else {
            return true;
        };
        let (now, until) = (microseconds(Lease::clock()), asked.saturating_add(length));
        let renewed = term.until.fetch_update(SeqCst, SeqCst, |before| {
            (now < before).then_some(microseconds(until).max(before))
        });
        if renewed.is_err() {
            self.end();
        }
        renewed.is_ok()
    }

    /// It ends now, and for good.
    pub fn end(&self) {
        if let Some(term) = &self.0 {
            term.until.store(OVER, SeqCst);
            term.ended.notify_waiters();
        }
    }

    /// Whether this reporter may act.
    pub fn is_valid(&self) -> bool {
        self.0.as_ref().is_none_or(|term| term.left().is_some())
    }

    /// Something has changed in the fleet that its holder may have to follow.
    pub fn tell_news(&self) {
        if let Some(term) = &self.0 {
            term.has_news.store(true, SeqCst);
            term.news.notify_one();
        }
    }

    /// Whether it was told since the last call. At the begin there is news.
    pub fn take_news(&self) -> bool {
        let term = self.0.as_ref();
        term.is_some_and(|term| term.has_news.swap(false, SeqCst))
    }

    /// Waits until there is news. Cancel safe.
    pub async fn news(&self) {
        match &self.0 {
            Some(term) => term.news.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Waits until it has ended. Whoever polls this is told so at once, however late the timers of the process are.
    pub async fn ended(&self) {
        let Some(term) = &self.0 else {
            return std::future::pending().await;
        };
        loop {
            let mut ended = pin!(term.ended.notified());
            // From here on no end is missed.
            ended.as_mut().enable();
            let Some(left) = term.left() else { return };
            let mut timer = pin!(sleep(left));
            std::future::poll_fn(|context| {
                let is_told = ended.as_mut().poll(context).is_ready();
                let is_late = timer.as_mut().poll(context).is_ready();
                match is_told || is_late || term.left().is_none() {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                }
            })
            .await;
        }
    }

    /// Does the work while it lasts: nothing of it is done behind its end. `None`: it has ended before the work.
    pub async fn during<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.ended() => None,
            done = work => Some(done),
        }
    }
}

impl Term {
    fn left(&self) -> Option<Duration> {
        let left = self
            .until
            .load(SeqCst)
            .checked_sub(microseconds(Lease::clock()))?;
        (left > 0).then(|| Duration::from_micros(left))
    }
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn what_has_ended_is_not_renewed() {
        let now = Lease::clock();
        for (lease, valid, why) in [
            (Lease::always(), true, "alone on its database"),
            (Lease::of(now, LONG), true, "just granted"),
            (Lease::of(now, Duration::ZERO), false, "over when it came"),
        ] {
            assert_eq!(lease.is_valid(), valid, "{why}");
            assert_eq!(lease.renew(now, LONG), valid, "{why}");
            assert_eq!(lease.is_valid(), valid, "{why}");
        }
        let lease = Lease::of(now, LONG);
        lease.clone().end();
        assert!(!lease.renew(now, LONG) && !lease.is_valid(), "it was ended");
        let lease = Lease::of(now, LONG);
        assert!(lease.renew(now, Duration::ZERO), "an answer that was late");
        assert!(lease.is_valid(), "shortens nothing");
    }

    #[tokio::test]
    async fn work_ends_with_it() {
        let now = Lease::clock();
        assert_eq!(Lease::always().during(async { 1 }).await, Some(1));
        assert_eq!(Lease::of(now, LONG).during(async { 1 }).await, Some(1));
        let over = Lease::of(now, Duration::ZERO);
        let begun = std::cell::Cell::new(false);
        let work = async { begun.set(true) };
        assert_eq!(over.during(work).await, None);
        assert!(!begun.get(), "not even begun");
        let short = Lease::of(Lease::clock(), Duration::from_millis(30));
        assert_eq!(short.during(std::future::pending::<()>()).await, None);
        let ended = Lease::of(Lease::clock(), LONG);
        let end = async {
            sleep(Duration::from_millis(20)).await;
            ended.end();
            std::future::pending::<()>().await;
        };
        assert_eq!(ended.during(end).await, None, "as soon as it is told");
    }
}
