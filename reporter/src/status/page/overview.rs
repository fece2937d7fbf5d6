//! The page `/`.

use maud::{Markup, html};

use super::{
    answers::deliveries,
    collectors::collectors,
    failing, fleet,
    frame::{Place, Site, page},
    health,
    sessions::sessions,
};
use crate::answers::{
    number::counted,
    overview::Overview,
    status::{CollectorReply, Severity, Status},
};

/// Everything about a site: how it is, and what it came to.
pub(super) fn overview(site: &Site, status: &Status, overview: &Overview) -> String {
    let overall = health::overall(status);
    let is_fresh = overview.history.known_since.is_none();
    let main = html! {
        h1 { (headline(overall)) " " (health::mark(overall)) }
        @if is_fresh { (welcome(status)) }
        section aria-labelledby="health" {
            h2 id="health" { "Status" }
            div class="card" { (health::lines(status)) }
        }
        @if !is_fresh {
            (sessions(&overview.history, overview.span))
            div class="pair" {
                (failing::by_result(&overview.history))
                (failing::new(overview))
            }
            (failing::most(overview))
            (deliveries(&overview.history, &overview.answers))
        }
        (collectors(status))
        @if let Some(fleet) = &status.fleet { (fleet::section(fleet)) }
    };
    let word = overall.as_str().to_uppercase();
    page(site, Place::Overview, &word, status.now, main)
}

fn headline(overall: Severity) -> &'static str {
    match overall {
        Severity::Ok => "Collecting and reporting work",
        Severity::Unknown => "Not all can be seen",
        Severity::Warning => "Look at this today",
        Severity::Critical => "Look at this now",
    }
}

/// What to expect on the first day, and what to do until then.
fn welcome(status: &Status) -> Markup {
    let told = status
        .collectors
        .iter()
        .filter_map(|collector| match &collector.told {
            CollectorReply::Figures(figures) => figures.today,
            CollectorReply::Nothing | CollectorReply::NotAsked | CollectorReply::Failed(_) => None,
        });
    let today = told.fold(0_u64, |sum, [sessions, _]| sum.saturating_add(sessions));
    html! {
        section class="card welcome" aria-labelledby="welcome" {
            h2 id="welcome" { "Welcome: no day has been reported yet" }
            @match today {
                0 => {
                    p { "No session has been counted today either. Two things have to be true for one to be: Postfix (3.10 or newer) tells the collector, and a mail goes out to a domain that publishes a TLSRPT record, as most large providers do." }
                    ol {
                        li { "Tell Postfix: " code { "postconf -e smtp_tlsrpt_enable=yes smtp_tlsrpt_socket_name=run/tlsrpt/tlsrpt.sock && postfix reload" } }
                        li { "Send a mail to one of them." }
                        li { "See what is missing: " code { "tlsrptctl doctor" } }
                    }
                },
                sessions => {
                    p { (counted(sessions, "session has", "sessions have")) " been counted today. After midnight UTC the day is closed, its reports go out, and this page shows what failed." }
                    p { "Until then, " code { "tlsrptctl deliveries today" } " tells what would be sent, and " code { "tlsrptctl send-test mailto:you@example.com" } " tries the way that reports will go." }
                },
            }
        }
    }
}
