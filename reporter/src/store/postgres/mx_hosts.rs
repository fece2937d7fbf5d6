//! Sessions at MX hosts, added up while the domains of a day are decided on, until the host is decided on: each member has sums of
//! its own, in the shard of the host, whose owner puts them together.
//!
//! Of one host so many policies and failures are told apart; behind them the counters stay exact.

mod read;
mod sums;

use std::collections::{BTreeMap, HashSet};

use tlsrptd_fleet::{Fault, KeyHash, PgDay, Shard, Transaction, key_hash, shard_of, stored_text};
use tlsrptd_proto::{
    counts::{PolicyCounts, ReportCounts},
    day::Day,
    failure::{Failure, FailureKey},
    policy::{Policy, PolicyKey},
};

use super::history::integer;
use crate::{
    model::{DecidedDomain, MxHost},
    store::mx_bounds::MxKinds,
};

pub(super) use read::read;
pub(super) use sums::MxSums;

const NOTE_HOSTS: &str = "INSERT INTO mx_host AS h(day, shard, host, member, destinations, told) \
    SELECT $1, n.shard, n.host, $2, n.destinations, n.told \
    FROM unnest($3::smallint[], $4::text[], $5::text[], $6::bigint[]) AS n(shard, host, destinations, told) \
    ON CONFLICT (day, shard, host, member) DO UPDATE SET \
    told = least(h.told, 9223372036854775807 - excluded.told) + excluded.told RETURNING host, policies, kinds";

const KNOWN_KINDS: &str = "SELECT s.host, s.key FROM unnest($3::smallint[], $4::text[]) AS n(shard, host) \
    JOIN mx_session s ON s.day = $1 AND s.shard = n.shard AND s.host = n.host AND s.member = $2";

const ADD_SESSIONS: &str = "INSERT INTO mx_session AS s(day, shard, host, member, key, policy, failure, sessions, failed) \
    SELECT $1, n.shard, n.host, $2, n.key, n.policy, n.failure, n.sessions, n.failed \
    FROM unnest($3::smallint[], $4::text[], $5::uuid[], $6::text[], $7::text[], $8::bigint[], $9::bigint[]) \
    AS n(shard, host, key, policy, failure, sessions, failed) \
    ON CONFLICT (day, shard, host, member, key) DO UPDATE SET \
    sessions = least(s.sessions, 9223372036854775807 - excluded.sessions) + excluded.sessions, \
    failed = least(s.failed, 9223372036854775807 - excluded.failed) + excluded.failed";

const NOTE_KINDS: &str = "UPDATE mx_host h SET policies = n.policies, kinds = n.kinds \
    FROM unnest($3::smallint[], $4::text[], $5::bigint[], $6::bigint[]) AS n(shard, host, policies, kinds) \
    WHERE h.day = $1 AND h.shard = n.shard AND h.host = n.host AND h.member = $2";

/// What a batch of decisions adds to one host, and what is told apart there.
#[derive(Debug)]
struct MxHostSum<'a> {
    host: &'a MxHost,
    shard: Shard,
    told: u64,
    counts: Vec<&'a ReportCounts>,
    kinds: MxKinds,
    known: HashSet<KeyHash>,
    added: BTreeMap<KeyHash, AddedSessions>,
}

#[derive(Debug, Default)]
struct AddedSessions {
    policy: String,
    failure: String,
    sessions: u64,
    failed: u64,
}

/// Adds what decided domains have.
pub(super) fn add<'a>(
    tx: &Transaction<'_>,
    member: i64,
    day: Day,
    decisions: impl Iterator<Item = &'a DecidedDomain>,
) -> Result<(), Fault> {
    let mut hosts: BTreeMap<&str, MxHostSum<'a>> = BTreeMap::new();
    for decided in decisions {
        for share in &decided.rows.mx_shares {
            let report = decided.decision.report();
            let is_told = report.is_some_and(|report| share.host.gets(report));
            let host = hosts
                .entry(share.host.name.as_str())
                .or_insert_with(|| MxHostSum::new(&share.host));
            match is_told {
                true => host.told = host.told.saturating_add(share.counts.sessions()),
                false => host.counts.push(&share.counts),
            }
        }
    }
    if hosts.is_empty() {
        return Ok(());
    }
    note(tx, member, day, &mut hosts)?;
    hosts.values_mut().for_each(MxHostSum::sum_up);
    write(tx, member, day, &hosts)
}

/// Makes the hosts' rows, and reads what is told apart there already.
fn note(
    tx: &Transaction<'_>,
    member: i64,
    day: Day,
    hosts: &mut BTreeMap<&str, MxHostSum<'_>>,
) -> Result<(), Fault> {
    let shards: Vec<Shard> = hosts.values().map(|host| host.shard).collect();
    let names: Vec<String> = hosts.keys().map(|name| (*name).to_owned()).collect();
    let destinations: Vec<String> = hosts.values().map(MxHostSum::destinations).collect();
    let told: Vec<i64> = hosts.values().map(|host| integer(host.told)).collect();
    let noted = tx.query(
        NOTE_HOSTS,
        &[&PgDay(day), &member, &shards, &names, &destinations, &told],
    )?;
    for row in noted {
        if let Some(host) = hosts.get_mut(row.try_get::<_, &str>(0)?) {
            host.kinds = MxKinds {
                policies: row.try_get(1)?,
                kinds: row.try_get(2)?,
            };
        }
    }
    tx.for_each(
        KNOWN_KINDS,
        &[&PgDay(day), &member, &shards, &names],
        |row| {
            if let Some(host) = hosts.get_mut(row.try_get::<_, &str>(0)?) {
                host.known.insert(row.try_get(1)?);
            }
            Ok(())
        },
    )
}

