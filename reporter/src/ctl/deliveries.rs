//! `tlsrptctl deliveries`: the reports of a day, and what became of them.

use tlsrptd_config::{ctl::Deliveries, reportd::Reportd};

use super::{answer::Answer, not_built_yet};
use crate::error::Error;

pub(super) fn answer(_: &Reportd, _: &Deliveries) -> Result<Answer, Error> {
    Err(not_built_yet("deliveries"))
}
