//! `dummy:` keeps nothing, for trials; `dummy:?log` says what it drops.

use std::sync::Arc;

use tlsrptd_proto::{day::Day, session_result::SessionResult};
use tracing::warn;

use super::{Closed, Flushed, Store, StoreError};

/// See the module.
pub(crate) struct Dummy {
    url: String,
    log: bool,
    uncommitted: u64,
}

impl Dummy {
    pub(crate) fn new(url: &str, log: bool) -> Dummy {
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

    fn add(&mut self, _: Day, records: &Arc<[SessionResult]>) {
        self.uncommitted += 1;
        if !self.log {
            return;
        }
        for record in records.iter() {
            // At a level that is seen by default: whoever wrote `?log` asked for it.
            warn!(
                domain = %record.domain, failed = record.failed, policy = record.policy.as_str(),
                failures = record.failures.len(), "dummy storage drops"
            );
        }
    }

    fn count(&mut self, index: u32, times: u64) {
        self.uncommitted += times;
        if self.log {
            warn!(
                datagram = index,
                times, "dummy storage drops the same again"
            );
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

    fn forget(&mut self) {}

    fn close_days(&mut self, _: Day, _: bool) -> Result<Vec<Closed>, StoreError> {
        Ok(Vec::new())
    }

    fn census(&mut self, _: Day) -> Result<(u64, u64), StoreError> {
        Ok((0, 0))
    }

    fn finish(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}
