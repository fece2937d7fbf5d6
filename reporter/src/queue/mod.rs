//! Deliveries beside each other: what Postfix calls the queue manager.
//!
//! [`queues`] is the daemon's side: it puts deliveries in and takes out how they ended. A host has a queue for each of
//! its ports ([`destination`]); at one host no more attempts are under way than `max_concurrent_per_host` ([`host`]).
//! Which one begins next is decided in one place ([`scheduler`]), under one lock; a [`runner`] goes on from attempt to
//! attempt while the daemon records what has ended. Where nobody answers, a queue is held back ([`throttle`]).
//!
//! Whatever is counted is counted against who caused it, and room is never all taken by the slow: see ARCHITECTURE.md,
//! "Fair shares".

mod destination;
mod host;
mod limits;
mod queues;
mod runner;
mod scheduler;
mod strangers;
mod throttle;

use crate::{deliver::PreparedMail, model::Delivery};

pub(crate) use limits::Limits;
pub(crate) use queues::Queues;
pub(crate) use scheduler::{End, Ended};
pub(crate) use throttle::News;

/// A delivery in its queue, and its mail as far as it is written.
#[derive(Debug)]
struct Queued {
    delivery: Delivery,
    mail: PreparedMail,
}
