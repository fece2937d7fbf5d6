//! Digests: each period gets one.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tlsrptd_proto::day::Day;

use super::{PostgresStore, unfinished};
use crate::{
    model::{DigestContents, DigestMail, DigestPeriod},
    store::{DigestEnd, Digests, StoreError},
};

impl Digests for PostgresStore {
    fn digests_made(&self, _days: u32, _now: Timestamp) -> Result<BTreeSet<Day>, StoreError> {
        unfinished()
    }

    fn store_digest(
        &mut self,
        _period: DigestPeriod,
        _contents: Option<&DigestContents>,
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        unfinished()
    }

    fn due_digest(&self, _now: Timestamp) -> Result<Option<DigestMail>, StoreError> {
        unfinished()
    }

    fn next_digest(&self) -> Result<Option<Timestamp>, StoreError> {
        unfinished()
    }

    fn record_digest(&mut self, _end: &DigestEnd, _now: Timestamp) -> Result<(), StoreError> {
        unfinished()
    }

    fn forget_digests(&mut self) -> Result<(), StoreError> {
        unfinished()
    }
}
