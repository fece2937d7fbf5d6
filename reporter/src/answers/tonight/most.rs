//! The domains of the most sessions, out of any number of them.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::TonightRow;

/// At most so many rows, and how many others there were.
pub(super) struct MostSessions {
    limit: usize,
    /// The row that goes first is on top.
    heap: BinaryHeap<Reverse<Ranked>>,
    others: u64,
}

/// Ordered by sessions; of equals the first by name is the greatest.
struct Ranked(TonightRow);

impl MostSessions {
    pub(super) fn new(limit: usize) -> MostSessions {
        MostSessions {
            limit,
            heap: BinaryHeap::new(),
            others: 0,
        }
    }

    pub(super) fn offer(&mut self, row: TonightRow) {
        self.heap.push(Reverse(Ranked(row)));
        if self.heap.len() > self.limit {
            self.heap.pop();
            self.others += 1;
        }
    }

    /// Those of the most sessions first, and the number of the others.
    pub(super) fn rows(self) -> (Vec<TonightRow>, u64) {
        let rows = self.heap.into_sorted_vec().into_iter();
        (rows.map(|Reverse(Ranked(row))| row).collect(), self.others)
    }
}

impl Ranked {
    fn key(&self) -> (u64, Reverse<&str>) {
        (self.0.sessions, Reverse(&self.0.domain))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Ranked) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Ranked) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Ranked) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Ranked {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_sessions_first_and_the_rest_counted() {
        let row = |domain: &str, sessions| TonightRow {
            domain: domain.to_owned(),
            sessions,
            failed: 0,
            destinations: Vec::new(),
            suppressed: Vec::new(),
            reason: None,
        };
        for (limit, want, others, why) in [
            (10, "c9 a5 b5 d1", 0, "all of them"),
            (3, "c9 a5 b5", 1, "the fewest goes"),
            (2, "c9 a5", 2, "of equals the first by name stays"),
            (0, "", 4, "only counted"),
        ] {
            let mut most = MostSessions::new(limit);
            for (domain, sessions) in [("a", 5), ("b", 5), ("c", 9), ("d", 1)] {
                most.offer(row(domain, sessions));
            }
            let (rows, more) = most.rows();
            let rows: Vec<String> = rows
                .iter()
                .map(|row| format!("{}{}", row.domain, row.sessions))
                .collect();
            assert_eq!((rows.join(" "), more), (want.to_owned(), others), "{why}");
        }
    }
}
