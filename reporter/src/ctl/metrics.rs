//! `tlsrptctl metrics`: what a monitoring system reads.

use std::path::Path;

use jiff::Timestamp;
use tlsrptd_config::reportd::Reportd;
use tlsrptd_metrics::form::TextForm;
use tlsrptd_service::files;

use super::answer::Answer;
use crate::{answers::metrics::Metrics, error::Error};

pub(super) fn answer(settings: &Reportd, output: Option<&Path>) -> Result<Answer, Error> {
    let metrics = Metrics::find(settings, Timestamp::now())?;
    let text = metrics.text(TextForm::Prometheus);
    match output {
        None => Ok(Answer::new(text, metrics.json())),
        Some(path) => {
            let written = files::replace(path, text.as_bytes());
            written.map_err(|source| Error::OutputFile {
                path: path.display().to_string(),
                source,
            })?;
            Ok(Answer::new("", metrics.json()))
        }
    }
}
