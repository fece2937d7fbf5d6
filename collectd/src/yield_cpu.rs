//! The writer lets the reader go first, and so does whoever reads today's file.
//!
//! With ten datagrams in the kernel's queue and ten thousand a second, the reader may wait for a millisecond. A scheduler
//! that finds the writer on the same core leaves it there for three. A lower priority would say it better, but not every
//! sandbox allows a program to ask for one, and some kill it for asking.

use std::{cell::Cell, thread};

/// Rows or datagrams between two yields; each takes some ten microseconds.
const EVERY: u32 = 2;

thread_local! {
    static DONE: Cell<u32> = const { Cell::new(0) };
}

/// Yields the core to whoever waits for it, now and then. To be called once a row or datagram.
pub(crate) fn yield_cpu() {
    let done = DONE.get().wrapping_add(1);
    DONE.set(done);
    if done.is_multiple_of(EVERY) {
        thread::yield_now();
    }
}
