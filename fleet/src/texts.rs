//! How long the texts of a count are at most: what a collector can produce, and what the table `key` takes (schema/counts.sql).

/// Octets of a TLSRPT record: the largest `max_text_length`.
pub const LONGEST_RECORD: usize = 1 << 20;
/// Octets of a policy: a collector counts what would be longer under the policy's type.
pub const LONGEST_POLICY: usize = 4 << 20;
/// Octets of a failure: a collector counts what would be longer under its result type.
pub const LONGEST_FAILURE: usize = 8 << 20;

/// Whether the table takes these texts, beside a domain.
pub fn are_texts_taken(record: &str, policy: &str, failure: Option<&str>) -> bool {
    record.len() <= LONGEST_RECORD
        && policy.len() <= LONGEST_POLICY
        && failure.is_none_or(|failure| failure.len() <= LONGEST_FAILURE)
}
