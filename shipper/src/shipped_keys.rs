//! What was told of a day: 23 octets a key, so that a day of a million domains with four keys each takes some 90 MiB. As many
//! again where sessions of a policy failed: how many of these were told.
//!
//! Keys lie in buckets, in each in the order of their hashes. Which bucket, only this process knows: whoever makes names whose
//! hashes begin alike cannot fill one of them.

use std::hash::{BuildHasher as _, RandomState};

use tlsrptd_fleet::KeyHash;

use crate::growth::{self, Rule};

const BUCKETS: usize = 4096;
/// Counts have 39 bits here; what is more is told each time.
const MOST: u64 = (1 << 39) - 1;
/// In [`Entry::told`]: the database has lost it, or may have.
const AGAIN: u64 = 1 << 39;
/// In [`Entry::since`]: the texts of the key are in the database, as far as this connection knows.
const TEXT_IS_KNOWN: u16 = 0x8000;

/// See the module.
pub(crate) struct ShippedKeys {
    buckets: Vec<Vec<Entry>>,
    chance: RandomState,
}

/// Without gaps.
#[derive(Clone, Copy)]
struct Entry {
    hash: [u8; 16],
    told: [u8; 5],
    /// The tick since which it has been more than `told`, or 0; and [`TEXT_IS_KNOWN`].
    since: [u8; 2],
}

/// What is to be done with a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is told, or waits.
    Leave,
    Tell {
        text_is_known: bool,
    },
}

impl ShippedKeys {
    pub(crate) fn new() -> ShippedKeys {
        ShippedKeys {
            buckets: vec![Vec::new(); BUCKETS],
            chance: RandomState::new(),
        }
    }

    /// Whether a count is to be told, which is `total` at the tick `now`.
    pub(crate) fn judge(&mut self, key: KeyHash, total: u64, now: u16, rule: Rule) -> Verdict {
        if rule == Rule::Nothing || total == 0 {
            return Verdict::Leave;
        }
        let entry = self.entry(key);
        let told = entry.known();
        let since = match (total > told, entry.since()) {
            (false, _) => 0,
            (true, 0) => now,
            (true, since) => since,
        };
        entry.set_since(since);
        match growth::is_due(rule, told, total, growth::between(since, now)) {
            true => Verdict::Tell {
                text_is_known: entry.text_is_known(),
            },
            false => Verdict::Leave,
        }
    }

    /// It was told, with those of it that failed.
    pub(crate) fn told(&mut self, key: KeyHash, total: u64, failed: u64) {
        self.entry(key).set_told(total);
        if failed > 0 {
            self.entry(failed_of(key)).set_told(failed);
        }
    }

    /// What was told of a key, with those of it that failed, whether or not the database has lost it since.
    pub(crate) fn told_of(&self, key: KeyHash) -> (u64, u64) {
        let told = |key| self.find(key).map_or(0, |entry| entry.told());
        (told(key), told(failed_of(key)))
    }

    /// How much more a count is than what was told.
    pub(crate) fn growth(&mut self, key: KeyHash, total: u64) -> u64 {
        total.saturating_sub(self.entry(key).known())
    }

    /// Its texts are in the database.
    pub(crate) fn text_is_there(&mut self, key: KeyHash) {
        let entry = self.entry(key);
        let since = entry.since();
        entry.since = (since | TEXT_IS_KNOWN).to_be_bytes();
    }

    /// Another connection may lead to a server that has lost its newest rows.
    pub(crate) fn forget_texts(&mut self) {
        for entry in self.buckets.iter_mut().flatten() {
            entry.since = entry.since().to_be_bytes();
        }
    }

    /// The database may have lost any of it: all is told again.
    pub(crate) fn tell_again(&mut self) {
        self.buckets
            .iter_mut()
            .flatten()
            .for_each(Entry::is_to_be_told_again);
    }

    fn find(&self, key: KeyHash) -> Option<&Entry> {
        let bucket = &self.buckets[self.place(key)];
        let at = bucket.binary_search_by(|entry| entry.hash.cmp(&key.0));
        at.ok().map(|at| &bucket[at])
    }

    fn entry(&mut self, key: KeyHash) -> &mut Entry {
        let place = self.place(key);
        let bucket = &mut self.buckets[place];
        let at = match bucket.binary_search_by(|entry| entry.hash.cmp(&key.0)) {
            Ok(at) => at,
            Err(at) => {
                if bucket.len() == bucket.capacity() {
                    // Doubling would leave a half of it empty.
                    bucket.reserve_exact(bucket.len() / 16 + 4);
                }
                bucket.insert(at, Entry::new(key));
                at
            }
        };
        &mut bucket[at]
    }

    fn place(&self, key: KeyHash) -> usize {
        let place = self.chance.hash_one(key) % (BUCKETS as u64);
        usize::try_from(place).unwrap_or(0)
    }
}

