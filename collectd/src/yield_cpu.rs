//! The writer lets the reader go first, and so does whoever reads today's file.
//!
//! With ten datagrams in the kernel's queue and ten thousand a second, the reader may wait for a millisecond. A scheduler
//! that finds the writer on the same core leaves it there for three. A lower priority would say it better, but not every
//! sandbox allows a program to ask for one, and some kill it for asking.

use std::{
    cell::Cell,
    thread,
    time::{Duration, Instant},
};

/// From one yield to the next: as long as the reader may wait without harm. Not less, as where other programs take all cores,
/// a yield gives each of them its turn, and the writer would fall behind.
const EVERY: Duration = Duration::from_micros(200);

thread_local! {
    static YIELDED: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Yields the core to whoever waits for it, now and then. To be called once a row or datagram.
pub(crate) fn yield_cpu() {
    let now = Instant::now();
    if YIELDED
        .get()
        .is_none_or(|yielded| now.duration_since(yielded) >= EVERY)
    {
        thread::yield_now();
        YIELDED.set(Some(Instant::now()));
    }
}
