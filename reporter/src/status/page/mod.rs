//! The pages.

use hyper::StatusCode;

use super::{
    response::{HttpReply, Media},
    route::Target,
    worker::Sources,
};

/// `/style.css`.
pub(super) const STYLE: &str = include_str!("style.css");

/// A page that there is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Page {
    /// `/`.
    Overview,
}

impl Page {
    /// The page that is asked for; `None`: there is none.
    ///
    /// # Errors
    /// The answer to what cannot be asked.
    pub(super) fn of(target: &Target) -> Result<Option<Page>, HttpReply> {
        Ok(match target.path().as_slice() {
            [] => Some(Page::Overview),
            _ => None,
        })
    }

    /// What it shows.
    pub(super) fn answer(&self, sources: &Sources<'_>) -> HttpReply {
        match &sources.snapshot.stored {
            Ok(_) => HttpReply::ok(Media::Html, "<!DOCTYPE html>\n"),
            Err(why) => HttpReply::problem(StatusCode::SERVICE_UNAVAILABLE, why),
        }
    }
}
