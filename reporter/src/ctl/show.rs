//! `tlsrptctl show DOMAIN [DAY]`: a report as it was sent, as it will be, or as it would be.

mod mails;
mod text;

use jiff::Timestamp;
use tlsrptd_config::{
    ctl::{Show, ShowForm},
    exit,
    reportd::Reportd,
};

use super::answer::{CommandAnswer, say};
use crate::{
    answers::{day, report_mail::ReportMails, runtime, show::Shown},
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
        verbatim_json: shown.verbatim_json(),
        ..CommandAnswer::new(text::of(shown), shown.json())
    };
    match shown.with_contents().next() {
        Some(_) => answer,
        None => answer.with_exit(exit::FAILED),
    }
}
