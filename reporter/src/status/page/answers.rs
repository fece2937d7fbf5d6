//! Deliveries of the last days: how many were sent, wait, were refused, and what was answered.

use maud::{Markup, html};

use super::{
    failing::more,
    table::{
        ColumnKind::{Number, Text},
        table,
    },
    text::{TextRoom, domain_link, number, stranger, time},
};
use crate::{
    answers::{deliveries::DeliveryList, history::SessionHistory},
    store::{DayTotals, DeliveryProgress, DeliveryRow},
};

/// Days in the first table.
const MOST_DAYS: usize = 7;
/// Rows in the second.
const MOST_ANSWERS: usize = 18;

/// The section.
pub(super) fn deliveries(history: &SessionHistory, answers: &[DeliveryList]) -> Markup {
    html! {
        section aria-labelledby="deliveries" {
            h2 id="deliveries" { "Deliveries" }
            div class="card" {
                @match history.days.is_empty() {
                    true => p { "No report was made yet." },
                    false => (days(history)),
                }
                @if !answers.is_empty() { (last_answers(answers)) }
            }
        }
    }
}

fn days(history: &SessionHistory) -> Markup {
    let head = [
        ("Day", Text),
        ("Reports", Number),
        ("Deliveries", Number),
        ("Sent", Number),
        ("Waiting", Number),
        ("Refused", Number),
        ("Given up", Number),
        ("Suppressed", Number),
        ("Domains without a report", Number),
    ];
    let given_up = |of: &DayTotals| of.ended("timedout").saturating_add(of.ended("expired"));
    let refused = |of: &DayTotals| {
        let by_answer = of.ended("refused");
        by_answer.saturating_add(of.ended("unknownrua"))
    };
    let rows = html! {
        @for of in history.days.iter().rev().take(MOST_DAYS) {
            tr {
                th scope="row" class="whole" {
                    (of.day)
                    // Those that sys4's reporter ended and removed.
                    @let unknown = of.ended("unknown");
                    @if unknown > 0 { span class="sub" { (number(unknown)) " ended unseen" } }
                }
                @for value in [
                    of.reports, of.deliveries, of.ended("sent"), of.waiting(), refused(of), given_up(of),
                    of.ended("suppressed"), of.without,
                ] { td class="number" { (number(value)) } }
            }
        }
    };
    table(
        "days-table",
        "Reports of the last days, by the day that they are about",
        &head,
        rows,
    )
}

fn last_answers(answers: &[DeliveryList]) -> Markup {
    let head = [
        ("Report on", Text),
        ("To", Text),
        ("Status", Text),
        ("Answer", Text),
    ];
    let all = answers.iter();
    let all = all.flat_map(|of| of.rows.iter().map(|row| (of.question.day, row)));
    let all: Vec<_> = all.collect();
    let is_more = all.len() > MOST_ANSWERS || answers.iter().any(|of| of.more || of.in_hand > 0);
    let rows = html! {
        @for (day, row) in all.iter().take(MOST_ANSWERS) {
            tr {
                th scope="row" { (domain_link(&row.domain)) span class="sub" { "of " (day) } }
                td { (stranger(&row.destination, TextRoom::Line)) }
                td { (progress(row)) }
                td { (answer(row)) }
            }
        }
    };
    html! {
        (table("answers-table", "What waits, and what was not taken", &head, rows))
        (more(is_more, "tlsrptctl deliveries"))
    }
}

fn answer(row: &DeliveryRow) -> Markup {
    html! {
        @match row.answer.as_deref() {
            None | Some("") => "no answer so far",
            Some(answer) => (stranger(answer, TextRoom::Line)),
        }
        @if row.failures > 0 { span class="sub" { (super::text::times(row.failures)) } }
    }
}

fn progress(row: &DeliveryRow) -> Markup {
    html! {
        @match &row.progress {
            DeliveryProgress::Waiting { next_try } => {
                "waiting" @if let Some(next) = next_try { span class="sub" { "next try " (time(*next)) } }
            },
            DeliveryProgress::InHand { since } => {
                "under way" @if let Some(since) = since { span class="sub" { "since " (time(*since)) } }
            },
            DeliveryProgress::Ended { status, at } => {
                (stranger(status, TextRoom::Name)) @if let Some(at) = at { span class="sub" { (time(*at)) } }
            },
        }
    }
}
