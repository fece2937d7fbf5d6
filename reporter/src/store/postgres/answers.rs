//! What collectors have answered.

use jiff::Timestamp;

use super::{PostgresStore, unfinished};
use crate::{
    model::{FetchJob, Fetched},
    store::{ReportData, StoreError},
};

impl ReportData for PostgresStore {
    fn store_rows(
        &mut self,
        _job: &FetchJob,
        _rows: &[Fetched],
        _now: Timestamp,
    ) -> Result<usize, StoreError> {
        unfinished()
    }

    fn store_unusable(
        &mut self,
        _job: &FetchJob,
        _domain: &str,
        _reason: &str,
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        unfinished()
    }

    fn store_list(
        &mut self,
        _job: &FetchJob,
        _domains: &[String],
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        unfinished()
    }

    fn list_ended(&mut self, _job: &FetchJob) -> Result<(), StoreError> {
        unfinished()
    }

    fn unfetched(
        &self,
        _job: &FetchJob,
        _after: &str,
        _limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        unfinished()
    }
}
