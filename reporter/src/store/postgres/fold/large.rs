//! Domains of which collectors have shipped more than one answer may hold.
//!
//! Many collectors may each have details of their own, and whoever has the password of a shipper may tell any number. Such a domain
//! is folded as a collector folds what is too much: details give way (policies to one a type, failures to one a result type, and
//! of its records the one that most sessions saw is kept), and the counters stay exact. Nothing of it is held in memory as a whole,
//! neither here nor at the server.

use tlsrptd_fleet::{Fault, Row, Shard, Transaction, schema};
use tlsrptd_proto::{day::Day, failure::ResultType};

use super::{MOST_SESSIONS, SHIPPED, counted};

/// Octets of a domain's texts: as many as a fetcher may tell of one. In JSON they are twice that, and never more than six times.
pub(super) const MOST: i64 = 8 << 20;

/// What stands around a policy in an answer, with its numbers, and around a failure.
const AROUND_POLICY: i64 = 100;
const AROUND_FAILURE: i64 = 30;

/// See the module.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LargeDomain {
    pub(super) name: String,
    octets: i64,
}

/// Those of a shard whose answers would hold more than so many octets.
pub(super) fn domains(
    tx: &Transaction<'_>,
    day: Day,
    shard: Shard,
    most: i64,
) -> Result<Vec<LargeDomain>, Fault> {
    let sql = larger_than(day, shard, most) + " ORDER BY 2 DESC, 1";
    let large = |row: &Row| -> Result<LargeDomain, Fault> {
        Ok(LargeDomain {
            name: row.try_get(0)?,
            octets: row.try_get(1)?,
        })
    };
    tx.query(&sql, &[])?.iter().map(large).collect()
}

/// Their names and octets. How long a text is, the database knows without reading it. An answer has a record and a policy once,
/// however many failures they have: first it finds those that it looks at closely, and usually there are none.
pub(super) fn larger_than(day: Day, shard: Shard, most: i64) -> String {
    let keys = schema::leaf("key", day, shard);
    format!(
        "SELECT domain, sum(octets)::bigint AS octets FROM ( \
         SELECT domain, octet_length(record) + sum(octets) AS octets FROM ( \
         SELECT domain, record, {AROUND_POLICY} + octet_length(policy) \
         + coalesce(sum({AROUND_FAILURE} + octet_length(failure)), 0) AS octets \
         FROM {keys} WHERE domain = ANY(ARRAY( \
         SELECT domain FROM {keys} GROUP BY domain HAVING sum({AROUND_POLICY} + octet_length(record) + octet_length(policy) \
         + coalesce(octet_length(failure), 0)) > {most})) \
         GROUP BY domain, record, policy) by_policy \
         GROUP BY domain, record) by_record GROUP BY domain HAVING sum(octets) > {most}"
    )
}

/// Strangers may have brought any number of them about: the largest is told of, and how many there are.
pub(super) fn tell(day: Day, shard: Shard, large: &[LargeDomain]) {
    if let Some(LargeDomain { name, octets }) = large.first() {
        let (domain, domains) = (name, large.len());
        tracing::warn!(%day, shard, domain, octets, domains, "collectors have shipped more of a domain than an answer may hold: its details are counted together, its numbers stay exact");
    }
}

/// Folds the domains `$1` of a shard by kind.
pub(super) fn folding(day: Day, shard: Shard) -> String {
    format!(
        "INSERT INTO answer(day, shard, domain, job, command, state, data) \
         SELECT DATE '{day}', {shard}, f.domain, 0, '{SHIPPED}', 'fetched', f.data FROM ({}) f ON CONFLICT DO NOTHING",
        by_kind(day, shard)
    )
}

/// The domains `$1` of a shard with their answers. A text that is no policy, or no failure, counts as where a collector cannot read
/// it. In a text within one of them a quote has a backslash before it.
pub(in super::super) fn by_kind(day: Day, shard: Shard) -> String {
    let counted = counted(day, shard);
    let codes: Vec<String> = ResultType::ALL
        .iter()
        .map(|of| of.code().to_string())
        .collect();
    let (codes, unknown) = (codes.join("','"), ResultType::ValidationFailure.code());
    format!(
        "WITH named AS MATERIALIZED (SELECT k.domain, k.record, \
         CASE substring(k.policy FROM '\"policy-type\" ?: ?([0-9]+)') WHEN '1' THEN 1 WHEN '2' THEN 2 ELSE 9 END AS kind, \
         substring(k.failure FROM '\"c\" ?: ?([0-9]+)') AS code, k.failure IS NOT NULL AS is_failure, s.total, s.failed \
         FROM {counted} WHERE k.domain = ANY($1)), \
         seen AS (SELECT DISTINCT ON (domain) domain, record FROM (SELECT domain, record, sum(total) AS sessions FROM named \
         WHERE NOT is_failure GROUP BY domain, record) r ORDER BY domain, record = '', sessions DESC, record), \
         kinds AS (SELECT domain, kind, code, least(sum(total), {MOST_SESSIONS})::bigint AS total, \
         least(sum(failed), {MOST_SESSIONS})::bigint AS failed FROM (SELECT domain, kind, total, failed, \
         CASE WHEN NOT is_failure THEN NULL WHEN code IN ('{codes}') THEN code ELSE '{unknown}' END AS code FROM named) n \
         GROUP BY domain, kind, code), \
         policies AS (SELECT domain, json_object_agg(json_build_object('policy-type', kind, 'policy-domain', domain)::text, \
         json_build_object('cntrtotal', total, 'cntrfailure', failed, 'failures', failures)) AS policies FROM ( \
         SELECT domain, kind, coalesce(max(total) FILTER (WHERE code IS NULL), 0) AS total, \
         coalesce(max(failed) FILTER (WHERE code IS NULL), 0) AS failed, \
         coalesce(json_object_agg('{{\"c\": ' || code || '}}', total) FILTER (WHERE code IS NOT NULL), '{{}}') AS failures \
         FROM kinds GROUP BY domain, kind) k GROUP BY domain) \
         SELECT p.domain, json_build_object(coalesce(s.record, ''), p.policies)::text AS data \
         FROM policies p LEFT JOIN seen s ON s.domain = p.domain"
    )
}
