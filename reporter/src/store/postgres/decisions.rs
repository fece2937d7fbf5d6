//! From answers to decisions.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use tlsrptd_proto::day::Day;

use super::{PostgresStore, unfinished};
use crate::{
    model::{DecidedDomain, DomainDay, MxHostDay, NamedDestination},
    store::{Decisions, FailingDomains, StoreError},
};

impl Decisions for PostgresStore {
    fn leftover_days(&self) -> Result<BTreeSet<Day>, StoreError> {
        unfinished()
    }

    fn gathered_days(&self) -> Result<BTreeSet<Day>, StoreError> {
        unfinished()
    }

    fn normalize_domains(&mut self, _day: Day, _now: Timestamp) -> Result<(), StoreError> {
        unfinished()
    }

    fn undecided(
        &self,
        _day: Day,
        _after: Option<&str>,
        _limit: usize,
        _bytes: usize,
    ) -> Result<Vec<DomainDay>, StoreError> {
        unfinished()
    }

    fn undecided_failing(
        &self,
        _day: Day,
        _after: Option<&str>,
        _limit: usize,
        _bytes: usize,
    ) -> Result<FailingDomains, StoreError> {
        unfinished()
    }

    fn deliveries_to(
        &self,
        _day: Day,
        _names: &[String],
    ) -> Result<HashMap<String, u64>, StoreError> {
        unfinished()
    }

    fn store_decisions(
        &mut self,
        _day: Day,
        _decisions: &[DecidedDomain],
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        unfinished()
    }

    fn mx_hosts(
        &self,
        _day: Day,
        _limit: usize,
        _bytes: usize,
    ) -> Result<Vec<MxHostDay>, StoreError> {
        unfinished()
    }

    fn store_mx_decisions(
        &mut self,
        _day: Day,
        _decisions: &[DecidedDomain],
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        unfinished()
    }

    fn close_day(
        &mut self,
        _day: Day,
        _decisions: &[DecidedDomain],
        _now: Timestamp,
    ) -> Result<Vec<NamedDestination>, StoreError> {
        unfinished()
    }
}
