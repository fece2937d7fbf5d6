//! `tlsrptctl why DOMAIN [DAY]`: what became of a domain's report, in one sentence.

use jiff::Timestamp;
use tlsrptd_config::{DayWord, exit, reportd::Reportd, visible};

use super::answer::{CommandAnswer, say};
use crate::{
    answers::{day, runtime, why::Why},
    error::Error,
};

pub(super) fn answer(
    settings: &Reportd,
    domain: &str,
    day: &DayWord,
) -> Result<CommandAnswer, Error> {
    let now = Timestamp::now();
    let day = day::of(day, now)?;
    let why = runtime::wait_for(Why::find(settings, domain, day, now, say))?;
    let answer = CommandAnswer::new(visible::one_line(&why.sentence()) + "\n", why.json());
    match why.is_seen() {
        true => Ok(answer),
        false => Ok(answer.with_exit(exit::FAILED)),
    }
}
