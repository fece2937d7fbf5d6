//! `/metrics`.

use tlsrptd_metrics::{family, form::TextForm};

use super::{
    response::{HttpReply, Media},
    snapshot::StatusSnapshot,
};
use crate::answers::metrics::Metrics;

/// The text of all metrics. Where the store cannot be read, those of the daemons are told all the same.
pub(super) fn answer(snapshot: &StatusSnapshot, form: TextForm) -> HttpReply {
    let stored = snapshot.stored.as_ref().ok();
    let metrics = Metrics {
        now: snapshot.now,
        collectors: &snapshot.daemons.collectors,
        reporter: &snapshot.daemons.reporter,
        stored: stored.map(|stored| (&stored.status, &stored.figures)),
    };
    let mut exposition = metrics.exposition();
    let us = [
        ("program", "tlsrpt-statusd"),
        ("version", env!("CARGO_PKG_VERSION")),
    ];
    exposition.add(&family::BUILD_INFO, &us, 1);
    HttpReply::ok(Media::Metrics(form), exposition.text(form))
}
