//! The time, and what is old.

use jiff::{SignedDuration, Timestamp};
use tlsrptd_proto::day::Day;

use super::{PostgresStore, unfinished};
use crate::store::{StoreError, Upkeep};

impl Upkeep for PostgresStore {
    fn known_time(&self) -> Result<Option<Timestamp>, StoreError> {
        unfinished()
    }

    fn record_time(&mut self, _now: Timestamp) -> Result<(), StoreError> {
        unfinished()
    }

    fn extend_windows(&mut self, _by: SignedDuration) -> Result<(), StoreError> {
        unfinished()
    }

    fn pull_back(&mut self, _now: Timestamp, _latest: Timestamp) -> Result<(), StoreError> {
        unfinished()
    }

    fn clean(&mut self, _oldest: Day) -> Result<bool, StoreError> {
        unfinished()
    }

    fn clean_history(&mut self, _oldest: Day) -> Result<bool, StoreError> {
        unfinished()
    }
}
