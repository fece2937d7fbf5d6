//! What the store holds in memory: for each datagram the rows that it adds to, and the counts not yet committed.
//!
//! A *new* datagram still has its key texts. After its first commit it is *known*: a few row numbers.

use std::{collections::VecDeque, sync::Arc};

use tlsrptd_proto::{day::Day, failure::FailureKey, session_result::SessionResult};

use crate::store::ResultsId;

/// Bytes of rows in one transaction: the WAL holds all of it, table and id.
const MAX_WRITTEN: usize = 16 << 20;

/// A row that a datagram adds to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CountedRow {
    /// Of `finalresults`: a session, successful or failed.
    Session { rowid: i64, failed: bool },
    /// Of `failures`.
    Failure { rowid: i64 },
    /// No row, because the owner of its domain has used up its share of the file.
    OverShare,
}

/// A datagram that was never committed.
#[derive(Debug, Clone)]
pub(super) struct NewDatagram {
    pub(super) day: Day,
    pub(super) results: Arc<[SessionResult]>,
}

/// Datagrams by id. Those with rows come first, then the new ones.
#[derive(Debug, Default)]
pub(super) struct PendingCounts {
    /// Where the rows of each known datagram end in `rows`.
    ends: Vec<u32>,
    rows: Vec<CountedRow>,
    new: VecDeque<NewDatagram>,
    /// What the new ones take in memory.
    new_bytes: usize,
    counts: Vec<u64>,
    /// Datagrams whose count is not zero.
    dirty: Vec<ResultsId>,
    uncommitted: u64,
}

/// What one transaction tries to commit.
#[derive(Debug)]
pub(super) struct CommitAttempt {
    /// Datagrams that had their rows before, with their counts.
    pub(super) known: Vec<(ResultsId, u64)>,
    /// Counts of the new ones, in order.
    pub(super) new: Vec<u64>,
    /// The rows found or made for the new ones, in order.
    pub(super) rows: Vec<Vec<CountedRow>>,
    pub(super) datagrams: u64,
}

impl PendingCounts {
    pub(super) fn add(&mut self, day: Day, results: Arc<[SessionResult]>) {
        self.new_bytes += cost(&results);
        self.new.push_back(NewDatagram { day, results });
        self.counts.push(0);
        self.count(self.counts.len() as u32 - 1, 1);
    }

    pub(super) fn count(&mut self, id: ResultsId, times: u64) {
        let count = &mut self.counts[id as usize];
        if *count == 0 && times > 0 {
            self.dirty.push(id);
        }
        *count += times;
        self.uncommitted += times;
    }

    pub(super) fn uncommitted(&self) -> u64 {
        self.uncommitted
    }

    pub(super) fn new_bytes(&self) -> usize {
        self.new_bytes
    }

    /// Rows of all known datagrams together.
    pub(super) fn all_rows(&self) -> usize {
        self.rows.len()
    }

    /// The new datagrams, in order; the first of them belong to an attempt.
    pub(super) fn new_datagrams(&self) -> impl Iterator<Item = &NewDatagram> {
        self.new.iter()
    }

    /// The rows of a known datagram; none when the file had no room.
    pub(super) fn rows(&self, id: ResultsId) -> &[CountedRow] {
        let id = id as usize;
        let start = if id == 0 {
            0
        } else {
            self.ends[id - 1] as usize
        };
        &self.rows[start..self.ends[id] as usize]
    }

    /// Takes counts for one transaction: of all known datagrams, and of as many new ones as a transaction should write.
    /// They have to come back by [`PendingCounts::accept`] or [`PendingCounts::restore`].
    pub(super) fn attempt(&mut self) -> CommitAttempt {
        let known = self.ends.len();
        let taken = self.next_new();
        let mut attempt = CommitAttempt {
            known: Vec::with_capacity(self.dirty.len().min(known)),
            new: vec![0; taken],
            rows: Vec::with_capacity(taken),
            datagrams: 0,
        };
        for id in std::mem::take(&mut self.dirty) {
            let count = &mut self.counts[id as usize];
            match (id as usize).checked_sub(known) {
                Some(place) if place >= taken => {
                    self.dirty.push(id);
                    continue;
                }
                Some(place) => attempt.new[place] = *count,
                None => attempt.known.push((id, *count)),
            }
            attempt.datagrams += std::mem::take(count);
        }
        // Rows made one after the other lie side by side.
        attempt.known.sort_unstable();
        attempt
    }

