//! Port of what is delivered: one report to one destination each.

use hyper::body::Bytes;
use jiff::Timestamp;
use tlsrptd_proto::day::Day;

use super::StoreError;
use crate::{
    model::{Delivery, DeliveryStatus, Destination, QueueKey},
    suppress::TargetForDomain,
};

/// Deliveries, from pending to their end.
///
/// # Errors
/// All fail when the engine cannot read or write; nothing has changed then.
pub trait Deliveries {
    /// At the start: attempts whose outcome was not recorded are pending again, and what sys4 added gets its queue.
    /// Gives the number of attempts that will be repeated.
    fn release(&mut self) -> Result<usize, StoreError>;

    /// Takes due deliveries in hand: of each queue at most `room` of it.
    fn claim(
        &mut self,
        now: Timestamp,
        limit: ClaimLimit,
        room: &dyn Fn(&QueueKey) -> usize,
    ) -> Result<Vec<Claimed>, StoreError>;

    /// Whether the reports of the posts in hand take as much memory as they may.
    fn posts_are_full(&mut self) -> bool;

    /// Records how attempts ended. Gives the destinations that are suspended now for their refusals.
    fn record(
        &mut self,
        ends: &[AttemptEnd],
        now: Timestamp,
    ) -> Result<Vec<Suspension>, StoreError>;

    /// Deliveries that were taken in hand and not begun are pending again.
    fn put_back(&mut self, deliveries: &[Delivery]) -> Result<(), StoreError>;

    /// From now on no delivery of that queue is taken in hand.
    fn hold_queue(&mut self, queue: &QueueKey);

    /// Ends [`Deliveries::hold_queue`]: one delivery at a time is taken in hand, as a probe.
    fn free_queue(&mut self, queue: &QueueKey);

    /// The queue is not probed any more: deliveries are taken in hand as far as there is room.
    fn queue_flows(&mut self, queue: &QueueKey);

    /// The queues with the most pending deliveries that are not in hand, at most `most`: as far as they are in memory.
    fn queue_depths(&self, now: Timestamp, most: usize) -> QueueDepths;

    /// The same of one queue.
    fn queue_depth(&self, queue: &QueueKey, now: Timestamp) -> QueueDepth;
    /// Whether something may be due of a queue, beside what is claimed.
    fn is_due(&self, queue: &QueueKey, now: Timestamp) -> bool {
        self.queue_depth(queue, now).due > 0
    }

    /// The next due time after `now`; `now` if rows remain unread.
    fn next_delivery(&mut self, now: Timestamp) -> Result<Option<Timestamp>, StoreError>;
}

/// The queues with the most pending deliveries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueDepths {
    /// These.
    pub longest: Vec<QueueDepth>,
    /// All that are known.
    pub number: usize,
    /// All pending rows have been read.
    pub is_read: bool,
}

/// What waits in a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueDepth {
    /// Which.
    pub key: QueueKey,
    /// Deliveries that are pending.
    pub waiting: usize,
    /// Those of them that are due.
    pub due: usize,
}

/// How many deliveries may be taken in hand.
#[derive(Clone, Copy, Debug)]
pub struct ClaimLimit {
    /// For the relay and the disk.
    pub local: usize,
    /// For hosts of other people.
    pub posts: usize,
    /// For both together.
    pub all: usize,
}

impl From<usize> for ClaimLimit {
    fn from(all: usize) -> ClaimLimit {
        ClaimLimit {
            local: all,
            posts: all,
            all,
        }
    }
}

/// A due delivery that was taken in hand.
#[derive(Clone, Debug)]
pub enum Claimed {
    /// Its attempt may begin.
    Delivery(Delivery),
    /// The row of its report cannot be read.
    Corrupt(CorruptRow),
}

/// A delivery whose report cannot be read: it is no text, or has no valid domain or day.
#[derive(Clone, Debug)]
pub struct CorruptRow {
    /// The row of the report.
    pub r_id: i64,
    /// Where to.
    pub destination: Destination,
    /// Failures so far.
    pub failures: u32,
}

/// An attempt's end.
#[derive(Clone, Debug)]
pub struct AttemptEnd {
    /// The row of its report.
    pub r_id: i64,
    /// Where to.
    pub destination: Destination,
    /// What becomes of it.
    pub disposition: Disposition,
    /// The report as it was sent, to be kept after its last delivery; `None` when it was not compressed.
    pub gzip: Option<Bytes>,
}

/// What is recorded of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// The delivery has ended.
    Final {
        /// Not [`DeliveryStatus::Refused`] for a fault of the receiver's: that is [`Disposition::Refused`].
        status: DeliveryStatus,
        /// What it ended with.
        reason: String,
    },
    /// The receiver has refused it, which counts towards a suspension.
    Refused {
        /// What it answered.
        reason: String,
    },
    /// To be tried again, as if it had not been tried: the relay takes no mail at all.
    Wait {
        /// When.
        at: Timestamp,
        /// What the relay says.
        reason: String,
    },
    /// It was not tried: no failure, and due again.
    Postpone {
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
    },
    /// To be tried again.
    Retry {
        /// When.
        at: Timestamp,
        /// When the attempt began, if the retry window begins with it.
        begins: Option<Timestamp>,
        /// What went wrong.
        reason: String,
    },
}

impl Disposition {
    /// The other side took the report.
    pub fn is_sent(&self) -> bool {
        matches!(
            self,
            Disposition::Final {
                status: DeliveryStatus::Sent,
                ..
            }
        )
    }
}

/// A destination that gets no reports for some days, because it refused them day after day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspension {
    /// Which, and on which domain.
    pub pair: TargetForDomain,
    /// The last day.
    pub until: Day,
    /// Days on which it refused.
    pub days: u32,
}
