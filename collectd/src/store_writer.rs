//! One store and when it is written: commits, retries, syncs, and days that wait to be closed.

mod tell;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tlsrptd_proto::{day::Day, session_result::SessionResult};
use tlsrptd_service::log::LogThrottle;
use tracing::{error, info};

use crate::{
    queue::{Closing, EpochChange},
    script::ScriptQueue,
    stats::Stats,
    store::{FailureKind, Flushed, ResultsId, Store, TodaysRows},
};

/// Key texts in one transaction: the WAL holds all of it, a text of many failures as many times.
const MAX_BATCH: usize = 2 << 20;
/// One line about a store's failures in that time.
const INTERVAL: Duration = Duration::from_secs(60);

/// How often things are done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CommitPolicy {
    /// `max_uncommited_datagrams`
    pub(crate) full: u64,
    /// `retry_commit_datagram_count`
    pub(crate) retry: u64,
    /// `sockettimeout`
    pub(crate) timeout: Duration,
}

impl CommitPolicy {
    /// When what was committed is to be synced. The other half of the time is for a busy machine and a slow disk.
    fn sync(&self) -> Duration {
        self.timeout / 2
    }
}

/// See the module.
pub(crate) struct StoreWriter {
    store: Box<dyn Store>,
    stats: Arc<Stats>,
    scripts: Arc<ScriptQueue>,
    failing: Option<Failing>,
    /// The first commit that is not synced yet.
    unsynced: Option<Instant>,
    sync_failed: bool,
    unsettled: Option<Unsettled>,
    complaint: LogThrottle,
    /// One line about the room in the day's file.
    room: LogThrottle,
    /// One line about who has used its share of it.
    share: LogThrottle,
    /// Since when there is trouble that a line told of: its end is told too.
    trouble: Option<Instant>,
    domains: u64,
    policies: u64,
}

/// The last commit failed.
#[derive(Debug, Clone, Copy)]
struct Failing {
    since: Instant,
    uncommitted: u64,
    /// The file is another one: only a boundary helps.
    replaced: bool,
}

/// A day waits to be closed.
#[derive(Debug, Clone, Copy)]
struct Unsettled {
    since: Instant,
    /// The day that the operator's SIGUSR2 was for: its rows become the day before's, unless it has ended meanwhile.
    rotate: Option<Day>,
    asked: bool,
}

