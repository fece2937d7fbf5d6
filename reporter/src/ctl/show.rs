//! `tlsrptctl show DOMAIN [DAY]`: a report as it was sent, as it will be, or as it would be.

mod mails;
mod text;

use jiff::Timestamp;
use tlsrptd_config::{
    ctl::{Show, ShowForm},
    exit,
    reportd::Reportd,
};

use super::{
    answer::{CommandAnswer, say},
    day,
};
use crate::{
    answers::{report_mail::ReportMails, runtime, show::Shown},
    error::Error,
};

pub(super) fn answer(settings: &Reportd, question: &Show) -> Result<CommandAnswer, Error> {
    let now = Timestamp::now();
    let day = day::of(&question.day, now)?;
    let shown = runtime::wait_for(Shown::find(settings, &question.domain, day, now, say))?;
    match question.form {
        ShowForm::Mail => Ok(mails::answer(&shown, ReportMails::write(settings, &shown)?)),
        ShowForm::Report => Ok(report(&shown)),
    }
}

fn report(shown: &Shown) -> CommandAnswer {
    let answer = CommandAnswer {
        verbatim_json: bytes(shown),
        ..CommandAnswer::new(text::of(shown), shown.json())
    };
    match shown.with_contents().next() {
        Some(_) => answer,
        None => answer.with_exit(exit::FAILED),
    }
}

/// One report's bytes as they are; several a line each.
fn bytes(shown: &Shown) -> Option<Vec<u8>> {
    let mut reports = shown
        .with_contents()
        .map(|(_, contents)| contents.json.as_bytes());
    let mut bytes = reports.next()?.to_vec();
    let mut is_alone = true;
    for report in reports {
        is_alone = false;
        bytes.push(b'\n');
        bytes.extend_from_slice(report);
    }
    if !is_alone {
        bytes.push(b'\n');
    }
    Some(bytes)
}
