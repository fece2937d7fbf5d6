//! Answers that are filled with one text wherever a stranger writes.

use jiff::Timestamp;
use serde_json::json;
use tlsrptd_config::ctl::{FailuresScope, Meanings};
use tlsrptd_proto::{day::Day, domain::Domain};

use crate::{
    answers::{
        deliveries::{DeliveriesQuery, DeliveryList, StatusWord},
        destination::{DayReport, DestinationView},
        failures::{Failures, FailuresQuery},
        history::SessionHistory,
        overview::{
            DailyCourse, FailingDestination, FailingDestinations, HistorySpan, KnownDays, Overview,
        },
        pending_requests::PendingRequests,
        status::{
            Asker, CollectorFigures, CollectorReply, CollectorStatus, LastClosedDay,
            ReporterStatus, Severity, Status, StatusArea, StatusFinding,
        },
        why::Why,
    },
    model::{Destination, NamedBy, ReportSubject},
    status::page::{Site, destination::destination, overview::overview},
    store::{
        Backlog, DayTotals, DeliveryProgress, DeliveryRow, DeliveryState, DomainDayState,
        FailureRow, OutcomeTotals, PolicyTotals, ReportState, ResultTotals, SharedReason,
    },
};

/// How a page is filled.
pub(super) struct Filling {
    text: String,
    number: u64,
    rows: usize,
    span: HistorySpan,
}

impl Filling {
    /// A row or two of each.
    pub(super) fn few(text: &str, span: HistorySpan) -> Filling {
        Filling {
            text: text.to_owned(),
            number: 12_345_678,
            rows: 2,
            span,
        }
    }

    /// As much as there can be.
    pub(super) fn most(text: &str, span: HistorySpan) -> Filling {
        Filling {
            text: text.to_owned(),
            number: u64::MAX / 1000,
            rows: 50,
            span,
        }
    }

    /// A new site.
    pub(super) fn nothing() -> Filling {
        Filling {
            text: String::new(),
            number: 0,
            rows: 0,
            span: HistorySpan::Days30,
        }
    }
}

fn now() -> Timestamp {
    "2026-11-21T13:00:00Z".parse().unwrap()
}

fn last() -> Day {
    Day::of(now()).previous()
}

fn site(filling: &Filling) -> Site {
    // Of none nothing is said, which is another page.
    let organization = if filling.text.is_empty() {
        "x"
    } else {
        &filling.text
    };
    Site {
        organization: organization.to_owned(),
    }
}

/// The page `/`.
pub(super) fn overview_of(filling: &Filling) -> String {
    overview_with(filling, |_, _| {})
}

/// The same with something changed.
pub(super) fn overview_with(
    filling: &Filling,
    change: impl FnOnce(&mut Status, &mut Overview),
) -> String {
    let mut status = status(filling);
    let mut found = Overview {
        span: filling.span,
        history: history(filling),
        failing: failing(filling, 7),
        new: (filling.rows > 0).then(|| failing(filling, 1)),
        answers: vec![deliveries(filling); filling.rows.min(10)],
    };
    change(&mut status, &mut found);
    overview(&site(filling), &status, &found)
}

/// That of a domain.
pub(super) fn destination_of(filling: &Filling) -> String {
    destination_with(filling, |_| {})
}

/// The same with something changed.
pub(super) fn destination_with(
    filling: &Filling,
    change: impl FnOnce(&mut DestinationView),
) -> String {
    let domain = Domain::parse("example.org").unwrap();
    let state = state(filling);
    let mut view = DestinationView {
        domain: domain.clone(),
        now: now(),
        failures: failures(filling, 30, Some(domain.clone())),
        course: course(filling, 30),
        yesterday: last(),
        why: (filling.rows > 0)
            .then(|| Why::of_state(&domain, last(), now(), state.clone(), Vec::new())),
        days: vec![(last(), state); filling.rows.min(7)],
        report: (filling.rows > 0).then(|| report(filling)),
    };
    change(&mut view);
    destination(&site(filling), &view)
}

