//! Deliveries, one report to one destination each: how attempts end, and what is pending again.

use jiff::Timestamp;
use rusqlite::{Transaction, named_params};
use tlsrptd_proto::day::Day;

use super::{
    SqliteStore, discard,
    history::{self, Addition, Keeping},
    mails, requests, text, unreadable,
};
use crate::{
    model::{Delivery, DeliveryStatus, Destination, NamedBy, QueueKey},
    store::{
        AttemptEnd, ClaimLimit, Claimed, Deliveries, Disposition, QueueDepth, QueueDepths, Step,
        StoreError, Suspension, refusals::RefusalTracker,
    },
};

/// Pending again. The attempt did not begin, so the retry window does not begin with it.
const NOT_TRIED: &str = "UPDATE destinations SET tlsrptd_started = NULL, \
    tlsrptd_first = CASE WHEN tlsrptd_first = tlsrptd_started THEN NULL ELSE tlsrptd_first END, \
    tlsrptd_dated = CASE WHEN tlsrptd_dated = tlsrptd_started THEN NULL ELSE tlsrptd_dated END \
    WHERE destination = ?1 AND d_r_id = ?2";
/// After an attempt, or an attempt that did not begin because of something of ours (`:waits`).
const ENDED: &str = "UPDATE destinations SET status = :status, retries = retries + :failed, nexttry = :next, \
    tlsrptd_started = NULL, tlsrptd_reason = :reason, \
    tlsrptd_first = CASE WHEN :waits THEN NULL ELSE coalesce(:begins, tlsrptd_first) END, \
    tlsrptd_dated = CASE WHEN :waits AND tlsrptd_dated = tlsrptd_started THEN NULL ELSE tlsrptd_dated END \
    WHERE destination = :uri AND d_r_id = :r_id";

impl Deliveries for SqliteStore {
    fn claim(
        &mut self,
        now: Timestamp,
        limit: ClaimLimit,
        room: &dyn Fn(&QueueKey) -> usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        let claims = self.claim_due(now, limit, room);
        if claims.is_err() {
            // The candidates are still due.
            self.pending.read_again();
        }
        claims
    }

    fn posts_are_full(&mut self) -> bool {
        self.reports.left().posts == 0
    }

    fn record(
        &mut self,
        ends: &[AttemptEnd],
        now: Timestamp,
    ) -> Result<Vec<Suspension>, StoreError> {
        let (guard, kept) = (self.guard.clone(), self.kept);
        let heard = self.transact(Step::Recorded, |tx| {
            mails::record_mails(tx, ends, guard.as_ref(), now)?;
            let mut heard = RefusalTracker::before(tx)?;
            let (mut history, mut keeping) = (Addition::default(), kept.begin());
            for end in ends {
                record_end(tx, end, &mut history, &mut keeping, now)?;
                heard.evaluate(tx, end, Day::of(now))?;
            }
            history.write(tx)?;
            keeping.end(tx)?;
            Ok(heard)
        })?;
        if heard.list_changed {
            self.suppressions.invalidate();
        }
        for end in ends {
            self.requeue(end);
        }
        Ok(heard.suspended)
    }

    fn hold_queue(&mut self, queue: &QueueKey) {
        self.pending.hold(queue);
    }

    fn free_queue(&mut self, queue: &QueueKey) {
        self.pending.free(queue);
    }

    fn queue_flows(&mut self, queue: &QueueKey) {
        self.pending.flows(queue);
    }

    fn put_back(&mut self, deliveries: &[Delivery]) -> Result<(), StoreError> {
        if deliveries.is_empty() {
            return Ok(());
        }
        self.transact(Step::Released, |tx| {
            let mut update = tx.prepare_cached(NOT_TRIED)?;
            for delivery in deliveries {
                match delivery.request {
                    Some(request) => requests::put_back(tx, request)?,
                    None => drop(update.execute((delivery.destination.uri(), delivery.r_id))?),
                }
            }
            Ok(())
        })?;
        let of_rows = deliveries
            .iter()
            .filter(|delivery| delivery.request.is_none());
        for delivery in of_rows {
            self.pending
                .added(&delivery.queue, Timestamp::MIN, delivery.r_id);
        }
        Ok(())
    }

