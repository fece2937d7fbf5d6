//! Where things belong: the shard of a name, and the hash under which the texts of a count stand.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

/// How many shards a fleet has: some for each of many members, and few enough for a table each a day.
pub const SHARDS: i16 = 64;

/// A part of the work, owned by one member at a time: `0..SHARDS`.
pub type Shard = i16;

/// The shard of a domain (in the form of `Domain`), of an https host, or of a fetcher's command.
pub fn shard_of(name: &str) -> Shard {
    let [first, ..] = sha256([name]);
    i16::from(first) % SHARDS
}

/// 128 bits that stand for texts of any length; in the database a `uuid`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyHash(pub [u8; 16]);

/// The hash of what is counted: a domain, its record, a policy, and a failure (`None`: the policy's sessions). The database computes
/// it too, of the texts as they are stored, and takes no other (schema/counts.sql).
pub fn key_hash(domain: &str, record: &str, policy: &str, failure: Option<&str>) -> KeyHash {
    match failure {
        Some(failure) => first_half(sha256([domain, record, policy, failure])),
        None => first_half(sha256([domain, record, policy])),
    }
}

/// The hash of one text: an index over texts ends at 2704 octets, and strangers choose how long they are.
pub fn text_hash(text: &str) -> KeyHash {
    first_half(sha256([text]))
}

/// Each text with its length before it, so that no two lists are the same octets.
fn sha256<const N: usize>(texts: [&str; N]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for text in texts {
        context.update(&(text.len() as u64).to_be_bytes());
        context.update(text.as_bytes());
    }
    let mut all = [0; 32];
    all.copy_from_slice(context.finish().as_ref());
    all
}

fn first_half(all: [u8; 32]) -> KeyHash {
    let mut half = [0; 16];
    half.copy_from_slice(&all[..16]);
    KeyHash(half)
}

/// As PostgreSQL writes and reads a `uuid`.
impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyHash({self})")
    }
}

impl ToSql for KeyHash {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }

    fn accepts(of: &Type) -> bool {
        *of == Type::UUID
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for KeyHash {
    fn from_sql(
        _: &Type,
        raw: &'a [u8],
    ) -> Result<KeyHash, Box<dyn std::error::Error + Sync + Send>> {
        Ok(KeyHash(raw.try_into()?))
    }

    fn accepts(of: &Type) -> bool {
        *of == Type::UUID
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_what_it_is() {
        // A fleet's rows outlive a version: these never change.
        assert_eq!(shard_of("example.com"), SHARD_OF_EXAMPLE);
        assert_eq!(text_hash("").to_string(), TEXT_HASH_OF_NOTHING);
        let keys = [
            key_hash("a", "b", "c", None),
            key_hash("a", "b", "c", Some("")),
            key_hash("a", "bc", "", None),
            key_hash("ab", "", "c", None),
        ];
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[at + 1..].contains(key), "{at}");
        }
    }

    const SHARD_OF_EXAMPLE: Shard = 25;
    const TEXT_HASH_OF_NOTHING: &str = "af5570f5a1810b7af78caf4bc70a660f";
}
