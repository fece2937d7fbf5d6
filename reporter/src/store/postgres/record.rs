//! How attempts end: all of a pass in one transaction. Only what is in this member's hands changes, and only that counts: the same
//! ends may be given once more when the answer to a COMMIT was lost.

use std::collections::HashMap;

use jiff::Timestamp;
use tlsrptd_fleet::{Fault, KeyHash, PgDay, PgTime, Shard, Transaction, stored_text, text_hash};
use tlsrptd_proto::{day::Day, domain::Domain};

use super::{
    PostgresStore,
    deliveries::by_day,
    history, mails,
    member_deliveries::InHand,
    r_id,
    suppressed::RefusalTable,
    version::{self, Changed},
};
use crate::{
    model::DeliveryStatus,
    store::{
        AttemptEnd, Disposition, Step, StoreError, Suspension, history_addition::Addition,
        mailed::MailedReport, refusals::RefusalTracker,
    },
};

/// An end is one also if the database does not know of the attempt: a failover may have lost that, and then another report may
/// have got the number. After an attempt; or after one that did not begin (`postponed`), or that does not count because of something of ours (`waits`).
const ENDED: &str = "UPDATE delivery d SET status = w.status, failures = d.failures + w.failed, due = w.due, \
    started = NULL, by = NULL, reason = w.reason, \
    first = CASE WHEN w.waits OR (w.postponed AND d.first = d.started) THEN NULL ELSE coalesce(w.begins, d.first) END, \
    dated = CASE WHEN (w.waits OR w.postponed) AND d.dated = d.started THEN NULL ELSE d.dated END \
    FROM unnest($3::bigint[], $4::uuid[], $5::text[], $6::int[], $7::timestamptz[], $8::text[], $9::boolean[], \
    $10::boolean[], $11::timestamptz[], $13::text[], $14::bigint[]) WITH ORDINALITY \
    AS w(r_id, uri_hash, status, failed, due, reason, waits, postponed, begins, domain, uniqid, at) \
    WHERE d.day = $1 AND d.r_id = w.r_id AND d.uri_hash = w.uri_hash AND d.status IS NULL \
    AND (d.by = $2 OR w.status IS NOT NULL AND d.started IS NULL AND d.shard = ANY($12) AND EXISTS (SELECT 1 FROM report r \
    WHERE r.day = $1 AND r.r_id = d.r_id AND r.domain = w.domain AND r.uniqid = w.uniqid)) RETURNING w.at";
/// Held until the end of the transaction, in their order: of two members that end the last two deliveries of a report, the second
/// sees what the first has done.
const REPORTS: &str = "SELECT r_id, domain, coalesce(failed, 0) > 0, mx FROM report \
    WHERE day = $1 AND r_id = ANY($2) ORDER BY r_id FOR NO KEY UPDATE";
/// Destinations that take reports. Of those that all members deliver to the row is there, and is not even locked: others would
/// wait for it until this transaction ends. In their order.
const ARRIVED: &str = "INSERT INTO arrived AS a(uri_hash, day) SELECT h, $2::date FROM unnest($1::uuid[]) AS h \
    WHERE NOT EXISTS (SELECT 1 FROM arrived k WHERE k.uri_hash = h AND k.day >= $2::date - 7) ORDER BY h \
    ON CONFLICT (uri_hash) DO UPDATE SET day = excluded.day WHERE a.day < excluded.day - 7";

/// Reports of ended deliveries, by their number.
pub(super) type EndedReports = HashMap<i64, MailedReport>;

