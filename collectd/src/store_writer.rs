//! One store and when it is written: commits, retries, syncs, and days that wait to be closed.

mod closing;
mod report;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tlsrptd_proto::{day::Day, session_result::SessionResult};
use tlsrptd_service::log::LogThrottle;

use crate::{
    script::ScriptQueue,
    stats::{DropReason, Stats},
    store::{DaySize, FailureKind, ResultsId, Store},
};
use closing::PendingClose;

/// Memory of waiting datagrams from which on a commit is begun.
const MAX_WAITING_BYTES: usize = 2 << 20;
/// One line about a store's failures in that time.
const INTERVAL: Duration = Duration::from_secs(60);

/// When a store is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CommitPolicy {
    /// `max_uncommited_datagrams`
    pub(crate) max_uncommitted: u64,
    /// `retry_commit_datagram_count`
    pub(crate) retry_after: u64,
    /// `sockettimeout`: committed and synced within it; what failed is tried again after it.
    pub(crate) interval: Duration,
}

impl CommitPolicy {
    /// A commit is synced after this time. The other half of the interval is for a busy machine and a slow disk.
    fn sync_after(&self) -> Duration {
        self.interval / 2
    }
}

/// See the module.
pub(crate) struct StoreWriter {
    store: Box<dyn Store>,
    policy: CommitPolicy,
    stats: Arc<Stats>,
    scripts: Arc<ScriptQueue>,
    /// The last commit failed.
    commit_failure: Option<CommitFailure>,
    /// The first commit that is not synced yet.
    unsynced: Option<Instant>,
    has_sync_failed: bool,
    pending_close: Option<PendingClose>,
    failure_log: LogThrottle,
    /// One line about a day's file that is nearly full, or full.
    size_log: LogThrottle,
    /// One line about who has used its share of it.
    share_log: LogThrottle,
    /// When the failure began that the log has a line about: its end is logged too.
    logged_failure: Option<Instant>,
    size: DaySize,
}

#[derive(Debug, Clone, Copy)]
struct CommitFailure {
    at: Instant,
    /// Datagrams that were not committed then.
    uncommitted: u64,
    /// The file is another one: only a new epoch helps.
    is_replaced: bool,
}

impl StoreWriter {
    pub(crate) fn new(
        store: Box<dyn Store>,
        stats: Arc<Stats>,
        scripts: Arc<ScriptQueue>,
        policy: CommitPolicy,
    ) -> StoreWriter {
        StoreWriter {
            store,
            policy,
            stats,
            scripts,
            commit_failure: None,
            unsynced: None,
            has_sync_failed: false,
            pending_close: None,
            failure_log: LogThrottle::new(INTERVAL),
            size_log: LogThrottle::new(INTERVAL),
            share_log: LogThrottle::new(INTERVAL),
            logged_failure: None,
            size: DaySize::default(),
        }
    }

    pub(crate) fn policy(&self) -> &CommitPolicy {
        &self.policy
    }

    pub(crate) fn add(&mut self, day: Day, results: &Arc<[SessionResult]>) {
        self.store.add(day, results);
    }

    pub(crate) fn count(&mut self, id: ResultsId, times: u64) {
        self.store.count(id, times);
    }

    pub(crate) fn uncommitted(&self) -> u64 {
        self.store.uncommitted()
    }

    pub(crate) fn waiting_bytes(&self) -> usize {
        self.store.waiting_bytes()
    }

    /// Rows that the known datagrams add to.
    pub(crate) fn rows(&self) -> usize {
        self.store.rows()
    }

    /// Nothing waits for a commit.
    pub(crate) fn is_clean(&self) -> bool {
        self.store.uncommitted() == 0
    }

    /// Enough waits for a commit.
    pub(crate) fn is_full(&self) -> bool {
        self.uncommitted() >= self.policy.max_uncommitted.max(1)
            || self.waiting_bytes() >= MAX_WAITING_BYTES
    }

    /// When there is something to do even if nothing comes.
    pub(crate) fn due(&self) -> Option<Instant> {
        let interval = self.policy.interval;
        let retry = self.commit_failure.map(|failure| failure.at + interval);
        let sync = self.unsynced.map(|first| first + self.policy.sync_after());
        let close = self.pending_close.filter(|_| self.is_clean());
        let close = close.and_then(|close| close.due(interval));
        [retry, sync, close].into_iter().flatten().min()
    }

    /// Commits, unless the last commit failed and it is too early to try again: before the commit interval has passed, and
    /// before `retry_after` more datagrams wait.
    pub(crate) fn flush_if_due(&mut self, now: Timestamp) {
        let is_early = self.commit_failure.is_some_and(|failure| {
            failure.at.elapsed() < self.policy.interval
                && self.uncommitted() < failure.uncommitted.saturating_add(self.policy.retry_after)
        });
        if !is_early {
            self.flush(now);
        }
    }

    /// Commits everything; false when that failed.
    pub(crate) fn flush(&mut self, now: Timestamp) -> bool {
        self.commit_failure = None;
        if self.is_clean() {
            self.log_recovery();
        }
        // What waited for long is more than one transaction should write.
        while self.commit_failure.is_none() && !self.is_clean() {
            self.flush_once(now);
        }
        self.commit_failure.is_none()
    }

    fn flush_once(&mut self, now: Timestamp) {
        match self.store.flush() {
            Ok(flushed) => {
                self.record_flush(flushed, now);
                self.unsynced.get_or_insert_with(Instant::now);
                self.log_recovery();
            }
            Err(error) => {
                self.stats.commit_failures.add(1);
                let is_replaced = error.kind == FailureKind::Replaced;
                self.commit_failure = Some(CommitFailure {
                    at: Instant::now(),
                    uncommitted: self.uncommitted(),
                    is_replaced,
                });
                if is_replaced {
                    self.request_close(None);
                }
                self.log_failure(&error, now);
            }
        }
    }

    /// A synced checkpoint when one is due.
    pub(crate) fn try_sync(&mut self, now: Timestamp) {
        let is_due = |first: Instant| first.elapsed() >= self.policy.sync_after();
        if !self.unsynced.is_some_and(is_due) {
            return;
        }
        match self.store.sync() {
            Ok(()) => {
                self.unsynced = None;
                self.has_sync_failed = false;
                self.log_recovery();
            }
            Err(error) => {
                self.unsynced = Some(Instant::now());
                self.has_sync_failed = true;
                self.log_failure(&error, now);
            }
        }
    }

    /// When somebody removed or replaced the file, saves its data, or counts as dropped what is lost. True when nothing waits
    /// for a commit any more.
    pub(crate) fn recover_replaced_file(&mut self, now: Timestamp) -> bool {
        let mut saved = Vec::new();
        let recovered = self.store.recover_replaced_file(&mut saved);
        for flushed in saved {
            self.record_flush(flushed, now);
        }
        match recovered {
            Ok(lost) => {
                self.uncount(DropReason::Storage, lost);
                // On a disk that is only full there was nothing to rescue: the next try is due as before.
                if self.is_clean() {
                    self.commit_failure = None;
                }
                self.is_clean()
            }
            Err(error) => {
                self.log_failure(&error, now);
                false
            }
        }
    }
}

#[cfg(test)]
mod tests;
