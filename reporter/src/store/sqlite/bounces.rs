//! Mails that came back. A bounce is applied once: it is a row until it is, and it changes a delivery only from `sent`.

mod mailed;
mod operator;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction};
use tlsrptd_proto::day::Day;

use super::{SqliteStore, history, text, unreadable};
use crate::{
    model::{
        BounceBlame, BounceKey, BounceKind, BounceResult, BounceTag, DeliveryStatus, KEY_LENGTH,
        NamedBy, RequestState, TaggedMail,
    },
    store::{AppliedBounce, AppliedBounces, Bounces, Step, StoreError, refusals::RefusalTracker},
};
use mailed::{CarriedReport, Mailed};

/// The key of the tags, in hexadecimal digits; and what came back, once for each mail and kind. `applied`: when; NULL while it
/// waits. `r_id` and `destination` are those of the delivery that it was about, if that was known.
pub(super) const TABLES: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS tlsrptd_bounce_key(key TEXT)",
    "CREATE TABLE IF NOT EXISTS tlsrptd_bounces(id INTEGER PRIMARY KEY, tag TEXT, kind TEXT, blame TEXT, text TEXT, \
     came TEXT, applied TEXT, result TEXT, r_id INTEGER, destination TEXT, UNIQUE(tag, kind))",
    "CREATE INDEX IF NOT EXISTS tlsrptd_open_bounces ON tlsrptd_bounces(id) WHERE applied IS NULL",
    "CREATE INDEX IF NOT EXISTS tlsrptd_bounced ON tlsrptd_bounces(r_id) WHERE r_id IS NOT NULL",
];

/// Bounces that are applied in one transaction.
const APPLIED_AT_ONCE: i64 = 1000;

/// The key; a new one when the file has none.
pub(super) fn key_of(db: &Connection) -> rusqlite::Result<BounceKey> {
    let made = || BounceKey::new(&rand::random::<[u8; KEY_LENGTH]>());
    let key = known_key(db)?.or_else(made);
    key.ok_or(rusqlite::Error::InvalidQuery)
}

/// Writes it into the file, unless a valid one is there: by another one no bounce of an earlier mail would be known.
pub(super) fn keep_key(db: &Connection, key: &BounceKey) -> rusqlite::Result<()> {
    if known_key(db)?.is_some() {
        return Ok(());
    }
    db.execute("DELETE FROM tlsrptd_bounce_key", [])?;
    let insert = "INSERT INTO tlsrptd_bounce_key(key) VALUES(lower(hex(?1)))";
    db.execute(insert, [key.octets()]).map(drop)
}

/// The key, if there is one.
pub(super) fn known_key(db: &Connection) -> rusqlite::Result<Option<BounceKey>> {
    if !db.table_exists(None, "tlsrptd_bounce_key")? {
        return Ok(None);
    }
    let digits = db
        .query_row(
            "SELECT unhex(key) FROM tlsrptd_bounce_key WHERE typeof(key) = 'text'",
            [],
            |row| row.get::<_, Option<Vec<u8>>>(0),
        )
        .optional()?;
    Ok(digits.flatten().and_then(|octets| BounceKey::new(&octets)))
}

impl Bounces for SqliteStore {
    fn bounce_key(&self) -> &BounceKey {
        &self.bounce_key
    }

