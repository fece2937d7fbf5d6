//! One line each: collecting, reporting, waiting and why, throttled, suppressed, newest warning. The judgement is that of
//! `tlsrptctl status --check`, and so are its words.

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use super::text::{TextRoom, stranger, time};
use crate::{
    answers::{
        number::{counted, grouped},
        status::{
            CollectorReply, ReporterStatus, Severity, Status, StatusArea, StatusFinding, worst,
        },
        when::duration,
    },
    store::Backlog,
};

/// Findings that a line names.
const MOST_FINDINGS: usize = 3;
/// Queues that it names.
const MOST_QUEUES: usize = 3;
/// A warning is worth a look for so long.
const RECENT: SignedDuration = SignedDuration::from_hours(1);

/// The class of a colour.
fn colour(severity: Severity) -> &'static str {
    match severity {
        Severity::Ok => "ok",
        Severity::Warning | Severity::Unknown => "warn",
        Severity::Critical => "fail",
    }
}

/// A colour with its word.
pub(super) fn mark(severity: Severity) -> Markup {
    labelled(severity, &severity.as_str().to_uppercase())
}

fn labelled(severity: Severity, word: &str) -> Markup {
    html! { strong class={ "mark " (colour(severity)) } { (word) } }
}

/// The word of all together, as `status --check` begins with.
pub(super) fn overall(status: &Status) -> Severity {
    worst(&status.findings)
}

/// The lines.
pub(super) fn lines(status: &Status) -> Markup {
    let (ok, told) = (Severity::Ok, told(status));
    html! {
        ul class="lines" {
            (line(status, StatusArea::Collecting, ok, "Collecting", &collecting(status)))
            (line(status, StatusArea::Reporting, ok, "Reporting", &reporting(status)))
            (line(status, StatusArea::Waiting, ok, "Waiting", &waiting(status)))
            (line(status, StatusArea::Throttled, told, "Throttled", &throttled(status)))
            li { (mark(Severity::Ok)) " " b { "Suppressed" } div { p { (suppressed(status.suppressed)) } } }
            li { (newest_warning(status)) }
        }
    }
}

/// Of what only the reporter itself can say: nothing is fine as long as it is silent.
fn told(status: &Status) -> Severity {
    match status.reporter.whole() {
        Some(_) => Severity::Ok,
        None => Severity::Unknown,
    }
}

/// `known`: what is said where nothing is found.
fn line(status: &Status, area: StatusArea, known: Severity, name: &str, text: &Markup) -> Markup {
    let findings: Vec<&StatusFinding> = status
        .findings
        .iter()
        .filter(|it| it.area == area)
        .collect();
    let severities = findings.iter().map(|it| it.severity);
    let severity = severities.chain([known]).max().unwrap_or(known);
    let more = findings.len().saturating_sub(MOST_FINDINGS);
    html! {
        li {
            (mark(severity)) " " b { (name) }
            div {
                @for finding in findings.iter().take(MOST_FINDINGS) {
                    p class="finding" { (stranger(&finding.text, TextRoom::Line)) }
                }
                @if more > 0 { p { "and " (more) " more: " code { "tlsrptctl status" } } }
                p { (text) }
            }
        }
    }
}

fn collecting(status: &Status) -> Markup {
    let figures = status
        .collectors
        .iter()
        .filter_map(|collector| match &collector.told {
            CollectorReply::Figures(figures) => Some(figures),
            CollectorReply::Nothing | CollectorReply::NotAsked | CollectorReply::Failed(_) => None,
        });
    let figures: Vec<_> = figures.collect();
    let today = figures.iter().filter_map(|figures| figures.today);
    let today = today.fold([0_u64; 2], |sum, [sessions, failed]| {
        [
            sum[0].saturating_add(sessions),
            sum[1].saturating_add(failed),
        ]
    });
    let last = figures
        .iter()
        .filter_map(|figures| figures.last_received)
        .max();
    html! {
        @match (status.collectors.len(), figures.len()) {
            (0, _) => "No collector is asked: fetchers is not set.",
            (all, told) => (format!("{told} of {} answered", counted(all as u64, "collector", "collectors"))),
        }
        @if !figures.is_empty() {
            ": " (counted(today[0], "session", "sessions")) " today, " (grouped(today[1])) " failed"
            @match last {
                Some(at) => { ", the last " (ago(at, status.now)) "." },
                None => ", none since they were started.",
            }
        }
    }
}

