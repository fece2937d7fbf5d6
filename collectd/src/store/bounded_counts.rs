//! The counts of one domain, as far as an answer holds them.
//!
//! Strangers decide how many policies and failures a domain has, and the reporter loses a line that is too long as a whole.
//! So an answer is bounded here: beyond that, details are folded (policies to one a type, failures to one a result type),
//! those that are added last first, and counters stay exact. Memory is bounded with it, whatever the store holds.

use tlsrptd_proto::{
    counts::{DomainCounts, PolicyCounts},
    domain::Domain,
    failure::FailureKey,
    policy::PolicyKey,
};

/// Bytes of an answer. The reporter takes lines of twice that, and makes no larger report (`max_report_size`) unless told.
const MOST: usize = 8 << 20;
/// Policies leave as much for failures.
const MOST_POLICIES: usize = MOST / 2;
/// What stands around a key text, with its numbers and, in the form with line ends, its indentation.
const AROUND_POLICY: usize = 200;
const AROUND_FAILURE: usize = 60;

/// See the module.
pub(super) struct BoundedCounts<'d> {
    domain: &'d Domain,
    counts: DomainCounts,
    used: usize,
    folded: bool,
    /// The last key as it is stored, and as it is counted: rows of one policy follow each other.
    last: Option<(RecordAndPolicy<String>, RecordAndPolicy)>,
}

/// A key of `finalresults` within a domain and a day: TLSRPT record and policy.
type RecordAndPolicy<P = PolicyKey> = (String, P);

impl<'d> BoundedCounts<'d> {
    pub(super) fn new(domain: &'d Domain) -> BoundedCounts<'d> {
        BoundedCounts {
            domain,
            counts: DomainCounts::default(),
            used: 0,
            folded: false,
            last: None,
        }
    }

    /// Whether details gave way.
    pub(super) fn is_folded(&self) -> bool {
        self.folded
    }

    pub(super) fn finish(self) -> DomainCounts {
        self.counts
    }

    /// Adds sessions, under the keys as they are stored.
    pub(super) fn add_sessions(
        &mut self,
        record: Option<String>,
        policy: Option<String>,
        (total, failed): (u64, u64),
    ) {
        let entry = self.policy(record, policy, MOST_POLICIES);
        entry.total = entry.total.saturating_add(total);
        entry.failed = entry.failed.saturating_add(failed);
    }

    /// Adds failures, under the keys as they are stored. Those of a session that does not exist are nobody's.
    pub(super) fn add_failures(
        &mut self,
        record: Option<String>,
        policy: Option<String>,
        reason: Option<String>,
        times: u64,
    ) {
        let reason = FailureKey::normalise(&reason.unwrap_or_default())
            .unwrap_or_else(|_| FailureKey::unknown());
        let cost = AROUND_FAILURE + written(reason.as_str());
        let used = self.used;
        let entry = self.policy(record, policy, MOST);
        let known = entry.failures.contains_key(&reason);
        let fits = used + cost <= MOST;
        let counted = if known || fits {
            reason
        } else {
            reason.folded()
        };
        let mine = entry.failures.entry(counted).or_default();
        *mine = mine.saturating_add(times);
        match known {
            true => {}
            false if fits => self.used += cost,
            false => self.folded = true,
        }
    }

    /// The entry of a policy, or of those that it is counted with.
    fn policy(
        &mut self,
        record: Option<String>,
        policy: Option<String>,
        most: usize,
    ) -> &mut PolicyCounts<FailureKey> {
        let stored = (record.unwrap_or_default(), policy.unwrap_or_default());
        let (record, policy) = match &self.last {
            Some((last, counted)) if *last == stored => counted.clone(),
            _ => {
                let counted = self.key(&stored, most);
                self.last = Some((stored, counted.clone()));
                counted
            }
        };
        let policies = self.counts.records.entry(record).or_default();
        policies.entry(policy).or_default()
    }

    /// The key under which a stored key is counted.
    fn key(&mut self, (record, policy): &RecordAndPolicy<String>, most: usize) -> RecordAndPolicy {
        let policy = PolicyKey::normalise(policy, self.domain)
            .unwrap_or_else(|_| PolicyKey::unknown(self.domain));
        let policies = self.counts.records.get(record);
        if policies.is_some_and(|policies| policies.contains_key(&policy)) {
            return (record.clone(), policy);
        }
        let of_record = match policies {
            Some(_) => 0,
            None => AROUND_POLICY + written(record),
        };
        let cost = AROUND_POLICY + written(policy.as_str()) + of_record;
        if self.used + cost <= most {
            self.used += cost;
            return (record.clone(), policy);
        }
        self.folded = true;
        (self.folded_record(record), policy.folded(self.domain))
    }

    /// The TLSRPT record under which a folded policy is counted: a new record is a stranger's text too, and needs room.
    fn folded_record(&self, record: &str) -> String {
        match self.counts.records.first_key_value() {
            Some((first, _)) if !self.counts.records.contains_key(record) => first.clone(),
            _ => record.to_owned(),
        }
    }
}

/// The length of a text in JSON, at most.
fn written(text: &str) -> usize {
    let of = |character: char| match character {
        '"' | '\\' => 2,
        ' '..='~' => 1,
        other => 6 * other.len_utf16(),
    };
    text.chars().map(of).sum()
}
