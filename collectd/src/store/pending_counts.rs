//! What a store holds in memory: for each datagram the rows that it adds to, and the counts not yet committed.
//!
//! The key texts are held only until their first commit; then a datagram is a few row numbers.

use std::{collections::VecDeque, sync::Arc};

use tlsrptd_proto::{day::Day, failure::FailureKey, session_result::SessionResult};

/// Bytes of rows in one transaction: the WAL holds all of it, table and index.
const MAX_WRITTEN: usize = 16 << 20;

/// A row and what one datagram adds to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Row {
    /// Of `finalresults`: a session, successful or failed.
    Session { rowid: i64, failed: bool },
    /// Of `failures`.
    Failure { rowid: i64 },
    /// None, because its domain and those beside it have used their share of the file.
    OverShare,
}

/// A datagram whose rows are not known yet.
#[derive(Debug, Clone)]
pub(super) struct Fresh {
    pub(super) day: Day,
    pub(super) records: Arc<[SessionResult]>,
}

/// Datagrams by index. Those with rows come first, then the fresh ones.
#[derive(Debug, Default)]
pub(super) struct PendingCounts {
    /// Where the rows of each settled datagram end in `rows`.
    ends: Vec<u32>,
    rows: Vec<Row>,
    fresh: VecDeque<Fresh>,
    /// What the fresh ones take in memory.
    fresh_bytes: usize,
    counts: Vec<u64>,
    /// Indexes whose count is not zero.
    dirty: Vec<u32>,
    uncommitted: u64,
}

/// What one transaction tries to commit.
#[derive(Debug)]
pub(super) struct Attempt {
    /// Datagrams that had their rows before, with their counts.
    pub(super) settled: Vec<(u32, u64)>,
    /// Counts of the fresh ones, all of them in order.
    pub(super) fresh: Vec<u64>,
    /// The rows found or made for the fresh ones, in order.
    pub(super) rows: Vec<Vec<Row>>,
    pub(super) datagrams: u64,
}

impl PendingCounts {
    pub(super) fn add(&mut self, day: Day, records: Arc<[SessionResult]>) {
        self.fresh_bytes += cost(&records);
        self.fresh.push_back(Fresh { day, records });
        self.counts.push(0);
        self.count(self.counts.len() as u32 - 1, 1);
    }

    pub(super) fn count(&mut self, index: u32, times: u64) {
        let count = &mut self.counts[index as usize];
        if *count == 0 && times > 0 {
            self.dirty.push(index);
        }
        *count += times;
        self.uncommitted += times;
    }

    pub(super) fn uncommitted(&self) -> u64 {
        self.uncommitted
    }

    pub(super) fn fresh_bytes(&self) -> usize {
        self.fresh_bytes
    }

    /// Rows of all settled datagrams together.
    pub(super) fn all_rows(&self) -> usize {
        self.rows.len()
    }

    /// The fresh datagrams, in order; the first of them belong to an attempt.
    pub(super) fn fresh(&self) -> impl Iterator<Item = &Fresh> {
        self.fresh.iter()
    }

    /// The rows of a settled datagram; none when the file had no room.
    pub(super) fn rows(&self, index: u32) -> &[Row] {
        let index = index as usize;
        let start = if index == 0 {
            0
        } else {
            self.ends[index - 1] as usize
        };
        &self.rows[start..self.ends[index] as usize]
    }

    /// Takes counts for one transaction: of all that is known, and of so much that is fresh as a transaction should write.
    /// It has to come back by [`PendingCounts::accept`] or [`PendingCounts::restore`].
    pub(super) fn attempt(&mut self) -> Attempt {
        let settled = self.ends.len();
        let taken = self.next_fresh();
        let mut attempt = Attempt {
            settled: Vec::with_capacity(self.dirty.len().min(settled)),
            fresh: vec![0; taken],
            rows: Vec::with_capacity(taken),
            datagrams: 0,
        };
        for index in std::mem::take(&mut self.dirty) {
            let count = &mut self.counts[index as usize];
            match (index as usize).checked_sub(settled) {
                Some(fresh) if fresh >= taken => {
                    self.dirty.push(index);
                    continue;
                }
                Some(fresh) => attempt.fresh[fresh] = *count,
                None => attempt.settled.push((index, *count)),
            }
            attempt.datagrams += std::mem::take(count);
        }
        // Rows made one after the other lie side by side.
        attempt.settled.sort_unstable();
        attempt
    }

    /// How many of the fresh ones the next transaction takes: at least one.
    fn next_fresh(&self) -> usize {
        let mut bytes = 0;
        let fits = |fresh: &&Fresh| {
            let before = bytes;
            bytes += written(&fresh.records);
            before < MAX_WRITTEN
        };
        self.fresh.iter().take_while(fits).count()
    }

    /// The attempt is committed.
    pub(super) fn accept(&mut self, attempt: Attempt) {
        self.uncommitted -= attempt.datagrams;
        for rows in attempt.rows {
            if let Some(fresh) = self.fresh.pop_front() {
                self.fresh_bytes -= cost(&fresh.records);
            }
            self.rows.extend(rows);
            self.ends.push(self.rows.len() as u32);
        }
    }

    /// The attempt did not come about.
    pub(super) fn restore(&mut self, attempt: Attempt) {
        let settled = self.ends.len() as u32;
        self.uncommitted -= attempt.datagrams;
        let fresh = (settled..).zip(attempt.fresh);
        for (index, count) in attempt.settled.into_iter().chain(fresh) {
            self.count(index, count);
        }
    }

