//! What is around every page.

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, html};
use tlsrptd_config::reportd::Reportd;

use super::text::{TextRoom, clipped, stranger, time};

/// Whose page it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Site {
    /// `organization_name`.
    pub(super) organization: String,
}

impl Site {
    /// That of the reporter's settings.
    pub(super) fn of(settings: &Reportd) -> Site {
        Site {
            organization: settings.organization_name.clone(),
        }
    }
}

/// Which page it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// `/`.
    Overview,
    /// Below it.
    Below,
}

/// A whole page; `title` stands first in the browser's tab.
pub(super) fn page(site: &Site, place: Place, title: &str, now: Timestamp, main: Markup) -> String {
    let organization = clipped(&site.organization, TextRoom::Name);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (clipped(title, TextRoom::Name)) " · TLS reporting" }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                link rel="stylesheet" href="/style.css";
                link rel="icon" type="image/svg+xml" href="/icon.svg";
            }
            body {
                a class="skip" href="#main" { "Skip to the content" }
                header class="top" {
                    p class="site" {
                        @match place {
                            Place::Overview => span { "TLS reporting" },
                            Place::Below => a href="/" { "TLS reporting" },
                        }
                        @if !organization.is_empty() { " of " (stranger(&organization, TextRoom::Name)) }
                    }
                    p class="asof" { "As of " (time(now)) " UTC" }
                }
                main id="main" { (main) }
                footer {
                    p { "All days and times are UTC. A session is one attempt of our MTA to deliver over SMTP; it failed when TLS was not what \
                        DANE, MTA-STS or the MTA wanted (RFC 8460)." }
                    p { "The same for programs: "
                        a href="/api/v1/status" { "status" } ", "
                        a href="/api/v1/history" { "history" } ", "
                        a href="/api/v1/failures" { "failures" } ", "
                        a href="/metrics" { "metrics" } ". On the command line: " code { "tlsrptctl --help" } "." }
                }
            }
        }
    }
    .into_string()
}

/// A page that has nothing to show but why: that there is no such page, that the store cannot be read.
pub(super) fn notice(site: &Site, now: Timestamp, title: &str, sentences: &[&str]) -> String {
    let main = html! {
        h1 { (stranger(title, TextRoom::Name)) }
        div class="card" {
            @for sentence in sentences { p { (stranger(sentence, TextRoom::Sentence)) } }
            p { a href="/" { "To the overview" } }
        }
    };
    page(site, Place::Below, title, now, main)
}
