//! What a client may take of us. The number of connections is an option, `max_connections`.

use std::time::Duration;

use tlsrptd_config::ctl::AnswerBounds;

/// Bytes of a request's line and fields.
pub(super) const HEAD: usize = 16 << 10;
/// Bytes of its target.
pub(super) const TARGET: usize = 2 << 10;
/// Fields of a request.
pub(super) const FIELDS: usize = 64;
/// Bytes that the kernel keeps of a connection, out and in; it takes twice as much for its own records. Otherwise a reader that is
/// slow makes it keep megabytes.
pub(super) const SENT: usize = 128 << 10;
pub(super) const RECEIVED: usize = 16 << 10;
/// How long a client may take for a request, from its connect or from the last answer.
pub(super) const READ: Duration = Duration::from_secs(20);
/// How long it may take to take an answer.
pub(super) const WRITE: Duration = Duration::from_secs(20);
/// How long a request waits for its answer.
pub(super) const ANSWER: Duration = Duration::from_secs(15);
/// How long the store may take for one answer.
pub(super) const STORE: Duration = Duration::from_secs(5);
/// Longer than the worker ever takes for one: the store for a snapshot, the daemons, and the store for a page.
pub(super) const WORKER: Duration = Duration::from_secs(30);
/// Different questions that wait for the worker, beside the handful that has places of its own.
pub(super) const QUESTIONS: usize = 32;
/// Answers that are kept.
pub(super) const KEPT: usize = 128;
/// Bytes of the answers that are kept.
pub(super) const KEPT_BYTES: usize = 8 << 20;
/// What /api may be asked for.
pub(super) const BOUNDS: AnswerBounds = AnswerBounds {
    days: 400,
    lines: 1000,
};
/// How long answers under way are waited for at the end.
pub(super) const GRACE: Duration = Duration::from_secs(2);
