use serde_json::json;
use tlsrptd_proto::day::Day;

use super::*;
use crate::answers::status::{Asker, StatusArea};
use crate::{
    answers::status::{CollectorFigures, StatusFinding},
    ctl::status::check,
    model::RequestState,
    store::{JobStage, JobState, OutcomeTotals, RequestRow, SharedReason, WithoutReport},
};

fn at(text: &str) -> Timestamp {
    format!("2026-11-{text}Z").parse().unwrap()
}

fn totals() -> DayTotals {
    let mut totals = DayTotals::of(Day::parse("2026-11-20").unwrap());
    (totals.domains, totals.sessions, totals.failed) = (1_000_000, 12_345_678, 321);
    (totals.reports, totals.deliveries, totals.without) = (250_000, 260_000, 750_000);
    totals.without_reasons = vec![WithoutReport {
        reason: "opted out".to_owned(),
        domains: 750_000,
        sessions: 1,
    }];
    totals.outcomes = [("sent", 259_000), ("refused", 12)]
        .map(|(status, deliveries)| OutcomeTotals {
            status: status.to_owned(),
            deliveries,
        })
        .into();
    totals
}

fn waiting_request() -> RequestRow {
    pending_requests::tests::row(RequestState::Waiting, 2, Some("451 later"))
}

fn status() -> Status {
    let collector = |command: &str, told| CollectorStatus {
        command: command.to_owned(),
        told,
    };
    let job = JobState {
        command: "tlsrpt-fetcher".to_owned(),
        stage: JobStage::Answered,
        is_decided: true,
        failures: 0,
        next: None,
        reason: None,
    };
    Status {
        now: at("21T13:00:00"),
        asker: Asker::Service,
        collectors: vec![
            collector(
                "tlsrpt-fetcher",
                CollectorReply::Figures(CollectorFigures::read(json!({
                    "started": "2026-11-01T08:00:00Z", "last_received": "2026-11-21T12:59:55Z",
                    "storages": [{"accepted": 5, "dropped": 0, "sessions_today": 7_654_321, "failed_today": 12}],
                }))),
            ),
            collector(
                "ssh mx2.example.com tlsrpt-fetcher",
                CollectorReply::Nothing,
            ),
            collector(
                "ssh mx3.example.com tlsrpt-fetcher",
                CollectorReply::Failed(
                    "the command ended with exit status: 255: \nno route | to host".to_owned(),
                ),
            ),
        ],
        reporter: ReporterStatus::Answers(json!({
            "version": "0.1.0", "started": "2026-11-01T08:00:00Z", "deliveries_in_hand": {"under_way": 1},
            "warnings": [{"time": "2026-11-21T12:00:00Z", "text": "later"}, {"time": "2026-11-20T12:00:00Z", "text": "earlier"}],
            "queues": [{"key": "mailto:", "throttled_until": "2026-11-21T14:00:00Z", "reason": "421 busy\u{202e}", "due": 988}],
        })),
        last_closed: LastClosedDay {
            day: totals().day,
            totals: Some(totals()),
            jobs: vec![job],
        },
        backlog: Backlog {
            waiting: 988,
            next_due: Some(at("21T14:00:00")),
            looked_at: 988,
            tried: 30,
            reason: Some(SharedReason {
                deliveries: 20,
                reason: "RCPT TO: 451 4.2.1\nlater".to_owned(),
            }),
            ..Backlog::default()
        },
        requests: PendingRequests {
            rows: vec![waiting_request()],
        },
        suppressed: 3,
        fleet: None,
        bounces: Vec::new(),
        named: Vec::new(),
        findings: vec![StatusFinding {
            area: StatusArea::Collecting,
            severity: Severity::Warning,
            text: "ssh mx3.example.com tlsrpt-fetcher: no route\n| to host".to_owned(),
        }],
    }
}

#[test]
fn one_screen_of_80_columns() {
    let shown = text(&status(), Width::Columns(80));
    assert_eq!(
        shown,
        "\
warning   ssh mx3.example.com tlsrpt-fetcher: no route | to host

Reporter    tlsrpt-reportd 0.1.0, since 11-01 08:00, 1 delivery in hand
            newest warning, 11-21 12:00: later

COLLECTOR             LAST SESSION  TODAY  FAILED  DROPPED  SINCE
tlsrpt-fetcher        5 s ago       7.65M      12        0  11-01 08:00
ssh mx2.example.com…  -                 -       -        -  does not tell
ssh mx3.example.com…  -                 -       -        -  the command ended w…

Last closed day 2026-11-20: gathered from 1 collector
  1,000,000 domains, 12,345,678 sessions, 321 failed (99.99% secured)
  reports        250,000 in 260,000 deliveries
  sent           259,000
  waiting            988
  refused             12
  without        750,000 domains without a report: 750,000 opted out
Waiting     988 deliveries of all days, the next due 11-21 14:00
            30 failed before, 20 of them with:
              RCPT TO: 451 4.2.1 later
Requests    1 request, the oldest of 11-21 08:00, a.example 2026-11-20 to
            mailto:t@a.example: next 2026-11-21 09:30 UTC, failed 2 times: 451
            later (tlsrptctl requests list)

THROTTLED  DUE  UNTIL        REASON
mailto:    988  11-21 14:00  421 busy\\u{202e}
Suppressed  3 targets (tlsrptctl suppress list)
"
    );
}

#[test]
fn one_line_for_the_monitoring() {
    let mut status = status();
    assert_eq!(
        check::line(&status),
        "TLSRPT WARNING - ssh mx3.example.com tlsrpt-fetcher: no route / to host | domains=1000000;;;0 \
         sessions=12345678;;;0 failed=321;;;0 reports=250000;;;0 sent=259000;;;0 unsent=12;;;0 waiting=988;;;0 \
         late=0;;;0 suppressed=3;;;0 throttled=1;;;0 sessions_today=7654321;;;0 dropped=0c;;;0\n"
    );
    (status.findings, status.last_closed.totals) = (Vec::new(), None);
    status.collectors.clear();
    assert_eq!(
        check::line(&status),
        "TLSRPT OK - nothing is known of 2026-11-20 | waiting=988;;;0 late=0;;;0 suppressed=3;;;0 throttled=1;;;0\n"
    );
}
