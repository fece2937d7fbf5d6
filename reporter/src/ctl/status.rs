//! `tlsrptctl status`: how everything is, in one screen; with `--check` in one line.

mod check;
mod screen;

use jiff::Timestamp;
use serde_json::json;
use tlsrptd_config::{ctl::StatusForm, reportd::Reportd, visible};

use super::{answer::CommandAnswer, table::Width};
use crate::{
    answers::status::{Severity, Status, worst},
    error::Error,
};

pub(super) fn answer(settings: &Reportd, form: StatusForm) -> Result<CommandAnswer, Error> {
    let found = Status::find(settings, Timestamp::now());
    match form {
        StatusForm::Screen => {
            let status = found?;
            let text = screen::text(&status, Width::of_stdout());
            Ok(CommandAnswer::new(text, status.json()))
        }
        StatusForm::Check => Ok(match found {
            Ok(status) => {
                let exit = worst(&status.findings).exit();
                CommandAnswer::new(check::line(&status), status.json()).with_exit(exit)
            }
            Err(error) => unknown(&error),
        }),
    }
}

/// A plug-in says so on standard output.
fn unknown(error: &Error) -> CommandAnswer {
    let why = visible::one_line(&error.to_string());
    let severity = Severity::Unknown;
    let json = json!({ "severity": severity.as_str(), "error": why });
    CommandAnswer::new(check::headed(severity, &why), json).with_exit(severity.exit())
}
