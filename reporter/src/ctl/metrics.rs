//! `tlsrptctl metrics`: what a monitoring system reads.

use std::path::Path;

use jiff::Timestamp;
use tlsrptd_config::reportd::Reportd;
use tlsrptd_metrics::form::TextForm;
use tlsrptd_service::files;

use super::answer::CommandAnswer;
use crate::{
    answers::{
        metrics::{Metrics, StoredFigures},
        status::Status,
    },
    error::Error,
    store::{self, OperatorAccess},
};

pub(super) fn answer(settings: &Reportd, output: Option<&Path>) -> Result<CommandAnswer, Error> {
    let status = Status::find(settings, Timestamp::now())?;
    let store = store::open_for_operator(settings, OperatorAccess::Read)?;
    let figures = StoredFigures::find(&*store, status.last_closed.day)?;
    let metrics = Metrics {
        now: status.now,
        collectors: &status.collectors,
        reporter: &status.reporter,
        stored: Some((&status, &figures)),
    };
    let exposition = metrics.exposition();
    let json = exposition.json();
    let text = exposition.text(TextForm::Prometheus);
    match output {
        None => Ok(CommandAnswer::new(text, json)),
        Some(path) => {
            let written = files::replace(path, text.as_bytes());
            written.map_err(|error| Error::NotDone {
                what: "--output",
                problem: format!("cannot write {}: {error}", path.display()),
            })?;
            Ok(CommandAnswer::new("", json))
        }
    }
}
