//! What the operator has asked the daemon for and has not ended, and what was taken back of it.

use jiff::Timestamp;
use serde_json::{Value, json};
use tlsrptd_config::visible;
use tlsrptd_proto::day::Day;

use super::when::when;
use crate::{
    model::{RequestId, RequestKind, RequestState},
    store::{OperatorStore, RequestRow, StoreError},
};

/// Requests that have not ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PendingRequests {
    /// The oldest first.
    pub rows: Vec<RequestRow>,
}

impl PendingRequests {
    /// Looks for them.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn find(store: &dyn OperatorStore) -> Result<PendingRequests, StoreError> {
        let rows = store.pending_requests()?;
        Ok(PendingRequests { rows })
    }

    /// Those that are about reports of that day, on one domain or on all.
    pub fn of_reports(self, day: Day, domain: Option<&str>) -> PendingRequests {
        let is_meant = |row: &RequestRow| {
            let report = row.report.as_ref();
            report.is_some_and(|report| {
                report.day == day && domain.is_none_or(|domain| report.domain == domain)
            })
        };
        PendingRequests {
            rows: self.rows.into_iter().filter(is_meant).collect(),
        }
    }

    /// For programs.
    pub fn json(&self) -> Value {
        json!({ "requests": self.rows.iter().map(json).collect::<Vec<_>>() })
    }
}

/// One of them for programs.
pub fn json(row: &RequestRow) -> Value {
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    json!({
        "id": row.id.0,
        "kind": row.kind.as_str(),
        "day": row.report.as_ref().map(|report| report.day.to_string()),
        "domain": row.report.as_ref().map(|report| &report.domain),
        "destination": row.destination.uri(),
        "asked_at": time(row.asked),
        "asked_by": row.by,
        "state": row.state.as_str(),
        "failures": row.failures,
        "answer": row.answer,
        "next_try_at": time(row.next),
    })
}

/// `example.com 2026-11-20`, or `test`.
pub fn what(row: &RequestRow) -> String {
    match &row.report {
        Some(report) => format!("{} {}", report.domain, report.day),
        None => RequestKind::Test.as_str().to_owned(),
    }
}

/// Why it waits, and when it is tried next.
pub fn why(row: &RequestRow) -> String {
    let tried = match row.failures {
        0 => String::new(),
        1 => ", failed once".to_owned(),
        failures => format!(", failed {failures} times"),
    };
    let state = match (row.state, row.next) {
        (RequestState::Asked, _) => {
            return "tlsrpt-reportd has not begun: it does not run, or others come first"
                .to_owned();
        }
        (RequestState::InHand, _) => "under way".to_owned(),
        (_, Some(next)) => format!("next {}", when(next)),
        (_, None) => "due".to_owned(),
    };
    match &row.answer {
        Some(answer) => format!("{state}{tried}: {}", visible::one_line(answer)),
        None => state + &tried,
    }
}

/// What was to be taken back, and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Withdrawal {
    /// Each number that was given, with its request if there is one.
    pub asked: Vec<(RequestId, Option<RequestRow>)>,
}

impl Withdrawal {
    /// Takes them back, as far as no attempt is under way.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn of(
        store: &mut dyn OperatorStore,
        ids: &[RequestId],
        now: Timestamp,
    ) -> Result<Withdrawal, StoreError> {
        store.withdraw(ids, now)?;
        let rows = store.requests(ids)?;
        let found = |id: &RequestId| rows.iter().find(|row| row.id == *id).cloned();
        Ok(Withdrawal {
            asked: ids.iter().map(|id| (*id, found(id))).collect(),
        })
    }

    /// All of them are taken back.
    pub fn is_done(&self) -> bool {
        let mut rows = self.asked.iter().map(|(_, row)| row.as_ref());
        rows.all(|row| row.is_some_and(|row| row.state == RequestState::Withdrawn))
    }

    /// A line each.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.asked.iter().map(|(id, row)| {
            let Some(row) = row else {
                return format!("{id}: there is no such request");
            };
            let about = format!("{id}: {} to {}", what(row), row.destination.uri());
            let became = match row.state {
                RequestState::Withdrawn => "taken back".to_owned(),
                RequestState::InHand => {
                    "an attempt is under way, and cannot be taken back".to_owned()
                }
                over => format!("it had ended already ({})", over.as_str()),
            };
            visible::one_line(&format!("{about}: {became}"))
        })
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let asked = self.asked.iter().map(|(id, row)| match row {
            Some(row) => json(row),
            None => json!({ "id": id.0, "state": null }),
        });
        json!({ "requests": asked.collect::<Vec<_>>() })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{
        model::{Destination, NamedBy},
        store::RequestedReport,
    };

    pub(crate) fn row(state: RequestState, failures: u32, answer: Option<&str>) -> RequestRow {
        let day = "2026-11-20".parse().unwrap();
        RequestRow {
            id: RequestId(7),
            kind: RequestKind::Resend,
            report: Some(RequestedReport {
                r_id: 3,
                day,
                domain: "a.example".to_owned(),
            }),
            destination: Destination::new("mailto:t@a.example", NamedBy::Record),
            asked: Some("2026-11-21T08:00:00Z".parse().unwrap()),
            by: "root".to_owned(),
            state,
            answer: answer.map(str::to_owned),
            failures,
            seconds: None,
            next: Some("2026-11-21T09:30:00Z".parse().unwrap()),
        }
    }

    #[test]
    fn why_a_request_waits() {
        use RequestState::{Asked, InHand, Waiting};
        for (row, want, why_so) in [
            (
                row(Asked, 0, None),
                "tlsrpt-reportd has not begun: it does not run, or others come first",
                "nobody has seen it",
            ),
            (row(InHand, 0, None), "under way", "an attempt has begun"),
            (
                row(Waiting, 2, Some("451 later\r\nfaked: line")),
                "next 2026-11-21 09:30 UTC, failed 2 times: 451 later faked: line",
                "a stranger writes no line",
            ),
            (
                RequestRow {
                    next: None,
                    ..row(Waiting, 1, None)
                },
                "due, failed once",
                "its time has come",
            ),
        ] {
            assert_eq!(why(&row), want, "{why_so}");
        }
    }

    #[test]
    fn what_was_taken_back() {
        let withdrawal = |row: Option<RequestRow>| Withdrawal {
            asked: vec![(RequestId(7), row)],
        };
        for (row, is_done, want) in [
            (
                Some(row(RequestState::Withdrawn, 0, None)),
                true,
                "taken back",
            ),
            (Some(row(RequestState::InHand, 0, None)), false, "under way"),
            (
                Some(row(RequestState::Sent, 0, None)),
                false,
                "it had ended already (sent)",
            ),
            (None, false, "7: there is no such request"),
        ] {
            let withdrawal = withdrawal(row);
            assert_eq!(withdrawal.is_done(), is_done, "{want}");
            let line = withdrawal.lines().next().unwrap();
            assert!(line.contains(want), "{want}: {line}");
        }
    }

    #[test]
    fn names_stay() {
        let pending = PendingRequests {
            rows: vec![row(RequestState::Waiting, 1, Some("451 later"))],
        };
        assert_eq!(
            pending.json(),
            json!({"requests": [{
                "id": 7, "kind": "resend", "day": "2026-11-20", "domain": "a.example",
                "destination": "mailto:t@a.example", "asked_at": "2026-11-21T08:00:00Z", "asked_by": "root",
                "state": "waiting", "failures": 1, "answer": "451 later", "next_try_at": "2026-11-21T09:30:00Z",
            }]})
        );
    }
}
