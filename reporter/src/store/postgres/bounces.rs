//! Mails that came back. A bounce is applied once: it is a row until it is, and it changes a delivery only from `sent`. The owner of
//! shard 0 applies them.

mod mailed;
mod operator;

use std::collections::BTreeMap;

use jiff::Timestamp;
use tlsrptd_fleet::{
    Fault, KeyHash, PgDay, PgTime, Row, ToSql, Transaction, stored_text, text_hash,
};
use tlsrptd_proto::day::Day;

use super::{
    PostgresStore, history,
    suppressed::RefusalTable,
    unreadable,
    version::{self, Changed},
};
use crate::{
    model::{
        BounceBlame, BounceKey, BounceKind, BounceResult, BounceTag, DeliveryStatus, NamedBy,
        RequestState, SuppressionTarget, TaggedMail,
    },
    store::{AppliedBounce, AppliedBounces, Bounces, Step, StoreError, refusals::RefusalTracker},
};
use mailed::{CarriedMail, MailReport};

/// Bounces that are applied in one transaction: others wait for what it holds.
const APPLIED_AT_ONCE: i64 = 50;

const OPEN: &str = "SELECT id, tag, kind, blame, text, came FROM bounce WHERE applied IS NULL AND id > $1 ORDER BY id LIMIT $2";
const APPLIED: &str = "UPDATE bounce b SET applied = $1, result = w.result, day = w.day, r_id = w.r_id, destination = w.destination \
    FROM unnest($2::bigint[], $3::text[], $4::date[], $5::bigint[], $6::text[]) AS w(id, result, day, r_id, destination) \
    WHERE b.id = w.id";
const REFUSE: &str = "UPDATE delivery SET status = $4, reason = $5, due = $6, first = coalesce(first, due) \
    WHERE day = $1 AND r_id = $2 AND uri_hash = $3 AND status = $7";
/// What the relay took has not arrived. In the order in which those that record outcomes come by.
const NOT_ARRIVED: &str = "DELETE FROM arrived a USING (SELECT uri_hash FROM arrived WHERE uri_hash = ANY($1) \
    ORDER BY uri_hash FOR UPDATE) AS gone WHERE a.uri_hash = gone.uri_hash";

impl Bounces for PostgresStore {
    fn bounce_key(&self) -> &BounceKey {
        &self.bounce_key
    }

    fn apply_bounces(&mut self, now: Timestamp) -> Result<AppliedBounces, StoreError> {
        if !self.member.shards().contains(&0) {
            return Ok(AppliedBounces::default());
        }
        // Those that wait must not hold back what came behind them.
        let after = std::mem::take(&mut self.bounces_after);
        if self.read("bounces", OPEN, &[&after, &1_i64])?.is_empty() {
            return Ok(AppliedBounces::default());
        }
        let (key, me) = (self.bounce_key.clone(), self.member.id());
        let (applied, last, list_changed) = self.transact(Step::BounceApplied, &[0], |tx| {
            let rows = tx.query(OPEN, &[&after, &APPLIED_AT_ONCE])?;
            let last = rows.last().map(|row| row.try_get(0)).transpose()?;
            let mut all = AppliedBounces {
                has_more: i64::try_from(rows.len()).unwrap_or(i64::MAX) >= APPLIED_AT_ONCE,
                ..AppliedBounces::default()
            };
            let mut followed = Vec::with_capacity(rows.len());
            for row in &rows {
                match follow(tx, open_bounce(row)?, &key, now)? {
                    Some(one) => followed.push(one),
                    None => all.waiting += 1,
                }
            }
            record(tx, &followed, me, now)?;
            let tracker = count_refusals(tx, &followed, me, now)?;
            if tracker.list_changed {
                version::bump(tx, Changed::Suppressions, me)?;
            }
            all.suspended = tracker.suspended;
            all.applied = followed.into_iter().map(FollowedBounce::applied).collect();
            Ok((all, last.unwrap_or(0), tracker.list_changed))
        })?;
        if applied.has_more {
            self.bounces_after = last;
        }
        if list_changed {
            self.suppressions.invalidate();
        }
        Ok(applied)
    }

    fn unclaimed_bounces(&self) -> Result<u64, StoreError> {
        let names = [BounceResult::Untagged, BounceResult::NoBounce].map(BounceResult::as_str);
        history::bounces_of(&self.db, &names).map_err(|fault| unreadable("bounces", fault))
    }
}

