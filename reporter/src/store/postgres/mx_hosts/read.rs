//! Puts the sums of all members together, within the bounds that one of them has.

use tlsrptd_fleet::{Fault, PgDay, Shard, shard_of};
use tlsrptd_proto::{
    counts::{PolicyCounts, ReportCounts},
    day::Day,
    domain::Domain,
    failure::Failure,
    policy::Policy,
};

use super::{
    super::{PostgresStore, history::count, unreadable},
    MxSums,
    sums::{HostSums, MemberSessions},
};
use crate::{
    model::{Destination, MxHostDay, NamedBy},
    store::{StoreError, mx_bounds::MxKinds},
};

/// The hosts of some shards; their destinations as the first member has them.
const HOSTS: &str = "SELECT h.host, (array_agg(h.destinations ORDER BY h.member))[1], \
    array_agg(h.member ORDER BY h.member), array_agg(h.told ORDER BY h.member), \
    (SELECT coalesce(max(uniqid), 0) FROM report r WHERE r.day = $1 AND r.domain = h.host) \
    FROM mx_host h WHERE h.day = $1 AND h.shard = ANY($2) GROUP BY h.host ORDER BY h.host LIMIT $3";

/// Policies before their failures, those of the first member first.
const SESSIONS: &str = "SELECT policy, failure, sessions, failed, member, key FROM mx_session \
    WHERE day = $1 AND shard = $2 AND host = $3 ORDER BY failure <> '', member, key";

/// See [`Decisions::mx_hosts`](crate::store::Decisions::mx_hosts), of some shards.
pub(in super::super) fn read(
    store: &mut PostgresStore,
    day: Day,
    shards: &[Shard],
    limit: usize,
    bytes: usize,
) -> Result<Vec<MxHostDay>, StoreError> {
    store.mx_sums = MxSums::default();
    try_to_read(store, day, shards, limit, bytes)
        .map_err(|fault| unreadable("sessions at MX hosts", fault))
}

fn try_to_read(
    store: &mut PostgresStore,
    day: Day,
    shards: &[Shard],
    limit: usize,
    bytes: usize,
) -> Result<Vec<MxHostDay>, Fault> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let hosts = store.db.query(HOSTS, &[&PgDay(day), &shards, &limit])?;
    let (mut found, mut read) = (Vec::new(), 0);
    for row in hosts {
        let (host, destinations): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let (members, told): (Vec<i64>, Vec<i64>) = (row.try_get(2)?, row.try_get(3)?);
        let mut sums = HostSums {
            told: members.into_iter().zip(told).collect(),
            ..HostSums::default()
        };
        let (counts, size) = sum(store, day, &host, &mut sums)?;
        read += size;
        let told = sums.told.iter().map(|(_, told)| count(*told));
        found.push(MxHostDay {
            destinations: parse_destinations(&destinations),
            counts,
            told: told.fold(0, u64::saturating_add),
            reports: count(row.try_get(4)?),
            host: host.clone(),
        });
        store.mx_sums.note(&host, sums);
        if read >= bytes {
            break;
        }
    }
    Ok(found)
}

/// The sessions of one host, and the octets of their texts.
fn sum(
    store: &PostgresStore,
    day: Day,
    host: &str,
    sums: &mut HostSums,
) -> Result<(ReportCounts, usize), Fault> {
    // Nobody else writes here; what is no name has no report.
    let Ok(domain) = Domain::parse(host) else {
        return Ok((ReportCounts::default(), 0));
    };
    let (mut sessions, mut size) = (HostSessions::new(&domain), 0);
    let of = [&PgDay(day) as _, &shard_of(host) as _, &host as _];
    for row in store.db.query(SESSIONS, &of)? {
        let (policy, failure): (&str, &str) = (row.try_get(0)?, row.try_get(1)?);
        let read = MemberSessions {
            member: row.try_get(4)?,
            key: row.try_get(5)?,
            sessions: row.try_get(2)?,
            failed: row.try_get(3)?,
        };
        let (number, failed) = (count(read.sessions), count(read.failed));
        sums.sessions.push(read);
        size += policy.len() + failure.len();
        let policy = Policy::read(policy, &domain).unwrap_or_else(|_| Policy::unknown(&domain));
        match failure.is_empty() {
            true => sessions.add(policy, number, failed),
            false => {
                let failure = Failure::read(failure).unwrap_or_else(|_| Failure::unknown());
                sessions.add_failure(policy, failure, number);
            }
        }
    }
    Ok((sessions.counts, size))
}

