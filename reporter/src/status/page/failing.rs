//! What failed: by result type, what is new, and the destinations that fail most.

use maud::{Markup, html};
use tlsrptd_proto::day::Day;

use super::{
    days::every,
    plot::{share_bar, sparkline},
    table::{
        ColumnKind::{Number, Text},
        table,
    },
    text::{TextRoom, domain_link, number, stranger},
};
use crate::{
    answers::{
        explain::{Fault, explain},
        failures::Failures,
        history::SessionHistory,
        number::{counted, grouped},
        overview::{DailyCourse, Overview, Trend},
        when::policy,
    },
    store::FailureRow,
};

/// RFC 8460 has eleven; other programs may write other words.
const MOST_TYPES: usize = 15;

/// However many were found.
const MOST_ROWS: usize = 15;

/// The sessions of each result type.
pub(super) fn by_result(history: &SessionHistory) -> Markup {
    let results = history.results();
    let all = results.iter().fold(0_u64, |sum, (_, [sessions, _])| {
        sum.saturating_add(*sessions)
    });
    let last = history.days.last().filter(|of| of.day == history.to);
    let on_last_day = |result_type: &str| {
        let of = last.into_iter().flat_map(|of| &of.by_result);
        of.filter(|of| of.result_type == result_type)
            .map(|of| of.sessions)
            .sum::<u64>()
    };
    let last_day = format!("On {}", history.to);
    let head = [
        ("Result type", Text),
        ("Sessions", Number),
        ("Share", Text),
        (last_day.as_str(), Number),
    ];
    let rows = html! {
        @for (result_type, [sessions, _]) in results.iter().take(MOST_TYPES) {
            tr {
                th scope="row" {
                    (stranger(result_type, TextRoom::Name))
                    span class="sub" { (whose(explain(result_type).fault)) }
                }
                td class="number" { (number(*sessions)) }
                td { (share_bar(*sessions, all)) }
                td class="number" { (number(on_last_day(result_type))) }
            }
        }
    };
    html! {
        section aria-labelledby="by-result" {
            h2 id="by-result" { "Failures by result type" }
            div class="card" {
                @match results.is_empty() {
                    true => p { "Nothing failed." },
                    false => (table("by-result-table", &format!("Failed sessions, {} to {}", history.from, history.to), &head, rows)),
                }
                (more(results.len().saturating_sub(MOST_TYPES) > 0, "tlsrptctl history"))
            }
        }
    }
}

/// Whose fault it usually is, in a line; a domain's page says more.
fn whose(fault: Fault) -> &'static str {
    match fault {
        Fault::Receiver => "usually the MX host's fault",
        Fault::DomainOwner => "usually the domain owner's fault",
        Fault::Sender => "usually our fault",
        Fault::Unclear => "whose fault depends",
    }
}

/// What did not fail in the week before the last closed day.
pub(super) fn new(overview: &Overview) -> Markup {
    let day = overview.history.to;
    html! {
        section aria-labelledby="new" {
            h2 id="new" { "New since yesterday" }
            div class="card" {
                @match &overview.new {
                    None => p { "Nothing is known of the days before " (day) ": what is new cannot be told yet." },
                    Some(new) if new.rows.is_empty() => {
                        p { "Nothing began to fail on " (day) " that had not failed in the week before." }
                    },
                    Some(new) => {
                        (new_rows(new))
                        (more(new.more, "tlsrptctl failures --days 1 --new --limit 1000"))
                    },
                }
            }
        }
    }
}

fn new_rows(new: &Failures) -> Markup {
    let head = [
        ("Domain and MX", Text),
        ("What", Text),
        ("Sessions", Number),
    ];
    let rows = html! {
        @for row in new.rows.iter().take(MOST_ROWS) {
            tr { (whom(row)) (what(row)) td class="number" { (number(row.sessions)) } }
        }
    };
    table(
        "new-table",
        &format!("Failed on {}, and not in the week before", new.question.to),
        &head,
        rows,
    )
}

