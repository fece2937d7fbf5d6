//! Which days have jobs, and who is asked for them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tlsrptd_proto::day::Day;

use super::{PostgresStore, unfinished};
use crate::{
    model::CollectorCommand,
    store::{Days, JobNote, StoreError},
};

impl Days for PostgresStore {
    fn undo_early(&mut self, _today: Day) -> Result<usize, StoreError> {
        unfinished()
    }

    fn known_days(&self) -> Result<BTreeSet<Day>, StoreError> {
        unfinished()
    }

    fn early_days(&self) -> Result<BTreeSet<Day>, StoreError> {
        unfinished()
    }

    fn open_days(&self) -> Result<BTreeSet<Day>, StoreError> {
        unfinished()
    }

    fn make_jobs(
        &mut self,
        _days: &[Day],
        _collectors: &[CollectorCommand],
        _now: Timestamp,
    ) -> Result<Vec<JobNote>, StoreError> {
        unfinished()
    }

    fn reopen_given_up(
        &mut self,
        _days: &BTreeSet<Day>,
        _collectors: &[CollectorCommand],
        _now: Timestamp,
    ) -> Result<Vec<JobNote>, StoreError> {
        unfinished()
    }

    fn reopen_early(&mut self, _days: &BTreeSet<Day>, _now: Timestamp) -> Result<(), StoreError> {
        unfinished()
    }
}
