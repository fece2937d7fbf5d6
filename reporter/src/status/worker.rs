//! The one thread that asks store and daemons.

use std::{sync::Arc, time::Instant};

use jiff::Timestamp;
use tlsrptd_config::statusd::Statusd;

use super::{
    desk::{Desk, KeptReply},
    health::{self, HealthForm},
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

/// Answers one question after the other, without end.
pub(super) fn work(settings: &Statusd, desk: &Desk) {
    let mut last: Option<(Instant, StatusSnapshot)> = None;
    loop {
        let question = desk.next_question();
        let (reply, ends) = match &question {
            // Nobody waits for a daemon to hear this.
            StatusQuestion::Health(HealthForm::Readable) => {
                let reply = health::readable(&settings.reportd, Timestamp::now());
                (reply, Instant::now() + settings.refresh_interval)
            }
            question => {
                let (at, snapshot) = last
                    .take_if(|(at, _)| at.elapsed() < settings.refresh_interval)
                    .unwrap_or_else(|| take(settings));
                let sources = Sources {
                    now: Timestamp::now(),
                    snapshot: &snapshot,
                    settings,
                };
                let reply = answer(question, &sources);
                last = Some((at, snapshot));
                (reply, at + settings.refresh_interval)
            }
        };
        let reply = Arc::new(reply);
        desk.keep(question, KeptReply { reply, ends });
    }
}

/// Its age counts from its end on: one that took long, as daemons do not answer, would be too old when it is made.
fn take(settings: &Statusd) -> (Instant, StatusSnapshot) {
    let snapshot = StatusSnapshot::take(SnapshotSources::of(settings), Timestamp::now());
    (Instant::now(), snapshot)
}

fn answer(question: &StatusQuestion, sources: &Sources<'_>) -> HttpReply {
    match question {
        StatusQuestion::Page(page) => page.answer(sources),
        StatusQuestion::Metrics(form) => metrics::answer(sources.snapshot, *form),
        StatusQuestion::Health(_) => health::check(sources.snapshot),
        StatusQuestion::Api(asked) => asked.answer(sources),
    }
}
