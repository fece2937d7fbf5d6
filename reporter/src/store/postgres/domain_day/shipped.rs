//! What shippers have counted of a day whose counts are not added up yet: read from the tables of one shard.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tlsrptd_fleet::{Fault, PgDay, Row, Shard, Transaction, schema::leaf};
use tlsrptd_proto::day::Day;

use super::{
    super::fold::{SHIPPED, large},
    count,
};
use crate::{
    model::CollectorRow,
    store::{DomainDayState, RowStage, RowState},
};

/// Octets of texts that are read of a domain, each as often as collectors have told it.
const MOST: i64 = 32 << 20;

/// Whether the shard's counts of that day are there, and in no answer.
pub(super) fn is_unfolded(tx: &Transaction<'_>, day: Day, shard: Shard) -> Result<bool, Fault> {
    let row = tx.query_opt(
        "SELECT 1 FROM day y WHERE y.day = $1 AND y.counts \
         AND NOT EXISTS (SELECT 1 FROM compose c WHERE c.day = y.day AND c.shard = $2 AND c.folded)",
        &[&PgDay(day), &shard],
    )?;
    Ok(row.is_some())
}

/// Those of these domains of the shard that were counted, if the counts are in no answer.
pub(super) fn are_counted(
    tx: &Transaction<'_>,
    day: Day,
    shard: Shard,
    domains: &[&str],
) -> Result<Vec<String>, Fault> {
    if !is_unfolded(tx, day, shard)? {
        return Ok(Vec::new());
    }
    let select = format!(
        "SELECT DISTINCT domain FROM {} WHERE domain = ANY($1)",
        leaf("key", day, shard)
    );
    let rows = tx.query(&select, &[&domains])?;
    let name = |row: &Row| -> Result<String, Fault> { Ok(row.try_get(0)?) };
    rows.iter().map(name).collect()
}

/// One policy's counts, as an answer has them.
#[derive(Default)]
struct ShippedPolicy {
    total: i64,
    failed: i64,
    failures: Map<String, Value>,
}

/// By record and policy.
type ShippedCounts = BTreeMap<String, BTreeMap<String, ShippedPolicy>>;

/// Adds an answer a collector, as far as it has come; where they have told more than that, one of all together, as it will be
/// folded.
pub(super) fn rows(
    tx: &Transaction<'_>,
    day: Day,
    shard: Shard,
    domain: &str,
    state: &mut DomainDayState,
) -> Result<(), Fault> {
    match octets(tx, day, shard, domain)? > MOST {
        true => row_of_all(tx, day, shard, domain, state),
        false => row_a_collector(tx, day, shard, domain, state),
    }
}

fn octets(tx: &Transaction<'_>, day: Day, shard: Shard, domain: &str) -> Result<i64, Fault> {
    let select = format!(
        "SELECT least(coalesce(sum(octets), 0), {})::bigint FROM ( \
         SELECT 100 + max(octet_length(k.record) + octet_length(k.policy) + coalesce(octet_length(k.failure), 0)) AS octets \
         FROM {} k JOIN {} c ON c.key = k.key WHERE k.domain = $1 GROUP BY c.collector, k.key) o",
        i64::MAX,
        leaf("key", day, shard),
        leaf("count", day, shard),
    );
    let row = tx.query_opt(&select, &[&domain])?;
    row.map_or(Ok(0), |row| Ok(row.try_get(0)?))
}

fn row_of_all(
    tx: &Transaction<'_>,
    day: Day,
    shard: Shard,
    domain: &str,
    state: &mut DomainDayState,
) -> Result<(), Fault> {
    for row in tx.query(&large::by_kind(day, shard), &[&[domain].as_slice()])? {
        let fetcher = SHIPPED.to_owned();
        state.undecided.push(CollectorRow {
            fetcher: fetcher.clone(),
            data: row.try_get(1)?,
        });
        state.rows.push(RowState {
            fetcher,
            stage: RowStage::Stored,
            reason: None,
        });
    }
    Ok(())
}

fn row_a_collector(
    tx: &Transaction<'_>,
    day: Day,
    shard: Shard,
    domain: &str,
    state: &mut DomainDayState,
) -> Result<(), Fault> {
    // The largest of a collector and key counts.
    let select = format!(
        "SELECT c.collector, k.record, k.policy, k.failure, max(c.total), max(c.failed) FROM {} k JOIN {} c ON c.key = k.key \
         WHERE k.domain = $1 GROUP BY c.collector, k.key, k.record, k.policy, k.failure",
        leaf("key", day, shard),
        leaf("count", day, shard),
    );
    let mut collectors: BTreeMap<i32, ShippedCounts> = BTreeMap::new();
    for row in tx.query(&select, &[&domain])? {
        let policies = collectors.entry(row.try_get(0)?).or_default();
        let policies = policies.entry(row.try_get(1)?).or_default();
        let policy = policies.entry(row.try_get(2)?).or_default();
        let (total, failed): (i64, i64) = (row.try_get(4)?, row.try_get(5)?);
        match row.try_get::<_, Option<String>>(3)? {
            Some(failure) => drop(policy.failures.insert(failure, count(total).into())),
            None => (policy.total, policy.failed) = (total, failed),
        }
    }
    let ids: Vec<i32> = collectors.keys().copied().collect();
    let names = tx.query(
        "SELECT id, 'shipper:' || name FROM collector WHERE id = ANY($1)",
        &[&ids],
    )?;
    for row in names {
        let (id, fetcher): (i32, String) = (row.try_get(0)?, row.try_get(1)?);
        let data = collectors.remove(&id).map(data);
        state.undecided.push(CollectorRow {
            fetcher: fetcher.clone(),
            data,
        });
        state.rows.push(RowState {
            fetcher,
            stage: RowStage::Stored,
            reason: None,
        });
    }
    state
        .undecided
        .sort_by(|one, other| one.fetcher.cmp(&other.fetcher));
    state
        .rows
        .sort_by(|one, other| one.fetcher.cmp(&other.fetcher));
    Ok(())
}

/// As a collector would answer it.
fn data(counts: ShippedCounts) -> String {
    let policy = |(policy, of): (String, ShippedPolicy)| {
        let counts = json!({
            "cntrtotal": count(of.total), "cntrfailure": count(of.failed), "failures": of.failures,
        });
        (policy, counts)
    };
    let record = |(record, policies): (String, BTreeMap<String, ShippedPolicy>)| {
        let policies: Map<String, Value> = policies.into_iter().map(policy).collect();
        (record, Value::Object(policies))
    };
    let records: Map<String, Value> = counts.into_iter().map(record).collect();
    Value::Object(records).to_string()
}