impl PostgresStore {
    pub(super) fn record_ends(
        &mut self,
        ends: &[AttemptEnd],
        now: Timestamp,
    ) -> Result<Vec<Suspension>, StoreError> {
        if ends.is_empty() {
            return Ok(Vec::new());
        }
        let (shards, me, today) = (
            self.member.shards().to_vec(),
            self.member.id(),
            Day::of(now),
        );
        let (guard, known) = (self.guard.clone(), self.kept);
        self.kept.forget();
        let in_hand = std::mem::take(&mut self.deliveries.in_hand);
        let done = self.transact(Step::Recorded, &shards, |tx| {
            let mut kept = known;
            let recorded = mark(tx, ends, &in_hand, &shards, me, now)?;
            let reports = lock_reports(tx, &recorded)?;
            mails::record(tx, me, &recorded, &reports, guard.as_ref(), now)?;
            arrived(tx, &recorded, today)?;
            let refusals = RefusalTable::of(tx, me, &recorded, &reports)?;
            let mut tracker = RefusalTracker::before(&refusals)?;
            for end in &recorded {
                tracker.evaluate(&refusals, end, today)?;
            }
            if tracker.list_changed {
                version::bump(tx, Changed::Suppressions, me)?;
            }
            history::write(tx, me, totals(&recorded))?;
            let over = recorded.iter().copied();
            let over = over.filter(|end| status(&end.disposition).is_some());
            for (day, ends) in by_day(over, |end| end.r_id) {
                kept.discard(tx, day, &ends)?;
            }
            if shards.contains(&0) {
                kept.let_go(tx, now)?;
            }
            Ok((tracker, kept))
        });
        self.deliveries.in_hand = in_hand;
        let (tracker, kept) = done?;
        self.kept = kept;
        if tracker.list_changed {
            self.suppressions.invalidate();
        }
        for end in ends {
            let key = (end.r_id, text_hash(end.destination.uri()));
            self.deliveries.in_hand.remove(&key);
            self.requeue(end);
        }
        Ok(tracker.suspended)
    }

    /// What is not done is pending again.
    fn requeue(&mut self, end: &AttemptEnd) {
        let queue = || end.destination.queue();
        let pending = &mut self.deliveries.pending;
        match end.disposition {
            Disposition::Retry { at, .. } | Disposition::Postpone { at, .. } => {
                pending.added(&queue(), at, end.r_id);
            }
            Disposition::Wait { at, .. } => pending.seen(&queue(), at, end.r_id),
            Disposition::Final { .. } | Disposition::Refused { .. } => {}
        }
    }
}

/// How the delivery has ended; `None`: it has not.
fn status(disposition: &Disposition) -> Option<DeliveryStatus> {
    match disposition {
        Disposition::Final { status, .. } => Some(*status),
        Disposition::Refused { .. } => Some(DeliveryStatus::Refused),
        Disposition::Wait { .. } | Disposition::Retry { .. } | Disposition::Postpone { .. } => None,
    }
}

/// The columns of [`ENDED`].
#[derive(Default)]
struct EndColumns<'a> {
    ends: Vec<&'a AttemptEnd>,
    r_ids: Vec<i64>,
    hashes: Vec<KeyHash>,
    statuses: Vec<Option<&'static str>>,
    failed: Vec<i32>,
    due: Vec<PgTime>,
    reasons: Vec<String>,
    waits: Vec<bool>,
    postponed: Vec<bool>,
    begins: Vec<Option<PgTime>>,
    domains: Vec<Option<&'a str>>,
    uniqids: Vec<Option<i64>>,
}

