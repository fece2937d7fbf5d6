//! The report as it was sent.

use maud::{Markup, html};

use super::super::{
    plot::share_bar,
    table::{
        ColumnKind::{Number, Text},
        table,
    },
    text::{TextRoom, escaped_bytes, number, path_part, stranger},
};
use crate::answers::{
    destination::{DayReport, DestinationView},
    report_view::ReportView,
    when::policy,
};

/// Policies that are listed. The text below has all, or says where they are.
const MOST_POLICIES: usize = 10;
/// Bytes of markup that a report's text takes at most.
const MOST_TEXT: usize = 40_000;

/// The section.
pub(super) fn report(view: &DestinationView) -> Markup {
    html! {
        section aria-labelledby="report" {
            h2 id="report" { "The report as sent" }
            div class="card" {
                @match &view.report {
                    None => p { "None is kept. Reports are kept for " code { "keep_days" } ", up to " code { "max_kept_reports_size" } "." },
                    Some(report) => (kept(view, report)),
                }
            }
        }
    }
}

fn kept(view: &DestinationView, report: &DayReport) -> Markup {
    let command = format!("tlsrptctl show {} {}", view.domain, report.day);
    let path = format!(
        "/api/v1/show?domain={}&day={}",
        path_part(view.domain.as_str()),
        report.day
    );
    html! {
        p {
            "The report of " (report.day)
            @if report.number > 1 { ", number " (report.number) }
            @if !report.is_sent { ", which was not sent, or not yet" }
            ". As JSON: " a href=(path) { (path) } ", or " code { (command) " --json" } "."
        }
        @match &report.json {
            Err(reason) => p { "The kept report is damaged: " (stranger(reason, TextRoom::Line)) },
            Ok(json) => {
                @match ReportView::read(json) {
                    Err(reason) => p { "It cannot be read as a report: " (stranger(&reason, TextRoom::Line)) },
                    Ok(read) => (policies(&read)),
                }
                details {
                    summary { "The whole text" }
                    (text(json, &command))
                }
            },
        }
    }
}

fn policies(report: &ReportView) -> Markup {
    let head = [
        ("Policy", Text),
        ("Policy domain", Text),
        ("Sessions", Number),
        ("Failed", Number),
        ("Share", Text),
    ];
    let rows = html! {
        @for of in report.policies.iter().take(MOST_POLICIES) {
            @let sessions = of.successful.saturating_add(of.failed);
            tr {
                th scope="row" { (stranger(policy(&of.kind), TextRoom::Name)) }
                td { (stranger(&of.domain, TextRoom::Name)) }
                td class="number" { (number(sessions)) }
                td class="number" { (number(of.failed)) }
                td { @if of.failed > 0 { (share_bar(of.failed, sessions)) } }
            }
        }
    };
    table(
        "report-table",
        &format!(
            "By policy, report-id {}",
            super::super::text::clipped(&report.report_id, TextRoom::Name)
        ),
        &head,
        rows,
    )
}

/// Line by line, as it would be indented; bounded.
fn text(json: &str, command: &str) -> Markup {
    let value = tlsrptd_proto::pyjson::parse(json).ok();
    let pretty = value.map_or_else(|| json.to_owned(), |value| format!("{value:#}"));
    let shown = tlsrptd_config::visible::lines(&pretty);
    let mut bytes = 0;
    let fits = shown.char_indices().find(|(_, c)| {
        bytes += escaped_bytes(*c);
        bytes > MOST_TEXT
    });
    let end = fits.map_or(shown.len(), |(at, _)| at);
    html! {
        pre tabindex="0" { code { bdi { (shown[..end]) } } }
        @if end < shown.len() { p class="note" { "And more: " code { (command) } } }
    }
}
