//! `tlsrptctl doctor`: what is wrong with the set-up.

use tlsrptd_config::{ctl::Flaw, reportd::Reportd};

use super::{answer::Answer, not_built_yet};
use crate::error::Error;

/// A line each: ok, warn or FAIL. `flaws` are what is wrong with the configuration itself; the settings that they name hold
/// nothing.
pub(super) fn answer(_: &Reportd, _flaws: &[Flaw]) -> Result<Answer, Error> {
    Err(not_built_yet("doctor"))
}
