//! Deliveries, one report to one address: how attempts end, and what is pending again.

use jiff::Timestamp;
use rusqlite::named_params;
use tlsrptd_proto::day::Day;

use super::{
    Step, Store, StoreError, Suspension, discard, mails, suppressed::RefusalTracker, text,
};
use crate::model::{Delivery, DeliveryStatus, Destination, NamedBy, QueueKey};

/// What is recorded of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Done with.
    Final {
        /// Not [`DeliveryStatus::Refused`] for a fault of the receiver's: that is [`Disposition::Refused`].
        status: DeliveryStatus,
        /// What it ended with.
        reason: String,
    },
    /// The receiver has refused: `refused`, and counted.
    Refused {
        /// What it answered.
        reason: String,
    },
    /// To be tried again, as if it had not been tried: the relay takes nobody's mail.
    Wait {
        /// When.
        at: Timestamp,
        /// What the relay says.
        reason: String,
    },
    /// It was not tried, which counts as nothing, and is due again.
    Postpone {
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
    },
    /// To be tried again.
    Retry {
        /// When.
        at: Timestamp,
        /// When the attempt began, if the retry window begins with it.
        begins: Option<Timestamp>,
        /// What went wrong.
        reason: String,
    },
}

impl Disposition {
    /// The other side took the report.
    pub(super) fn is_sent(&self) -> bool {
        matches!(
            self,
            Disposition::Final {
                status: DeliveryStatus::Sent,
                ..
            }
        )
    }
}

/// An attempt's end.
#[derive(Clone, Debug)]
pub struct AttemptEnd {
    /// The row of its report.
    pub r_id: i64,
    /// Where to.
    pub destination: Destination,
    /// What becomes of it.
    pub disposition: Disposition,
}

/// In hand no more. An attempt that did not begin is none: it begins no window either.
const NOT_TRIED: &str = "UPDATE destinations SET tlsrptd_started = NULL, \
    tlsrptd_first = CASE WHEN tlsrptd_first = tlsrptd_started THEN NULL ELSE tlsrptd_first END, \
    tlsrptd_dated = CASE WHEN tlsrptd_dated = tlsrptd_started THEN NULL ELSE tlsrptd_dated END \
    WHERE destination = ?1 AND d_r_id = ?2";
impl Store {
    /// Records how attempts ended. Gives the destinations that have refused for so long that they are left alone now.
    pub fn record(
        &mut self,
        ends: &[AttemptEnd],
        now: Timestamp,
    ) -> Result<Vec<Suspension>, StoreError> {
        let guard = self.guard.clone();
        let heard = self.transact(Step::Recorded, |tx| {
            let mut heard = RefusalTracker::before(tx)?;
            let mut update = tx.prepare_cached(
                "UPDATE destinations SET status = :status, retries = retries + :failed, nexttry = :next, \
                 tlsrptd_started = NULL, tlsrptd_reason = :reason, \
                 tlsrptd_first = CASE WHEN :waits THEN NULL ELSE coalesce(:begins, tlsrptd_first) END, \
                 tlsrptd_dated = CASE WHEN :waits AND tlsrptd_dated = tlsrptd_started THEN NULL ELSE tlsrptd_dated END \
                 WHERE destination = :uri AND d_r_id = :r_id",
            )?;
            for end in ends {
                let (status, next, reason) = match &end.disposition {
                    Disposition::Final { status, reason } => (Some(*status), now, reason),
                    Disposition::Refused { reason } => (Some(DeliveryStatus::Refused), now, reason),
                    Disposition::Wait { at, reason } | Disposition::Retry { at, reason, .. } => {
                        (None, *at, reason)
                    }
                    Disposition::Postpone { at, reason } => {
                        tx.prepare_cached(NOT_TRIED)?.execute((end.destination.uri(), end.r_id))?;
                        (None, *at, reason)
                    }
                };
                let waits = matches!(end.disposition, Disposition::Wait { .. });
                let begins = match end.disposition {
                    Disposition::Retry { begins, .. } => begins.map(text::nexttry),
                    _ => None,
                };
                let tried = !waits && !matches!(end.disposition, Disposition::Postpone { .. });
                let failed = tried && !matches!(
                    status,
                    Some(DeliveryStatus::Sent | DeliveryStatus::Suppressed)
                );
                update.execute(named_params! {
                    ":status": status.map(DeliveryStatus::as_str), ":failed": i64::from(failed), ":next": text::nexttry(next), ":reason": reason,
                    ":uri": end.destination.uri(), ":r_id": end.r_id, ":waits": waits, ":begins": begins,
                })?;
                if status.is_some() {
                    discard::report_json(tx, end.r_id)?;
                }
                heard.note(tx, end, Day::of(now))?;
                mails::note(tx, end, guard.as_ref(), now)?;
            }
            Ok(heard)
        })?;
        if heard.list_changed {
            self.suppressions.forget();
        }
        for end in ends {
            let queue = || end.destination.queue();
            match end.disposition {
                Disposition::Retry { at, .. } | Disposition::Postpone { at, .. } => {
                    self.pending.added(&queue(), at, end.r_id);
                }
                Disposition::Wait { at, .. } => self.pending.seen(&queue(), at, end.r_id),
                Disposition::Final { .. } | Disposition::Refused { .. } => {}
            }
        }
        Ok(heard.suspended)
    }

    /// Deliveries of that queue are not taken in hand, and not looked at.
    pub fn hold_queue(&mut self, queue: &QueueKey) {
        self.pending.hold(queue);
    }

    /// They are again, one at a time.
    pub fn free_queue(&mut self, queue: &QueueKey) {
        self.pending.free(queue);
    }

    /// As many as there is room for.
    pub fn queue_flows(&mut self, queue: &QueueKey) {
        self.pending.flows(queue);
    }

    /// What was taken in hand and not begun is pending again.
    pub fn put_back(&mut self, deliveries: &[Delivery]) -> Result<(), StoreError> {
        if deliveries.is_empty() {
            return Ok(());
        }
        self.transact(Step::Released, |tx| {
            let mut update = tx.prepare_cached(NOT_TRIED)?;
            for delivery in deliveries {
                update.execute((delivery.destination.uri(), delivery.r_id))?;
            }
            Ok(())
        })?;
        for delivery in deliveries {
            self.pending
                .added(&delivery.queue, Timestamp::MIN, delivery.r_id);
        }
        Ok(())
    }

    /// At the start: attempts whose outcome nobody recorded are pending again. What sys4 added gets its queue.
    /// Gives the number of attempts that will be repeated.
    pub fn release(&mut self) -> Result<usize, StoreError> {
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
            }
            Ok(released)
        })
    }

    /// When the next delivery is due that is not due now; now, when the database has to be read further.
    pub fn next_delivery(&mut self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let next = self.pending.next(&self.db, now);
        next.map_err(|source| super::unreadable("the next delivery", source))
    }
}