    /// Gives up what is not committed, and says how much that is.
    pub(super) fn discard(&mut self) -> u64 {
        std::mem::take(self).uncommitted
    }

    /// Forgets all datagrams.
    pub(super) fn clear(&mut self) {
        debug_assert!(self.uncommitted == 0, "counts would be lost");
        *self = PendingCounts::default();
    }
}

/// What a fresh datagram takes in memory, with what an attempt to commit it takes: many short texts cost far more than
/// their bytes.
fn cost(records: &[SessionResult]) -> usize {
    // Twice, because what grows doubles.
    let places = 2 * (size_of::<Fresh>() + 2 * size_of::<u64>() + size_of::<Vec<Row>>());
    let of = |record: &SessionResult| {
        let failures: usize = record
            .failures
            .iter()
            .map(|failure| shared(failure.as_str()))
            .sum();
        let rows = 2 * (1 + record.failures.len()) * size_of::<Row>();
        let list = allocated(record.failures.capacity() * size_of::<FailureKey>());
        size_of::<SessionResult>()
            + shared(record.domain.as_str())
            + allocated(record.tlsrpt_record.capacity())
            + shared(record.policy.as_str())
            + list
            + failures
            + rows
    };
    places + shared("") + records.iter().map(of).sum::<usize>()
}

/// Bytes of rows that a fresh datagram may need: a policy's text stands beside each of its failures.
fn written(records: &[SessionResult]) -> usize {
    let of = |record: &SessionResult| {
        let key = record.tlsrpt_record.len() + record.policy.as_str().len();
        let failures = record.failures.iter();
        let reasons: usize = failures.map(|failure| failure.as_str().len()).sum();
        key * (1 + record.failures.len()) + reasons
    };
    records.iter().map(of).sum()
}

/// A text in an `Arc`, which has two counters before it.
fn shared(text: &str) -> usize {
    allocated(2 * size_of::<usize>() + text.len())
}

/// What the allocator takes for so many bytes: a header, and no less than two pairs of words.
fn allocated(bytes: usize) -> usize {
    (bytes + size_of::<usize>()).next_multiple_of(16).max(32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tlsrptd_proto::datagram::{Datagram, TextLimits};

    fn day() -> Day {
        Day::parse("2026-11-20").unwrap()
    }

    #[test]
    fn many_short_texts_cost_more_than_their_bytes() {
        let datagram = |failures: &str| {
            let text = format!(
                r#"{{"d":"a.test","pr":"v","policies":[{{"policy-type":9,"failure-details":[{failures}],"t":1,"f":1}}]}}"#
            );
            let datagram = Datagram::parse(text.as_bytes(), &TextLimits::default()).unwrap();
            Arc::<[SessionResult]>::from(datagram.into_session_results())
        };
        let tiny: Vec<String> = (0..20)
            .map(|n| format!(r#"{{"c":203,"f":"{n}"}}"#))
            .collect();
        let (tiny, none) = (datagram(&tiny.join(",")), datagram(""));
        let mut pending_counts = PendingCounts::default();
        pending_counts.add(day(), Arc::clone(&none));
        let first = pending_counts.fresh_bytes();
        assert!(first > 250, "{first}: the least that one takes");
        pending_counts.add(day(), tiny);
        // 16 bytes of text each, beside a pointer, two counters, a header, and a row for the attempt.
        let second = pending_counts.fresh_bytes() - first;
        assert!(second > 20 * (16 + 16 + 32 + 16), "{second}");
        let mut attempt = pending_counts.attempt();
        attempt.rows = vec![vec![], vec![]];
        pending_counts.accept(attempt);
        assert_eq!(
            pending_counts.fresh_bytes(),
            0,
            "what was charged is given back"
        );
    }

    #[test]
    fn an_attempt_comes_back_whole() {
        let mut pending_counts = PendingCounts::default();
        pending_counts.add(day(), Arc::from([]));
        pending_counts.add(day(), Arc::from([]));
        pending_counts.count(0, 4);
        let attempt = pending_counts.attempt();
        assert_eq!(
            (attempt.fresh.as_slice(), attempt.datagrams),
            ([5, 1].as_slice(), 6)
        );
        pending_counts.count(1, 2);
        assert_eq!(
            pending_counts.uncommitted(),
            8,
            "what is being tried is not committed"
        );
        pending_counts.restore(attempt);
        assert_eq!(pending_counts.uncommitted(), 8);

        let mut attempt = pending_counts.attempt();
        assert_eq!(attempt.fresh, [5, 3]);
        pending_counts.add(day(), Arc::from([]));
        attempt.rows = vec![vec![Row::Failure { rowid: 7 }], vec![]];
        pending_counts.accept(attempt);
        assert_eq!(
            pending_counts.uncommitted(),
            1,
            "the one that came meanwhile"
        );
        assert_eq!(pending_counts.rows(0), [Row::Failure { rowid: 7 }]);
        assert_eq!(pending_counts.rows(1), []);
        assert_eq!(pending_counts.fresh().count(), 1);

        pending_counts.count(0, 2);
        let attempt = pending_counts.attempt();
        assert_eq!((attempt.settled, attempt.fresh), (vec![(0, 2)], vec![1]));
    }
}
