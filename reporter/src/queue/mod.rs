//! Deliveries side by side: what Postfix calls the queue manager.
//!
//! [`queues`] is the daemon's side: it puts deliveries in and takes out how they ended. A host has a queue for each of
//! its ports ([`destination`]); no more than `max_concurrent_per_host` attempts are under way at one host ([`host`]).
//! [`scheduler`] decides under one lock which attempt starts next; a [`runner`] goes on from attempt to attempt while the
//! daemon records what has ended. If nobody answers, a queue is paused ([`throttle`]).
//!
//! Every limit is charged to whoever caused the load, and the slow never take all slots: see INTERNALS.md, "Fair
//! shares".

mod destination;
mod domain_history;
mod host;
mod limits;
mod queues;
mod retry_after;
mod runner;
mod scheduler;
mod throttle;

use crate::{deliver::PreparedMail, model::Delivery};

pub(crate) use limits::ConcurrencyLimits;
pub(crate) use queues::{ClaimedCounts, DeliveryQueues};
pub(crate) use scheduler::DeliveryEvent;
pub(crate) use throttle::ThrottleChange;

/// A delivery in its queue, and its mail as far as it is written.
#[derive(Debug)]
struct Queued {
    delivery: Delivery,
    mail: PreparedMail,
}
