//! All the chance there is: an answer follows from the seed and from what it is about, not from what was asked before.

use std::hash::{Hash, Hasher as _};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use siphasher::sip::SipHasher13;

/// A seed.
#[derive(Clone, Copy, Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// `TLSRPTD_SEED`, or one that nobody has seen.
    pub fn new() -> Dice {
        Dice::given().unwrap_or_else(|| Dice(rand::random()))
    }

    /// `TLSRPTD_SEED`, when it is set.
    pub fn given() -> Option<Dice> {
        let text = std::env::var("TLSRPTD_SEED").ok()?;
        Some(Dice(text.parse().expect("TLSRPTD_SEED is a number")))
    }

    /// As many numbers as one likes, about one thing.
    pub fn of(self, what: impl Hash) -> StdRng {
        let mut hasher = SipHasher13::new();
        (self.0, what).hash(&mut hasher);
        StdRng::seed_from_u64(hasher.finish())
    }

    /// A number below `limit`.
    pub fn below(self, what: impl Hash, limit: u64) -> u64 {
        self.of(what).random_range(0..limit)
    }

    /// Whether it happens, in so many of a hundred cases.
    pub fn percent(self, what: impl Hash, share: u64) -> bool {
        self.below(what, 100) < share
    }

    /// One of these.
    pub fn pick<T: Copy>(self, what: impl Hash, choices: &[T]) -> T {
        choices[self.below(what, choices.len() as u64) as usize]
    }
}
