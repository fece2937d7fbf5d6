//! Closing days: at an epoch change, at a start and at the end.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use tlsrptd_proto::day::Day;
use tracing::{error, info};

use super::StoreWriter;
use crate::{
    queue::{DayClosing, EpochChange},
    store::TodaysRows,
};

/// Days wait to be closed.
#[derive(Debug, Clone, Copy)]
pub(super) struct PendingClose {
    /// When it was last tried. `None`: it is to be tried as soon as possible.
    tried: Option<Instant>,
    /// The day that the operator's SIGUSR2 was for: its rows become the day before's, unless it has ended meanwhile.
    rotate: Option<Day>,
    /// An epoch change, at which days can be closed, is on its way.
    is_epoch_requested: bool,
}

impl PendingClose {
    /// When an epoch is to be requested, if none is.
    pub(super) fn due(&self, interval: Duration) -> Option<Instant> {
        let due = || {
            self.tried
                .map_or_else(Instant::now, |tried| tried + interval)
        };
        (!self.is_epoch_requested).then(due)
    }
}

impl StoreWriter {
    /// Whether the reader is to start an epoch, so that days can be closed. True once for each try.
    pub(crate) fn needs_epoch(&mut self) -> bool {
        let is_replaced = |failure: super::CommitFailure| failure.is_replaced;
        let is_possible = self.is_clean() || self.commit_failure.is_some_and(is_replaced);
        let Some(close) = &mut self.pending_close else {
            return false;
        };
        let is_due = |due| due <= Instant::now();
        let is_needed = is_possible && close.due(self.policy.interval).is_some_and(is_due);
        close.is_epoch_requested |= is_needed;
        is_needed
    }

    /// All ids are void: commits, closes days, and lets the store start an epoch where it can.
    pub(crate) fn start_epoch(
        &mut self,
        change: EpochChange,
        has_day_changed: bool,
        now: Timestamp,
    ) {
        self.flush_if_due(now);
        let is_clean = self.is_clean() || self.recover_replaced_file(now);
        if has_day_changed || change.rotate || change.closing == DayClosing::CheckNow {
            self.request_close(change.rotate.then_some(change.today));
        }
        if let Some(close) = &mut self.pending_close {
            if let Some(day) = close.rotate.take_if(|day| *day != change.today) {
                info!(%day, "the day that was to be rotated has ended meanwhile: it is closed as that day");
            }
            close.is_epoch_requested &= is_clean;
        }
        if !is_clean {
            return;
        }
        let may_close = |close: &mut PendingClose| {
            // The reader starts an epoch when the clock is in doubt no more; SIGUSR2 is obeyed at once.
            close.is_epoch_requested =
                change.closing == DayClosing::Forbidden && close.rotate.is_none();
            !close.is_epoch_requested
        };
        if let Some(close) = self.pending_close.take_if(may_close) {
            self.store.keep_extra_days(change.extra_days);
            let todays_rows = match close.rotate {
                Some(_) => TodaysRows::BecomeYesterdays,
                None => TodaysRows::Stay,
            };
            self.close_days(change.today, todays_rows, now);
        }
        self.store.start_epoch();
    }

    /// At a start with a clock in doubt: days are closed at the epoch that the reader starts when it is in doubt no more.
    pub(crate) fn postpone_close(&mut self) {
        self.pending_close = Some(PendingClose {
            tried: None,
            rotate: None,
            is_epoch_requested: true,
        });
    }

    /// Closes the days before `today`, at a start too.
    pub(crate) fn close_days(&mut self, today: Day, todays_rows: TodaysRows, now: Timestamp) {
        match self.store.close_days(today, todays_rows) {
            Ok(closed) => {
                self.unsynced = None;
                self.has_sync_failed = false;
                for closed in closed {
                    info!(day = %closed.day, file = %closed.location.display(), "day closed");
                    self.stats.days_closed.add(1);
                    self.scripts
                        .announce(self.store.name(), closed.location.into());
                }
                self.log_recovery();
            }
            Err(error) => {
                self.pending_close = Some(PendingClose {
                    tried: Some(Instant::now()),
                    rotate: (todays_rows == TodaysRows::BecomeYesterdays).then_some(today),
                    is_epoch_requested: false,
                });
                if let Some(suppressed) = self.failure_log.pass(now) {
                    self.logged_failure.get_or_insert_with(Instant::now);
                    error!(%error, suppressed, "cannot close the day, counting goes on; to be tried again");
                }
            }
        }
        match self.store.day_size(today) {
            Ok(size) => {
                self.size = size;
                self.show_size();
            }
            Err(error) => self.log_failure(&error, now),
        }
    }

    /// At the end: a rotation that had to wait. A day that ended is closed at the next start, but the operator does not
    /// send SIGUSR2 again. False when it still cannot be done.
    pub(crate) fn rotate_at_end(&mut self, today: Day, now: Timestamp) -> bool {
        if self.owes_rotation() {
            self.pending_close = None;
            self.close_days(today, TodaysRows::BecomeYesterdays, now);
        }
        !self.owes_rotation()
    }

    /// The end; false when something is left undone.
    pub(crate) fn finish(&mut self) -> bool {
        if self.owes_rotation() {
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

    /// Days are to be closed as soon as possible.
    pub(super) fn request_close(&mut self, rotate: Option<Day>) {
        self.pending_close = Some(PendingClose {
            tried: None,
            rotate: rotate.or(self.pending_close.and_then(|close| close.rotate)),
            is_epoch_requested: false,
        });
    }

    fn owes_rotation(&self) -> bool {
        self.pending_close
            .is_some_and(|close| close.rotate.is_some())
    }
}