/// A row that waits.
struct UnappliedBounce {
    id: i64,
    tag: Option<BounceTag>,
    kind: Option<BounceKind>,
    blame: BounceBlame,
    text: String,
    came: Timestamp,
}

/// The word of the table.
const ADDRESS: &str = "address";

fn open_bounce(row: &Row) -> Result<UnappliedBounce, Fault> {
    let PgTime(came) = row.try_get(5)?;
    Ok(UnappliedBounce {
        id: row.try_get(0)?,
        tag: BounceTag::parse(row.try_get(1)?),
        kind: BounceKind::from_word(row.try_get(2)?),
        blame: match row.try_get(3)? {
            ADDRESS => BounceBlame::Address,
            _ => BounceBlame::Other,
        },
        text: row.try_get(4)?,
        came,
    })
}

/// What became of one, and of what it is about.
struct FollowedBounce {
    bounce: UnappliedBounce,
    mailed: Option<CarriedMail>,
    result: BounceResult,
}

impl FollowedBounce {
    fn report(&self) -> Option<&MailReport> {
        self.mailed.as_ref()?.report.as_ref()
    }

    /// A clock that was ahead may have written the time.
    fn came(&self, now: Timestamp) -> Day {
        Day::of(self.bounce.came.min(now))
    }

    /// What was sent, and has come back for what it says.
    fn refused(&self) -> Option<(&CarriedMail, &MailReport)> {
        let is_refused = self.result == BounceResult::Refused;
        self.mailed
            .as_ref()
            .zip(self.report())
            .filter(|_| is_refused)
    }

    fn applied(self) -> AppliedBounce {
        AppliedBounce {
            result: self.result,
            report: self.report().map(MailReport::name),
            destination: self.mailed.map(|mailed| mailed.destination),
            text: self.bounce.text,
        }
    }
}

/// Ends what came back. `None`: what it is about has not ended.
fn follow(
    tx: &Transaction<'_>,
    bounce: UnappliedBounce,
    key: &BounceKey,
    now: Timestamp,
) -> Result<Option<FollowedBounce>, Fault> {
    let query = |sql: &str, parameters: &[&(dyn ToSql + Sync)]| tx.query(sql, parameters);
    let mailed = match &bounce.tag {
        Some(tag) => mailed::find(&query, key, tag)?,
        None => None,
    };
    let result = match (bounce.kind, &mailed) {
        (_, None) | (None, _) => BounceResult::Gone,
        (Some(BounceKind::Delayed), _) => BounceResult::Delayed,
        (Some(BounceKind::Passed), _) => BounceResult::Passed,
        (Some(BounceKind::Failed), Some(mailed)) if mailed.is_pending() => return Ok(None),
        (Some(BounceKind::Failed), Some(mailed)) => match refuse(tx, mailed, &bounce.text, now)? {
            true => BounceResult::Refused,
            false => BounceResult::Ended,
        },
    };
    Ok(Some(FollowedBounce {
        bounce,
        mailed,
        result,
    }))
}

/// Records what became of all: each row once, and in the order of those who record outcomes.
fn record(
    tx: &Transaction<'_>,
    followed: &[FollowedBounce],
    me: i64,
    now: Timestamp,
) -> Result<(), Fault> {
    let (mut days, mut came) = (
        BTreeMap::<Day, i64>::new(),
        Vec::<(Day, BounceResult, i64)>::new(),
    );
    let mut hashes: Vec<KeyHash> = Vec::new();
    for one in followed {
        if let Some((mailed, report)) = one.refused() {
            *days.entry(report.day).or_default() += 1;
            hashes.push(text_hash(mailed.destination.uri()));
        }
        let (day, result) = (one.came(now), one.result);
        match came.iter_mut().find(|of| (of.0, of.1) == (day, result)) {
            Some((.., number)) => *number += 1,
            None => came.push((day, result, 1)),
        }
    }
    for (day, number) in days {
        history::bounced(tx, me, day, number)?;
    }
    for (day, result, number) in came {
        history::count_bounces(tx, me, day, result, number)?;
    }
    if !hashes.is_empty() {
        tx.execute(NOT_ARRIVED, &[&hashes])?;
    }
    let reports: Vec<Option<&MailReport>> = followed.iter().map(FollowedBounce::report).collect();
    let ids: Vec<i64> = followed.iter().map(|one| one.bounce.id).collect();
    let results: Vec<&str> = followed.iter().map(|one| one.result.as_str()).collect();
    let of_day = reports.iter().map(|report| report.map(|of| PgDay(of.day)));
    let of_day: Vec<Option<PgDay>> = of_day.collect();
    let r_ids: Vec<Option<i64>> = reports
        .iter()
        .map(|report| report.map(|of| of.r_id))
        .collect();
    let destinations = followed
        .iter()
        .map(|one| Some(one.mailed.as_ref()?.destination.uri()));
    let destinations: Vec<Option<&str>> = destinations.collect();
    tx.execute(
        APPLIED,
        &[&PgTime(now), &ids, &results, &of_day, &r_ids, &destinations],
    )
    .map(drop)
}