fn status(filling: &Filling) -> Status {
    let text = &filling.text;
    let areas = [
        StatusArea::Collecting,
        StatusArea::Reporting,
        StatusArea::Waiting,
        StatusArea::Throttled,
    ];
    let findings = areas.into_iter().flat_map(|area| {
        let finding = StatusFinding {
            area,
            severity: Severity::Warning,
            text: text.clone(),
        };
        vec![finding; filling.rows]
    });
    let figures = CollectorFigures::read(json!({
        "started": "2026-11-01T08:00:00Z", "now": "2026-11-21T13:10:00Z", "last_received": "2026-11-21T12:59:55Z",
        "storages": [{"accepted": 5, "dropped": filling.number, "sessions_today": filling.number, "failed_today": filling.number}],
    }));
    let told = [
        CollectorReply::Figures(figures),
        CollectorReply::Failed(text.clone()),
        CollectorReply::Nothing,
    ];
    let collectors = told.into_iter().cycle().take(filling.rows);
    let queue = json!({"key": text, "throttled_until": "2026-11-21T14:00:00Z", "reason": text, "due": filling.number});
    Status {
        now: now(),
        asker: Asker::Service,
        collectors: collectors
            .map(|told| CollectorStatus {
                command: text.clone(),
                told,
            })
            .collect(),
        reporter: ReporterStatus::Answers(json!({
            "version": text,
            "warnings": [{"time": "2026-11-21T12:00:00Z", "text": text}],
            "queues": vec![queue; filling.rows],
        })),
        last_closed: LastClosedDay {
            day: last(),
            totals: history(filling).days.pop(),
            jobs: Vec::new(),
        },
        backlog: Backlog {
            waiting: filling.number,
            next_due: Some("2026-11-21T14:00:00Z".parse().unwrap()),
            looked_at: filling.number / 2,
            tried: filling.number / 3,
            reason: Some(SharedReason {
                deliveries: filling.number / 4,
                reason: text.clone(),
            }),
            ..Backlog::default()
        },
        suppressed: 0,
        fleet: None,
        bounces: Vec::new(),
        named: Vec::new(),
        requests: PendingRequests::default(),
        findings: findings.collect(),
    }
}

fn history(filling: &Filling) -> SessionHistory {
    let days = if filling.rows == 0 {
        0
    } else {
        filling.span.days()
    };
    let from = last().back(filling.span.days() - 1);
    SessionHistory {
        from,
        to: last(),
        known_since: (days > 0).then_some(from),
        days: (0..days)
            .map(|day| totals(filling, from.ahead(day)))
            .collect(),
    }
}

fn totals(filling: &Filling, day: Day) -> DayTotals {
    let mut of = DayTotals::of(day);
    (of.sessions, of.failed, of.domains) = (filling.number, filling.number / 3, filling.number);
    (of.reports, of.deliveries, of.without) = (filling.number, filling.number, filling.number);
    of.by_policy = ["tlsa", "sts", "no-policy-found", &filling.text]
        .map(|word| PolicyTotals {
            policy_type: word.to_owned(),
            sessions: filling.number / 3,
            failed: filling.number / 7,
        })
        .into();
    let result = |result_type: String| ResultTotals {
        result_type,
        sessions: filling.number / 11,
    };
    of.by_result = (0..filling.rows)
        .map(|at| result(format!("{at}{}", filling.text)))
        .collect();
    of.by_result.push(result("certificate-expired".to_owned()));
    of.outcomes = ["sent", "refused", "timedout", "suppressed"]
        .map(|word| OutcomeTotals {
            status: word.to_owned(),
            deliveries: filling.number / 5,
        })
        .into();
    of
}

