//! What collectors have shipped, folded into one answer a domain: of each collector and key the largest number that it told, and
//! the sum over collectors. A row that came twice, or before an older one, changes nothing.
//!
//! A shard is folded once, beside everything else: see [`Folds`]. Then it stands in `answer`, and its day can be composed. What is
//! told of one domain is bound: see [`large`].

mod beside;
pub(super) mod large;

use tlsrptd_fleet::{Fault, PgDay, Session, Shard, Transaction, schema};
use tlsrptd_proto::day::Day;

use super::member::MemberToken;

pub(super) use beside::{FoldingMember, Folds};
use large::LargeDomain;

/// The command of the answers that come from shippers' counts.
pub(super) const SHIPPED: &str = "shipped";

/// A sum that no counter can hold stays at the end of its range.
const MOST_SESSIONS: i64 = i64::MAX;

/// Folds the counts of one shard, once. Not a step of the daemon's: it can be done at any time before the shard is decided. It may
/// take long, so the shard is held at the end alone: whoever takes it over meanwhile does not wait, and this comes to nothing.
fn fold(db: &Session, member: &MemberToken, day: Day, shard: Shard) -> Result<(), Fault> {
    let transaction = db.begin()?;
    let has_shipped = transaction.query_opt(
        "SELECT 1 FROM day d WHERE d.day = $1 AND d.counts AND EXISTS (SELECT 1 FROM shipment s WHERE s.day = d.day)",
        &[&PgDay(day)],
    )?;
    let mut large = Vec::new();
    if has_shipped.is_some() {
        large = add_up(&transaction, day, shard, large::MOST)?;
    }
    member.fence(&transaction, &[shard])?;
    let is_first = transaction.execute(
        "INSERT INTO compose AS c(day, shard, folded) VALUES($1, $2, true) \
         ON CONFLICT (day, shard) DO UPDATE SET folded = true WHERE NOT c.folded",
        &[&PgDay(day), &shard],
    )?;
    match is_first {
        // What it has found may be in reports, and removed.
        0 => Ok(()),
        _ => {
            transaction.commit()?;
            large::tell(day, shard, &large);
            Ok(())
        }
    }
}

/// Adds the counts of a shard up. Domains with more than so many octets are added up by kind, and given. Somebody may tell more of one
/// meanwhile: whether it is large is found by the statement that adds it up, and whatever that leaves is large to the next one.
fn add_up(
    tx: &Transaction<'_>,
    day: Day,
    shard: Shard,
    most: i64,
) -> Result<Vec<LargeDomain>, Fault> {
    // Of days and shards there are ever more: a text like this one is not kept prepared.
    tx.batch(&folding(day, shard, most))?;
    let large = large::domains(tx, day, shard, most)?;
    if !large.is_empty() {
        let names: Vec<&str> = large.iter().map(|domain| domain.name.as_str()).collect();
        tx.execute(&large::folding(day, shard), &[&names])?;
    }
    Ok(large)
}

/// Without shipped counts there is nothing to fold.
pub(super) fn mark_without_counts(
    tx: &Transaction<'_>,
    day: Day,
    shards: &[Shard],
) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO compose AS c(day, shard, folded) SELECT d.day, s.shard, true \
         FROM day d CROSS JOIN unnest($2::smallint[]) AS s(shard) \
         WHERE d.day = $1 AND NOT EXISTS (SELECT 1 FROM shipment h WHERE h.day = $1) \
         ORDER BY s.shard ON CONFLICT (day, shard) DO UPDATE SET folded = true WHERE NOT c.folded",
        &[&PgDay(day), &shards],
    )
    .map(drop)
}

/// The database adds up and writes: nothing of it travels, and what does not fit into its memory goes to its disk. Its tables are
/// named by numbers alone.
fn folding(day: Day, shard: Shard, most: i64) -> String {
    let (counted, large) = (counted(day, shard), large::larger_than(day, shard, most));
    format!(
        "INSERT INTO answer(day, shard, domain, job, command, state, data) \
         SELECT DATE '{day}', {shard}, domain, 0, '{SHIPPED}', 'fetched', json_object_agg(record, policies)::text FROM ( \
         SELECT domain, record, json_object_agg(policy, json_build_object( \
         'cntrtotal', total, 'cntrfailure', failed, 'failures', failures)) AS policies FROM ( \
         SELECT domain, record, policy, coalesce(max(total) FILTER (WHERE failure IS NULL), 0) AS total, \
         coalesce(max(failed) FILTER (WHERE failure IS NULL), 0) AS failed, \
         coalesce(json_object_agg(failure, total) FILTER (WHERE failure IS NOT NULL), '{{}}') AS failures FROM ( \
         SELECT k.domain, k.record, k.policy, k.failure, s.total, s.failed FROM {counted} \
         WHERE k.domain NOT IN (SELECT domain FROM ({large}) l)) named \
         GROUP BY domain, record, policy) by_policy GROUP BY domain, record) by_record GROUP BY domain \
         ON CONFLICT DO NOTHING"
    )
}

/// What all collectors together have counted (`s`) of each key (`k`).
fn counted(day: Day, shard: Shard) -> String {
    let (counts, keys) = (
        schema::leaf("count", day, shard),
        schema::leaf("key", day, shard),
    );
    format!(
        "(SELECT key, least(sum(total), {MOST_SESSIONS})::bigint AS total, least(sum(failed), {MOST_SESSIONS})::bigint AS failed FROM ( \
         SELECT key, collector, max(total) AS total, max(failed) AS failed FROM {counts} GROUP BY key, collector) most \
         GROUP BY key) s JOIN {keys} k ON k.key = s.key"
    )
}

#[cfg(test)]
pub(super) mod tests;
