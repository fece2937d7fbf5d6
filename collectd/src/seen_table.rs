//! What has been seen: datagrams of today by their hash, each with a number (its id) and a count.
//!
//! Identical datagrams are the rule, so a known one costs a hash and an addition. The table never holds the bytes, and
//! it is bounded: when it is full, the reader hands everything over and begins anew.

use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

/// The number of a datagram in the table: 0, 1, 2 ... since the table was last cleared.
pub(crate) type DatagramId = u32;

/// A hash of a datagram, keyed so that no sender can prepare two datagrams with the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint(u64, u64);

/// How many times a id was seen since the last handing over.
pub(crate) type Counts = Vec<(DatagramId, u32)>;

const EMPTY: DatagramId = DatagramId::MAX;
const SMALLEST: usize = 1024;
/// Counts are handed over long before one could overflow.
const BRIM: u32 = u32::MAX / 2;

#[derive(Clone, Copy)]
struct Bucket {
    mark: Fingerprint,
    id: DatagramId,
    count: u32,
}

const FREE: Bucket = Bucket {
    mark: Fingerprint(0, 0),
    id: EMPTY,
    count: 0,
};

/// The table: open addressing with linear probing, at most two thirds full.
pub(crate) struct SeenTable {
    hasher: SipHasher13,
    buckets: Vec<Bucket>,
    len: DatagramId,
    bound: DatagramId,
    /// Buckets whose count is not zero.
    dirty: Vec<u32>,
    brim: bool,
}

impl SeenTable {
    /// An empty table for at most `bound` datagrams, hashing with `key`.
    pub(crate) fn new(key: [u8; 16], bound: usize) -> SeenTable {
        SeenTable {
            hasher: SipHasher13::new_with_key(&key),
            buckets: vec![FREE; SMALLEST],
            len: 0,
            bound: DatagramId::try_from(bound)
                .unwrap_or(EMPTY - 1)
                .clamp(1, EMPTY / 4),
            dirty: Vec::new(),
            brim: false,
        }
    }

    /// Counts a known datagram; of an unknown one, the hash to [`SeenTable::learn`] it by.
    #[inline]
    pub(crate) fn count(&mut self, bytes: &[u8]) -> Option<Fingerprint> {
        let mut hasher = self.hasher;
        hasher.write(bytes);
        let (high, low) = hasher.finish128().as_u64();
        let mark = Fingerprint(high, low);
        let at = self.find(mark);
        let bucket = &mut self.buckets[at];
        if bucket.id == EMPTY {
            return Some(mark);
        }
        if bucket.count == 0 {
            // The table has fewer than 2^32 buckets, see the bound.
            self.dirty.push(at as u32);
        }
        bucket.count += 1;
        self.brim |= bucket.count > BRIM;
        None
    }

    /// The id that the next learned datagram gets.
    pub(crate) fn next_id(&self) -> DatagramId {
        self.len
    }

    /// Remembers a datagram, with a count of zero: the one that was seen travels by itself.
    pub(crate) fn learn(&mut self, mark: Fingerprint) {
        if (self.len as usize + 1) * 3 > self.buckets.len() * 2 {
            self.grow();
        }
        let at = self.find(mark);
        self.buckets[at] = Bucket {
            mark,
            id: self.len,
            count: 0,
        };
        self.len += 1;
    }

    /// No room for another datagram.
    pub(crate) fn is_full(&self) -> bool {
        self.len >= self.bound
    }

    /// Counts are waiting to be handed over.
    pub(crate) fn has_counts(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// A count is large: hand over now.
    pub(crate) fn is_brimming(&self) -> bool {
        self.brim
    }

    /// The counts since the last call.
    pub(crate) fn take_counts(&mut self) -> Counts {
        self.brim = false;
        let buckets = &mut self.buckets;
        self.dirty
            .drain(..)
            .map(|at| {
                let bucket = &mut buckets[at as usize];
                (bucket.id, std::mem::take(&mut bucket.count))
            })
            .collect()
    }

    /// Forgets everything. Counts must have been taken before.
    pub(crate) fn clear(&mut self) {
        debug_assert!(self.dirty.is_empty(), "counts would be lost");
        self.buckets.clear();
        self.buckets.shrink_to(SMALLEST);
        self.buckets.resize(SMALLEST, FREE);
        self.len = 0;
    }

    /// The bucket that holds the mark, or the free one where it would go.
    #[inline]
    fn find(&self, mark: Fingerprint) -> usize {
        let last = self.buckets.len() - 1;
        let mut at = mark.0 as usize & last;
        while self.buckets[at].id != EMPTY && self.buckets[at].mark != mark {
            at = (at + 1) & last;
        }
        at
    }

    fn grow(&mut self) {
        let larger = vec![FREE; self.buckets.len() * 2];
        let old = std::mem::replace(&mut self.buckets, larger);
        self.dirty.clear();
        for bucket in old.into_iter().filter(|bucket| bucket.id != EMPTY) {
            let at = self.find(bucket.mark);
            self.buckets[at] = bucket;
            if bucket.count > 0 {
                self.dirty.push(at as u32);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn see(seen_table: &mut SeenTable, text: &str) -> bool {
        match seen_table.count(text.as_bytes()) {
            None => true,
            Some(mark) => {
                seen_table.learn(mark);
                false
            }
        }
    }

    #[test]
    fn known_ones_are_counted_in_place() {
        let mut seen_table = SeenTable::new([7; 16], 100);
        assert!(!see(&mut seen_table, "a"));
        assert!(!see(&mut seen_table, "b"));
        assert!(see(&mut seen_table, "a"));
        assert!(see(&mut seen_table, "a"));
        assert_eq!(
            seen_table.take_counts(),
            vec![(0, 2)],
            "the first of each is not in its count"
        );
        assert!(!seen_table.has_counts());
        assert!(see(&mut seen_table, "b"));
        assert_eq!(seen_table.take_counts(), vec![(1, 1)]);
    }

    #[test]
    fn growth_keeps_slots_and_counts() {
        let mut seen_table = SeenTable::new([7; 16], 100_000);
        for n in 0..50_000 {
            assert_eq!(seen_table.next_id(), n);
            assert!(!see(&mut seen_table, &n.to_string()));
            assert!(see(&mut seen_table, &(n / 2).to_string()));
        }
        let mut counts = seen_table.take_counts();
        counts.sort_unstable();
        assert_eq!(counts.len(), 25_000);
        assert!(
            counts
                .iter()
                .enumerate()
                .all(|(n, &(id, count))| id as usize == n && count == 2)
        );
    }

    #[test]
    fn full_then_forgotten() {
        let mut seen_table = SeenTable::new([7; 16], 2);
        see(&mut seen_table, "a");
        assert!(!seen_table.is_full());
        see(&mut seen_table, "b");
        assert!(seen_table.is_full());
        assert_eq!(seen_table.take_counts(), vec![]);
        seen_table.clear();
        assert!(!seen_table.is_full());
        assert!(!see(&mut seen_table, "a"), "unknown again");
        assert_eq!(seen_table.next_id(), 1);
    }
}
