//! What is recorded of a request that has come to its end.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    daemon::delivering::RequestedEnd,
    deliver::Outcome,
    model::{RequestKind, RequestState},
    store::{Disposition, OpenRequest, RequestEnd, RequestOutcome},
};

/// One attempt: what may pass for a report is the answer to a test.
pub(super) fn of_test(outcome: Outcome) -> (RequestState, String) {
    match outcome {
        Outcome::Sent { detail } => (RequestState::Sent, detail),
        Outcome::Refused { reason } | Outcome::Unsendable { reason } => {
            (RequestState::Refused, reason)
        }
        Outcome::UnknownScheme => (
            RequestState::Refused,
            "nobody can deliver to that scheme".to_owned(),
        ),
        Outcome::Retry { reason, .. }
        | Outcome::Unreachable { reason }
        | Outcome::Denied { reason }
        | Outcome::LocalShortage { reason }
        | Outcome::HttpsUnavailableHere { reason }
        | Outcome::OwnerLimitReached { reason } => (RequestState::Failed, reason),
    }
}

/// Of a request that has waited for so long that nobody expects it any more.
pub(super) fn too_old(open: &OpenRequest) -> RequestEnd {
    let waited = "it has waited for longer than max_report_age";
    let (state, result) = match open.kind {
        RequestKind::Resend => (RequestState::TimedOut, RequestState::TimedOut.as_str()),
        RequestKind::Test => (RequestState::Failed, RequestState::Failed.as_str()),
    };
    let reason = match &open.answer {
        Some(answer) => format!("{waited}: {answer}"),
        None => waited.to_owned(),
    };
    let day = open.report.as_ref().map(|report| report.day.to_string());
    let domain = open.report.as_ref().map(|report| report.domain.as_str());
    let (rua, request) = (open.destination.uri(), open.id.0);
    tracing::warn!(
        request,
        day,
        domain,
        rua,
        result,
        reason,
        "request given up"
    );
    RequestEnd {
        id: open.id,
        r_id: None,
        destination: open.destination.clone(),
        outcome: RequestOutcome::Over {
            state,
            answer: reason,
        },
        took: Duration::ZERO,
    }
}

/// Of a request whose queue is throttled for so long.
pub(super) fn throttled(
    open: &OpenRequest,
    left: Duration,
    reason: &str,
    now: Timestamp,
) -> RequestEnd {
    let reason = format!("the queue {} is throttled: {reason}", open.queue);
    let at = now.saturating_add(left).unwrap_or(now);
    RequestEnd {
        id: open.id,
        r_id: None,
        destination: open.destination.clone(),
        outcome: RequestOutcome::Delivery(Disposition::Postpone { at, reason }),
        took: Duration::ZERO,
    }
}

/// Logs it too, with the keys of a delivery.
pub(super) fn resend_ended(ended: RequestedEnd) -> Option<RequestEnd> {
    let RequestedEnd {
        delivery,
        disposition,
        took,
    } = ended;
    let (result, reason) = match &disposition {
        Disposition::Final { status, reason } => (status.as_str(), reason),
        Disposition::Refused { reason } => ("refused", reason),
        Disposition::Wait { reason, .. } => ("waits", reason),
        Disposition::Postpone { reason, .. } => ("put off", reason),
        Disposition::Retry { reason, .. } => ("retry", reason),
    };
    let stored = &delivery.report;
    let report = stored
        .installation
        .report_id(stored.day, stored.uniqid, &stored.domain);
    let (day, domain) = (stored.day.to_string(), delivery.domain());
    let (rua, attempt) = (delivery.destination.uri(), delivery.attempt());
    tracing::info!(day, domain, report, rua, attempt, result, reason, "resend");
    Some(RequestEnd {
        id: delivery.request?,
        r_id: Some(delivery.r_id),
        destination: delivery.destination.clone(),
        outcome: RequestOutcome::Delivery(disposition),
        took,
    })
}
