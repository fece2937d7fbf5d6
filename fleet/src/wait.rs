//! Waiting for the database on the thread of the caller.
//!
//! A store answers its caller at once or not at all: it has no `async`. The caller may be a thread that drives a runtime, which
//! lets nobody block on it by its own means; the connection lives on another (`session.rs`), so this thread may simply sleep.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// What comes of it; `None` if that takes longer.
pub(crate) fn wait_for<T>(future: impl Future<Output = T>, longest: Duration) -> Option<T> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    let until = Instant::now() + longest;
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return Some(value);
        }
        let left = until.checked_duration_since(Instant::now())?;
        thread::park_timeout(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_in_a_runtime_and_not_for_ever() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let handle = runtime.handle().clone();
        let came = runtime.block_on(async {
            let task = handle.spawn(async { 7 });
            wait_for(task, Duration::from_secs(60))
        });
        assert_eq!(
            came.map(Result::unwrap),
            Some(7),
            "on a thread that drives a runtime"
        );
        let never = wait_for(std::future::pending::<()>(), Duration::from_millis(1));
        assert_eq!(never, None, "what never comes is given up");
    }
}
