//! What travels from the reader to a writer.

use tlsrptd_proto::day::Day;

use crate::seen_table::{DatagramId, RepeatCounts};

/// One thing handed over.
#[derive(Debug)]
pub(crate) enum QueueItem {
    /// A datagram that this epoch has not seen before.
    Datagram {
        /// `None`: these are the first bytes of one longer than `max_datagram_size`, which is never known again.
        id: Option<DatagramId>,
        /// Its length in [`Batch::bytes`], where datagrams stand one after the other.
        len: usize,
    },
    /// How often known datagrams came again.
    Counts(RepeatCounts),
    /// All ids given so far are void.
    EpochChange(EpochChange),
    /// Nothing follows.
    End,
}

/// The reader starts an epoch: ids begin at 0 again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EpochChange {
    /// The day of all that follows.
    pub(crate) today: Day,
    /// The operator's SIGUSR2: today's data becomes yesterday's.
    pub(crate) rotate: bool,
    /// Whether days may be closed.
    pub(crate) closing: DayClosing,
    /// So many closed days are kept beside `keep_days`.
    pub(crate) extra_days: u32,
}

/// What the clock allows at an epoch change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DayClosing {
    /// Days are closed when the day has changed.
    AsUsual,
    /// The clock has moved, or is in doubt no more: the store looks for days to close.
    CheckNow,
    /// The clock is in doubt: nothing is closed.
    Forbidden,
}

impl EpochChange {
    /// Makes one change of two with nothing in between, for the same day.
    pub(super) fn merge(&mut self, next: EpochChange) {
        self.rotate |= next.rotate;
        if (self.closing, next.closing) != (DayClosing::CheckNow, DayClosing::AsUsual) {
            self.closing = next.closing;
        }
        self.extra_days = self.extra_days.max(next.extra_days);
    }
}

/// Everything handed over since the writer last took it.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// The datagrams, one after the other.
    pub(crate) bytes: Vec<u8>,
    pub(crate) items: Vec<QueueItem>,
    pub(super) datagrams: usize,
}

impl Batch {
    pub(super) fn push_datagram(&mut self, id: Option<DatagramId>, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        let len = bytes.len();
        self.items.push(QueueItem::Datagram { id, len });
        self.datagrams += 1;
    }

    /// Empties it for its next use; the memory of a burst is given back.
    pub(crate) fn clear(&mut self) {
        self.items.clear();
        self.bytes.clear();
        self.bytes.shrink_to(1 << 20);
        self.datagrams = 0;
    }
}