fn failures(filling: &Filling, days: u32, domain: Option<Domain>) -> Failures {
    let row = |at: usize| FailureRow {
        first_day: last().back(days - 1),
        day: last(),
        days,
        domain: Some(filling.text.clone()),
        mx: Some(filling.text.clone()),
        address: Some(filling.text.clone()),
        policy_type: if at == 0 {
            "sts".to_owned()
        } else {
            filling.text.clone()
        },
        result_type: if at == 0 {
            "certificate-expired".to_owned()
        } else {
            filling.text.clone()
        },
        reason_code: Some(filling.text.clone()),
        sessions: filling.number,
    };
    Failures {
        from: last().back(days - 1),
        question: FailuresQuery {
            to: last(),
            days,
            domain,
            scope: FailuresScope::All,
            meanings: Meanings::Told,
            limit: filling.rows,
        },
        known_since: Some(last().back(400)),
        rows: (0..filling.rows).map(row).collect(),
        folded_sessions: filling.number,
        more: filling.rows > 2,
    }
}

fn failing(filling: &Filling, days: u32) -> FailingDestinations {
    let found = failures(filling, days, None);
    FailingDestinations {
        from: found.from,
        to: last(),
        rows: found
            .rows
            .into_iter()
            .map(|row| FailingDestination {
                sessions: row.sessions,
                row,
                others: 119,
                course: course(filling, 30),
            })
            .collect(),
        folded_sessions: found.folded_sessions,
        more: found.more,
    }
}

fn course(filling: &Filling, days: u32) -> DailyCourse {
    let from = last().back(days - 1);
    let number = if filling.rows == 0 { 0 } else { days };
    DailyCourse {
        known: KnownDays {
            from,
            to: last(),
            days: (0..number).map(|day| from.ahead(day)).collect(),
        },
        days: (0..number)
            .map(|day| (from.ahead(day), filling.number / u64::from(day + 1)))
            .collect(),
    }
}

fn deliveries(filling: &Filling) -> DeliveryList {
    let text = &filling.text;
    let row = DeliveryRow {
        domain: text.clone(),
        uniqid: 1,
        subject: ReportSubject::Domain,
        destination: format!("mailto:{text}"),
        progress: DeliveryProgress::Ended {
            status: text.clone(),
            at: Some(now()),
        },
        failures: 5,
        first_attempt: None,
        answer: Some(format!("answer {text}")),
    };
    DeliveryList {
        question: DeliveriesQuery {
            day: last(),
            domain: None,
            status: StatusWord::All,
            limit: filling.rows,
        },
        totals: None,
        rows: vec![row; filling.rows.min(crate::answers::overview::MOST_ANSWERS)],
        without: Vec::new(),
        more: true,
        in_hand: 0,
        requests: PendingRequests::default(),
    }
}

fn state(filling: &Filling) -> DomainDayState {
    let delivery = DeliveryState {
        destination: Destination::new(format!("mailto:{}", filling.text), NamedBy::Record),
        status: Some("sent".to_owned()),
        failures: 3,
        next: Some(now()),
        first: None,
        dated: None,
        started: None,
        reason: Some(format!("answer {}", filling.text)),
    };
    let report = |reason: Option<String>| ReportState {
        r_id: 1,
        uniqid: 1,
        subject: ReportSubject::Domain,
        created: Some(now()),
        reason,
        sessions: Some(filling.number),
        failed: Some(1),
        json: None,
        deliveries: vec![delivery.clone(); filling.rows],
    };
    DomainDayState {
        reports: vec![
            report(None),
            report(Some(format!("reason {}", filling.text))),
        ],
        is_decided: true,
        ..DomainDayState::default()
    }
}

fn report(filling: &Filling) -> DayReport {
    let policy = json!({
        "policy": {"policy-type": filling.text, "policy-domain": filling.text, "policy-string": [filling.text]},
        "summary": {"total-successful-session-count": filling.number, "total-failure-session-count": 3},
    });
    let report = json!({"report-id": filling.text, "policies": vec![policy; filling.rows]});
    DayReport {
        day: last(),
        number: 1,
        is_sent: true,
        json: Ok(report.to_string()),
    }
}
