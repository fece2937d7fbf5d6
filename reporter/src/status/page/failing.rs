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
        history::SessionHistory,
        number::{counted, grouped},
        overview::{
            COURSE_DAYS, CourseBegin, DailyCourse, FAILING_DAYS, FailingDestination,
            FailingDestinations, Overview, Trend,
        },
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
    let last = history.days.last();
    let on_last_day = |result_type: &str| {
        let of = last.into_iter().flat_map(|of| &of.by_result);
        of.filter(|of| of.result_type == result_type)
            .fold(0_u64, |sum, of| sum.saturating_add(of.sessions))
    };
    let last_day = format!("On {}", history.last_known().unwrap_or(history.to));
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
        Fault::Unclear => "fault unclear",
    }
}

/// What did not fail in the week before the last known day.
pub(super) fn new(overview: &Overview) -> Markup {
    let day = overview.failing.to;
    html! {
        section aria-labelledby="new" {
            h2 id="new" { "New since yesterday" }
            div class="card" {
                @match &overview.new {
                    None => p { "Nothing is known of the week before " (day) ": what is new cannot be told yet." },
                    Some(new) if new.rows.is_empty() => {
                        p { "Nothing began to fail on " (day) " that had not failed in the week before." }
                    },
                    Some(new) => {
                        (new_rows(new))
                        (more(new.more, "tlsrptctl failures --days 1 --new --limit 1000"))
                    },
                }
                (up_to(day, overview.history.to))
            }
        }
    }
}

fn new_rows(new: &FailingDestinations) -> Markup {
    let head = [
        ("Domain and MX", Text),
        ("Sessions", Number),
        ("What", Text),
    ];
    let rows = html! {
        @for row in new.rows.iter().take(MOST_ROWS) {
            tr { (whom(row)) td class="number" { (number(row.sessions)) } (what(&row.row)) }
        }
    };
    table(
        "new-table",
        &format!("Failed on {}, and not in the week before", new.to),
        &head,
        rows,
    )
}

/// The destinations that fail most.
pub(super) fn most(overview: &Overview) -> Markup {
    let failing = &overview.failing;
    let sessions = format!("Sessions, {FAILING_DAYS} days");
    let since_head = format!("Since ({COURSE_DAYS} days looked at)");
    let head = [
        ("Domain and MX", Text),
        (sessions.as_str(), Number),
        ("Trend", Text),
        ("What", Text),
        (since_head.as_str(), Text),
    ];
    let rows = html! {
        @for row in failing.rows.iter().take(MOST_ROWS) {
            tr {
                (whom(row))
                td class="number" { (number(row.sessions)) }
                td class="trend" { (trend(&row.course)) }
                (what(&row.row))
                td class="whole" { (since(&row.course, failing)) }
            }
        }
    };
    let caption = format!("Most failed sessions, {} to {}", failing.from, failing.to);
    html! {
        section aria-labelledby="most" {
            h2 id="most" { "Destinations that fail most" }
            div class="card" {
                @match (failing.rows.is_empty(), overview.history.last_known()) {
                    (true, None) => p { "Nothing is known of the days from " (overview.history.from) " to " (overview.history.to) "." },
                    (true, Some(_)) => p { "No session failed from " (failing.from) " to " (failing.to) "." },
                    (false, _) => (table("most-table", &caption, &head, rows)),
                }
                @if failing.folded_sessions > 0 {
                    p class="note" { (grouped(failing.folded_sessions)) " more failed sessions were counted together: their destinations are not kept (history_failures)." }
                }
                (more(failing.more, &format!("tlsrptctl failures --days {FAILING_DAYS} --limit 1000")))
                (up_to(failing.to, overview.history.to))
            }
        }
    }
}

/// Until yesterday is decided on, nothing is said of it.
pub(super) fn up_to(last_known: Day, yesterday: Day) -> Markup {
    html! {
        @if last_known < yesterday {
            p class="note" { (yesterday) " is not reported yet: this is up to " (last_known) "." }
        }
    }
}

/// Where lists end.
pub(super) fn more(is_more: bool, command: &str) -> Markup {
    html! { @if is_more { p class="note" { "And more: " code { (command) } } } }
}

fn whom(of: &FailingDestination) -> Markup {
    html! {
        th scope="row" {
            (domain_link(of.row.domain.as_deref().unwrap_or_default()))
            (server(of))
        }
    }
}

/// The MX host of the most sessions, its address, and how many more there are.
fn server(of: &FailingDestination) -> Markup {
    let row = &of.row;
    html! {
        @if row.mx.is_some() || row.address.is_some() || of.others > 0 {
            span class="sub" {
                @if let Some(mx) = &row.mx { (stranger(mx, TextRoom::Name)) }
                @if let Some(address) = &row.address { " [" (stranger(address, TextRoom::Name)) "]" }
                @if of.others > 0 { " and " (grouped(of.others as u64)) " more" }
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

fn since(course: &DailyCourse, failing: &FailingDestinations) -> Markup {
    let days = counted(course.days.len() as u64, "day", "days");
    html! {
        @match course.since() {
            // It may have begun before what is looked at, or known.
            Some(CourseBegin::OnOrBefore(day)) => { (day) span class="sub" { "or earlier; " (days) } },
            Some(CourseBegin::On(day)) => { (day) span class="sub" { (days) } },
            None => { (failing.from) span class="sub" { "or later" } },
        }
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
    every(course.known.from, course.known.to)
        .iter()
        .map(&mut sessions)
        .collect()
}

/// Of each of its days, whether nothing is known.
pub(super) fn unknown_days(course: &DailyCourse) -> Vec<bool> {
    let known = &course.known;
    every(known.from, known.to)
        .iter()
        .map(|day| known.days.binary_search(day).is_err())
        .collect()
}

fn trend(course: &DailyCourse) -> Markup {
    let values = by_day(course);
    let highest = values.iter().copied().max().unwrap_or(0);
    let label = format!(
        "failed sessions a day, {} to {}, at most {}",
        course.known.from,
        course.known.to,
        grouped(highest)
    );
    let trend = course.trend();
    let arrow = match trend {
        Trend::New => "✱",
        Trend::Rising => "↗",
        Trend::Steady => "→",
        Trend::Falling => "↘",
        Trend::Ceased => "↓",
        Trend::Unknown => "?",
    };
    html! {
        (sparkline(&values, &unknown_days(course), &label))
        span class="sub" { span aria-hidden="true" { (arrow) " " } (trend.as_str()) }
    }
}
