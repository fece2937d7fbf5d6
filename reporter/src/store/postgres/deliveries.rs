//! Deliveries, from pending to their end.

use jiff::Timestamp;

use super::{PostgresStore, unfinished};
use crate::{
    model::{Delivery, QueueKey},
    store::{
        AttemptEnd, ClaimLimit, Claimed, Deliveries, QueueDepth, QueueDepths, StoreError,
        Suspension,
    },
};

impl Deliveries for PostgresStore {
    fn release(&mut self) -> Result<usize, StoreError> {
        unfinished()
    }

    fn claim(
        &mut self,
        _now: Timestamp,
        _limit: ClaimLimit,
        _room: &dyn Fn(&QueueKey) -> usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        unfinished()
    }

    fn posts_are_full(&mut self) -> bool {
        unfinished()
    }

    fn record(
        &mut self,
        _ends: &[AttemptEnd],
        _now: Timestamp,
    ) -> Result<Vec<Suspension>, StoreError> {
        unfinished()
    }

    fn put_back(&mut self, _deliveries: &[Delivery]) -> Result<(), StoreError> {
        unfinished()
    }

    fn hold_queue(&mut self, _queue: &QueueKey) {
        unfinished()
    }

    fn free_queue(&mut self, _queue: &QueueKey) {
        unfinished()
    }

    fn queue_flows(&mut self, _queue: &QueueKey) {
        unfinished()
    }

    fn queue_depths(&self, _now: Timestamp, _most: usize) -> QueueDepths {
        unfinished()
    }

    fn queue_depth(&self, _queue: &QueueKey, _now: Timestamp) -> QueueDepth {
        unfinished()
    }

    fn next_delivery(&mut self, _now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        unfinished()
    }
}
