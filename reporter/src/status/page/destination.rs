//! The page of one domain: what fails there when we send, since when, what that means, what to do, and what became of its
//! reports.

mod advice;
mod report;

use maud::{Markup, html};

use super::{
    days::{every, marks},
    failing::{by_day, more, unknown_days, up_to},
    frame::{Place, Site, page},
    plot::{Plot, Series, plot},
    table::{
        ColumnKind::{Number, Text},
        table,
    },
    text::{TextRoom, number, stranger, time, times},
};
use crate::{
    answers::{
        destination::DestinationView,
        number::{counted, grouped},
        overview::{CourseBegin, HistorySpan},
        when::policy,
    },
    store::{DeliveryState, FailureRow, ReportState},
};

/// Rows of failures.
const MOST_FAILURES: usize = 20;
/// Rows of deliveries.
const MOST_DELIVERIES: usize = 20;

/// Everything about a domain.
pub(super) fn destination(site: &Site, view: &DestinationView) -> String {
    let domain = view.domain.as_str();
    let main = html! {
        h1 class="name" { (stranger(domain, TextRoom::Name)) }
        (summary(view))
        @if !view.failures.rows.is_empty() {
            (failures(view))
            (advice::advice(view))
        }
        (deliveries(view))
        (report::report(view))
    };
    page(site, Place::Below, domain, view.now, main)
}

fn summary(view: &DestinationView) -> Markup {
    let failures = &view.failures;
    let known = &view.course.known;
    // The rows below may not be all.
    let sessions = view.course.sessions(known.from, known.to);
    html! {
        div class="card" {
            @match failures.rows.is_empty() {
                true => p class="lead" {
                    "Nothing failed here from " (failures.from) " to " (failures.question.to) ", as far as is remembered."
                },
                false => p class="lead" {
                    (counted(sessions, "session", "sessions")) " failed here on "
                    (counted(view.course.days.len() as u64, "day", "days")) " from " (failures.from) " to " (failures.question.to)
                    @match view.course.since() {
                        Some(CourseBegin::On(day)) => { ", the first on " (day) },
                        Some(CourseBegin::OnOrBefore(day)) => { ", the first on " (day) " or earlier" },
                        None => {},
                    }
                    ". Trend: " (view.course.trend().as_str()) "."
                },
            }
            @if let Some(first) = failures.known_since.filter(|first| *first > failures.from) {
                p { "The history begins on " (first) "." }
            }
            (up_to(known.to, view.yesterday))
            @if let Some(why) = &view.why { p { (stranger(&why.sentence(), TextRoom::Sentence)) } }
            @if !view.is_known() {
                p { "The history has no session with this domain. " code { "tlsrptctl why " (stranger(view.domain.as_str(), TextRoom::Name)) } " tells what has to be true for one to be counted." }
            }
        }
    }
}

fn failures(view: &DestinationView) -> Markup {
    html! {
        section aria-labelledby="failures" {
            h2 id="failures" { "What fails when we send" }
            div class="card" {
                (course(view))
                (failure_rows(view))
                (more(view.failures.rows.len() > MOST_FAILURES || view.failures.more,
                    &format!("tlsrptctl failures --domain {} --days {} --limit 1000", view.domain, view.failures.question.days)))
            }
        }
    }
}

fn failure_rows(view: &DestinationView) -> Markup {
    let head = [
        ("MX", Text),
        ("What", Text),
        ("Reason", Text),
        ("Sessions", Number),
        ("First day", Text),
        ("Last day", Text),
    ];
    let rows = html! {
        @for row in view.failures.rows.iter().take(MOST_FAILURES) { (failure(row)) }
    };
    table(
        "failures-table",
        "Failed sessions, the most first",
        &head,
        rows,
    )
}

