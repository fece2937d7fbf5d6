//! Mails that came back. A bounce is applied once: it is a row until it is, and it changes a delivery only from `sent`. The owner of
//! shard 0 applies them.

mod mailed;
mod operator;

use jiff::Timestamp;
use tlsrptd_fleet::{Fault, PgDay, PgTime, Row, Transaction, stored_text, text_hash};
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
        RequestState, TaggedMail,
    },
    store::{
        AppliedBounce, AppliedBounces, Bounces, Step, StoreError, Suspension,
        refusals::RefusalTracker,
    },
};
use mailed::{CarriedMail, MailReport};

/// Bounces that are applied in one transaction.
const APPLIED_AT_ONCE: i64 = 1000;

const OPEN: &str = "SELECT id, tag, kind, blame, text, came FROM bounce WHERE applied IS NULL AND id > $1 ORDER BY id LIMIT $2";
const APPLIED: &str = "UPDATE bounce SET applied = $2, result = $3, day = $4, r_id = $5, destination = $6 WHERE id = $1";
const REFUSE: &str = "UPDATE delivery SET status = $4, reason = $5, due = $6, first = coalesce(first, due) \
    WHERE day = $1 AND r_id = $2 AND uri_hash = $3 AND status = $7";

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
            let open: Vec<UnappliedBounce> =
                rows.iter().map(open_bounce).collect::<Result<_, _>>()?;
            let looked_at = i64::try_from(open.len()).unwrap_or(i64::MAX);
            let last = open.last().map_or(0, |bounce| bounce.id);
            let mut all = AppliedBounces {
                has_more: looked_at >= APPLIED_AT_ONCE,
                ..AppliedBounces::default()
            };
            let mut list_changed = false;
            for bounce in open {
                match apply(tx, &bounce, &key, me, now)? {
                    Some((applied, suspended, changed)) => {
                        all.applied.push(applied);
                        all.suspended.extend(suspended);
                        list_changed |= changed;
                    }
                    None => all.waiting += 1,
                }
            }
            if list_changed {
                version::bump(tx, Changed::Suppressions, me)?;
            }
            Ok((all, last, list_changed))
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

/// What came of it, and whether the suppression list has changed. `None`: what it is about has not ended.
fn apply(
    tx: &Transaction<'_>,
    bounce: &UnappliedBounce,
    key: &BounceKey,
    me: i64,
    now: Timestamp,
) -> Result<Option<(AppliedBounce, Vec<Suspension>, bool)>, Fault> {
    let query =
        |sql: &str, parameters: &[&(dyn tlsrptd_fleet::ToSql + Sync)]| tx.query(sql, parameters);
    let mailed = match &bounce.tag {
        Some(tag) => mailed::find(&query, key, tag)?,
        None => None,
    };
    let result = match (bounce.kind, &mailed) {
        (_, None) | (None, _) => BounceResult::Gone,
        (Some(BounceKind::Delayed), _) => BounceResult::Delayed,
        (Some(BounceKind::Passed), _) => BounceResult::Passed,
        (Some(BounceKind::Failed), Some(mailed)) if mailed.is_pending() => return Ok(None),
        (Some(BounceKind::Failed), Some(mailed)) => {
            match refuse(tx, mailed, &bounce.text, me, now)? {
                true => BounceResult::Refused,
                false => BounceResult::Ended,
            }
        }
    };
    // A clock that was ahead may have written the time.
    let came = Day::of(bounce.came.min(now));
    let (mut suspended, mut list_changed) = (Vec::new(), false);
    if let (BounceResult::Refused, Some(mailed)) = (result, &mailed)
        && bounce.blame == BounceBlame::Address
        && mailed.destination.named_by == NamedBy::Record
        && let Some(report) = &mailed.report
    {
        let sent = report.dated.map(Day::of);
        let about = (report.r_id, &mailed.destination, report.domain.clone());
        let refusals = RefusalTable::about(tx, me, [about])?;
        let mut tracker = RefusalTracker::before(&refusals)?;
        let destination = &mailed.destination;
        tracker.bounced(
            &refusals,
            report.r_id,
            destination,
            &bounce.text,
            came,
            sent,
        )?;
        (suspended, list_changed) = (tracker.suspended, tracker.list_changed);
    }
    history::count_bounce(tx, me, came, result)?;
    let report = mailed.as_ref().and_then(|mailed| mailed.report.as_ref());
    tx.execute(
        APPLIED,
        &[
            &bounce.id,
            &PgTime(now),
            &result.as_str(),
            &report.map(|report| PgDay(report.day)),
            &report.map(|report| report.r_id),
            &mailed.as_ref().map(|mailed| mailed.destination.uri()),
        ],
    )?;
    let applied = AppliedBounce {
        result,
        report: report.map(MailReport::name),
        destination: mailed.map(|mailed| mailed.destination),
        text: bounce.text.clone(),
    };
    Ok(Some((applied, suspended, list_changed)))
}

/// Ends it as refused, if it counted as sent.
fn refuse(
    tx: &Transaction<'_>,
    mailed: &CarriedMail,
    said: &str,
    me: i64,
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
            if changed > 0 {
                history::bounced(tx, me, report.day)?;
                // What the relay took has not arrived.
                tx.execute("DELETE FROM arrived WHERE uri_hash = $1", &[&uri_hash])?;
            }
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