    fn apply_bounces(&mut self, now: Timestamp) -> Result<AppliedBounces, StoreError> {
        // Those that wait must not hold back what came behind them.
        let after = std::mem::take(&mut self.bounces_after);
        let any = self.read("bounces", |db| {
            db.prepare_cached(
                "SELECT 1 FROM tlsrptd_bounces WHERE applied IS NULL AND id > ?1 LIMIT 1",
            )?
            .exists([after])
        });
        if !any? {
            return Ok(AppliedBounces::default());
        }
        let key = self.bounce_key.clone();
        let (applied, last, list_changed) = self.transact(Step::BounceApplied, |tx| {
            let mut tracker = RefusalTracker::before(tx)?;
            let open = open_bounces(tx, after)?;
            let has_more =
                i64::try_from(open.len()).is_ok_and(|looked_at| looked_at >= APPLIED_AT_ONCE);
            let last = open.last().map_or(0, |bounce| bounce.id);
            let mut all = AppliedBounces {
                has_more,
                ..AppliedBounces::default()
            };
            for bounce in open {
                match apply(tx, &bounce, &key, &mut tracker, now)? {
                    Some(applied) => all.applied.push(applied),
                    None => all.waiting += 1,
                }
            }
            all.suspended = tracker.suspended;
            Ok((all, last, tracker.list_changed))
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
        let sum = history::bounces_of(&self.db, names);
        sum.map_err(|source| unreadable("bounces", source))
    }
}

/// A row that waits.
struct OpenBounce {
    id: i64,
    tag: Option<BounceTag>,
    kind: Option<BounceKind>,
    blame: BounceBlame,
    text: String,
    came: Option<Timestamp>,
}

fn open_bounces(tx: &Transaction<'_>, after: i64) -> rusqlite::Result<Vec<OpenBounce>> {
    tx.prepare_cached(
        "SELECT id, tag, kind, blame, text, came FROM tlsrptd_bounces WHERE applied IS NULL AND id > ?1 ORDER BY id LIMIT ?2",
    )?
    .query_map((after, APPLIED_AT_ONCE), |row| {
        let word = |at| Ok::<_, rusqlite::Error>(row.get_ref(at)?.as_str().unwrap_or_default());
        Ok(OpenBounce {
            id: row.get(0)?,
            tag: BounceTag::parse(word(1)?),
            kind: BounceKind::from_word(word(2)?),
            blame: match word(3)? {
                ADDRESS => BounceBlame::Address,
                _ => BounceBlame::Other,
            },
            text: word(4)?.to_owned(),
            came: text::instant(word(5)?),
        })
    })?
    .collect()
}

/// The word of the table.
const ADDRESS: &str = "address";

/// `None`: what it is about has not ended.
fn apply(
    tx: &Transaction<'_>,
    bounce: &OpenBounce,
    key: &BounceKey,
    tracker: &mut RefusalTracker,
    now: Timestamp,
) -> rusqlite::Result<Option<AppliedBounce>> {
    let mailed = match &bounce.tag {
        Some(tag) => mailed::find(tx, key, tag)?,
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
    // A clock that was ahead may have written the time.
    let came = Day::of(bounce.came.unwrap_or(now).min(now));
    if let (BounceResult::Refused, Some(mailed)) = (result, &mailed)
        && bounce.blame == BounceBlame::Address
        && mailed.destination.named_by == NamedBy::Record
        && let Some(report) = &mailed.report
    {
        let sent = report.dated.map(Day::of);
        tracker.bounced(
            tx,
            report.r_id,
            &mailed.destination,
            &bounce.text,
            came,
            sent,
        )?;
    }
    history::count_bounce(tx, came, result)?;
    let report = mailed.as_ref().and_then(|mailed| mailed.report.as_ref());
    tx.prepare_cached(
        "UPDATE tlsrptd_bounces SET applied = ?2, result = ?3, r_id = ?4, destination = ?5 WHERE id = ?1",
    )?
    .execute((
        bounce.id,
        text::nexttry(now),
        result.as_str(),
        report.map(|report| report.r_id),
        mailed.as_ref().map(|mailed| mailed.destination.uri()),
    ))?;
    Ok(Some(AppliedBounce {
        result,
        report: report.and_then(CarriedReport::name),
        destination: mailed.map(|mailed| mailed.destination),
        text: bounce.text.clone(),
    }))
}

/// Ends it as refused, if it counted as sent.
fn refuse(
    tx: &Transaction<'_>,
    mailed: &Mailed,
    said: &str,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let uri = mailed.destination.uri();
    let reason = format!("bounced: {said}");
    match mailed.mail {
        TaggedMail::Request(id) => {
            let (sent, refused) = (RequestState::Sent, RequestState::Refused);
            let changed = tx
                .prepare_cached("UPDATE tlsrptd_requests SET state = ?2, answer = ?3 WHERE id = ?1 AND state = ?4")?
                .execute((id.0, refused.as_str(), reason, sent.as_str()))?;
            Ok(changed > 0)
        }
        TaggedMail::Delivery(r_id) => {
            let (sent, refused) = (DeliveryStatus::Sent, DeliveryStatus::Refused);
            let changed = tx
                .prepare_cached(
                    "UPDATE destinations SET status = ?3, tlsrptd_reason = ?4, nexttry = ?6, \
                     tlsrptd_first = coalesce(tlsrptd_first, nexttry) \
                     WHERE destination = ?1 AND d_r_id = ?2 AND status = ?5",
                )?
                .execute((
                    uri,
                    r_id,
                    refused.as_str(),
                    reason,
                    sent.as_str(),
                    text::nexttry(now),
                ))?;
            if changed > 0
                && let Some(report) = &mailed.report
            {
                history::bounced(tx, &report.day)?;
            }
            Ok(changed > 0)
        }
    }
}

/// Removes what was applied long ago, and what is about reports that go: `old` has their numbers.
pub(super) fn clean(tx: &Transaction<'_>, oldest: &str) -> rusqlite::Result<()> {
    tx.execute(
        "DELETE FROM tlsrptd_bounces WHERE r_id IN (SELECT r_id FROM old)",
        [],
    )?;
    tx.execute("DELETE FROM tlsrptd_bounces WHERE applied < ?1", [oldest])
        .map(drop)
}
