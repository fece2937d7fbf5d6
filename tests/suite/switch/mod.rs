//! From sys4's programs to ours, and back again: on the same files, at any time of the day, after a stop or a kill.
//!
//! More of it stands beside what it is about: `collector/sharing` (a day passed back and forth, byte for byte),
//! `reporter/handover` and `reporter/halves` (reports pending, a day half gathered), `reporter/form` (the tables).

mod collector;
mod decided;
mod schema;
mod turns;

use tlsrptd_tests::harness::program::Running;

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Ours,
    Theirs,
}

/// How a turn ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Stop,
    Kill,
}

/// Ends it. An orderly stop of ours is a success.
fn end(running: Running, turn: Turn, end: End) {
    match (end, turn) {
        (End::Kill, _) => {
            running.kill();
        }
        (End::Stop, Turn::Ours) => {
            running.stop().success();
        }
        (End::Stop, Turn::Theirs) => {
            running.stop();
        }
    }
}
