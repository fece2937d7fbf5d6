//! Waiting for something to become true, instead of sleeping and hoping.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a test waits for anything. Generous: it is reached only when a test fails.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Asks `probe` again and again until it answers, and returns the answer.
///
/// # Panics
/// When [`DEADLINE`] passes; the message says `what` was waited for.
pub fn until<T>(what: &str, probe: impl FnMut() -> Option<T>) -> T {
    within(DEADLINE, probe).unwrap_or_else(|| panic!("waited {DEADLINE:?} in vain for {what}"))
}

/// As [`until`], for a condition.
pub fn until_true(what: &str, mut condition: impl FnMut() -> bool) {
    until(what, || condition().then_some(()));
}

/// As [`until`], with a deadline of its own and `None` when it passes.
pub fn within<T>(deadline: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + deadline;
    let mut pause = Duration::from_millis(2);
    loop {
        if let Some(answer) = probe() {
            return Some(answer);
        }
        if Instant::now() >= end {
            return None;
        }
        sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}
