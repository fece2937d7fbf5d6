//! The table of datagrams seen in this epoch: the fingerprint of each, its id, and how often it came again.
//!
//! Identical datagrams are the rule, so a known one costs a hash and an addition. The table never holds the bytes, and
//! it is bounded: when it is full, the reader hands all counts over and starts an epoch with an empty table.

use std::hash::{BuildHasherDefault, Hash, Hasher};

use indexmap::IndexMap;
use siphasher::sip128::{Hasher128, SipHasher13};

/// The number of a datagram in the table: 0, 1, 2 ... in the order in which this epoch learned them.
pub(crate) type DatagramId = u32;

/// How often each id came again since the counts were last taken.
pub(crate) type RepeatCounts = Vec<(DatagramId, u32)>;

/// Counts are to be handed over long before one could overflow.
const HIGH_COUNT: u32 = u32::MAX / 2;

/// A 128-bit hash of a datagram, keyed so that no sender can prepare two datagrams with the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint(u64, u64);

impl Hash for Fingerprint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

/// A fingerprint is a hash already: half of it is the hash in the table.
#[derive(Default)]
struct PassThrough(u64);

impl Hasher for PassThrough {
    fn write_u64(&mut self, half: u64) {
        self.0 = half;
    }

    fn write(&mut self, bytes: &[u8]) {
        // A fingerprint writes a u64 only; anything else would still be a correct, if poor, hash.
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The repeats of each datagram, which stands at the index of its id.
type Repeats = IndexMap<Fingerprint, u32, BuildHasherDefault<PassThrough>>;

/// See the module.
pub(crate) struct SeenTable {
    hasher: SipHasher13,
    repeats: Repeats,
    max_datagrams: usize,
    /// The ids whose count is not zero.
    repeated: Vec<DatagramId>,
    has_high_count: bool,
}

impl SeenTable {
    /// An empty table for at most that many datagrams, hashing with `key`.
    pub(crate) fn new(key: [u8; 16], max_datagrams: usize) -> SeenTable {
        SeenTable {
            hasher: SipHasher13::new_with_key(&key),
            repeats: Repeats::default(),
            // Every index fits into an id.
            max_datagrams: max_datagrams.clamp(1, DatagramId::MAX as usize),
            repeated: Vec::new(),
            has_high_count: false,
        }
    }

    /// Counts a known datagram; of an unknown one, the fingerprint to [`SeenTable::learn`].
    #[inline]
    pub(crate) fn count(&mut self, datagram: &[u8]) -> Option<Fingerprint> {
        let mut hasher = self.hasher;
        hasher.write(datagram);
        let (high, low) = hasher.finish128().as_u64();
        let fingerprint = Fingerprint(high, low);
        let Some((index, _, count)) = self.repeats.get_full_mut(&fingerprint) else {
            return Some(fingerprint);
        };
        if *count == 0 {
            self.repeated.push(index as DatagramId);
        }
        *count += 1;
        self.has_high_count |= *count > HIGH_COUNT;
        None
    }

    /// The id that the next learned datagram gets.
    pub(crate) fn next_id(&self) -> DatagramId {
        self.repeats.len() as DatagramId
    }

    /// Remembers a datagram, with a count of zero: the writer counts the first one when it parses it.
    pub(crate) fn learn(&mut self, fingerprint: Fingerprint) {
        self.repeats.insert(fingerprint, 0);
    }

    /// The table holds as many datagrams as it may.
    pub(crate) fn is_full(&self) -> bool {
        self.repeats.len() >= self.max_datagrams
    }

    /// Counts are waiting to be taken.
    pub(crate) fn has_counts(&self) -> bool {
        !self.repeated.is_empty()
    }

    /// A count is so high that all are to be taken now.
    pub(crate) fn has_high_count(&self) -> bool {
        self.has_high_count
    }

    /// The counts since the last call.
    pub(crate) fn take_counts(&mut self) -> RepeatCounts {
        self.has_high_count = false;
        let repeats = &mut self.repeats;
        self.repeated
            .drain(..)
            .map(|id| (id, std::mem::take(&mut repeats[id as usize])))
            .collect()
    }

    /// Forgets every datagram and gives the memory back. Counts must have been taken before.
    pub(crate) fn clear(&mut self) {
        debug_assert!(self.repeated.is_empty(), "counts would be lost");
        self.repeats = Repeats::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn see(table: &mut SeenTable, text: &str) -> bool {
        match table.count(text.as_bytes()) {
            None => true,
            Some(fingerprint) => {
                table.learn(fingerprint);
                false
            }
        }
    }

    #[test]
    fn known_ones_are_counted_in_place() {
        let mut table = SeenTable::new([7; 16], 100);
        assert!(!see(&mut table, "a"));
        assert!(!see(&mut table, "b"));
        assert!(see(&mut table, "a"));
        assert!(see(&mut table, "a"));
        assert_eq!(
            table.take_counts(),
            vec![(0, 2)],
            "the first of each is not in its count"
        );
        assert!(!table.has_counts());
        assert!(see(&mut table, "b"));
        assert_eq!(table.take_counts(), vec![(1, 1)]);
    }

    #[test]
    fn growth_keeps_ids_and_counts() {
        let mut table = SeenTable::new([7; 16], 100_000);
        for n in 0..50_000 {
            assert_eq!(table.next_id(), n);
            assert!(!see(&mut table, &n.to_string()));
            assert!(see(&mut table, &(n / 2).to_string()));
        }
        let mut counts = table.take_counts();
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
    fn full_then_cleared() {
        let mut table = SeenTable::new([7; 16], 2);
        see(&mut table, "a");
        assert!(!table.is_full());
        see(&mut table, "b");
        assert!(table.is_full());
        assert_eq!(table.take_counts(), vec![]);
        table.clear();
        assert!(!table.is_full());
        assert!(!see(&mut table, "a"), "unknown again");
        assert_eq!(table.next_id(), 1);
    }
}