fn write(
    tx: &Transaction<'_>,
    member: i64,
    day: Day,
    hosts: &BTreeMap<&str, MxHostSum<'_>>,
) -> Result<(), Fault> {
    let (mut shards, mut names, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    let (mut policies, mut failures) = (Vec::new(), Vec::new());
    let (mut sessions, mut failed) = (Vec::new(), Vec::new());
    for (name, host) in hosts {
        for (key, added) in &host.added {
            shards.push(host.shard);
            names.push(*name);
            keys.push(*key);
            policies.push(stored_text(&added.policy));
            failures.push(stored_text(&added.failure));
            sessions.push(integer(added.sessions));
            failed.push(integer(added.failed));
        }
    }
    if keys.is_empty() {
        return Ok(());
    }
    tx.execute(
        ADD_SESSIONS,
        &[
            &PgDay(day),
            &member,
            &shards,
            &names,
            &keys,
            &policies,
            &failures,
            &sessions,
            &failed,
        ],
    )?;
    let shards: Vec<Shard> = hosts.values().map(|host| host.shard).collect();
    let names: Vec<&str> = hosts.keys().copied().collect();
    let policies: Vec<i64> = hosts.values().map(|host| host.kinds.policies).collect();
    let kinds: Vec<i64> = hosts.values().map(|host| host.kinds.kinds).collect();
    tx.execute(
        NOTE_KINDS,
        &[&PgDay(day), &member, &shards, &names, &policies, &kinds],
    )
    .map(drop)
}

impl<'a> MxHostSum<'a> {
    fn new(host: &'a MxHost) -> MxHostSum<'a> {
        MxHostSum {
            host,
            shard: shard_of(host.name.as_str()),
            told: 0,
            counts: Vec::new(),
            kinds: MxKinds::default(),
            known: HashSet::new(),
            added: BTreeMap::new(),
        }
    }

    fn destinations(&self) -> String {
        let destinations = self.host.destinations.iter();
        let destinations: Vec<[&str; 2]> = destinations
            .map(|to| [to.uri(), to.named_by.as_str()])
            .collect();
        let json = serde_json::json!(destinations).to_string();
        stored_text(&json).into_owned()
    }

    fn sum_up(&mut self) {
        for counts in std::mem::take(&mut self.counts) {
            for (policy, counted) in counts.records.values().flatten() {
                let policy = self.add_policy(policy, counted);
                for (failure, sessions) in &counted.failures {
                    self.add_failure(&policy, failure, *sessions);
                }
            }
        }
    }

    /// Gives the policy under which its failures are counted.
    fn add_policy(&mut self, policy: &Policy, counted: &PolicyCounts<Failure>) -> PolicyKey {
        let mut key = PolicyKey::from(policy);
        if !self.knows(&key, "") && !self.kinds.take_policy() {
            key = PolicyKey::from(&Policy::folded(policy.kind, &self.host.name));
        }
        self.put(&key, "", counted.total, counted.failed);
        key
    }

    fn add_failure(&mut self, policy: &PolicyKey, failure: &Failure, sessions: u64) {
        let key = FailureKey::from(failure);
        if self.knows(policy, key.as_str()) || self.kinds.take_failure() {
            self.put(policy, key.as_str(), sessions, 0);
        } else {
            self.put(policy, key.folded().as_str(), sessions, 0);
        }
    }

    fn knows(&self, policy: &PolicyKey, failure: &str) -> bool {
        self.known.contains(&hash(policy, failure))
    }

    fn put(&mut self, policy: &PolicyKey, failure: &str, sessions: u64, failed: u64) {
        let key = hash(policy, failure);
        self.known.insert(key);
        let added = self.added.entry(key).or_insert_with(|| AddedSessions {
            policy: policy.as_str().to_owned(),
            failure: failure.to_owned(),
            ..AddedSessions::default()
        });
        added.sessions = added.sessions.saturating_add(sessions);
        added.failed = added.failed.saturating_add(failed);
    }
}

fn hash(policy: &PolicyKey, failure: &str) -> KeyHash {
    key_hash("", "", policy.as_str(), Some(failure))
}

/// Sums of days that nobody composes any more: `mx_reports` was switched off.
pub(super) fn clean(tx: &Transaction<'_>, oldest: Day) -> Result<(), Fault> {
    for table in ["mx_session", "mx_host"] {
        tx.execute(
            &format!(
                "DELETE FROM {table} t WHERE t.day < $1 \
                 AND NOT EXISTS (SELECT 1 FROM fetch_job j WHERE j.day = t.day AND NOT j.decided)"
            ),
            &[&PgDay(oldest)],
        )?;
    }
    Ok(())
}
