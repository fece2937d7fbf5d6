//! What one datagram says about one policy.

use crate::domain::Domain;
use crate::failure::FailureKey;
use crate::policy::PolicyKey;

/// The result of one session under one policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionResult {
    /// The TLSRPT domain.
    pub domain: Domain,
    /// Its TXT record as the MTA saw it; empty when unknown.
    pub tlsrpt_record: String,
    /// The policy.
    pub policy: PolicyKey,
    /// Whether the final result was failure.
    pub failed: bool,
    /// The failures on the way, each to be counted once.
    pub failures: Vec<FailureKey>,
}
