//! What a writer knows of the ids of this epoch.

use std::time::{Duration, Instant};

use crate::{seen_table::DatagramId, store::ResultsId};

/// What the ids of this epoch stand for.
#[derive(Default)]
pub(crate) struct EpochIds {
    fates: Vec<DatagramFate>,
    /// What the store calls the next datagram.
    next_results: ResultsId,
    /// The reasons of [`DatagramFate::Malformed`].
    reasons: Vec<&'static str>,
    /// A datagram was dropped because memory is bounded. Only a new epoch makes the reader hand it over again.
    pub(super) has_dropped: bool,
    /// A datagram came again that the queue had refused: as [`EpochIds::has_dropped`].
    has_missed: bool,
    /// When an epoch was last requested because of a missed datagram.
    requested: Option<Instant>,
}

/// What became of the first datagram of an id.
#[derive(Debug, Clone, Copy)]
pub(super) enum DatagramFate {
    /// Counted by the store under this id.
    Counted(ResultsId),
    /// Not what libtlsrpt sends.
    Malformed(ReasonIndex),
    /// Dropped: there was no memory for it.
    Dropped,
    /// It did not come through this storage's queue, which was full.
    Missed,
}

/// The place of a reason in [`EpochIds::reasons`]: a million of them is not a million pointers.
type ReasonIndex = u8;

impl EpochIds {
    /// All ids are void.
    pub(super) fn start(&mut self) {
        self.fates.clear();
        self.has_dropped = false;
        self.has_missed = false;
    }

    /// The store has begun its ids at 0 too.
    pub(super) fn restart_results(&mut self) {
        self.next_results = 0;
    }

    /// How many datagrams the store holds.
    pub(super) fn stored(&self) -> usize {
        self.next_results as usize
    }

    /// The fate of a datagram that the store has just learned.
    pub(super) fn counted(&mut self) -> DatagramFate {
        let results = self.next_results;
        self.next_results += 1;
        DatagramFate::Counted(results)
    }

    /// The fate of a malformed datagram.
    pub(super) fn malformed(&mut self, reason: &'static str) -> DatagramFate {
        let known = self.reasons.iter().position(|known| *known == reason);
        let place = known.unwrap_or_else(|| {
            self.reasons.push(reason);
            self.reasons.len() - 1
        });
        // Reasons are a handful.
        DatagramFate::Malformed(place as ReasonIndex)
    }

    /// The reason of [`DatagramFate::Malformed`].
    pub(super) fn reason(&self, index: ReasonIndex) -> &'static str {
        self.reasons[usize::from(index)]
    }

    /// Remembers a fate. Ids come in order; those in between were refused by this queue.
    pub(super) fn learn(&mut self, id: DatagramId, fate: DatagramFate) {
        self.fates.resize(id as usize, DatagramFate::Missed);
        self.fates.push(fate);
    }

    /// The fate of a datagram that came again.
    pub(super) fn recall(&mut self, id: DatagramId) -> DatagramFate {
        // An id behind the last one that came through this queue was missed too.
        let fate = self.fates.get(id as usize).copied();
        let fate = fate.unwrap_or(DatagramFate::Missed);
        self.has_missed |= matches!(fate, DatagramFate::Missed);
        fate
    }

    /// Whether to request an epoch for datagrams that the queue refused. Not often: a storage that is always behind must not
    /// make the others parse everything anew all the time.
    pub(super) fn must_learn_missed(&mut self, interval: Duration) -> bool {
        let is_early = self.requested.is_some_and(|at| at.elapsed() < interval);
        let is_time = self.has_missed && !is_early;
        if is_time {
            self.requested = Some(Instant::now());
        }
        is_time
    }
}
