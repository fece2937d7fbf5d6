//! What a failure means, whose fault it usually is, what to do, and what to write to whom.

use maud::{Markup, html};

use super::super::text::{TextRoom, stranger};
use crate::{
    answers::{destination::DestinationView, explain::Explanation},
    store::FailureRow,
};

/// The section: a part a result type.
pub(super) fn advice(view: &DestinationView) -> Markup {
    html! {
        section aria-labelledby="advice" {
            h2 id="advice" { "What it means, and what to do" }
            @for explanation in view.failures.meanings() {
                @let newest = newest(view, explanation.result_type);
                (one(view, explanation, newest))
            }
        }
    }
}

/// The row that speaks of the last day.
fn newest<'a>(view: &'a DestinationView, result_type: &str) -> Option<&'a FailureRow> {
    let rows = view
        .failures
        .rows
        .iter()
        .filter(|row| row.result_type == result_type);
    rows.max_by_key(|row| (row.day, row.sessions))
}

fn one(view: &DestinationView, explanation: &Explanation, newest: Option<&FailureRow>) -> Markup {
    html! {
        article class="card advice" {
            h3 { (explanation.result_type) }
            p { (explanation.meaning) }
            dl {
                dt { "Usually whose fault" } dd { (explanation.fault.in_words()) }
                @if !explanation.unless.is_empty() { dt { "But" } dd { (explanation.unless) } }
                dt { "What became of the mail, and what to look at" } dd { (explanation.action) }
                @if !explanation.letter.is_empty() {
                    dt { "What to do: write" } dd { (explanation.letter) }
                    @if let Some(row) = newest { dt { "With" } dd { (facts(view, row)) } }
                }
            }
        }
    }
}

/// What the words in capitals stand for.
fn facts(view: &DestinationView, row: &FailureRow) -> Markup {
    html! {
        "DOMAIN: " (stranger(view.domain.as_str(), TextRoom::Name))
        @if let Some(mx) = &row.mx { "; MX: " (stranger(mx, TextRoom::Name)) }
        "; DAY: " (row.day)
        @if let Some(reason) = &row.reason_code { "; REASON: " (stranger(reason, TextRoom::Line)) }
    }
}