fn failure(row: &FailureRow) -> Markup {
    html! {
        tr {
            th scope="row" {
                @if let Some(mx) = &row.mx { (stranger(mx, TextRoom::Name)) }
                @if let Some(address) = &row.address { span class="sub" { "[" (stranger(address, TextRoom::Name)) "]" } }
                @if row.mx.is_none() && row.address.is_none() { "none was reached" }
            }
            td { (stranger(&row.result_type, TextRoom::Name)) span class="sub" { "policy: " (stranger(policy(&row.policy_type), TextRoom::Name)) } }
            td { @match &row.reason_code { Some(reason) => (stranger(reason, TextRoom::Line)), None => "-" } }
            td class="number" { (number(row.sessions)) }
            td class="whole" { (row.first_day) }
            td class="whole" { (row.day) span class="sub" { (counted(u64::from(row.days), "day", "days")) } }
        }
    }
}

fn course(view: &DestinationView) -> Markup {
    let course = &view.course;
    let days = every(course.known.from, course.known.to);
    let names: Vec<String> = days.iter().map(ToString::to_string).collect();
    let (values, unknown) = (by_day(course), unknown_days(course));
    let rows = html! {
        @for ((name, value), is_unknown) in names.iter().zip(&values).zip(&unknown).rev() {
            tr {
                th scope="row" class="whole" { (name) }
                td class="number" { @if *is_unknown { "not known" } @else { (grouped(*value)) } }
            }
        }
    };
    let series = [Series {
        name: "failed".to_owned(),
        class: "failed",
        values: values.clone(),
    }];
    html! {
        div class="plots one" {
            figure {
                figcaption { "Failed sessions a day" }
                (plot(&Plot {
                    id: "course",
                    title: format!("Failed sessions a day with {}", view.domain),
                    unit: "failed sessions a day",
                    bars: &names,
                    marks: &marks(&days, HistorySpan::Days30),
                    series: &series,
                    unknown: &unknown,
                }))
            }
        }
        details {
            summary { "The same as a table" }
            (table("course-table", "Failed sessions a day, the newest first", &[("Day", Text), ("Failed", Number)], rows))
        }
    }
}

fn deliveries(view: &DestinationView) -> Markup {
    let head = [
        ("Report of", Text),
        ("To", Text),
        ("Status", Text),
        ("Answer", Text),
    ];
    let all = view
        .days
        .iter()
        .flat_map(|(day, state)| state.reports.iter().map(move |report| (day, report)));
    let lines: Vec<_> = all
        .flat_map(|(day, report)| {
            lines(report)
                .into_iter()
                .map(move |line| (day, report, line))
        })
        .collect();
    let rows = html! {
        @for (day, report, line) in lines.iter().take(MOST_DELIVERIES) {
            tr {
                th scope="row" class="whole" { (day) @if report.uniqid > 1 { span class="sub" { "report " (report.uniqid) } } }
                @match line {
                    Ok(delivery) => (delivered(delivery)),
                    Err(reason) => td colspan="3" { "no report: " (stranger(reason, TextRoom::Line)) },
                }
            }
        }
    };
    html! {
        section aria-labelledby="deliveries" {
            h2 id="deliveries" { "Its reports, and who took them" }
            div class="card" {
                @match lines.is_empty() {
                    true => p { "No report on it is remembered." },
                    false => (table("deliveries-table", "Deliveries of the last days on which it was counted", &head, rows)),
                }
                (more(lines.len() > MOST_DELIVERIES, &format!("tlsrptctl deliveries DAY --domain {}", view.domain)))
            }
        }
    }
}

/// Its deliveries, or why there is none.
fn lines(report: &ReportState) -> Vec<Result<&DeliveryState, &str>> {
    match &report.reason {
        Some(reason) => vec![Err(reason)],
        None => report.deliveries.iter().map(Ok).collect(),
    }
}

fn delivered(delivery: &DeliveryState) -> Markup {
    html! {
        td { (stranger(delivery.destination.uri(), TextRoom::Line)) }
        td {
            @match &delivery.status {
                Some(status) => (stranger(status, TextRoom::Name)),
                None => "waiting",
            }
            @if let Some(at) = delivery.next { span class="sub" { (time(at)) } }
        }
        td {
            @match delivery.reason.as_deref() {
                None | Some("") => "-",
                Some(reason) => (stranger(reason, TextRoom::Line)),
            }
            @if delivery.failures > 0 { span class="sub" { (times(delivery.failures)) } }
        }
    }
}
