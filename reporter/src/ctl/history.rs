//! `tlsrptctl history`: a line a day.

use tlsrptd_config::reportd::Reportd;

use super::{answer::Answer, not_built_yet};
use crate::error::Error;

pub(super) fn answer(_: &Reportd, _days: u32) -> Result<Answer, Error> {
    Err(not_built_yet("history"))
}
