//! What collectors have shipped, folded into one answer a domain: of each collector and key the largest number that it told, and
//! the sum over collectors. A row that came twice, or before an older one, changes nothing.

use std::collections::BTreeSet;

use tlsrptd_fleet::{Fault, PgDay, Shard, Transaction, schema};
use tlsrptd_proto::day::Day;

use super::{PostgresStore, at_step, unreadable};
use crate::store::{Step, StoreError};

/// The command of the answers that come from shippers' counts.
pub(super) const SHIPPED: &str = "shipped";

impl PostgresStore {
    /// The shards of a day whose shipped counts stand in `answer`, if there are any.
    pub(super) fn folded_shards(&self, day: Day) -> Result<BTreeSet<Shard>, StoreError> {
        let what = "folded shards";
        let rows = self.read(
            what,
            "SELECT shard FROM compose WHERE day = $1 AND folded \
             UNION SELECT shard FROM shard WHERE NOT EXISTS (SELECT 1 FROM shipment WHERE day = $1)",
            &[&PgDay(day)],
        )?;
        let shards = rows.iter().map(|row| row.try_get(0));
        shards
            .collect::<Result<_, _>>()
            .map_err(|error| unreadable(what, error.into()))
    }

    /// Folds the counts of one shard, once. Not a step of the daemon's: it can be done at any time before the shard is decided.
    pub(super) fn fold(&self, day: Day, shard: Shard) -> Result<(), StoreError> {
        self.try_to_fold(day, shard)
            .map_err(|fault| at_step(Step::RowsStored, fault))
    }

    fn try_to_fold(&self, day: Day, shard: Shard) -> Result<(), Fault> {
        let transaction = self.db.begin()?;
        self.member.fence(&transaction, &[shard])?;
        let begun = transaction.execute(
            "INSERT INTO compose AS c(day, shard, folded) VALUES($1, $2, true) \
             ON CONFLICT (day, shard) DO UPDATE SET folded = true WHERE NOT c.folded",
            &[&PgDay(day), &shard],
        )?;
        let has_shipped = transaction.query_opt(
            "SELECT 1 FROM day d WHERE d.day = $1 AND d.counts AND EXISTS (SELECT 1 FROM shipment s WHERE s.day = d.day)",
            &[&PgDay(day)],
        )?;
        if begun > 0 && has_shipped.is_some() {
            // Of days and shards there are ever more: a text like this one is not kept prepared.
            transaction.batch(&folding(day, shard))?;
        }
        transaction.commit()
    }
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
fn folding(day: Day, shard: Shard) -> String {
    let (counts, keys) = (
        schema::leaf("count", day, shard),
        schema::leaf("key", day, shard),
    );
    // See `stored_name` for 300.
    format!(
        "INSERT INTO answer(day, shard, domain, job, command, state, data) \
         SELECT DATE '{day}', {shard}, domain, 0, '{SHIPPED}', 'fetched', json_object_agg(record, policies)::text FROM ( \
         SELECT domain, record, json_object_agg(policy, json_build_object( \
         'cntrtotal', total, 'cntrfailure', failed, 'failures', failures)) AS policies FROM ( \
         SELECT domain, record, policy, coalesce(max(total) FILTER (WHERE failure IS NULL), 0) AS total, \
         coalesce(max(failed) FILTER (WHERE failure IS NULL), 0) AS failed, \
         coalesce(json_object_agg(failure, total) FILTER (WHERE failure IS NOT NULL), '{{}}') AS failures FROM ( \
         SELECT left(k.domain, 300) AS domain, k.record, k.policy, k.failure, s.total, s.failed FROM ( \
         SELECT key, least(sum(total), 9223372036854775807)::bigint AS total, \
         least(sum(failed), 9223372036854775807)::bigint AS failed FROM ( \
         SELECT key, collector, max(total) AS total, max(failed) AS failed FROM {counts} GROUP BY key, collector) most \
         GROUP BY key) s JOIN {keys} k ON k.key = s.key) named \
         GROUP BY domain, record, policy) by_policy GROUP BY domain, record) by_record GROUP BY domain \
         ON CONFLICT DO NOTHING"
    )
}

#[cfg(test)]
mod tests;
