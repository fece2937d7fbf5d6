//! What was done.

use tlsrptd_proto::day::Day;

use super::{PostgresReader, PostgresStore, unfinished};
use crate::{
    model::NamedDestination,
    store::{DayTotals, FailedOnDay, FailureQuestion, FailureRow, History, KeptReport, StoreError},
};

impl History for PostgresStore {
    fn first_day(&self) -> Result<Option<Day>, StoreError> {
        unfinished()
    }

    fn totals(&self, _from: Day, _to: Day) -> Result<Vec<DayTotals>, StoreError> {
        unfinished()
    }

    fn failures(&self, _question: &FailureQuestion) -> Result<Vec<FailureRow>, StoreError> {
        unfinished()
    }

    fn failures_by_day(
        &self,
        _domains: &[&str],
        _from: Day,
        _to: Day,
    ) -> Result<Vec<FailedOnDay>, StoreError> {
        unfinished()
    }

    fn kept_reports(&self, _day: Day, _domain: &str) -> Result<Vec<KeptReport>, StoreError> {
        unfinished()
    }

    fn named(&self, _from: Day, _to: Day) -> Result<Vec<NamedDestination>, StoreError> {
        unfinished()
    }
}

impl History for PostgresReader {
    fn first_day(&self) -> Result<Option<Day>, StoreError> {
        unfinished()
    }

    fn totals(&self, _from: Day, _to: Day) -> Result<Vec<DayTotals>, StoreError> {
        unfinished()
    }

    fn failures(&self, _question: &FailureQuestion) -> Result<Vec<FailureRow>, StoreError> {
        unfinished()
    }

    fn failures_by_day(
        &self,
        _domains: &[&str],
        _from: Day,
        _to: Day,
    ) -> Result<Vec<FailedOnDay>, StoreError> {
        unfinished()
    }

    fn kept_reports(&self, _day: Day, _domain: &str) -> Result<Vec<KeptReport>, StoreError> {
        unfinished()
    }

    fn named(&self, _from: Day, _to: Day) -> Result<Vec<NamedDestination>, StoreError> {
        unfinished()
    }
}
