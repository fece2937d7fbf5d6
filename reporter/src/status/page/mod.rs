//! The page: typed answers in, HTML out. It reads no clock, no file and no store, so the same answers give the same page.
//!
//! Nothing in it runs in a browser: no script, no style outside `/style.css`, nothing from another host. Everything that a
//! stranger may have written goes through [`text::stranger`]: hidden characters are shown by their number, it is bounded in
//! bytes of markup, isolated (`bdi`), and escaped by maud. Every list has an end and says so, so a
//! page has one too: `tests` fills it with the worst that there can be.

mod answers;
mod collectors;
mod days;
mod destination;
mod failing;
mod fleet;
mod frame;
mod health;
mod overview;
mod plot;
mod sessions;
mod table;
mod text;

use hyper::StatusCode;
use jiff::Timestamp;
use tlsrptd_proto::{day::Day, domain::Domain};

use self::frame::Site;
use super::{
    response::{HttpReply, Media},
    route::Target,
    worker::Sources,
};
use crate::{
    answers::{
        destination::DestinationView,
        overview::{HistorySpan, Overview},
        status::Status,
    },
    store::StoreError,
};

/// `/style.css`.
pub(super) const STYLE: &str = include_str!("style.css");
/// `/icon.svg`.
pub(super) const ICON: &str = include_str!("icon.svg");

/// A page that there is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Page {
    /// `/`, over so many days.
    Overview(HistorySpan),
    /// `/domain/NAME`.
    Destination(Domain),
}

impl Page {
    /// The page that is asked for; `None`: there is none.
    ///
    /// # Errors
    /// The answer to what cannot be asked.
    pub(super) fn of(target: &Target) -> Result<Option<Page>, HttpReply> {
        let wrong = |why: &str| HttpReply::problem(StatusCode::BAD_REQUEST, why);
        let days = target.query.iter().find(|(name, _)| name == "days");
        Ok(match target.path().as_slice() {
            [] => {
                let span = match days {
                    None => Some(HistorySpan::default()),
                    Some((_, days)) => HistorySpan::of(days),
                };
                let span = span.ok_or_else(|| wrong("days: 30, 90 or 400"))?;
                Some(Page::Overview(span))
            }
            ["domain", name] => {
                let domain = Domain::parse(name).map_err(|error| wrong(&error.to_string()))?;
                Some(Page::Destination(domain))
            }
            _ => None,
        })
    }

    /// What it shows.
    pub(super) fn answer(&self, sources: &Sources<'_>) -> HttpReply {
        let site = Site::of(&sources.settings.reportd);
        let found = match &sources.snapshot.stored {
            Ok(stored) => self
                .html(&site, &stored.status, sources)
                .map_err(|error| super::snapshot::in_words(&error)),
            Err(why) => Err(why.clone()),
        };
        match found {
            Ok(html) => HttpReply::ok(Media::Html, html),
            Err(why) => {
                let html = unreadable(&site, &why, sources.now);
                HttpReply::with_status(StatusCode::SERVICE_UNAVAILABLE, Media::Html, html)
            }
        }
    }

    fn html(
        &self,
        site: &Site,
        status: &Status,
        sources: &Sources<'_>,
    ) -> Result<String, StoreError> {
        let store = sources.store()?;
        Ok(match self {
            Page::Overview(span) => {
                let found = Overview::find(store.as_ref(), Day::of(status.now), *span)?;
                overview::overview(site, status, &found)
            }
            Page::Destination(domain) => {
                let throttled = status.reporter.throttled();
                let view = DestinationView::find(store.as_ref(), domain, sources.now, &throttled)?;
                destination::destination(site, &view)
            }
        })
    }
}

/// The page in place of one that needs the store.
fn unreadable(site: &Site, why: &str, now: Timestamp) -> String {
    // What mends it is said where the cause is known.
    let sentences = [why, "`tlsrptctl doctor` says what is missing."];
    frame::notice(site, now, "Nothing can be shown now", &sentences)
}

#[cfg(test)]
mod tests;