impl StoreWriter {
    pub(crate) fn new(
        store: Box<dyn Store>,
        stats: Arc<Stats>,
        scripts: Arc<ScriptQueue>,
    ) -> StoreWriter {
        StoreWriter {
            store,
            stats,
            scripts,
            failing: None,
            unsynced: None,
            sync_failed: false,
            unsettled: None,
            complaint: LogThrottle::new(INTERVAL),
            room: LogThrottle::new(INTERVAL),
            share: LogThrottle::new(INTERVAL),
            trouble: None,
            domains: 0,
            policies: 0,
        }
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

    pub(crate) fn is_clean(&self) -> bool {
        self.store.uncommitted() == 0
    }

    /// Enough is waiting for a commit.
    pub(crate) fn is_full(&self, pace: &CommitPolicy) -> bool {
        self.uncommitted() >= pace.full.max(1) || self.waiting_bytes() >= MAX_BATCH
    }

    /// When there is something to do even if nothing comes.
    pub(crate) fn due(&self, pace: &CommitPolicy) -> Option<Instant> {
        let retry = self.failing.map(|failing| failing.since + pace.timeout);
        let sync = self.unsynced.map(|first| first + pace.sync());
        let close_days = self
            .unsettled
            .filter(|unsettled| !unsettled.asked && self.is_clean())
            .map(|unsettled| unsettled.since + pace.timeout);
        [retry, sync, close_days].into_iter().flatten().min()
    }

    /// Commits, unless a store that failed is to be left in peace a while.
    pub(crate) fn try_flush(&mut self, pace: &CommitPolicy, now: Timestamp) {
        let rests = self.failing.is_some_and(|failing| {
            failing.since.elapsed() < pace.timeout
                && self.uncommitted() < failing.uncommitted.saturating_add(pace.retry)
        });
        if !rests {
            self.flush(pace, now);
        }
    }

    /// Commits; false when that failed.
    pub(crate) fn flush(&mut self, pace: &CommitPolicy, now: Timestamp) -> bool {
        if self.is_clean() {
            self.failing = None;
            self.recover();
            return true;
        }
        self.failing = None;
        // What waited for long is more than one transaction should write.
        while self.failing.is_none() && !self.is_clean() {
            self.flush_once(pace, now);
        }
        self.failing.is_none()
    }

    fn flush_once(&mut self, pace: &CommitPolicy, now: Timestamp) {
        match self.store.flush() {
            Ok(flushed) => {
                self.note(flushed, now);
                self.recover();
            }
            Err(error) => {
                self.stats.commit_failures.add(1);
                let replaced = error.kind == FailureKind::Replaced;
                self.failing = Some(Failing {
                    since: Instant::now(),
                    uncommitted: self.uncommitted(),
                    replaced,
                });
                if replaced {
                    self.unsettle(None, pace);
                }
                self.complain(&error, now);
            }
        }
    }

    /// A synced checkpoint when one is due.
    pub(crate) fn try_sync(&mut self, pace: &CommitPolicy, now: Timestamp) {
        if self
            .unsynced
            .is_some_and(|first| first.elapsed() >= pace.sync())
        {
            self.unsynced = None;
            match self.store.sync() {
                Ok(()) => {
                    self.sync_failed = false;
                    self.recover();
                }
                Err(error) => {
                    self.unsynced = Some(Instant::now());
                    self.sync_failed = true;
                    self.complain(&error, now);
                }
            }
        }
    }

    /// A day waits to be closed, and the time has come to try again. To be asked for once.
    pub(crate) fn wants_boundary(&mut self, pace: &CommitPolicy) -> bool {
        let possible = self.is_clean() || self.failing.is_some_and(|failing| failing.replaced);
        let Some(unsettled) = &mut self.unsettled else {
            return false;
        };
        let due = !unsettled.asked && possible && unsettled.since.elapsed() >= pace.timeout;
        unsettled.asked |= due;
        due
    }

    /// All ids are void. Commits, closes days, and lets the store begin anew where it can.
    pub(crate) fn boundary(
        &mut self,
        boundary: EpochChange,
        changed: bool,
        pace: &CommitPolicy,
        now: Timestamp,
    ) {
        self.try_flush(pace, now);
        let clean = self.is_clean() || self.rescue(now);
        if changed || boundary.rotate || boundary.closing == Closing::Review {
            self.unsettle(boundary.rotate.then_some(boundary.today), pace);
        }
        if let Some(unsettled) = &mut self.unsettled {
            if let Some(day) = unsettled.rotate.take_if(|day| *day != boundary.today) {
                info!(%day, "the day that was to be rotated has ended meanwhile: it is closed as that day");
            }
            unsettled.asked &= clean;
        }
        if !clean {
            return;
        }
        let may_close = |unsettled: &mut Unsettled| {
            // The reader says when the clock is in doubt no more; SIGUSR2 is obeyed at once.
            unsettled.asked = boundary.closing == Closing::Held && unsettled.rotate.is_none();
            !unsettled.asked
        };
        if let Some(unsettled) = self.unsettled.take_if(may_close) {
            self.store.keep_extra_days(boundary.spare);
            let todays_rows = match unsettled.rotate {
                Some(_) => TodaysRows::BecomeYesterdays,
                None => TodaysRows::Stay,
            };
            self.close_days(boundary.today, todays_rows, now);
        }
        self.store.start_epoch();
    }

    /// At a start with a clock in doubt: days are closed when the reader says so.
    pub(crate) fn postpone(&mut self) {
        self.unsettled = Some(Unsettled {
            since: Instant::now(),
            rotate: None,
            asked: true,
        });
    }

    /// Closes the days before `today`, at a start too.
    pub(crate) fn close_days(&mut self, today: Day, todays_rows: TodaysRows, now: Timestamp) {
        match self.store.close_days(today, todays_rows) {
            Ok(closed) => {
                self.unsynced = None;
                self.sync_failed = false;
                for closed in closed {
                    info!(day = %closed.day, file = %closed.location.display(), "day closed");
                    self.stats.days_closed.add(1);
                    self.scripts
                        .announce(self.store.name(), closed.location.into());
                }
                self.recover();
            }
            Err(error) => {
                self.unsettled = Some(Unsettled {
                    since: Instant::now(),
                    rotate: (todays_rows == TodaysRows::BecomeYesterdays).then_some(today),
                    asked: false,
                });
                if let Some(suppressed) = self.complaint.pass(now) {
                    self.trouble.get_or_insert_with(Instant::now);
                    error!(%error, suppressed, "cannot close the day, counting goes on; to be tried again");
                }
            }
        }
        match self.store.day_size(today) {
            Ok(size) => {
                (self.domains, self.policies) = (size.domains, size.policies);
                self.tell_size();
            }
            Err(error) => self.complain(&error, now),
        }
    }

    /// At the end: a rollover that was asked for and had to wait. A day that ended is closed at the next start, but nobody
    /// asks for this one again. False when it still cannot be done.
    pub(crate) fn roll_at_last(&mut self, today: Day, now: Timestamp) -> bool {
        if self.owes_a_rollover() {
            self.unsettled = None;
            self.close_days(today, TodaysRows::BecomeYesterdays, now);
        }
        !self.owes_a_rollover()
    }

    fn owes_a_rollover(&self) -> bool {
        self.unsettled
            .is_some_and(|unsettled| unsettled.rotate.is_some())
    }

    /// The end; false when something is left undone.
    pub(crate) fn finish(&mut self) -> bool {
        if self.owes_a_rollover() {
            let storage = self.store.name();
            error!(
                storage,
                "stopped before the day could be closed: today's sessions stay today's; send SIGUSR2 again after the start"
            );
        }
        let finished = self.store.finish();
        if let Err(error) = &finished {
            error!(%error, storage = self.store.name(), "cannot close the storage");
        }
        finished.is_ok()
    }

    fn unsettle(&mut self, rotate: Option<Day>, pace: &CommitPolicy) {
        let rotate = rotate.or(self.unsettled.and_then(|unsettled| unsettled.rotate));
        let since = Instant::now()
            .checked_sub(pace.timeout)
            .unwrap_or_else(Instant::now);
        self.unsettled = Some(Unsettled {
            since,
            rotate,
            asked: false,
        });
    }

    /// Somebody took the file away: what can be saved is saved.
    pub(crate) fn rescue(&mut self, now: Timestamp) -> bool {
        match self.store.rescue() {
            Ok(lost) => {
                if lost > 0 {
                    self.stats.counted.subtract(lost);
                    self.stats
                        .dropped
                        .add(crate::stats::DropReason::Storage, lost);
                }
                // Nothing was to be saved from a disk that is only full: it is left in peace as before.
                if self.is_clean() {
                    self.failing = None;
                }
                self.is_clean()
            }
            Err(error) => {
                self.complain(&error, now);
                false
            }
        }
    }

    fn note(&mut self, flushed: Flushed, now: Timestamp) {
        self.stats.commits.add(1);
        self.stats.day_file_bytes.set(flushed.file_bytes);
        self.drop_uncounted(flushed);
        self.tell_of_room(flushed, now);
        self.domains += flushed.new_domains;
        self.policies += flushed.new_policies;
        self.tell_size();
        if flushed.folded_policies + flushed.folded_failures > 0 {
            self.stats.folded.add("policy", flushed.folded_policies);
            self.stats.folded.add("failure", flushed.folded_failures);
        }
        self.unsynced.get_or_insert_with(Instant::now);
    }
}

#[cfg(test)]
mod tests;