/// Counts those that speak of an address that a record named, in the order of the rows that are held for it.
fn count_refusals(
    tx: &Transaction<'_>,
    followed: &[FollowedBounce],
    me: i64,
    now: Timestamp,
) -> Result<RefusalTracker, Fault> {
    let mut counted: Vec<_> = followed
        .iter()
        .filter(|one| one.bounce.blame == BounceBlame::Address)
        .filter_map(|one| Some((one, one.refused()?)))
        .filter(|(_, (mailed, _))| mailed.destination.named_by == NamedBy::Record)
        .collect();
    counted.sort_by_cached_key(|(_, (mailed, report))| {
        let target = SuppressionTarget::of(&mailed.destination);
        let hash = target.map(|target| text_hash(target.as_str()));
        (hash, report.domain.to_string())
    });
    let about = counted
        .iter()
        .map(|(_, (mailed, report))| (report.r_id, &mailed.destination, report.domain.clone()));
    let refusals = RefusalTable::about(tx, me, about)?;
    let mut tracker = RefusalTracker::before(&refusals)?;
    for (one, (mailed, report)) in counted {
        let (r_id, sent) = (report.r_id, report.dated.map(Day::of));
        let (destination, text) = (&mailed.destination, &one.bounce.text);
        tracker.bounced(&refusals, r_id, destination, text, one.came(now), sent)?;
    }
    Ok(tracker)
}

/// Ends it as refused, if it counted as sent.
fn refuse(
    tx: &Transaction<'_>,
    mailed: &CarriedMail,
    said: &str,
    now: Timestamp,
) -> Result<bool, Fault> {
    let reason = format!("bounced: {said}");
    let reason = stored_text(&reason);
    match (mailed.mail, &mailed.report) {
        (TaggedMail::Request(id), _) => {
            let (sent, refused) = (RequestState::Sent, RequestState::Refused);
            let changed = tx.execute(
                "UPDATE request SET state = $2, answer = $3 WHERE id = $1 AND state = $4",
                &[&id.0, &refused.as_str(), &reason, &sent.as_str()],
            )?;
            Ok(changed > 0)
        }
        (TaggedMail::Delivery(_), None) => Ok(false),
        (TaggedMail::Delivery(r_id), Some(report)) => {
            let (sent, refused) = (DeliveryStatus::Sent, DeliveryStatus::Refused);
            let uri_hash = text_hash(mailed.destination.uri());
            let changed = tx.execute(
                REFUSE,
                &[
                    &PgDay(report.day),
                    &r_id,
                    &uri_hash,
                    &refused.as_str(),
                    &reason,
                    &PgTime(now),
                    &sent.as_str(),
                ],
            )?;
            Ok(changed > 0)
        }
    }
}

/// Removes what was applied long ago, and what is about reports that are gone.
pub(super) fn clean(tx: &Transaction<'_>, oldest: Day) -> Result<(), Fault> {
    tx.execute(
        "DELETE FROM bounce b WHERE b.r_id IS NOT NULL AND b.day < $1 \
         AND NOT EXISTS (SELECT 1 FROM report r WHERE r.day = b.day AND r.r_id = b.r_id)",
        &[&PgDay(oldest)],
    )?;
    tx.execute(
        "DELETE FROM bounce WHERE applied < $1",
        &[&PgTime(oldest.start())],
    )
    .map(drop)
}
