//! What was read of MX hosts, until they are decided on. As much is removed then, and no more: another member may have had the day
//! composed once more meanwhile, and have added to the same sums.

use std::collections::HashMap;

use tlsrptd_fleet::{Fault, KeyHash, PgDay, Shard, Transaction, shard_of};
use tlsrptd_proto::day::Day;

use crate::model::DecidedDomain;

/// What has not changed goes; of what has, as much as was read.
const REMOVE_SESSIONS: &str = "DELETE FROM mx_session s USING \
    unnest($2::smallint[], $3::text[], $4::bigint[], $5::uuid[], $6::bigint[], $7::bigint[]) AS r(shard, host, member, key, sessions, failed) \
    WHERE s.day = $1 AND s.shard = r.shard AND s.host = r.host AND s.member = r.member AND s.key = r.key \
    AND s.sessions = r.sessions AND s.failed = r.failed";
const LESSEN_SESSIONS: &str = "UPDATE mx_session s SET sessions = greatest(s.sessions - r.sessions, 0), failed = greatest(s.failed - r.failed, 0) \
    FROM unnest($2::smallint[], $3::text[], $4::bigint[], $5::uuid[], $6::bigint[], $7::bigint[]) AS r(shard, host, member, key, sessions, failed) \
    WHERE s.day = $1 AND s.shard = r.shard AND s.host = r.host AND s.member = r.member AND s.key = r.key";
const LESSEN_TOLD: &str = "UPDATE mx_host h SET told = greatest(h.told - r.told, 0) \
    FROM unnest($2::smallint[], $3::text[], $4::bigint[], $5::bigint[]) AS r(shard, host, member, told) \
    WHERE h.day = $1 AND h.shard = r.shard AND h.host = r.host AND h.member = r.member";
const REMOVE_HOSTS: &str = "DELETE FROM mx_host h USING unnest($2::smallint[], $3::text[]) AS r(shard, host) \
    WHERE h.day = $1 AND h.shard = r.shard AND h.host = r.host AND h.told = 0 \
    AND NOT EXISTS (SELECT 1 FROM mx_session s WHERE s.day = h.day AND s.shard = h.shard AND s.host = h.host AND s.member = h.member)";

/// See the module.
#[derive(Debug, Default)]
pub(in super::super) struct MxSums(HashMap<String, HostSums>);

/// Of one host, as each member had counted.
#[derive(Debug, Default)]
pub(super) struct HostSums {
    /// In reports on domains.
    pub(super) told: Vec<(i64, i64)>,
    pub(super) sessions: Vec<MemberSessions>,
}

#[derive(Debug)]
pub(super) struct MemberSessions {
    pub(super) member: i64,
    pub(super) key: KeyHash,
    pub(super) sessions: i64,
    pub(super) failed: i64,
}

impl MxSums {
    pub(super) fn note(&mut self, host: &str, sums: HostSums) {
        self.0.insert(host.to_owned(), sums);
    }

    /// Hosts are decided on, by what was read of them.
    pub(in super::super) fn remove(
        &self,
        tx: &Transaction<'_>,
        day: Day,
        decisions: &[DecidedDomain],
    ) -> Result<(), Fault> {
        let names = decisions.iter().map(|decided| decided.domain.as_str());
        let read: Vec<(Shard, &str, &HostSums)> = names
            .filter_map(|name| Some((shard_of(name), name, self.0.get(name)?)))
            .collect();
        let day = PgDay(day);
        let sessions = |of: &dyn Fn(&MemberSessions) -> i64| -> Vec<i64> {
            let all = read.iter().flat_map(|(_, _, sums)| &sums.sessions);
            all.map(of).collect()
        };
        let each = read.iter().flat_map(|(shard, name, sums)| {
            sums.sessions.iter().map(move |of| (shard, name, of.key))
        });
        let (shards, hosts, keys) = columns(each);
        let (members, numbers) = (sessions(&|of| of.member), sessions(&|of| of.sessions));
        let failed = sessions(&|of| of.failed);
        for sql in [REMOVE_SESSIONS, LESSEN_SESSIONS] {
            tx.execute(
                sql,
                &[&day, &shards, &hosts, &members, &keys, &numbers, &failed],
            )?;
        }
        let told = read
            .iter()
            .flat_map(|(shard, name, sums)| sums.told.iter().map(move |told| (shard, name, *told)));
        let (shards, hosts, told) = columns(told);
        let (members, told): (Vec<i64>, Vec<i64>) = told.into_iter().unzip();
        tx.execute(LESSEN_TOLD, &[&day, &shards, &hosts, &members, &told])?;
        let (shards, hosts, _) = columns(read.iter().map(|(shard, name, _)| (shard, name, ())));
        tx.execute(REMOVE_HOSTS, &[&day, &shards, &hosts]).map(drop)
    }
}

fn columns<'a, T>(
    rows: impl Iterator<Item = (&'a Shard, &'a &'a str, T)>,
) -> (Vec<Shard>, Vec<&'a str>, Vec<T>) {
    let (mut shards, mut hosts, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for (shard, host, value) in rows {
        shards.push(*shard);
        hosts.push(*host);
        values.push(value);
    }
    (shards, hosts, values)
}
