//! `tlsrptctl deliveries`: the reports of a day, and what became of them.

use jiff::Timestamp;
use tlsrptd_config::{ctl::Deliveries as Asked, reportd::Reportd};
use tlsrptd_proto::domain::Domain;

use super::{
    answer::CommandAnswer,
    table::{Align, Table, Width},
    words,
};
use crate::{
    answers::{
        day,
        deliveries::{DeliveriesQuery, DeliveryList, StatusWord},
        number::{grouped, short},
        pending_requests::{self, PendingRequests},
    },
    error::Error,
    model::ReportSubject,
    store::{self, DayTotals, DeliveryProgress, DeliveryRow, OperatorAccess},
};

pub(super) fn answer(settings: &Reportd, asked: &Asked) -> Result<CommandAnswer, Error> {
    let domain = asked.domain.as_deref().map(Domain::parse).transpose();
    let domain = domain.map_err(|error| Error::Argument {
        what: "--domain",
        problem: error.to_string(),
    })?;
    let store = store::open_for_operator(settings, OperatorAccess::Read)?;
    let question = DeliveriesQuery {
        day: day::of(&asked.day, Timestamp::now())?,
        domain,
        status: StatusWord::of(asked.status.as_deref()),
        limit: asked.limit,
    };
    let deliveries = DeliveryList::find(store.as_ref(), question)?;
    let json = deliveries.json();
    Ok(match deliveries.is_empty() {
        true => CommandAnswer::none(nothing(&deliveries), json),
        false => CommandAnswer::new(text(&deliveries, Width::of_stdout()), json),
    })
}

fn nothing(deliveries: &DeliveryList) -> String {
    let DeliveriesQuery {
        day,
        domain,
        status,
        ..
    } = &deliveries.question;
    let what = match status {
        StatusWord::All => "no delivery".to_owned(),
        StatusWord::Waiting => "no waiting delivery".to_owned(),
        StatusWord::Ended(word) => format!("no {word} delivery"),
        StatusWord::WithoutReport => "no domain without a report".to_owned(),
    };
    let of = match domain {
        Some(domain) => format!(" on {domain}"),
        None => String::new(),
    };
    let is_quiet = |totals: &DayTotals| totals.domains == 0 && totals.deliveries == 0;
    if domain.is_none() && deliveries.totals.as_ref().is_some_and(is_quiet) {
        return format!("{what}: no session was counted on {day}\n");
    }
    let mut text = format!("{what}{of} is known of {day}\n");
    match (&deliveries.totals, domain) {
        (_, Some(domain)) => text += &format!("tlsrptctl why {domain} {day} says why\n"),
        (Some(totals), None) => text += &sums(totals),
        (None, None) => {}
    }
    text
}

fn text(deliveries: &DeliveryList, width: Width) -> String {
    let mut text = match deliveries.question.status {
        StatusWord::WithoutReport => without(deliveries),
        _ => table(&deliveries.rows, &deliveries.requests),
    }
    .text_at(width);
    if deliveries.in_hand > 0 {
        let number = grouped(deliveries.in_hand);
        text += &format!("{number} being delivered at this moment\n");
    }
    if deliveries.more {
        let limit = deliveries.question.limit;
        text += &words::wrapped(&format!(
            "The first {limit}, by domain. There are more: --limit N shows N of them, --domain or --status some of them."
        ));
    }
    match (&deliveries.totals, &deliveries.question.domain) {
        (Some(totals), None) => text + &sums(totals),
        _ => text,
    }
}

/// What the day came to.
fn sums(totals: &DayTotals) -> String {
    let mut parts: Vec<String> = totals
        .outcomes
        .iter()
        .map(|outcome| format!("{} {}", grouped(outcome.deliveries), outcome.status))
        .collect();
    if totals.waiting() > 0 {
        parts.push(format!("{} waiting", grouped(totals.waiting())));
    }
    if totals.without > 0 {
        parts.push(format!(
            "{} domains without a report",
            grouped(totals.without)
        ));
    }
    match parts.is_empty() {
        true => String::new(),
        false => words::wrapped(&format!("{}: {}.", totals.day, parts.join(", "))),
    }
}

fn table(rows: &[DeliveryRow], requests: &PendingRequests) -> Table {
    let mut table = Table::new(&[
        ("TIME (UTC)", Align::Whole),
        ("STATUS", Align::Whole),
        ("DOMAIN", Align::Left),
        ("DESTINATION", Align::Left),
        ("ANSWER", Align::Left),
    ]);
    for row in rows {
        let (time, status) = match &row.progress {
            DeliveryProgress::Ended { status, at } => (*at, status.as_str()),
            DeliveryProgress::Waiting { .. } => (row.first_attempt, "waiting"),
            DeliveryProgress::InHand { since } => (*since, "waiting"),
        };
        let name = match row.subject {
            ReportSubject::Domain => row.domain.clone(),
            ReportSubject::MxHost => format!("{} (MX host)", row.domain),
        };
        table.row([
            &time.map_or("-".to_owned(), words::time),
            status,
            &name,
            row.destination
                .strip_prefix("mailto:")
                .unwrap_or(&row.destination),
            &answer_of(row),
        ]);
    }
    for request in &requests.rows {
        let domain = request.report.as_ref().map(|report| report.domain.as_str());
        let uri = request.destination.uri();
        table.row([
            &request.asked.map_or("-".to_owned(), words::time),
            "resend",
            domain.unwrap_or_default(),
            uri.strip_prefix("mailto:").unwrap_or(uri),
            &pending_requests::why(request),
        ]);
    }
    table
}