/// The destinations that fail most.
pub(super) fn most(overview: &Overview) -> Markup {
    let failing = &overview.failing;
    let head = [
        ("Domain and MX", Text),
        ("What", Text),
        ("Sessions", Number),
        ("Since", Text),
        ("Trend", Text),
    ];
    let rows = html! {
        @for (row, course) in failing.rows.iter().zip(&overview.courses).take(MOST_ROWS) {
            tr {
                (whom(row)) (what(row))
                td class="number" { (number(row.sessions)) }
                td class="whole" { (since(course, failing)) }
                td class="trend" { (trend(course)) }
            }
        }
    };
    let caption = format!(
        "Most failed sessions, {} to {}",
        failing.from, failing.question.to
    );
    html! {
        section aria-labelledby="most" {
            h2 id="most" { "Destinations that fail most" }
            div class="card" {
                @match failing.rows.is_empty() {
                    true => p { "No session failed from " (failing.from) " to " (failing.question.to) "." },
                    false => (table("most-table", &caption, &head, rows)),
                }
                @if failing.folded_sessions > 0 {
                    p class="note" { (grouped(failing.folded_sessions)) " more failed sessions were counted together: their destinations are not kept (history_failures)." }
                }
                (more(failing.more, &format!("tlsrptctl failures --days {} --limit 1000", failing.question.days)))
            }
        }
    }
}

/// Where lists end.
pub(super) fn more(is_more: bool, command: &str) -> Markup {
    html! { @if is_more { p class="note" { "And more: " code { (command) } } } }
}

fn whom(row: &FailureRow) -> Markup {
    html! {
        th scope="row" {
            (domain_link(row.domain.as_deref().unwrap_or_default()))
            (server(row))
        }
    }
}

/// The MX host, and its address.
fn server(row: &FailureRow) -> Markup {
    html! {
        @if row.mx.is_some() || row.address.is_some() {
            span class="sub" {
                @if let Some(mx) = &row.mx { (stranger(mx, TextRoom::Name)) }
                @if let Some(address) = &row.address { " [" (stranger(address, TextRoom::Name)) "]" }
            }
        }
    }
}

fn what(row: &FailureRow) -> Markup {
    html! {
        td {
            (stranger(&row.result_type, TextRoom::Name))
            span class="sub" {
                "policy: " (stranger(policy(&row.policy_type), TextRoom::Name))
                @if let Some(reason) = &row.reason_code { "; " (stranger(reason, TextRoom::Line)) }
            }
        }
    }
}

fn since(course: &DailyCourse, failing: &Failures) -> Markup {
    let is_first = course.since() == Some(course.from);
    let is_remembered = failing.known_since.is_some_and(|first| first < course.from);
    html! {
        @match course.since() {
            // It may have begun before what is looked at.
            Some(_) if is_first && is_remembered => { "before " (course.from) },
            Some(day) => (day),
            None => (failing.from),
        }
        span class="sub" { (counted(course.days.len() as u64, "day", "days")) }
    }
}

/// A number for each of its days.
pub(super) fn by_day(course: &DailyCourse) -> Vec<u64> {
    let mut known = course.days.iter().peekable();
    let mut sessions = |day: &Day| {
        known
            .next_if(|(at, _)| at == day)
            .map_or(0, |(_, sessions)| *sessions)
    };
    every(course.from, course.to)
        .iter()
        .map(&mut sessions)
        .collect()
}

fn trend(course: &DailyCourse) -> Markup {
    let values = by_day(course);
    let highest = values.iter().copied().max().unwrap_or(0);
    let label = format!(
        "failed sessions a day, {} to {}, at most {}",
        course.from,
        course.to,
        grouped(highest)
    );
    let trend = course.trend();
    let arrow = match trend {
        Trend::New => "✱",
        Trend::Rising => "↗",
        Trend::Steady => "→",
        Trend::Falling => "↘",
        Trend::Ceased => "↓",
    };
    html! {
        (sparkline(&values, &label))
        span class="sub" { span aria-hidden="true" { (arrow) " " } (trend.as_str()) }
    }
}
