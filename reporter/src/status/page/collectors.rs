//! Collectors: name, last answer, clock difference, what they dropped.

use jiff::Timestamp;
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
use crate::answers::status::{CollectorFigures, CollectorReply, CollectorStatus, Status};

/// More are counted.
const MOST_COLLECTORS: usize = 20;

/// The section.
pub(super) fn collectors(status: &Status) -> Markup {
    let head = [
        ("Collector", Text),
        ("Last answer", Text),
        ("Clock", Text),
        ("Last session", Text),
        ("Sessions today", Number),
        ("Failed", Number),
        ("Dropped", Number),
    ];
    let rows = html! {
        @for collector in status.collectors.iter().take(MOST_COLLECTORS) { (row(collector, status)) }
    };
    html! {
        section aria-labelledby="collectors" {
            h2 id="collectors" { "Collectors" }
            div class="card" {
                @match status.collectors.is_empty() {
                    true => p {
                        @match status.fleet.is_some() {
                            true => "None is fetched: the collectors of the fleet ship.",
                            false => "None: fetchers is not set.",
                        }
                    },
                    false => (table("collectors-table", "The collectors, as they answered last; dropped: datagrams since their start", &head, rows)),
                }
                (more(status.collectors.len() > MOST_COLLECTORS, "tlsrptctl status"))
            }
        }
    }
}

fn row(collector: &CollectorStatus, status: &Status) -> Markup {
    let reporter = status.reporter.collector(&collector.command);
    html! {
        tr {
            th scope="row" { (stranger(&collector.command, TextRoom::Line)) }
            @match &collector.told {
                CollectorReply::Figures(figures) => (figures_of(figures, status.now)),
                CollectorReply::Nothing => {
                    td { (last_success(reporter.and_then(|(at, _)| at))) }
                    td colspan="5" { "It does not tell more: its fetcher is sys4's, or an older one." }
                },
                CollectorReply::NotAsked => {
                    td { (last_success(reporter.and_then(|(at, _)| at))) }
                    td colspan="5" {
                        @match reporter {
                            Some((_, Some(error))) => (stranger(error, TextRoom::Line)),
                            _ => "Another host's: tlsrpt-reportd asks it at night.",
                        }
                    }
                },
                CollectorReply::Failed(why) => {
                    td { (last_success(reporter.and_then(|(at, _)| at))) }
                    td colspan="5" { (stranger(why, TextRoom::Line)) }
                },
            }
        }
    }
}

/// When the reporter had an answer from it.
fn last_success(at: Option<Timestamp>) -> Markup {
    match at {
        Some(at) => time(at),
        None => html! { "not known" },
    }
}

fn figures_of(figures: &CollectorFigures, now: Timestamp) -> Markup {
    html! {
        td { (time(figures.now.unwrap_or(now))) }
        td { (clock(figures.now, now)) }
        td {
            @match figures.last_received {
                Some(at) => (ago(at, now)),
                None => "none yet",
            }
        }
        @match figures.today {
            Some([sessions, failed]) => {
                td class="number" { (number(sessions)) }
                td class="number" { (number(failed)) }
            },
            None => { td class="number" { "-" } td class="number" { "-" } },
        }
        td class="number" { (number(figures.dropped)) }
    }
}

/// Its clock beside ours. To ask took a while, so seconds are no difference.
fn clock(theirs: Option<Timestamp>, ours: Timestamp) -> Markup {
    const ASKING_SECONDS: u64 = 5;
    let Some(theirs) = theirs else {
        return html! { "not told" };
    };
    let seconds = theirs.duration_since(ours).as_secs();
    html! {
        @match (seconds.unsigned_abs(), seconds > 0) {
            (0..=ASKING_SECONDS, _) => "as ours",
            (seconds, true) => { (seconds) " s ahead" },
            (seconds, false) => { (seconds) " s behind" },
        }
    }
}
