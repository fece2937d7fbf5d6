//! What has reached a limit of details: remembered, so that a stranger who makes it so does not make us count it again
//! each time.

use std::collections::{HashMap, HashSet};

use tlsrptd_proto::{day::Day, domain::Domain, policy::PolicyKey};

/// A policy that stands for those of its type, under any TLSRPT record.
pub(super) type FoldedPolicy = (Day, Domain, PolicyKey);

/// See the module. Nothing here outlives a transaction that failed, or a file.
#[derive(Default)]
pub(super) struct ReachedLimits {
    /// Domains that have as many policies as they may have.
    pub(super) domains: HashSet<(Day, Domain)>,
    /// The rows of folded policies, and the TLSRPT record that they stand under.
    pub(super) folded: HashMap<FoldedPolicy, (i64, String)>,
    folded_bytes: usize,
    /// Rows of policies that have as many failures as they may have.
    pub(super) policies: HashSet<i64>,
}

impl ReachedLimits {
    /// More than this is not remembered.
    const MAX_ENTRIES: usize = 100_000;
    const MAX_FOLDED_BYTES: usize = 8 << 20;

    pub(super) fn clear(&mut self) {
        *self = ReachedLimits::default();
    }

    /// Forgets all when it is too much.
    pub(super) fn bound(&mut self) {
        if self.domains.len() + self.folded.len() + self.policies.len() > Self::MAX_ENTRIES
            || self.folded_bytes > Self::MAX_FOLDED_BYTES
        {
            self.clear();
        }
    }

    pub(super) fn remember(&mut self, key: FoldedPolicy, row: (i64, String)) {
        self.folded_bytes += key.2.as_str().len() + row.1.len();
        self.folded.insert(key, row);
    }
}
