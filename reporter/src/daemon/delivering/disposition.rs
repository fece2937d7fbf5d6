//! What becomes of a delivery before and after an attempt. Pure, but for one log line each.

use std::time::Duration;

use jiff::Timestamp;
use rand::Rng;
use tlsrptd_proto::day::Day;
use tlsrptd_service::clock::WorkingTime;

use crate::{
    daemon::sent_log::SentLog,
    deliver::Outcome,
    model::{Delivery, DeliveryStatus},
    schedule::{NextAttempt, Schedule},
    store::{AttemptEnd, CorruptRow, Disposition},
    suppress::Suppressions,
};

/// `Some`: no attempt is made.
pub(super) fn before_attempt(
    delivery: &Delivery,
    suppressions: &Suppressions,
    schedule: &Schedule,
    moment: &WorkingTime,
) -> Option<Disposition> {
    let now = moment.now;
    if schedule.is_expired(delivery.report.created, now) {
        if !moment.may_discard() {
            // By a clock that is ahead all reports are old. When it is back this one is due again.
            let (at, reason) = (schedule.latest_due(now), "the clock has moved".to_owned());
            return Some(Disposition::Postpone { at, reason });
        }
        let reason = "older than max_report_age".to_owned();
        return Some(Disposition::Final {
            status: DeliveryStatus::Expired,
            reason,
        });
    }
    let today = Day::of(now);
    let reason = suppressions.reason(delivery.domain(), &delivery.destination, today)?;
    Some(Disposition::Final {
        status: DeliveryStatus::Suppressed,
        reason,
    })
}

/// After an attempt that began then.
pub(super) fn after_attempt(
    delivery: &Delivery,
    outcome: Outcome,
    began: Timestamp,
    schedule: &Schedule,
    now: Timestamp,
    rng: &mut impl Rng,
) -> Disposition {
    let ended = |status, reason| Disposition::Final { status, reason };
    let (reason, after) = match outcome {
        Outcome::Sent { detail } => return ended(DeliveryStatus::Sent, detail),
        Outcome::Refused { reason } => return Disposition::Refused { reason },
        Outcome::Unsendable { reason } => return ended(DeliveryStatus::Refused, reason),
        Outcome::UnknownScheme => {
            let reason = "nobody can deliver to that scheme".to_owned();
            return ended(DeliveryStatus::UnknownScheme, reason);
        }
        // What the operator has to mend is charged to no delivery, unless the operator has set a number of attempts.
        Outcome::Denied { reason } if !schedule.counts_attempts() => {
            let at = schedule.after_uncharged_failure(now, rng);
            return Disposition::Wait { at, reason };
        }
        Outcome::Unreachable { reason }
            if delivery.queue.is_local() && !schedule.counts_attempts() =>
        {
            let at = schedule.after_uncharged_failure(now, rng);
            return Disposition::Wait { at, reason };
        }
        Outcome::LocalShortage { reason } => {
            let wait = Schedule::after_shortage();
            return postponed(delivery, reason, wait, schedule, now, rng);
        }
        Outcome::HttpsUnavailableHere { reason } => {
            let wait = Schedule::while_unavailable();
            return postponed(delivery, reason, wait, schedule, now, rng);
        }
        Outcome::OwnerLimitReached { reason } => {
            let wait = Schedule::while_owner_limit_reached();
            return postponed(delivery, reason, wait, schedule, now, rng);
        }
        Outcome::Retry { reason, after } => (reason, after),
        Outcome::Denied { reason } | Outcome::Unreachable { reason } => (reason, None),
    };
    // The wait for a slot is no part of the retry window.
    let begins = delivery.begins_window.then_some(began);
    let first = begins.unwrap_or(delivery.first);
    match schedule.after_delivery_failure(delivery.attempt(), first, after, now, rng) {
        NextAttempt::At(at) => Disposition::Retry { at, begins, reason },
        NextAttempt::GiveUp(why) => ended(DeliveryStatus::TimedOut, format!("{why}: {reason}")),
    }
}

/// Without an attempt that counts.
pub(super) fn postponed(
    delivery: &Delivery,
    reason: String,
    wait: Duration,
    schedule: &Schedule,
    now: Timestamp,
    rng: &mut impl Rng,
) -> Disposition {
    let at = schedule.put_off(delivery.failures, delivery.first, wait, now, rng);
    Disposition::Postpone { at, reason }
}

/// Logs a disposition, one line with fixed keys, and makes it what the store records.
pub(super) fn attempt_end(
    delivery: &Delivery,
    disposition: Disposition,
    sent: &mut SentLog,
    now: Timestamp,
) -> AttemptEnd {
    if !disposition.is_sent() || !sent.counts(&delivery.destination, now) {
        log(delivery, &disposition);
    }
    AttemptEnd {
        r_id: delivery.r_id,
        destination: delivery.destination.clone(),
        disposition,
        gzip: delivery.report.compressed(),
    }
}

fn log(delivery: &Delivery, disposition: &Disposition) {
    let (rua, attempt) = (delivery.destination.uri(), delivery.attempt());
    let (day, domain) = (delivery.report.day.to_string(), delivery.domain());
    // What the receiver has, and quotes.
    let report = &delivery.report;
    let report = report
        .installation
        .report_id(report.day, report.uniqid, &report.domain);
    let (result, reason) = match disposition {
        Disposition::Postpone { reason, .. } => ("put off", reason),
        Disposition::Retry { reason, .. } => ("retry", reason),
        Disposition::Wait { reason, .. } => ("waits", reason),
        Disposition::Refused { reason } => (DeliveryStatus::Refused.as_str(), reason),
        Disposition::Final { status, reason } => (status.as_str(), reason),
    };
    match disposition {
        Disposition::Postpone { .. } => tracing::debug!(rua, reason, "put off"),
        Disposition::Retry { .. }
        | Disposition::Wait { .. }
        | Disposition::Final {
            status: DeliveryStatus::Sent | DeliveryStatus::Suppressed,
            ..
        } => tracing::info!(
            day, domain, report, rua, attempt, result, reason, "delivery"
        ),
        Disposition::Refused { .. } | Disposition::Final { .. } => tracing::warn!(
            day, domain, report, rua, attempt, result, reason, "delivery"
        ),
    }
}

/// The same for a delivery whose report cannot be read: nothing can be sent.
pub(super) fn of_corrupt(row: CorruptRow) -> AttemptEnd {
    let (rua, attempt) = (row.destination.uri(), row.failures + 1);
    let (status, reason) = (DeliveryStatus::Refused, "stored report row is corrupt");
    let result = status.as_str();
    tracing::warn!(rua, attempt, result, reason, "delivery");
    AttemptEnd {
        r_id: row.r_id,
        destination: row.destination,
        disposition: Disposition::Final {
            status,
            reason: reason.to_owned(),
        },
        gzip: None,
    }
}
