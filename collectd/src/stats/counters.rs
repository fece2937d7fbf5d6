//! Numbers that one thread writes and others read.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// One number, written by one thread and read by others.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    pub(crate) fn set(&self, n: u64) {
        self.0.store(n, Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Datagrams that were accepted, and of these, those that are counted still: a storage may drop some after all. Neither of
/// the two numbers behind it ever falls.
#[derive(Debug, Default)]
pub(crate) struct CountedFigure {
    accepted: Counter,
    taken_back: Counter,
}

impl CountedFigure {
    pub(crate) fn add(&self, n: u64) {
        self.accepted.add(n);
    }

    pub(crate) fn subtract(&self, n: u64) {
        self.taken_back.add(n);
    }

    pub(crate) fn value(&self) -> u64 {
        // In this order it is never too large.
        let taken_back = self.taken_back.value();
        self.accepted.value().saturating_sub(taken_back)
    }

    /// Those too that were dropped after all.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.value()
    }
}

/// One number a reason; reasons are a small fixed set.
#[derive(Debug)]
pub(crate) struct ReasonCounters<R = &'static str>(Mutex<BTreeMap<R, u64>>);

/// Why a datagram was dropped, in the order of the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DropReason {
    /// The day's file is full, and the datagram needs a row that is not there.
    DayFull,
    /// Its domain and those beside it have used their share of the day's file.
    DomainShare,
    /// The writer was too far behind.
    QueueFull,
    /// The storage could not take it, and memory for what waits is bounded.
    Storage,
}

impl DropReason {
    /// All of them.
    pub(crate) const ALL: [DropReason; 4] = [
        DropReason::DayFull,
        DropReason::DomainShare,
        DropReason::QueueFull,
        DropReason::Storage,
    ];
}

impl<R: Copy + Ord + Into<&'static str>> ReasonCounters<R> {
    pub(crate) fn add(&self, reason: R, n: u64) {
        *self.lock().entry(reason).or_default() += n;
    }

    pub(crate) fn by_reason(&self) -> Vec<(R, u64)> {
        self.lock()
            .iter()
            .map(|(reason, n)| (*reason, *n))
            .collect()
    }

    /// The same, by the names of the reasons.
    pub(crate) fn by_name(&self) -> Vec<(&'static str, u64)> {
        self.lock()
            .iter()
            .map(|(reason, n)| ((*reason).into(), *n))
            .collect()
    }

    pub(crate) fn total(&self) -> u64 {
        self.lock().values().sum()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<R, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R> Default for ReasonCounters<R> {
    fn default() -> Self {
        ReasonCounters(Mutex::default())
    }
}

impl From<DropReason> for &'static str {
    fn from(reason: DropReason) -> &'static str {
        match reason {
            DropReason::DayFull => "day-full",
            DropReason::DomainShare => "domain-share",
            DropReason::QueueFull => "queue-full",
            DropReason::Storage => "storage",
        }
    }
}
