//! What goes to the database at once: texts, and counts in the binary form of COPY.

use std::collections::HashSet;

use bytes::{BufMut as _, Bytes, BytesMut};
use tlsrptd_fleet::{KeyHash, PgDay, Shard};
use tlsrptd_proto::day::Day;

/// A transaction holds its row of `shipment` for as long as these take, and closing the day waits for it.
const MOST_ROWS: usize = 20_000;
const MOST_BYTES: usize = 4 << 20;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) counts: Vec<Count>,
    pub(crate) texts: Vec<Texts>,
    bytes: usize,
}

/// So many there are of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) key: KeyHash,
    pub(crate) shard: Shard,
    pub(crate) total: u64,
    pub(crate) failed: u64,
    pub(crate) of: Of,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    Sessions,
    Failures,
}

/// What a key stands for: texts as the database stores them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Texts {
    pub(crate) shard: Shard,
    pub(crate) key: KeyHash,
    pub(crate) domain: String,
    pub(crate) record: String,
    pub(crate) policy: String,
    pub(crate) failure: Option<String>,
}

impl Batch {
    pub(crate) fn add(&mut self, count: Count) {
        self.counts.push(count);
    }

    pub(crate) fn add_texts(&mut self, texts: Texts) {
        let failure = texts.failure.as_ref().map_or(0, String::len);
        self.bytes += texts.domain.len() + texts.record.len() + texts.policy.len() + failure;
        self.texts.push(texts);
    }

    /// Leaves these shards' texts for later, and the counts that rely on them.
    pub(crate) fn leave_out(&mut self, is_held: impl Fn(Shard) -> bool) {
        let held = self.texts.iter().filter(|texts| is_held(texts.shard));
        let held: HashSet<KeyHash> = held.map(|texts| texts.key).collect();
        self.counts.retain(|count| !held.contains(&count.key));
        self.texts.retain(|texts| !is_held(texts.shard));
    }

    pub(crate) fn is_full(&self) -> bool {
        self.counts.len() >= MOST_ROWS || self.bytes >= MOST_BYTES
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Several writers of the same texts wait for each other, and never in a circle.
    pub(crate) fn sort_texts(&mut self) {
        self.texts
            .sort_unstable_by_key(|texts| (texts.shard, texts.key));
    }

    /// As `COPY count(total, failed, day, collector, shard, key) FROM STDIN (FORMAT binary)` reads it.
    pub(crate) fn to_copy(&self, day: Day, collector: i32) -> Bytes {
        const FIELDS: i16 = 6;
        const OCTETS_A_ROW: usize = 2 + 6 * 4 + 8 + 8 + 4 + 4 + 2 + 16;
        let mut out = BytesMut::with_capacity(32 + self.counts.len() * OCTETS_A_ROW);
        out.put_slice(b"PGCOPY\n\xff\r\n\0");
        out.put_i32(0);
        out.put_i32(0);
        for count in &self.counts {
            out.put_i16(FIELDS);
            for number in [count.total, count.failed] {
                out.put_i32(8);
                out.put_i64(i64::try_from(number).unwrap_or(i64::MAX));
            }
            for number in [PgDay(day).number(), collector] {
                out.put_i32(4);
                out.put_i32(number);
            }
            out.put_i32(2);
            out.put_i16(count.shard);
            out.put_i32(16);
            out.put_slice(&count.key.0);
        }
        out.put_i16(-1);
        out.freeze()
    }
}
