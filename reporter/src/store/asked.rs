//! What the operator asks for: how a request that was taken in hand becomes a delivery, and what is written after its attempt.
//! Whatever the engine.

use jiff::Timestamp;

use super::{Disposition, RequestOutcome, RequestedReport};
use crate::model::{
    Delivery, DeliveryStatus, Destination, RequestId, RequestKind, RequestState, StoredReport,
};

/// The daemon looks at so many open requests at a time; `tlsrptctl` asks for no more.
pub(super) const MOST_OPEN: i64 = 1000;
/// What a request for a report that is not kept any longer is answered.
pub(super) const GONE: &str = "the text of the report is not kept any longer";
/// What a test is answered whose outcome is not known.
pub(super) const TEST_CUT_OFF: &str =
    "the reporter ended before there was an answer: it may have arrived, or not";

/// A row that was taken in hand.
pub(super) struct TakenRequest {
    pub(super) kind: RequestKind,
    pub(super) destination: Destination,
    pub(super) report: Option<RequestedReport>,
    pub(super) failures: u32,
    pub(super) first: Option<Timestamp>,
    pub(super) dated: Option<Timestamp>,
}

impl TakenRequest {
    pub(super) fn delivery(
        self,
        id: RequestId,
        r_id: i64,
        report: StoredReport,
        now: Timestamp,
    ) -> Delivery {
        let first = self.first.unwrap_or(now);
        Delivery {
            r_id,
            report: report.into(),
            queue: self.destination.queue(),
            destination: self.destination,
            failures: self.failures,
            first,
            begins_window: first == now,
            date: self.dated.unwrap_or(now),
            delivered_before: false,
            request: Some(id),
        }
    }
}

/// What a row says after an attempt.
pub(super) struct Recorded<'a> {
    pub(super) state: RequestState,
    pub(super) answer: &'a str,
    pub(super) failed: bool,
    pub(super) next: Option<Timestamp>,
    pub(super) begins: Option<Timestamp>,
    pub(super) waits: bool,
    pub(super) postponed: bool,
}

impl Recorded<'_> {
    pub(super) fn of(outcome: &RequestOutcome) -> Recorded<'_> {
        let over = |state, answer| Recorded {
            state,
            answer,
            failed: state != RequestState::Sent,
            next: None,
            begins: None,
            waits: false,
            postponed: false,
        };
        let disposition = match outcome {
            RequestOutcome::Over { state, answer } => return over(*state, answer),
            RequestOutcome::Delivery(disposition) => disposition,
        };
        let later = |at: &Timestamp, answer| Recorded {
            next: Some(*at),
            ..over(RequestState::Waiting, answer)
        };
        match disposition {
            Disposition::Final { status, reason } => over(state_of(*status), reason),
            Disposition::Refused { reason } => over(RequestState::Refused, reason),
            Disposition::Wait { at, reason } => Recorded {
                failed: false,
                waits: true,
                ..later(at, reason)
            },
            Disposition::Postpone { at, reason } => Recorded {
                failed: false,
                postponed: true,
                ..later(at, reason)
            },
            Disposition::Retry { at, begins, reason } => Recorded {
                begins: *begins,
                ..later(at, reason)
            },
        }
    }
}

fn state_of(status: DeliveryStatus) -> RequestState {
    match status {
        DeliveryStatus::Sent => RequestState::Sent,
        DeliveryStatus::TimedOut | DeliveryStatus::Expired => RequestState::TimedOut,
        DeliveryStatus::Refused | DeliveryStatus::Suppressed | DeliveryStatus::UnknownScheme => {
            RequestState::Refused
        }
    }
}
