//! What came of requests, for people.

use std::fmt::Write as _;

use tlsrptd_config::visible;

use super::{Requested, RequestsAnswer, WaitEnd};
use crate::model::{RequestKind, RequestState};

/// A line a destination, and what else there is to say.
pub(super) fn text(answer: &RequestsAnswer) -> String {
    let mut text = String::new();
    let mut said = None;
    for request in &answer.requests {
        if request.report_id.is_some() && said != request.report_id.as_ref() {
            said = request.report_id.as_ref();
            line(
                &mut text,
                &format!("report {}", said.map_or("", String::as_str)),
            );
        }
        line(&mut text, &about(request));
        if let Some(note) = &request.note {
            line(&mut text, &format!("  {note}"));
        }
    }
    for left_out in &answer.left_out {
        let (destination, reason) = (&left_out.destination, &left_out.reason);
        line(&mut text, &format!("{destination}: left out: {reason}"));
    }
    if let Some(end) = ended(answer) {
        line(&mut text, end);
    }
    text
}

fn line(text: &mut String, content: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{}", visible::one_line(content));
}

/// One request in words.
pub(super) fn about(request: &Requested) -> String {
    let Requested { destination, .. } = request;
    let answer = request.answer.as_deref();
    let and = |words: &str| match answer {
        Some(answer) => format!("{destination}: {words}: {answer}"),
        None => format!("{destination}: {words}"),
    };
    let took = |words: &str| match request.seconds {
        Some(seconds) => and(&format!("{words} after {seconds:.2} s")),
        None => and(words),
    };
    match request.state {
        RequestState::Asked => format!("{destination}: asked for, and not begun"),
        RequestState::Waiting => match request.next {
            Some(next) => and(&format!("waits until {}", next.strftime("%F %TZ"))),
            None => and("waits"),
        },
        RequestState::InHand => format!("{destination}: under way, without an answer yet"),
        RequestState::Sent => took("sent"),
        RequestState::Refused => took("refused"),
        RequestState::Failed => took("failed"),
        RequestState::TimedOut => and("given up"),
        RequestState::Unknown => and("unknown"),
        RequestState::Withdrawn => format!("{destination}: taken back, nothing was sent"),
    }
}

/// What the operator should know about the end of the wait.
fn ended(answer: &RequestsAnswer) -> Option<&'static str> {
    let goes_on = answer
        .requests
        .iter()
        .any(|request| !request.state.is_over());
    match (answer.wait, answer.kind) {
        (WaitEnd::NotWaited, RequestKind::Resend) if goes_on => {
            Some("tlsrpt-reportd sends it as soon as it can; its log says what is answered")
        }
        (WaitEnd::NotWaited | WaitEnd::TimeIsOver | WaitEnd::Interrupted, RequestKind::Test)
            if goes_on =>
        {
            Some("not waited for: the log of tlsrpt-reportd says what is answered")
        }
        (WaitEnd::TimeIsOver | WaitEnd::Interrupted, _) if goes_on => Some(
            "not waited for any longer: tlsrpt-reportd goes on, and its log says what is answered (tlsrptctl requests list)",
        ),
        (WaitEnd::ReporterEnded, _) if goes_on => {
            Some("tlsrpt-reportd has ended: it goes on when it is started again")
        }
        (WaitEnd::ReporterEnded, _) => Some("tlsrpt-reportd has ended"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{answers::requests::LeftOut, model::RequestId};

    #[test]
    fn a_line_a_destination() {
        let request = |state, answer: Option<&str>, seconds, next: Option<&str>| Requested {
            id: RequestId(1),
            destination: "mailto:a@b.example".to_owned(),
            report_id: None,
            note: None,
            state,
            answer: answer.map(str::to_owned),
            seconds,
            next: next.map(|next| next.parse().unwrap()),
        };
        use RequestState::{Asked, Failed, InHand, Sent, Unknown, Waiting, Withdrawn};
        for (request, want) in [
            (
                request(Sent, Some("250 2.0.0\r\nOk"), Some(0.3111), None),
                "sent after 0.31 s: 250 2.0.0\r\nOk",
            ),
            (
                request(Failed, Some("451 later"), Some(1.0), None),
                "failed after 1.00 s: 451 later",
            ),
            (
                request(
                    Waiting,
                    Some("no answer"),
                    None,
                    Some("2026-11-20T10:00:00Z"),
                ),
                "waits until 2026-11-20 10:00:00Z: no answer",
            ),
            (request(Asked, None, None, None), "asked for, and not begun"),
            (
                request(InHand, None, None, None),
                "under way, without an answer yet",
            ),
            (
                request(Withdrawn, None, None, None),
                "taken back, nothing was sent",
            ),
            (
                request(Unknown, Some("it ended"), None, None),
                "unknown: it ended",
            ),
        ] {
            assert_eq!(about(&request), format!("mailto:a@b.example: {want}"));
        }
    }

    #[test]
    fn strangers_write_no_lines() {
        let answer = RequestsAnswer {
            kind: RequestKind::Resend,
            report: None,
            requests: Vec::new(),
            left_out: vec![LeftOut {
                destination: "mailto:a@b.example".to_owned(),
                reason: "550 no\r\nmailto:x@y.example: sent\u{1b}[2J".to_owned(),
            }],
            wait: WaitEnd::NotWaited,
        };
        let text = text(&answer);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}
