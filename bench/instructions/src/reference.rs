//! What all figures are parts of: texts made, sorted and counted, as any program of this compiler, allocator and C library
//! does it. Nothing of ours is in it, and nothing that looks at the processor first.

use std::collections::BTreeMap;
use std::hint::black_box;

/// So many texts a round.
const TEXTS: u64 = 500;

/// Works for so many rounds.
pub(crate) fn run(rounds: u64) {
    for round in 0..rounds {
        black_box(work(black_box(round)));
    }
}

fn work(round: u64) -> u64 {
    let mut texts: Vec<String> = (0..TEXTS)
        .map(|number| {
            let scattered = (number * 379 + round) % TEXTS;
            format!("d{scattered:09}.example: {}", number % 7)
        })
        .collect();
    texts.sort_unstable();
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for text in &texts {
        *counts.entry(&text[..9]).or_default() += 1;
    }
    // FNV-1a.
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = texts.concat().bytes().fold(0xcbf2_9ce4_8422_2325, fold);
    counts.values().fold(hash, |hash, count| hash ^ count)
}
