//! What a store holds in memory: for each datagram the rows that it adds to, and the counts not yet committed.
//!
//! The key texts are held only until their first commit; then a datagram is a few row numbers.

use std::{collections::VecDeque, sync::Arc};

use tlsrptd_proto::{day::Day, record::Record};

/// A row and what one datagram adds to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Row {
    /// Of `finalresults`: a session, successful or failed.
    Session { rowid: i64, failed: bool },
    /// Of `failures`.
    Failure { rowid: i64 },
}

/// A datagram whose rows are not known yet.
#[derive(Debug, Clone)]
pub(super) struct Fresh {
    pub(super) day: Day,
    pub(super) records: Arc<[Record]>,
}

/// Datagrams by index. Those with rows come first, then the fresh ones.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Where the rows of each settled datagram end in `rows`.
    ends: Vec<u32>,
    rows: Vec<Row>,
    fresh: VecDeque<Fresh>,
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

impl Ledger {
    pub(super) fn add(&mut self, day: Day, records: Arc<[Record]>) {
        self.fresh_bytes += bytes(&records);
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

    /// The rows of a settled datagram; none when it was let go.
    pub(super) fn rows(&self, index: u32) -> &[Row] {
        let index = index as usize;
        let start = if index == 0 {
            0
        } else {
            self.ends[index - 1] as usize
        };
        &self.rows[start..self.ends[index] as usize]
    }

    /// Takes all counts, for one transaction. It has to come back by [`Ledger::accept`] or [`Ledger::restore`].
    pub(super) fn attempt(&mut self) -> Attempt {
        let settled = self.ends.len();
        let mut attempt = Attempt {
            settled: Vec::with_capacity(self.dirty.len()),
            fresh: vec![0; self.fresh.len()],
            rows: Vec::with_capacity(self.fresh.len()),
            datagrams: self.uncommitted,
        };
        for index in self.dirty.drain(..) {
            let count = std::mem::take(&mut self.counts[index as usize]);
            match (index as usize).checked_sub(settled) {
                Some(fresh) => attempt.fresh[fresh] = count,
                None => attempt.settled.push((index, count)),
            }
        }
        // Rows made one after the other lie side by side.
        attempt.settled.sort_unstable();
        attempt
    }

    /// The attempt is committed.
    pub(super) fn accept(&mut self, attempt: Attempt) {
        self.uncommitted -= attempt.datagrams;
        for rows in attempt.rows {
            if let Some(fresh) = self.fresh.pop_front() {
                self.fresh_bytes -= bytes(&fresh.records);
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
        *self = Ledger::default();
    }
}

fn bytes(records: &[Record]) -> usize {
    let of = |record: &Record| {
        let failures: usize = record
            .failures
            .iter()
            .map(|failure| failure.as_str().len())
            .sum();
        record.txt.len() + record.policy.as_str().len() + failures + size_of::<Record>()
    };
    records.iter().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day() -> Day {
        Day::parse("2026-11-20").unwrap()
    }

    #[test]
    fn an_attempt_comes_back_whole() {
        let mut ledger = Ledger::default();
        ledger.add(day(), Arc::from([]));
        ledger.add(day(), Arc::from([]));
        ledger.count(0, 4);
        let attempt = ledger.attempt();
        assert_eq!(
            (attempt.fresh.as_slice(), attempt.datagrams),
            ([5, 1].as_slice(), 6)
        );
        ledger.count(1, 2);
        assert_eq!(
            ledger.uncommitted(),
            8,
            "what is being tried is not committed"
        );
        ledger.restore(attempt);
        assert_eq!(ledger.uncommitted(), 8);

        let mut attempt = ledger.attempt();
        assert_eq!(attempt.fresh, [5, 3]);
        ledger.add(day(), Arc::from([]));
        attempt.rows = vec![vec![Row::Failure { rowid: 7 }], vec![]];
        ledger.accept(attempt);
        assert_eq!(ledger.uncommitted(), 1, "the one that came meanwhile");
        assert_eq!(ledger.rows(0), [Row::Failure { rowid: 7 }]);
        assert_eq!(ledger.rows(1), []);
        assert_eq!(ledger.fresh().count(), 1);

        ledger.count(0, 2);
        let attempt = ledger.attempt();
        assert_eq!((attempt.settled, attempt.fresh), (vec![(0, 2)], vec![1]));
    }
}
