//! The fleet: members, collectors that ship, and the days that are not done.

use maud::{Markup, html};

use super::{
    failing::more,
    health::ago,
    table::{
        ColumnKind::{Number, Text},
        table,
    },
    text::{TextRoom, number, stranger, time},
};
use crate::answers::fleet::FleetAnswer;

/// More are counted.
const MOST: usize = 20;
/// The last days are enough to see how a day goes.
const DAYS: usize = 3;

/// The section.
pub(super) fn section(fleet: &FleetAnswer) -> Markup {
    let collectors = fleet.state.collectors.len();
    html! {
        section aria-labelledby="fleet" {
            h2 id="fleet" { "Fleet" }
            div class="card" {
                (members(fleet))
                @if collectors > 0 { (shipping(fleet)) }
                (days(fleet))
                (more(collectors > MOST || fleet.state.members.len() > MOST, "tlsrptctl fleet"))
            }
        }
    }
}

fn members(fleet: &FleetAnswer) -> Markup {
    let head = [
        ("Member", Text),
        ("Since", Text),
        ("At work", Text),
        ("Shards", Number),
    ];
    let rows = html! {
        @for member in fleet.state.members.iter().take(MOST) {
            tr {
                th scope="row" { (stranger(&member.name, TextRoom::Line)) }
                td { (time(member.since)) }
                td { @if member.is_live { "yes" } @else { "until " (time(member.until)) } }
                td class="number" { (number(member.shards)) }
            }
        }
    };
    table(
        "members-table",
        "The reporters that share the work",
        &head,
        rows,
    )
}

fn shipping(fleet: &FleetAnswer) -> Markup {
    let head = [
        ("Collector", Text),
        ("Last seen", Text),
        ("Last day", Text),
        ("State", Text),
        ("Late sessions", Number),
    ];
    let rows = html! {
        @for one in fleet.state.collectors.iter().take(MOST) {
            tr {
                th scope="row" { (stranger(&one.name, TextRoom::Line)) }
                td { (ago(one.seen, fleet.state.at)) }
                td { @match one.day { Some(day) => (day.to_string()), None => "none yet" } }
                td {
                    @match (one.retired, one.is_done) {
                        (Some(day), _) => { "retired from " (day.to_string()) },
                        (None, true) => "all of it is here",
                        (None, false) => "ships",
                    }
                }
                td class="number" { (number(one.late_sessions)) }
            }
        }
    };
    table(
        "shipping-table",
        "The collectors that ship their counts; late: sessions that came when their day was closed",
        &head,
        rows,
    )
}

fn days(fleet: &FleetAnswer) -> Markup {
    let head = [
        ("Day", Text),
        ("State", Text),
        ("Collectors done", Number),
        ("Shards composed", Number),
        ("Missing", Text),
    ];
    let rows = html! {
        @for day in fleet.state.days.iter().take(DAYS) {
            tr {
                th scope="row" { (day.day.to_string()) }
                td { (stranger(&day.state, TextRoom::Line)) }
                td class="number" { (number(day.done)) " of " (number(day.expected)) }
                td class="number" { (number(day.composed)) " of " (number(fleet.state.shards)) }
                td { (stranger(&day.missing.join(", "), TextRoom::Line)) }
            }
        }
    };
    table("fleet-days-table", "How far the last days are", &head, rows)
}
