//! `dummy:` keeps nothing, for trials; `dummy:?log` says what it drops.

use std::sync::Arc;

use tlsrptd_proto::{day::Day, session_result::SessionResult};
use tracing::warn;

use super::{ClosedDay, DaySize, Flushed, ResultsId, Store, StoreError, TodaysRows};

/// See the module.
pub(super) struct Dummy {
    url: String,
    log: bool,
    uncommitted: u64,
}

impl Dummy {
    pub(super) fn new(url: &str, log: bool) -> Dummy {
        Dummy {
            url: url.into(),
            log,
            uncommitted: 0,
        }
    }
}

impl Store for Dummy {
    fn name(&self) -> &str {
        &self.url
    }

    fn add(&mut self, _: Day, results: &Arc<[SessionResult]>) {
        self.uncommitted += 1;
        if !self.log {
            return;
        }
        for result in results.iter() {
            // At a level that is seen by default: whoever wrote `?log` asked for it.
            warn!(
                domain = %result.domain, failed = result.failed, policy = result.policy.as_str(),
                failures = result.failures.len(), "dummy storage drops"
            );
        }
    }

    fn count(&mut self, id: ResultsId, times: u64) {
        self.uncommitted += times;
        if self.log {
            warn!(datagram = id, times, "dummy storage drops the same again");
        }
    }

    fn uncommitted(&self) -> u64 {
        self.uncommitted
    }

    fn waiting_bytes(&self) -> usize {
        0
    }

    fn flush(&mut self) -> Result<Flushed, StoreError> {
        Ok(Flushed {
            datagrams: std::mem::take(&mut self.uncommitted),
            ..Flushed::default()
        })
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn start_epoch(&mut self) {}

    fn close_days(&mut self, _: Day, _: TodaysRows) -> Result<Vec<ClosedDay>, StoreError> {
        Ok(Vec::new())
    }

    fn day_size(&mut self, _: Day) -> Result<DaySize, StoreError> {
        Ok(DaySize::default())
    }

    fn finish(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}
