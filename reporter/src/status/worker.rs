//! The one thread that asks store and daemons.

use std::{
    sync::{Arc, mpsc::Receiver},
    time::Instant,
};

use jiff::Timestamp;
use tlsrptd_config::statusd::Statusd;

use super::{
    desk::{Desk, KeptReply},
    metrics,
    response::HttpReply,
    route::StatusQuestion,
    snapshot::{self, SnapshotSources, StatusSnapshot},
};
use crate::store::{OperatorStore, StoreError};

/// What an answer is made of.
#[derive(Debug)]
pub(crate) struct Sources<'a> {
    /// When it was asked.
    pub(crate) now: Timestamp,
    /// At most `refresh_interval` old.
    pub(crate) snapshot: &'a StatusSnapshot,
    /// The settings.
    pub(crate) settings: &'a Statusd,
}

impl Sources<'_> {
    /// The store, for what the snapshot does not tell. It has a time limit for all that it is asked.
    ///
    /// # Errors
    /// When it is not there, or cannot be read.
    pub(crate) fn store(&self) -> Result<Box<dyn OperatorStore>, StoreError> {
        snapshot::open(&self.settings.reportd)
    }
}

/// Answers one question after the other, until nobody asks any more.
pub(super) fn work(settings: &Statusd, questions: &Receiver<StatusQuestion>, desk: &Desk) {
    let mut last: Option<(Instant, StatusSnapshot)> = None;
    while let Ok(question) = questions.recv() {
        let fresh = last.take();
        let fresh = fresh.filter(|(at, _)| at.elapsed() < settings.refresh_interval);
        let (at, snapshot) = fresh.unwrap_or_else(|| {
            let sources = SnapshotSources::of(settings);
            // Its age counts from the first look on.
            (
                Instant::now(),
                StatusSnapshot::take(sources, Timestamp::now()),
            )
        });
        let sources = Sources {
            now: Timestamp::now(),
            snapshot: &snapshot,
            settings,
        };
        let reply = Arc::new(answer(&question, &sources));
        let ends = at + settings.refresh_interval;
        desk.keep(question, KeptReply { reply, ends });
        last = Some((at, snapshot));
    }
}

fn answer(question: &StatusQuestion, sources: &Sources<'_>) -> HttpReply {
    match question {
        StatusQuestion::Page(page) => page.answer(sources),
        StatusQuestion::Metrics(form) => metrics::answer(sources.snapshot, *form),
        StatusQuestion::Health(form) => form.answer(sources.snapshot),
        StatusQuestion::Api(asked) => asked.answer(sources),
    }
}