/// What was answered; of what waits, when it is tried next before that.
fn answer_of(row: &DeliveryRow) -> String {
    let answer = row.answer.as_deref().unwrap_or_default();
    let tried = match row.failures {
        0 => String::new(),
        1 => ", failed once".to_owned(),
        failures => format!(", failed {failures} times"),
    };
    let next = match &row.progress {
        DeliveryProgress::Ended { .. } => return answer.to_owned(),
        DeliveryProgress::InHand { .. } => "being delivered".to_owned(),
        DeliveryProgress::Waiting { next_try: None } => "waits".to_owned(),
        DeliveryProgress::Waiting {
            next_try: Some(next),
        } => format!("next {}", words::time(*next)),
    };
    match answer {
        "" => format!("{next}{tried}"),
        answer => format!("{next}{tried}: {answer}"),
    }
}

fn without(deliveries: &DeliveryList) -> Table {
    let mut table = Table::new(&[
        ("SESSIONS", Align::Right),
        ("FAILED", Align::Right),
        ("DOMAIN", Align::Left),
        ("WHY NO REPORT", Align::Left),
    ]);
    let number = |number: Option<u64>| number.map_or("-".to_owned(), short);
    for row in &deliveries.without {
        table.row([
            number(row.sessions),
            number(row.failed),
            row.domain.clone(),
            row.reason.clone(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use tlsrptd_proto::day::Day;

    use super::*;
    use crate::store::{OutcomeTotals, WithoutReportRow};

    fn deliveries(status: StatusWord) -> DeliveryList {
        let day = Day::parse("2026-11-20").unwrap();
        let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        let row = |destination: &str, progress, failures, answer: Option<&str>| DeliveryRow {
            domain: "example.com".to_owned(),
            uniqid: 1,
            subject: ReportSubject::Domain,
            destination: destination.to_owned(),
            progress,
            failures,
            first_attempt: at("2026-11-21T03:11:00Z"),
            answer: answer.map(str::to_owned),
        };
        let ended = DeliveryProgress::Ended {
            status: "sent".to_owned(),
            at: at("2026-11-21T03:12:59Z"),
        };
        let next_try = at("2026-11-21T14:05:00Z");
        let mut totals = DayTotals::of(day);
        totals.deliveries = 1_000_003;
        totals.without = 7;
        totals.outcomes = vec![OutcomeTotals {
            status: "sent".to_owned(),
            deliveries: 1_000_000,
        }];
        DeliveryList {
            question: DeliveriesQuery {
                day,
                domain: None,
                status,
                limit: 3,
            },
            totals: Some(totals),
            rows: vec![
                row("mailto:tls@example.com", ended, 0, Some("250 2.0.0 Ok")),
                row(
                    "https://a.example/",
                    DeliveryProgress::Waiting { next_try },
                    2,
                    Some("503\nlater"),
                ),
                row(
                    "https://b.example/",
                    DeliveryProgress::InHand { since: None },
                    0,
                    None,
                ),
            ],
            without: vec![WithoutReportRow {
                domain: "none.example".to_owned(),
                sessions: Some(12),
                failed: None,
                reason: "opted out: no TLSRPT record".to_owned(),
            }],
            requests: PendingRequests::default(),
            more: true,
            in_hand: 2,
        }
    }

    #[test]
    fn as_people_read_them() {
        let shown = text(&deliveries(StatusWord::All), Width::Unbounded);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(
            lines[..6],
            [
                "TIME (UTC)   STATUS   DOMAIN       DESTINATION         ANSWER",
                "11-21 03:12  sent     example.com  tls@example.com     250 2.0.0 Ok",
                "11-21 03:11  waiting  example.com  https://a.example/  next 11-21 14:05, failed 2 times: 503 later",
                "-            waiting  example.com  https://b.example/  being delivered",
                "2 being delivered at this moment",
                "The first 3, by domain. There are more: --limit N shows N of them, --domain or",
            ]
        );
        assert_eq!(
            lines.last().unwrap(),
            &"2026-11-20: 1,000,000 sent, 3 waiting, 7 domains without a report."
        );
        let shown = text(&deliveries(StatusWord::WithoutReport), Width::Unbounded);
        assert!(
            shown.starts_with(
                "SESSIONS  FAILED  DOMAIN        WHY NO REPORT\n      12       -  none.example  opted out: no TLSRPT record\n"
            ),
            "{shown}"
        );
    }

    #[test]
    fn none_of_them() {
        let mut none = deliveries(StatusWord::Ended("refused".to_owned()));
        (none.rows, none.without) = (Vec::new(), Vec::new());
        assert!(
            nothing(&none).starts_with(
                "no refused delivery is known of 2026-11-20\n2026-11-20: 1,000,000 sent"
            )
        );
        none.question.domain = Some(Domain::parse("a.example").unwrap());
        assert_eq!(
            nothing(&none),
            "no refused delivery on a.example is known of 2026-11-20\ntlsrptctl why a.example 2026-11-20 says why\n"
        );
    }
}