    fn release(&mut self) -> Result<usize, StoreError> {
        self.transact(Step::Released, |tx| {
            let released = tx.execute(
                "UPDATE destinations SET tlsrptd_started = NULL WHERE status IS NULL AND tlsrptd_started IS NOT NULL",
                [],
            )?;
            let foreign: Vec<(i64, String)> = tx
                .prepare("SELECT d_r_id, destination FROM destinations WHERE status IS NULL AND tlsrptd_queue IS NULL")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?;
            let mut queue =
                tx.prepare("UPDATE destinations SET tlsrptd_queue = ?3 WHERE destination = ?1 AND d_r_id = ?2")?;
            for (r_id, uri) in foreign {
                let key = Destination::new(uri.as_str(), NamedBy::Record).queue();
                queue.execute((&uri, r_id, key.to_string()))?;
                history::count_sys4s(tx, r_id)?;
            }
            history::adjust(tx)?;
            Ok(released + requests::release(tx)?)
        })
    }

    fn queue_depths(&self, now: Timestamp, most: usize) -> QueueDepths {
        self.pending.depths(now, most)
    }

    fn queue_depth(&self, queue: &QueueKey, now: Timestamp) -> QueueDepth {
        self.pending.depth(queue, now)
    }

    fn is_due(&self, queue: &QueueKey, now: Timestamp) -> bool {
        self.pending.is_due(queue, now)
    }

    fn next_delivery(&mut self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let next = self.pending.next(&self.db, now);
        next.map_err(|source| unreadable("the next delivery", source))
    }
}

impl SqliteStore {
    /// What is not done is pending again.
    fn requeue(&mut self, end: &AttemptEnd) {
        let queue = || end.destination.queue();
        match end.disposition {
            Disposition::Retry { at, .. } | Disposition::Postpone { at, .. } => {
                self.pending.added(&queue(), at, end.r_id);
            }
            Disposition::Wait { at, .. } => self.pending.seen(&queue(), at, end.r_id),
            Disposition::Final { .. } | Disposition::Refused { .. } => {}
        }
    }
}

fn record_end(
    tx: &Transaction<'_>,
    end: &AttemptEnd,
    history: &mut Addition<'_, String>,
    keeping: &mut Keeping,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let uri = end.destination.uri();
    let (status, next, reason) = match &end.disposition {
        Disposition::Final { status, reason } => (Some(*status), now, reason),
        Disposition::Refused { reason } => (Some(DeliveryStatus::Refused), now, reason),
        Disposition::Wait { at, reason } | Disposition::Retry { at, reason, .. } => {
            (None, *at, reason)
        }
        Disposition::Postpone { at, reason } => {
            tx.prepare_cached(NOT_TRIED)?.execute((uri, end.r_id))?;
            (None, *at, reason)
        }
    };
    let waits = matches!(end.disposition, Disposition::Wait { .. });
    let begins = match end.disposition {
        Disposition::Retry { begins, .. } => begins.map(text::nexttry),
        _ => None,
    };
    let tried = !waits && !matches!(end.disposition, Disposition::Postpone { .. });
    let succeeded = matches!(
        status,
        Some(DeliveryStatus::Sent | DeliveryStatus::Suppressed)
    );
    if let Some(status) = status {
        history.ends(tx, end, status)?;
    }
    tx.prepare_cached(ENDED)?.execute(named_params! {
        ":status": status.map(DeliveryStatus::as_str), ":failed": i64::from(tried && !succeeded),
        ":next": text::nexttry(next), ":reason": reason, ":uri": uri, ":r_id": end.r_id,
        ":waits": waits, ":begins": begins,
    })?;
    match status {
        Some(_) => discard::of_ended_report(tx, end, keeping),
        None => Ok(()),
    }
}
