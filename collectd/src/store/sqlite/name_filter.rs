//! Which names surely have no row in today's file. On a day of very many domains most new datagrams are the first of their
//! domain: whoever knows that asks the file for nothing before a row is made.
//!
//! A Bloom filter of fixed size, whatever the number of names. It forgets none; of a million names, 2 new ones in a hundred are
//! taken for known, of two million 14.

/// Bits; they take 1 MiB.
const BITS: usize = 1 << 23;
/// Bits of a name.
const PROBES: usize = 4;
/// Bits of a word.
const WORD: usize = u64::BITS as usize;

/// See the module. Names come as hashes, keyed so that strangers cannot choose names that look known.
pub(super) struct NameFilter(Box<[u64]>);

impl Default for NameFilter {
    fn default() -> NameFilter {
        NameFilter(vec![0; BITS / WORD].into())
    }
}

impl NameFilter {
    pub(super) fn insert(&mut self, hash: u128) {
        for place in places(hash) {
            self.0[place / WORD] |= 1 << (place % WORD);
        }
    }

    /// False when the name was surely never inserted.
    pub(super) fn may_contain(&self, hash: u128) -> bool {
        places(hash)
            .iter()
            .all(|place| self.0[place / WORD] & 1 << (place % WORD) != 0)
    }
}

fn places(hash: u128) -> [usize; PROBES] {
    std::array::from_fn(|probe| (hash >> (32 * probe)) as usize % BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As good as a keyed hash's, for numbers.
    fn hash(number: u128) -> u128 {
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        (mixed ^ mixed >> 61).wrapping_mul(0xda94_2042_e4dd_58b5_9e37_79b9_7f4a_7c15)
    }

    #[test]
    fn forgets_none_and_takes_few_for_known() {
        let mut filter = NameFilter::default();
        for number in 0..1_000_000 {
            filter.insert(hash(number));
        }
        assert!((0..1_000_000).all(|number| filter.may_contain(hash(number))));
        let others = 1_000_000..1_100_000;
        let wrong = others.filter(|number| filter.may_contain(hash(*number)));
        let wrong = wrong.count();
        assert!(wrong < 3_000, "{wrong} of 100,000");
    }
}