/// Where those of a key stand that failed: no other key has that hash, but by a chance of 2^-128.
fn failed_of(key: KeyHash) -> KeyHash {
    KeyHash(key.0.map(|octet| !octet))
}

impl Entry {
    fn new(key: KeyHash) -> Entry {
        Entry {
            hash: key.0,
            told: [0; 5],
            since: [0; 2],
        }
    }

    fn number(&self) -> u64 {
        self.told
            .iter()
            .fold(0, |number, octet| number << 8 | u64::from(*octet))
    }

    fn set_number(&mut self, number: u64) {
        self.told.copy_from_slice(&number.to_be_bytes()[3..]);
    }

    fn told(&self) -> u64 {
        self.number() & MOST
    }

    /// Of that, what the database still knows.
    fn known(&self) -> u64 {
        match self.number() {
            number if number & AGAIN == 0 => number,
            _ => 0,
        }
    }

    fn set_told(&mut self, total: u64) {
        self.set_number(total.min(MOST));
        self.set_since(0);
    }

    fn is_to_be_told_again(&mut self) {
        self.set_number(self.number() | AGAIN);
    }

    fn since(&self) -> u16 {
        u16::from_be_bytes(self.since) & !TEXT_IS_KNOWN
    }

    fn text_is_known(&self) -> bool {
        u16::from_be_bytes(self.since) & TEXT_IS_KNOWN != 0
    }

    fn set_since(&mut self, since: u16) {
        let known = u16::from_be_bytes(self.since) & TEXT_IS_KNOWN;
        self.since = (since | known).to_be_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tlsrptd_fleet::text_hash;

    const TELL: Verdict = Verdict::Tell {
        text_is_known: false,
    };
    const TELL_COUNT: Verdict = Verdict::Tell {
        text_is_known: true,
    };

    #[test]
    fn a_key_from_its_first_telling_on() {
        let (mut keys, key) = (ShippedKeys::new(), text_hash("a"));
        let usual = Rule::Worthwhile;
        assert_eq!(keys.judge(key, 0, 1, usual), Verdict::Leave, "nothing");
        assert_eq!(keys.judge(key, 100, 1, usual), TELL, "new");
        assert_eq!(
            keys.judge(key, 100, 1, usual),
            TELL,
            "it did not come there"
        );
        keys.text_is_there(key);
        assert_eq!(keys.growth(key, 100), 100);
        keys.told(key, 100, 7);
        assert_eq!(keys.judge(key, 100, 2, usual), Verdict::Leave, "told");
        assert_eq!(keys.judge(key, 105, 2, usual), Verdict::Leave, "waits");
        assert_eq!(keys.judge(key, 106, 151, usual), Verdict::Leave, "waits");
        assert_eq!(keys.judge(key, 106, 152, usual), TELL_COUNT, "ten minutes");
        assert_eq!(keys.growth(key, 106), 6);
        keys.told(key, 106, 0);
        assert_eq!(keys.judge(key, 107, 152, Rule::Everything), TELL_COUNT);
        keys.forget_texts();
        assert_eq!(
            keys.judge(key, 200, 152, usual),
            TELL,
            "by another connection"
        );
        keys.tell_again();
        assert_eq!(keys.judge(key, 100, 1, usual), TELL, "all is told anew");
        assert_eq!(keys.growth(key, 100), 100);
        assert_eq!(keys.told_of(key), (106, 7), "and yet it was told");
        keys.told(key, 110, 8);
        assert_eq!(keys.judge(key, 110, 1, usual), Verdict::Leave);
        assert_eq!(keys.told_of(key), (110, 8));
        assert_eq!(keys.told_of(text_hash("b")), (0, 0), "another");
    }

    #[test]
    fn counts_that_are_too_large_are_told_each_time() {
        let (mut keys, key) = (ShippedKeys::new(), text_hash("a"));
        keys.told(key, u64::MAX, 0);
        let verdict = keys.judge(key, u64::MAX, 1, Rule::Everything);
        assert_eq!(verdict, TELL);
        keys.told(key, MOST, 0);
        assert_eq!(keys.judge(key, MOST, 1, Rule::Everything), Verdict::Leave);
    }

    #[test]
    fn takes_little_memory() {
        let mut keys = ShippedKeys::new();
        const KEYS: u64 = 200_000;
        for n in 0..KEYS {
            keys.told(text_hash(&n.to_string()), n, 0);
        }
        assert_eq!(size_of::<Entry>(), 23);
        let room: usize = keys.buckets.iter().map(Vec::capacity).sum();
        // Of few keys a bucket; of more, a sixteenth.
        assert!(room as u64 <= KEYS * 11 / 10, "{room}");
        for n in 1..KEYS {
            let key = text_hash(&n.to_string());
            assert_eq!(keys.judge(key, n, 1, Rule::Everything), Verdict::Leave);
        }
    }
}
