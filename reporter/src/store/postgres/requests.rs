//! What the operator asks for.

use std::time::Duration;

use jiff::Timestamp;

use super::{PostgresReader, PostgresStore, unfinished};
use crate::{
    model::{Destination, RequestId},
    store::{
        CoveredDestinations, NewRequest, OpenRequest, OperatorRequests, RequestEnd, RequestRow,
        Requests, StartedRequest, StoreError,
    },
};

impl Requests for PostgresStore {
    fn change_number(&self) -> Result<i64, StoreError> {
        unfinished()
    }

    fn open_requests(&self) -> Result<Vec<OpenRequest>, StoreError> {
        unfinished()
    }

    fn start_requests(
        &mut self,
        _ids: &[RequestId],
        _now: Timestamp,
    ) -> Result<Vec<StartedRequest>, StoreError> {
        unfinished()
    }

    fn record_requests(&mut self, _ends: &[RequestEnd], _now: Timestamp) -> Result<(), StoreError> {
        unfinished()
    }
}

impl OperatorRequests for PostgresReader {
    fn ask(
        &mut self,
        _requests: &[NewRequest],
        _now: Timestamp,
    ) -> Result<Option<Vec<RequestId>>, StoreError> {
        unfinished()
    }

    fn pending_requests(&self) -> Result<Vec<RequestRow>, StoreError> {
        unfinished()
    }

    fn requests(&self, _ids: &[RequestId]) -> Result<Vec<RequestRow>, StoreError> {
        unfinished()
    }

    fn withdraw(&mut self, _ids: &[RequestId], _now: Timestamp) -> Result<usize, StoreError> {
        unfinished()
    }

    fn covered(
        &self,
        _covers: &dyn Fn(&Destination) -> bool,
        _most: usize,
        _time: Duration,
    ) -> Result<CoveredDestinations, StoreError> {
        unfinished()
    }
}
