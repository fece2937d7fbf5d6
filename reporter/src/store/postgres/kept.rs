//! Reports whose last delivery has ended: their bytes, until those of all members together are too large or they are too old.
//!
//! Whoever ends the last delivery keeps the report; the owner of shard 0 lets the oldest go.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use tlsrptd_fleet::{Fault, PgDay, Transaction};
use tlsrptd_proto::day::Day;

use super::deliveries::by_day;
use crate::store::AttemptEnd;

/// Discards the texts of reports without a delivery that is open. What is kept stays in the row: the bytes that were sent, or of a
/// report of which no attempt was made its text.
const DISCARD: &str = "UPDATE report r SET gzip = w.gzip, \
    json = CASE WHEN NOT w.was_sent AND octet_length(r.json) <= $5::bigint AND $5::bigint > 0 THEN r.json END \
    FROM unnest($2::bigint[], $3::bytea[], $4::boolean[]) AS w(r_id, gzip, was_sent) \
    WHERE r.day = $1 AND r.r_id = w.r_id AND r.json IS NOT NULL \
    AND NOT EXISTS (SELECT 1 FROM delivery o WHERE o.day = $1 AND o.r_id = w.r_id AND o.status IS NULL) \
    RETURNING r.r_id, coalesce(octet_length(r.gzip), octet_length(r.json))::bigint";
const KEEP: &str = "INSERT INTO kept(r_id, day, bytes) SELECT k.r_id, $3::date, k.bytes \
    FROM unnest($1::bigint[], $2::bigint[]) AS k(r_id, bytes) ON CONFLICT (r_id) DO NOTHING";
/// The oldest, as far as all together are too large by `$1`. A limit that was lowered is reached in steps: no transaction holds up
/// deliveries.
const LET_GO: &str = "DELETE FROM kept WHERE id IN (SELECT id FROM \
    (SELECT id, sum(bytes) OVER (ORDER BY id) - bytes AS before FROM \
    (SELECT id, bytes FROM kept ORDER BY id LIMIT 10000) AS oldest) AS summed WHERE before < $1::bigint) RETURNING r_id, bytes";
const FORGET: &str = "UPDATE report SET gzip = NULL, json = NULL WHERE day = $1 AND r_id = ANY($2)";

/// What others keep is added up so often.
const ADD_UP: SignedDuration = SignedDuration::from_mins(1);

/// How much of the reports is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct FleetKept {
    /// `max_kept_reports_size`.
    limit: i64,
    /// The bytes of all of them, and when they were added up.
    sum: Option<(i64, Timestamp)>,
}

impl FleetKept {
    pub(super) fn new(limit: u64) -> FleetKept {
        FleetKept {
            limit: i64::try_from(limit).unwrap_or(i64::MAX),
            sum: None,
        }
    }

    /// The sum is not known any more.
    pub(super) fn forget(&mut self) {
        self.sum = None;
    }

    /// Deliveries of that day have ended: the texts of their reports go, if these were the last. They are locked.
    pub(super) fn discard(
        &mut self,
        tx: &Transaction<'_>,
        day: Day,
        ends: &[&AttemptEnd],
    ) -> Result<(), Fault> {
        let mut reports: BTreeMap<i64, Option<&[u8]>> = BTreeMap::new();
        for end in ends {
            let gzip = reports.entry(end.r_id).or_default();
            *gzip = end.gzip.as_deref().or(*gzip);
        }
        let r_ids: Vec<i64> = reports.keys().copied().collect();
        let was_sent: Vec<bool> = reports.values().map(Option::is_some).collect();
        let fits = |gzip: &&[u8]| {
            let bytes = i64::try_from(gzip.len()).unwrap_or(i64::MAX);
            // One that is larger would push out all others, and then itself.
            self.limit > 0 && bytes <= self.limit
        };
        let gzip: Vec<Option<&[u8]>> = reports.values().map(|of| of.filter(fits)).collect();
        let rows = tx.query(
            DISCARD,
            &[&PgDay(day), &r_ids, &gzip, &was_sent, &self.limit],
        )?;
        let (mut kept, mut bytes) = (Vec::new(), Vec::<i64>::new());
        for row in &rows {
            if let Some(size) = row.try_get(1)? {
                kept.push(row.try_get::<_, i64>(0)?);
                bytes.push(size);
            }
        }
        if kept.is_empty() {
            return Ok(());
        }
        tx.execute(KEEP, &[&kept, &bytes, &PgDay(day)])?;
        if let Some((sum, _)) = &mut self.sum {
            *sum = sum.saturating_add(bytes.iter().sum());
        }
        Ok(())
    }

    /// Lets the oldest go, as far as all together are too large.
    pub(super) fn let_go(&mut self, tx: &Transaction<'_>, now: Timestamp) -> Result<(), Fault> {
        let is_known = |at: Timestamp| {
            let until = at.checked_add(ADD_UP).unwrap_or(Timestamp::MAX);
            (at..until).contains(&now)
        };
        let (mut sum, at) = match self.sum {
            Some((sum, at)) if is_known(at) => (sum, at),
            _ => (total(tx)?, now),
        };
        if sum > self.limit {
            let over = sum - self.limit;
            let mut gone = Vec::new();
            for row in tx.query(LET_GO, &[&over])? {
                sum -= row.try_get::<_, i64>(1)?;
                gone.push(row.try_get::<_, i64>(0)?);
            }
            for (day, r_ids) in by_day(gone, |r_id| *r_id) {
                tx.execute(FORGET, &[&PgDay(day), &r_ids])?;
            }
        }
        self.sum = Some((sum, at));
        Ok(())
    }
}

fn total(tx: &Transaction<'_>) -> Result<i64, Fault> {
    let sum = tx.query_opt("SELECT coalesce(sum(bytes), 0)::bigint FROM kept", &[])?;
    Ok(sum.map(|row| row.try_get(0)).transpose()?.unwrap_or(0))
}

/// The reports of days before that one have gone.
pub(super) fn clean(tx: &Transaction<'_>, oldest: Day) -> Result<(), Fault> {
    tx.execute(
        "DELETE FROM kept k WHERE day < $1 AND NOT EXISTS (SELECT 1 FROM report r WHERE r.day = k.day AND r.r_id = k.r_id)",
        &[&PgDay(oldest)],
    )
    .map(drop)
}
