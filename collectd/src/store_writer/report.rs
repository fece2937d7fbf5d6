//! What a store writer reports: figures, and lines in the log now and then. A failure that the log has a line about gets
//! one when it is over.

use std::{sync::PoisonError, time::Instant};

use jiff::Timestamp;
use tracing::{error, warn};

use super::StoreWriter;
use crate::{
    stats::{DropReason, Sessions},
    store::{Flushed, StoreError},
};

impl StoreWriter {
    pub(super) fn record_flush(&mut self, flushed: Flushed, now: Timestamp) {
        self.stats.commits.add(1);
        self.size.file_bytes = flushed.file_bytes;
        self.uncount(DropReason::DayFull, flushed.refused);
        self.uncount(DropReason::DomainShare, flushed.over_share);
        self.log_share(now);
        self.log_size(flushed, now);
        let dropped = flushed.refused + flushed.over_share;
        self.stats
            .committed
            .add(flushed.datagrams.saturating_sub(dropped));
        let Sessions { total, failed } = flushed.sessions;
        self.stats.successful.add(total.saturating_sub(failed));
        self.stats.failed.add(failed);
        if let Some(sessions) = &mut self.size.sessions {
            sessions.total += flushed.sessions.total;
            sessions.failed += flushed.sessions.failed;
        }
        self.size.domains += flushed.new_domains;
        self.size.policies += flushed.new_policies;
        self.show_size();
        if flushed.folded_policies + flushed.folded_failures > 0 {
            self.stats.folded.add("policy", flushed.folded_policies);
            self.stats.folded.add("failure", flushed.folded_failures);
        }
    }

    /// Datagrams that were counted when they came are dropped after all.
    pub(super) fn uncount(&self, reason: DropReason, datagrams: u64) {
        if datagrams > 0 {
            self.stats.counted.subtract(datagrams);
            self.stats.dropped.add(reason, datagrams);
        }
    }

    fn log_share(&mut self, now: Timestamp) {
        if let Some(owner) = self.store.take_over_share()
            && let Some(suppressed) = self.share_log.pass(now)
        {
            warn!(
                owner,
                suppressed,
                "names under one domain have used their share of today's file: what needs a new row of theirs is dropped"
            );
        }
    }

    fn log_size(&mut self, flushed: Flushed, now: Timestamp) {
        if flushed.refused == 0 && !flushed.tight {
            return;
        }
        let Some(suppressed) = self.size_log.pass(now) else {
            return;
        };
        let (bytes, refused) = (flushed.file_bytes, flushed.refused);
        match refused {
            0 => warn!(
                bytes,
                suppressed,
                "today's file comes near max_day_file_size: details are counted together"
            ),
            _ => error!(
                bytes,
                suppressed,
                "today's file has reached max_day_file_size: what needs a new row is dropped"
            ),
        }
    }

    pub(super) fn show_size(&self) {
        self.stats.domains_today.set(self.size.domains);
        self.stats.policies_today.set(self.size.policies);
        self.stats.day_file_bytes.set(self.size.file_bytes);
        let shown = self.stats.sessions_today.lock();
        *shown.unwrap_or_else(PoisonError::into_inner) = self.size.sessions;
    }

    /// Logs that every failure is over, at the level of the lines about them: who read those waits for this one.
    pub(super) fn log_recovery(&mut self) {
        if self.commit_failure.is_some() || self.pending_close.is_some() || self.has_sync_failed {
            return;
        }
        if let Some(began) = self.logged_failure.take() {
            let (storage, seconds) = (self.store.name(), began.elapsed().as_secs());
            warn!(storage, seconds, "the storage works again");
        }
    }

    pub(super) fn log_failure(&mut self, error: &StoreError, now: Timestamp) {
        let Some(suppressed) = self.failure_log.pass(now) else {
            return;
        };
        self.logged_failure.get_or_insert_with(Instant::now);
        let uncommitted = self.uncommitted();
        if uncommitted > 0 {
            error!(%error, uncommitted, suppressed, "cannot commit, counts stay in memory; to be tried again");
        } else {
            warn!(%error, suppressed, "a storage has trouble; to be tried again");
        }
    }
}