    /// How many of the new ones the next transaction takes: at least one.
    fn next_new(&self) -> usize {
        let mut bytes = 0;
        let fits = |new: &&NewDatagram| {
            let before = bytes;
            bytes += written(&new.results);
            before < MAX_WRITTEN
        };
        self.new.iter().take_while(fits).count()
    }

    /// The attempt is committed.
    pub(super) fn accept(&mut self, attempt: CommitAttempt) {
        self.uncommitted -= attempt.datagrams;
        for rows in attempt.rows {
            if let Some(new) = self.new.pop_front() {
                self.new_bytes -= cost(&new.results);
            }
            self.rows.extend(rows);
            self.ends.push(self.rows.len() as u32);
        }
    }

    /// The attempt failed: nothing of it is in the file.
    pub(super) fn restore(&mut self, attempt: CommitAttempt) {
        let known = self.ends.len() as u32;
        self.uncommitted -= attempt.datagrams;
        let new = (known..).zip(attempt.new);
        for (id, count) in attempt.known.into_iter().chain(new) {
            self.count(id, count);
        }
    }

    /// Forgets all datagrams, and says how many were not committed.
    pub(super) fn discard(&mut self) -> u64 {
        std::mem::take(self).uncommitted
    }

    /// Forgets all datagrams; each is committed.
    pub(super) fn clear(&mut self) {
        debug_assert!(self.uncommitted == 0, "counts would be lost");
        *self = PendingCounts::default();
    }
}

/// What a new datagram takes in memory, with what an attempt to commit it takes: many short texts cost far more than
/// their bytes.
fn cost(results: &[SessionResult]) -> usize {
    // Twice, because what grows doubles.
    let places =
        2 * (size_of::<NewDatagram>() + 2 * size_of::<u64>() + size_of::<Vec<CountedRow>>());
    let of = |result: &SessionResult| {
        let failures: usize = result
            .failures
            .iter()
            .map(|failure| shared(failure.as_str()))
            .sum();
        let rows = 2 * (1 + result.failures.len()) * size_of::<CountedRow>();
        let list = allocated(result.failures.capacity() * size_of::<FailureKey>());
        size_of::<SessionResult>()
            + shared(result.domain.as_str())
            + allocated(result.tlsrpt_record.capacity())
            + shared(result.policy.as_str())
            + list
            + failures
            + rows
    };
    places + shared("") + results.iter().map(of).sum::<usize>()
}

/// Bytes of rows that a new datagram may need: a policy's text stands beside each of its failures.
fn written(results: &[SessionResult]) -> usize {
    let of = |result: &SessionResult| {
        let key = result.tlsrpt_record.len() + result.policy.as_str().len();
        let failures = result.failures.iter();
        let reasons: usize = failures.map(|failure| failure.as_str().len()).sum();
        key * (1 + result.failures.len()) + reasons
    };
    results.iter().map(of).sum()
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
        let first = pending_counts.new_bytes();
        assert!(first > 250, "{first}: the least that one takes");
        pending_counts.add(day(), tiny);
        // 16 bytes of text each, beside a pointer, two counters, a header, and a row for the attempt.
        let second = pending_counts.new_bytes() - first;
        assert!(second > 20 * (16 + 16 + 32 + 16), "{second}");
        let mut attempt = pending_counts.attempt();
        attempt.rows = vec![vec![], vec![]];
        pending_counts.accept(attempt);
        assert_eq!(
            pending_counts.new_bytes(),
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
            (attempt.new.as_slice(), attempt.datagrams),
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
        assert_eq!(attempt.new, [5, 3]);
        pending_counts.add(day(), Arc::from([]));
        attempt.rows = vec![vec![CountedRow::Failure { rowid: 7 }], vec![]];
        pending_counts.accept(attempt);
        assert_eq!(
            pending_counts.uncommitted(),
            1,
            "the one that came meanwhile"
        );
        assert_eq!(pending_counts.rows(0), [CountedRow::Failure { rowid: 7 }]);
        assert_eq!(pending_counts.rows(1), []);
        assert_eq!(pending_counts.new_datagrams().count(), 1);

        pending_counts.count(0, 2);
        let attempt = pending_counts.attempt();
        assert_eq!((attempt.known, attempt.new), (vec![(0, 2)], vec![1]));
    }
}
