//! One domain's day.

use tlsrptd_proto::{day::Day, domain::Domain, report::InstallationId};

use super::{PostgresReader, unfinished};
use crate::{
    store::{DomainDayState, DomainDays, DomainPresence, StoreError},
    suppress::Suppressions,
};

impl DomainDays for PostgresReader {
    fn domain_day(
        &self,
        _day: Day,
        _domain: &Domain,
        _as_asked: &str,
    ) -> Result<DomainDayState, StoreError> {
        unfinished()
    }

    fn days_of(&self, _domain: &Domain) -> Result<Vec<(Day, DomainPresence)>, StoreError> {
        unfinished()
    }

    fn relatives(&self, _day: Day, _domain: &Domain) -> Result<Vec<String>, StoreError> {
        unfinished()
    }

    fn installation(&self) -> Result<Option<InstallationId>, StoreError> {
        unfinished()
    }

    fn suppression_list(&self) -> Result<Suppressions, StoreError> {
        unfinished()
    }
}
