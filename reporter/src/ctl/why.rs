//! `tlsrptctl why DOMAIN [DAY]`: what became of a domain's report, in one sentence.

use tlsrptd_config::{DayWord, reportd::Reportd};

use super::{answer::Answer, not_built_yet};
use crate::error::Error;

pub(super) fn answer(_: &Reportd, _domain: &str, _: &DayWord) -> Result<Answer, Error> {
    Err(not_built_yet("why"))
}
