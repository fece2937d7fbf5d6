//! `tlsrptctl resend` and `send-test`: what the daemon is asked to do.

use tlsrptd_config::{
    ctl::{Resend, SendTest},
    reportd::Reportd,
};

use super::{answer::Answer, not_built_yet};
use crate::error::Error;

/// A report once more.
pub(super) fn resend(_: &Reportd, _: &Resend) -> Result<Answer, Error> {
    Err(not_built_yet("resend"))
}

/// A test report.
pub(super) fn send_test(_: &Reportd, _: &SendTest) -> Result<Answer, Error> {
    Err(not_built_yet("send-test"))
}
