//! The number under which an engine stores the texts of a failure, once: the same in each.

use std::hash::Hasher as _;

use siphasher::sip::SipHasher13;

use crate::model::CountedFailure;

/// The number of what was folded.
pub(super) const FOLDED: i64 = 0;

/// The number of a failure: whoever counts the same gets the same.
pub(super) fn number_of(domain: &str, failure: &CountedFailure) -> i64 {
    let mut hasher = SipHasher13::new();
    for text in [
        domain,
        &failure.mx,
        &failure.address,
        failure.policy.as_str(),
        failure.result.as_str(),
        &failure.reason,
    ] {
        hasher.write(text.as_bytes());
        hasher.write_u8(0xff);
    }
    // A positive number of the engines'.
    i64::try_from(hasher.finish() >> 1)
        .unwrap_or(i64::MAX)
        .max(FOLDED + 1)
}

#[cfg(test)]
pub(super) mod fixtures;