/// `5 s ago`; of a clock that is ahead, the time alone.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> Markup {
    match u64::try_from(now.duration_since(at).as_secs()) {
        Ok(seconds) => html! { (duration(seconds)) " ago" },
        Err(_) => html! { "at " (time(at)) },
    }
}

fn reporting(status: &Status) -> Markup {
    let last = &status.last_closed;
    html! {
        @match &status.reporter {
            ReporterStatus::Answers(whole) => {
                "tlsrpt-reportd " (stranger(whole["version"].as_str().unwrap_or_default(), TextRoom::Name)) " is at work. "
            },
            ReporterStatus::NotAsked => "tlsrpt-reportd is not asked: observation_socket is not set. ",
            ReporterStatus::Silent(_) | ReporterStatus::Denied(_) => {},
        }
        @match &last.totals {
            Some(totals) => {
                (last.day) ": " (counted(totals.reports, "report", "reports")) ", "
                (grouped(totals.ended("sent"))) " of " (counted(totals.deliveries, "delivery", "deliveries")) " sent."
            },
            None => { (last.day) " is not reported yet." },
        }
    }
}

fn waiting(status: &Status) -> Markup {
    let requests = status.requests.rows.len() as u64;
    html! {
        (deliveries(&status.backlog, status.now))
        @if requests > 0 { " " (counted(requests, "request of an operator waits", "requests of operators wait")) ": " code { "tlsrptctl requests list" } "." }
    }
}

fn deliveries(backlog: &Backlog, now: Timestamp) -> Markup {
    if backlog.waiting == 0 {
        return html! { "No delivery waits." };
    }
    html! {
        (counted(backlog.waiting, "delivery waits", "deliveries wait"))
        @match backlog.next_due {
            Some(next) if next > now => { ", the next is due " (time(next)) },
            Some(_) => ", some are due now",
            None => {},
        }
        "."
        @if backlog.tried > 0 {
            " " (grouped(backlog.tried))
            @if backlog.looked_at < backlog.waiting { " of the oldest " (grouped(backlog.looked_at)) }
            " failed before"
            @if let Some(shared) = &backlog.reason {
                ", " (grouped(shared.deliveries)) " of them with: " (stranger(&shared.reason, TextRoom::Line))
            }
            "."
        }
    }
}

fn throttled(status: &Status) -> Markup {
    let queues = status.reporter.throttled();
    if status.reporter.whole().is_none() {
        return html! { "Not known: tlsrpt-reportd did not say." };
    }
    if queues.is_empty() {
        return html! { "Nothing is held back." };
    }
    let more = queues.len().saturating_sub(MOST_QUEUES);
    html! {
        (counted(queues.len() as u64, "destination is", "destinations are")) " held back: "
        @for (place, queue) in queues.iter().take(MOST_QUEUES).enumerate() {
            @if place > 0 { "; " }
            (stranger(&queue.key, TextRoom::Name))
            @if let Some(until) = queue.throttled_until { " until " (time(until)) }
            @if let Some(reason) = &queue.reason { " (" (stranger(reason, TextRoom::Line)) ")" }
        }
        @if more > 0 { " and " (more) " more: " code { "tlsrptctl status" } }
        "."
    }
}

fn suppressed(entries: u64) -> Markup {
    match entries {
        0 => html! { "Nobody is on the suppression list." },
        entries => html! {
            (counted(entries, "entry", "entries")) " on the suppression list: " code { "tlsrptctl suppress list" } "."
        },
    }
}

fn newest_warning(status: &Status) -> Markup {
    let newest = status.reporter.newest_warning();
    let is_recent = newest.is_some_and(|(at, _)| status.now.duration_since(at) < RECENT);
    html! {
        @match is_recent {
            true => (labelled(Severity::Warning, "LOOK")),
            false => (mark(told(status))),
        }
        " " b { "Newest warning" }
        div { p {
            @match (newest, status.reporter.whole()) {
                (Some((at, text)), _) => { (time(at)) ": " (stranger(text, TextRoom::Line)) },
                (None, Some(_)) => "None since tlsrpt-reportd was started.",
                (None, None) => "Not known: tlsrpt-reportd did not say.",
            }
        } }
    }
}
