//! The jobs that wait for their collectors, and what collectors add later.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tlsrptd_proto::day::Day;

use super::{PostgresStore, unfinished};
use crate::{
    model::FetchJob,
    store::{Additions, FetchJobs, GrownDays, StoreError},
};

impl FetchJobs for PostgresStore {
    fn adopt_lists(&mut self, _now: Timestamp) -> Result<usize, StoreError> {
        unfinished()
    }

    fn due_jobs(&self, _now: Timestamp) -> Result<Vec<FetchJob>, StoreError> {
        unfinished()
    }

    fn next_job(&self, _now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        unfinished()
    }

    fn job_answered(
        &mut self,
        _job: &FetchJob,
        _additions: Option<u64>,
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        unfinished()
    }

    fn job_failed(
        &mut self,
        _job: &FetchJob,
        _next: Timestamp,
        _reason: &str,
    ) -> Result<(), StoreError> {
        unfinished()
    }

    fn job_postponed(
        &mut self,
        _job: &FetchJob,
        _next: Timestamp,
        _reason: &str,
    ) -> Result<(), StoreError> {
        unfinished()
    }

    fn job_given_up(
        &mut self,
        _job: &FetchJob,
        _now: Timestamp,
        _reason: &str,
    ) -> Result<(), StoreError> {
        unfinished()
    }

    fn job_too_large(
        &mut self,
        _job: &FetchJob,
        _now: Timestamp,
        _reason: &str,
    ) -> Result<(), StoreError> {
        unfinished()
    }
}

impl Additions for PostgresStore {
    fn collectors_of_additions(
        &self,
        _days: &BTreeSet<Day>,
    ) -> Result<BTreeSet<String>, StoreError> {
        unfinished()
    }

    fn create_addition_jobs(
        &mut self,
        _collector: &str,
        _grown: &[(Day, u64)],
        _reportable: &BTreeSet<Day>,
        _is_too_old: &dyn Fn(Day) -> bool,
        _now: Timestamp,
    ) -> Result<GrownDays, StoreError> {
        unfinished()
    }
}
