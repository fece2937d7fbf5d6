//! What the operator asks and changes.

use tlsrptd_fleet::{Fault, PgDay, Row, Transaction, stored_text, text_hash};
use tlsrptd_proto::day::Day;

use super::{
    PostgresReader, digests, history, unreadable,
    version::{self, Changed},
};
use crate::{
    model::SuppressionTarget,
    store::{
        MissingCollector, OperatorStore, ResultTotals, RunningTotals, StoreError, SuppressionRow,
    },
};

impl OperatorStore for PostgresReader {
    fn missing_collectors(&self, from: Day, to: Day) -> Result<Vec<MissingCollector>, StoreError> {
        digests::missing_collectors(&self.db, from, to)
            .map_err(|fault| unreadable("missing collectors", fault))
    }

    fn running_totals(&self) -> Result<RunningTotals, StoreError> {
        history::running_totals(&self.db).map_err(|fault| unreadable("the history", fault))
    }

    fn most_failed(&self, day: Day) -> Result<Vec<ResultTotals>, StoreError> {
        history::most_failed(&self.db, day).map_err(|fault| unreadable("the history", fault))
    }

    fn suppress(
        &mut self,
        target: &SuppressionTarget,
        until: Option<Day>,
        reason: &str,
        today: Day,
    ) -> Result<bool, StoreError> {
        let (hash, text) = (text_hash(target.as_str()), stored_text(target.as_str()));
        self.change(|tx| {
            let there = tx.query_opt(
                "SELECT 1 FROM suppressed WHERE target_hash = $1 AND domain = ''",
                &[&hash],
            )?;
            tx.execute(
                "INSERT INTO suppressed(target_hash, domain, target, until, reason, since, by, times) \
                 VALUES($1, '', $2, $3, $4, $5, 'operator', 0) \
                 ON CONFLICT (target_hash, domain) DO UPDATE SET until = excluded.until, reason = excluded.reason, by = 'operator'",
                &[&hash, &text, &until.map(PgDay), &stored_text(reason), &PgDay(today)],
            )?;
            list_changed(tx)?;
            Ok(there.is_none())
        })
    }

    fn unsuppress(
        &mut self,
        target: &SuppressionTarget,
        domain: Option<&str>,
    ) -> Result<usize, StoreError> {
        let hash = text_hash(target.as_str());
        self.change(|tx| {
            // In the order in which members write them, too.
            let delete = |table: &str| {
                let sql = format!(
                    "WITH held AS (SELECT target_hash, domain FROM {table} WHERE target_hash = $1 \
                     AND ($2::text IS NULL OR domain = $2) ORDER BY domain FOR UPDATE) \
                     DELETE FROM {table} t USING held h WHERE t.target_hash = h.target_hash AND t.domain = h.domain"
                );
                tx.execute(&sql, &[&hash, &domain])
            };
            delete("refusal")?;
            let removed = delete("suppressed")?;
            if removed > 0 {
                list_changed(tx)?;
            }
            Ok(usize::try_from(removed).unwrap_or(usize::MAX))
        })
    }

    fn suppressed(&self, today: Day) -> Result<Vec<SuppressionRow>, StoreError> {
        let what = "the suppression list";
        let rows = self.read(
            what,
            "SELECT target, until, since, by, times, reason, nullif(domain, '') FROM suppressed \
             WHERE until IS NULL OR until >= $1 ORDER BY target COLLATE \"C\", domain",
            &[&PgDay(today)],
        )?;
        let rows: Result<Vec<SuppressionRow>, Fault> = rows.iter().map(suppression_row).collect();
        rows.map_err(|fault| unreadable(what, fault))
    }
}

fn suppression_row(row: &Row) -> Result<SuppressionRow, Fault> {
    let until: Option<PgDay> = row.try_get(1)?;
    let PgDay(since) = row.try_get(2)?;
    Ok(SuppressionRow {
        target: row.try_get(0)?,
        domain: row.try_get(6)?,
        until: until.map(|PgDay(day)| day.to_string()),
        since: since.to_string(),
        by: row.try_get(3)?,
        times: row.try_get(4)?,
        reason: row.try_get::<_, Option<String>>(5)?.unwrap_or_default(),
    })
}

/// Members read it again.
fn list_changed(tx: &Transaction<'_>) -> Result<(), Fault> {
    version::bump(tx, Changed::Suppressions, history::OPERATOR)
}
