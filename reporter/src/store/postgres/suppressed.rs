//! The suppression list, and what adds to it.

mod refusal_table;

use std::sync::Arc;

use tlsrptd_fleet::{Fault, PgDay, Session, Transaction};
use tlsrptd_proto::day::Day;

use super::{
    PostgresStore, unreadable,
    version::{self, Changed},
};
use crate::{
    model::SuppressionTarget,
    store::{StoreError, SuppressionSource},
    suppress::{Scope, SuppressionEntry, Suppressions, TargetForDomain},
};

pub(super) use refusal_table::RefusalTable;

/// Destinations whose refusals are remembered from one cleaning to the next.
const MAX_REMEMBERED: i64 = 1_000_000;

/// The list as it was read last.
#[derive(Default)]
pub(super) struct ReadList {
    /// Its version then.
    version: Option<i64>,
    list: Arc<Suppressions>,
}

impl ReadList {
    /// The list has changed: read it again.
    pub(super) fn invalidate(&mut self) {
        self.version = None;
    }
}

impl SuppressionSource for PostgresStore {
    fn suppressions(&mut self) -> Result<Arc<Suppressions>, StoreError> {
        let fault = |fault| unreadable("the suppression list", fault);
        // Before the list: what changes meanwhile is read the next time.
        let version = version::of(&self.db, &[Changed::Suppressions]).map_err(fault)?;
        if self.suppressions.version != Some(version) {
            self.suppressions = ReadList {
                version: Some(version),
                list: Arc::new(entries(&self.db).map_err(fault)?),
            };
        }
        Ok(Arc::clone(&self.suppressions.list))
    }
}

/// All entries.
pub(super) fn entries(db: &Session) -> Result<Suppressions, Fault> {
    let rows = db.query("SELECT target, domain, until, reason FROM suppressed", &[])?;
    let entries = rows.iter().map(|row| {
        let (target, domain): (&str, String) = (row.try_get(0)?, row.try_get(1)?);
        let (until, reason): (Option<PgDay>, Option<String>) = (row.try_get(2)?, row.try_get(3)?);
        Ok(SuppressionTarget::parse(target).ok().map(|target| {
            let until = until.map(|PgDay(day)| day);
            let reason = reason.unwrap_or_default();
            let scope = match domain.is_empty() {
                true => Scope::All(target),
                false => Scope::One(TargetForDomain { target, domain }),
            };
            (scope, SuppressionEntry { until, reason })
        }))
    });
    entries.filter_map(Result::transpose).collect()
}

/// Removes entries that ended long ago, and refusals that were not repeated for a month, or for a month after the longest
/// suspension.
pub(super) fn clean(tx: &Transaction<'_>, oldest: Day) -> Result<(), Fault> {
    let day = PgDay(oldest);
    tx.execute("DELETE FROM suppressed WHERE until < $1", &[&day])?;
    tx.execute(
        "DELETE FROM refusal WHERE last < $1::date - CASE WHEN times > 0 THEN 120 ELSE 30 END",
        &[&day],
    )?;
    tx.execute(
        "DELETE FROM refusal WHERE (target_hash, domain) IN (SELECT target_hash, domain FROM refusal \
         ORDER BY times, last LIMIT greatest((SELECT count(*) FROM refusal) - $1::bigint, 0))",
        &[&MAX_REMEMBERED],
    )
    .map(drop)
}
