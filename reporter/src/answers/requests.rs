//! What the operator has asked the daemon for, and what came of it.

use jiff::Timestamp;
use serde_json::{Value, json};
use tlsrptd_proto::day::Day;

use crate::model::{RequestId, RequestKind, RequestState};

/// The answer to `resend` or `send-test`.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestsAnswer {
    /// What was asked for.
    pub kind: RequestKind,
    /// The day and domain of the report; `None` of a test.
    pub report: Option<(Day, String)>,
    /// One a destination.
    pub requests: Vec<Requested>,
    /// Destinations that were not asked for, each with the reason.
    pub left_out: Vec<LeftOut>,
    /// How the wait ended.
    pub wait: WaitEnd,
}

/// A request, as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Requested {
    /// Its number.
    pub id: RequestId,
    /// Where to.
    pub destination: String,
    /// `report-id`; `None` of a test, whose id the daemon gives.
    pub report_id: Option<String>,
    /// What the operator should know of it.
    pub note: Option<String>,
    /// How far it is.
    pub state: RequestState,
    /// What the other side answered, or why it waits.
    pub answer: Option<String>,
    /// How long the last attempt took.
    pub seconds: Option<f64>,
    /// When it is tried next.
    pub next: Option<Timestamp>,
}

/// A destination that was not asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Which.
    pub destination: String,
    /// Why.
    pub reason: String,
}

/// How the wait for the answers ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitEnd {
    /// All have ended.
    Answered,
    /// The time is over.
    TimeIsOver,
    /// Ctrl-C.
    Interrupted,
    /// The reporter has ended.
    ReporterEnded,
    /// Nobody wanted to wait.
    NotWaited,
}

impl WaitEnd {
    /// The word of the JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            WaitEnd::Answered => "answered",
            WaitEnd::TimeIsOver => "time_is_over",
            WaitEnd::Interrupted => "interrupted",
            WaitEnd::ReporterEnded => "reporter_ended",
            WaitEnd::NotWaited => "not_waited",
        }
    }
}

impl RequestsAnswer {
    /// The other side took all that was asked for, and nothing was left out.
    pub fn is_sent(&self) -> bool {
        let is_sent = |request: &Requested| request.state == RequestState::Sent;
        !self.requests.is_empty() && self.left_out.is_empty() && self.requests.iter().all(is_sent)
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let request = |request: &Requested| {
            json!({
                "id": request.id.0,
                "destination": request.destination,
                "report_id": request.report_id,
                "note": request.note,
                "state": request.state.as_str(),
                "answer": request.answer,
                "took_seconds": request.seconds,
                "next": request.next.map(|next| next.to_string()),
            })
        };
        let left_out = |left_out: &LeftOut| json!({ "destination": left_out.destination, "reason": left_out.reason });
        json!({
            "kind": self.kind.as_str(),
            "day": self.report.as_ref().map(|(day, _)| day.to_string()),
            "domain": self.report.as_ref().map(|(_, domain)| domain),
            "wait": self.wait.as_str(),
            "requests": self.requests.iter().map(request).collect::<Vec<_>>(),
            "left_out": self.left_out.iter().map(left_out).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requested(state: RequestState) -> Requested {
        Requested {
            id: RequestId(7),
            destination: "mailto:a@b.example".to_owned(),
            report_id: None,
            note: None,
            state,
            answer: Some("250 ok".to_owned()),
            seconds: Some(0.25),
            next: None,
        }
    }

    fn answer(requests: Vec<Requested>) -> RequestsAnswer {
        RequestsAnswer {
            kind: RequestKind::Test,
            report: None,
            requests,
            left_out: Vec::new(),
            wait: WaitEnd::Answered,
        }
    }

    #[test]
    fn names_stay() {
        assert_eq!(
            answer(vec![requested(RequestState::Sent)]).json(),
            json!({
                "kind": "test", "day": null, "domain": null, "wait": "answered", "left_out": [],
                "requests": [{
                    "id": 7, "destination": "mailto:a@b.example", "report_id": null, "note": null, "state": "sent",
                    "answer": "250 ok", "took_seconds": 0.25, "next": null,
                }],
            })
        );
    }

    #[test]
    fn it_is_sent_when_all_of_it_is() {
        use RequestState::{Sent, Waiting};
        for (states, want, why) in [
            (&[Sent][..], true, "one"),
            (&[Sent, Waiting], false, "one waits"),
            (&[], false, "nothing"),
        ] {
            let requests = states.iter().copied().map(requested).collect();
            assert_eq!(answer(requests).is_sent(), want, "{why}");
        }
    }
}
