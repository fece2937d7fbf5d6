//! Mails that came back.

use jiff::Timestamp;

use super::{PostgresReader, PostgresStore, unfinished};
use crate::{
    model::{BounceKey, BounceResult, BounceTag, Destination},
    store::{AppliedBounces, Bounces, NewBounce, OperatorBounces, StoreError},
};

impl Bounces for PostgresStore {
    fn bounce_key(&self) -> &BounceKey {
        unfinished()
    }

    fn apply_bounces(&mut self, _now: Timestamp) -> Result<AppliedBounces, StoreError> {
        unfinished()
    }

    fn unclaimed_bounces(&self) -> Result<u64, StoreError> {
        unfinished()
    }
}

impl OperatorBounces for PostgresReader {
    fn known_bounce_key(&self) -> Result<Option<BounceKey>, StoreError> {
        unfinished()
    }

    fn bounced_destination(
        &self,
        _key: &BounceKey,
        _tag: &BounceTag,
    ) -> Result<Option<Destination>, StoreError> {
        unfinished()
    }

    fn add_bounce(&mut self, _bounce: &NewBounce, _now: Timestamp) -> Result<bool, StoreError> {
        unfinished()
    }

    fn count_bounce(&mut self, _result: BounceResult, _now: Timestamp) -> Result<(), StoreError> {
        unfinished()
    }
}
