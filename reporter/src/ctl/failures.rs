//! `tlsrptctl failures`: what failed when we sent.

use tlsrptd_config::{ctl::Failures, reportd::Reportd};

use super::{answer::Answer, not_built_yet};
use crate::error::Error;

pub(super) fn answer(_: &Reportd, _: &Failures) -> Result<Answer, Error> {
    Err(not_built_yet("failures"))
}
