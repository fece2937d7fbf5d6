//! `tlsrptctl show DOMAIN [DAY]`: a report, or what it would be; and `deliveries today`.

use tlsrptd_config::{
    ctl::{Deliveries, Show},
    reportd::Reportd,
};

use super::{answer::Answer, not_built_yet};
use crate::error::Error;

pub(super) fn answer(_: &Reportd, _: &Show) -> Result<Answer, Error> {
    Err(not_built_yet("show"))
}

/// What would be sent of today, domain by domain.
pub(super) fn deliveries_today(_: &Reportd, _: &Deliveries) -> Result<Answer, Error> {
    Err(not_built_yet("deliveries today"))
}