/// What is added up of one host. So many policies and failures are told apart, whatever the number of members that have told some
/// apart.
struct HostSessions<'a> {
    host: &'a Domain,
    counts: ReportCounts,
    kinds: MxKinds,
}

impl HostSessions<'_> {
    fn new(host: &Domain) -> HostSessions<'_> {
        HostSessions {
            host,
            counts: ReportCounts::default(),
            kinds: MxKinds::default(),
        }
    }

    fn of(&mut self, policy: Policy) -> &mut PolicyCounts<Failure> {
        let policies = self.counts.records.entry(String::new()).or_default();
        policies.entry(policy).or_default()
    }

    fn knows(&self, policy: &Policy) -> bool {
        let mut policies = self.counts.records.values();
        policies.any(|policies| policies.contains_key(policy))
    }

    fn add(&mut self, mut policy: Policy, total: u64, failed: u64) {
        let folded = Policy::folded(policy.kind, self.host);
        if policy != folded && !self.knows(&policy) && !self.kinds.take_policy() {
            policy = folded;
        }
        self.of(policy).merge(PolicyCounts {
            total,
            failed,
            ..PolicyCounts::default()
        });
    }

    fn add_failure(&mut self, mut policy: Policy, mut failure: Failure, sessions: u64) {
        if !self.knows(&policy) {
            policy = Policy::folded(policy.kind, self.host);
        }
        let folded = Failure::folded(failure.result);
        let mut kinds = self.kinds;
        let failures = &mut self.of(policy).failures;
        let is_new = failure != folded && !failures.contains_key(&failure);
        if is_new && !kinds.take_failure() {
            failure = folded;
        }
        let told = failures.entry(failure).or_default();
        *told = told.saturating_add(sessions);
        self.kinds = kinds;
    }
}

fn parse_destinations(text: &str) -> Vec<Destination> {
    let all: Vec<[String; 2]> = serde_json::from_str(text).unwrap_or_default();
    let parse = |[uri, word]: [String; 2]| Destination::new(uri, NamedBy::from_word(Some(&word)));
    all.into_iter().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As several members have them, each within the bounds.
    #[test]
    fn several_members_tell_no_more_apart_than_one() {
        let host: Domain = Domain::parse("mx.example").unwrap();
        let mut sessions = HostSessions::new(&host);
        let policy = |number: i64| {
            let text = format!(r#"{{"policy-type": 9, "policy-domain": "d{number}.example"}}"#);
            Policy::read(&text, &host).unwrap()
        };
        let failure = |number: i64| {
            let text = format!(r#"{{"c": 201, "n": "mx{number}.example"}}"#);
            Failure::read(&text).unwrap()
        };
        assert_ne!(policy(1), policy(2));
        assert_ne!(failure(1), failure(2));
        for number in 0..2 * 50 {
            sessions.add(policy(number), 3, 1);
        }
        for number in 0..3 * 1000 {
            sessions.add_failure(policy(number % (2 * 50)), failure(number), 1);
        }
        // Folded once more, they are what they were.
        sessions.add(Policy::folded(policy(0).kind, &host), 1, 0);
        assert_eq!(
            sessions.counts.sessions(),
            300 + 1,
            "the counters are exact"
        );
        let policies = &sessions.counts.records[""];
        assert_eq!(policies.len(), 51, "and one for the others");
        let kinds: usize = policies.values().map(|of| 1 + of.failures.len()).sum();
        assert!(kinds <= 1000 + 1 + 51, "{kinds}");
        let told = policies.values().flat_map(|of| of.failures.values());
        assert_eq!(told.sum::<u64>(), 3000);
    }
}