impl<'a> EndColumns<'a> {
    fn add(&mut self, end: &'a AttemptEnd, in_hand: &'a InHand, now: Timestamp) {
        let status = status(&end.disposition);
        let (next, reason, begins) = match &end.disposition {
            Disposition::Final { reason, .. } | Disposition::Refused { reason } => {
                (now, reason, None)
            }
            Disposition::Wait { at, reason } | Disposition::Postpone { at, reason } => {
                (*at, reason, None)
            }
            Disposition::Retry { at, begins, reason } => (*at, reason, *begins),
        };
        let waits = matches!(end.disposition, Disposition::Wait { .. });
        let postponed = matches!(end.disposition, Disposition::Postpone { .. });
        let succeeded = matches!(
            status,
            Some(DeliveryStatus::Sent | DeliveryStatus::Suppressed)
        );
        let hash = text_hash(end.destination.uri());
        let held = in_hand.get(&(end.r_id, hash));
        self.ends.push(end);
        self.r_ids.push(end.r_id);
        self.hashes.push(hash);
        self.domains.push(held.map(|held| held.domain.as_str()));
        self.uniqids.push(held.map(|held| held.uniqid));
        self.statuses.push(status.map(DeliveryStatus::as_str));
        self.failed
            .push(i32::from(!waits && !postponed && !succeeded));
        self.due.push(PgTime(next));
        self.reasons.push(stored_text(reason).into_owned());
        self.waits.push(waits);
        self.postponed.push(postponed);
        self.begins.push(begins.map(PgTime));
    }
}

/// Writes the ends, and gives those that were in this member's hands.
fn mark<'a>(
    tx: &Transaction<'_>,
    ends: &'a [AttemptEnd],
    in_hand: &'a InHand,
    shards: &[Shard],
    me: i64,
    now: Timestamp,
) -> Result<Vec<&'a AttemptEnd>, Fault> {
    let mut recorded = Vec::with_capacity(ends.len());
    for (day, ends) in by_day(ends, |end| end.r_id) {
        let mut of = EndColumns::default();
        ends.into_iter().for_each(|end| of.add(end, in_hand, now));
        let rows = tx.query(
            ENDED,
            &[
                &PgDay(day),
                &me,
                &of.r_ids,
                &of.hashes,
                &of.statuses,
                &of.failed,
                &of.due,
                &of.reasons,
                &of.waits,
                &of.postponed,
                &of.begins,
                &shards,
                &of.domains,
                &of.uniqids,
            ],
        )?;
        for row in &rows {
            let at: i64 = row.try_get(0)?;
            let at = usize::try_from(at - 1).unwrap_or(usize::MAX);
            recorded.extend(of.ends.get(at).copied());
        }
    }
    Ok(recorded)
}

/// The reports of the deliveries that have ended.
fn lock_reports(tx: &Transaction<'_>, recorded: &[&AttemptEnd]) -> Result<EndedReports, Fault> {
    let over = recorded.iter().copied();
    let over = over.filter(|end| status(&end.disposition).is_some());
    let mut reports = EndedReports::new();
    for (day, ends) in by_day(over, |end| end.r_id) {
        let mut r_ids: Vec<i64> = ends.iter().map(|end| end.r_id).collect();
        r_ids.sort_unstable();
        r_ids.dedup();
        for row in tx.query(REPORTS, &[&PgDay(day), &r_ids])? {
            let report = MailedReport {
                domain: Domain::parse(row.try_get(1)?).ok(),
                day: day.to_string(),
                failed: row.try_get(2)?,
                is_on_mx_host: row.try_get(3)?,
            };
            reports.insert(row.try_get(0)?, report);
        }
    }
    Ok(reports)
}

fn arrived(tx: &Transaction<'_>, recorded: &[&AttemptEnd], today: Day) -> Result<(), Fault> {
    let sent = recorded.iter().filter(|end| end.disposition.is_sent());
    let mut hashes: Vec<KeyHash> = sent.map(|end| text_hash(end.destination.uri())).collect();
    if hashes.is_empty() {
        return Ok(());
    }
    hashes.sort_unstable();
    hashes.dedup();
    tx.execute(ARRIVED, &[&hashes, &PgDay(today)]).map(drop)
}

fn totals<'a>(recorded: &[&AttemptEnd]) -> Addition<'a, Day> {
    let mut totals = Addition::default();
    for end in recorded {
        if let (Some(status), Some(day)) = (status(&end.disposition), r_id::day_of(end.r_id)) {
            totals.ended(&day, &end.destination, status);
        }
    }
    totals
}
