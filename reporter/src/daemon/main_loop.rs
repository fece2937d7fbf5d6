//! The main loop.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tlsrptd_proto::day::Day;
use tlsrptd_service::clock::WorkingTime;
use tokio::{sync::mpsc, time::sleep};

use super::{Daemon, Order, clock::Moved, failed_parts::Part};
use crate::{environment::Environment, store::StoreError};

/// After a database error that may pass (a full disk, a lock) the next attempt follows so much later.
pub(super) const RETRY_WAIT: Duration = Duration::from_secs(10);
/// Decisions that end so soon after the first are stored with it: a transaction for each would cost more than the reports.
const DECISIONS_WAIT: Duration = Duration::from_millis(3);

impl<E: Environment> Daemon<E> {
    /// Works until it is told to stop. Other orders are passed to `on_order`.
    ///
    /// # Errors
    /// When the database fails for good.
    pub async fn run(
        &mut self,
        orders: &mut mpsc::Receiver<Order>,
        mut on_order: impl FnMut(Order),
    ) -> Result<(), StoreError> {
        loop {
            // What is others' by now is not even begun.
            if !self.lease.is_valid() {
                return Err(StoreError::Fenced);
            }
            let moment = self.read_clock();
            let now = moment.now;
            let wait = match self.run_once(moment) {
                Ok(wait) => {
                    self.failed.log_recovery(now);
                    wait
                }
                Err(error) if error.may_pass() => {
                    // What could not be recorded is kept, and recorded later.
                    self.failed.log(&error, now);
                    tokio::select! {
                        order = orders.recv() => match order {
                            None | Some(Order::Stop) => return Ok(()),
                            Some(order) => on_order(order),
                        },
                        () = self.lease.ended() => {}
                        () = sleep(RETRY_WAIT) => {}
                    }
                    continue;
                }
                Err(error) => return Err(error),
            };
            // What a part that is left waits for may be there, and is not looked at.
            let failed = &self.failed;
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    None | Some(Order::Stop) => return Ok(()),
                    Some(order) => on_order(order),
                },
                () = self.lease.ended() => {}
                () = self.lease.news(), if !failed.is_left(Part::Tending) => {}
                () = self.gathering.wait(), if !failed.is_left(Part::Gathering) => {}
                () = self.additions_poller.wait(), if !failed.is_left(Part::Additions) => {}
                () = self.composing.wait(), if !failed.is_left(Part::Composing) => sleep(DECISIONS_WAIT).await,
                () = self.delivering.wait() => self.delivering.wait_for_others().await,
                () = self.digests.wait(), if !failed.is_left(Part::Digests) => {}
                () = self.requests.wait(&*self.store), if !failed.is_left(Part::Requests) => {}
                () = self.bounces.wait(&*self.store), if !failed.is_left(Part::Bounces) => {}
                () = self.published.wanted() => self.publish(),
                () = sleep(wait) => {}
            }
        }
    }

    /// Records what has ended, starts what is due. Gives how long there is nothing to start. A part that fails for now is left, and
    /// holds back no other.
    ///
    /// # Errors
    /// When the database fails; what could not be recorded is kept.
    pub fn run_once(&mut self, moment: WorkingTime) -> Result<Duration, StoreError> {
        let (store, now) = (&mut *self.store, moment.now);
        if self.clock.follow(store, &self.schedule)? == Moved::Back {
            self.calendar.forget_today();
            // Some may be asked for days that have not ended: their jobs go.
            self.gathering.abort();
        }
        if moment.change.is_some() {
            self.requests.read_again();
        }
        let failed = &mut self.failed;
        failed.attempt(Part::Calendar, now, || {
            self.calendar.schedule_new_days(store, &moment)
        })?;
        self.delivering.record(store, now)?;
        failed.attempt(Part::Requests, now, || {
            self.requests.record(store, &mut self.delivering, now)
        })?;
        self.gathering.abort_others(store);
        failed.attempt(Part::Gathering, now, || {
            self.gathering.record(store, &moment)
        })?;
        failed.attempt(Part::Additions, now, || {
            self.additions_poller.record(store, &moment)?;
            self.additions_poller.start(store, now)
        })?;
        self.tend(&moment)?;
        // While nothing can be decided on, what was decided goes out.
        self.compose(&moment)?;
        let (store, failed) = (&mut *self.store, &mut self.failed);
        if moment.is_beyond_last_known() {
            self.delivering.end_pauses(store);
            self.delivering.start(store, &moment)?;
        }
        let is_scheduled = self.calendar.is_scheduled(Day::of(now));
        failed.attempt(Part::Digests, now, || {
            self.digests.record(store, &moment)?;
            self.digests.start(store, is_scheduled, &moment)
        })?;
        failed.attempt(Part::Requests, now, || {
            self.requests.start(store, &mut self.delivering, &moment)
        })?;
        failed.attempt(Part::Bounces, now, || self.bounces.apply(store, &moment))?;
        failed.attempt(Part::Cleaning, now, || self.calendar.clean(store, &moment))?;
        self.until_next(&moment)
    }

    fn tend(&mut self, moment: &WorkingTime) -> Result<(), StoreError> {
        let store = &mut *self.store;
        let tended = self.failed.attempt(Part::Tending, moment.now, || {
            self.tending.tend(store, &self.calendar, moment)
        })?;
        let Some(share) = tended else {
            return Ok(());
        };
        self.delivering.share_rate(share.members);
        if share.has_taken {
            // The calendar may be ours by now.
            self.calendar.forget_today();
            self.digests.look_now();
        }
        Ok(())
    }

    fn compose(&mut self, moment: &WorkingTime) -> Result<(), StoreError> {
        let (store, failed, now) = (&mut *self.store, &mut self.failed, moment.now);
        let composed = self.composing.day();
        failed.attempt(Part::Composing, now, || self.composing.record(store, now))?;
        if composed.is_some() && self.composing.day() != composed {
            self.digests.look_now();
        }
        failed.attempt(Part::Gathering, now, || {
            self.gathering.start(store, self.composing.day(), now)
        })?;
        // By a time that is days behind, what is decided now would be due all at once, mails would bear a wrong date, and
        // the loop guard would take others' sessions for theirs. Minutes later it is known.
        if moment.is_beyond_last_known() {
            failed.attempt(Part::Composing, now, || {
                self.composing.start(store, &self.calendar, moment)
            })?;
        }
        Ok(())
    }

    fn until_next(&mut self, moment: &WorkingTime) -> Result<Duration, StoreError> {
        let now = moment.now;
        let cleans = self.calendar.is_cleaning
            && moment.may_discard()
            && !self.failed.is_left(Part::Cleaning);
        if cleans || self.delivering.has_more {
            return Ok(Duration::ZERO);
        }
        let tomorrow = Day::of(now).next().start();
        let delivery = match moment.is_beyond_last_known() {
            true => self.store.next_delivery(now)?,
            false => None,
        };
        let until = |at: Timestamp| {
            let wait = at.duration_since(now).max(SignedDuration::ZERO);
            Duration::try_from(wait).unwrap_or(Duration::ZERO)
        };
        let fetch = self.store.next_job(now)?;
        (self.next_delivery, self.next_fetch) = (delivery, fetch);
        let dates = [fetch, delivery, Some(tomorrow)];
        let of = |part, next: Option<Duration>| next.filter(|_| !self.failed.is_left(part));
        let waits = [
            self.delivering.until_next_probe(),
            self.delivering.until_log(now),
            self.gathering.paused_for(),
            self.clock.until_confirmed(),
            of(Part::Additions, self.additions_poller.until_next()),
            of(Part::Digests, self.digests.until_next()),
            of(Part::Tending, self.tending.until_next()),
            self.failed.until_next(),
        ];
        let dates = dates.into_iter().flatten().map(until);
        let next = dates.chain(waits.into_iter().flatten());
        Ok(next.fold(self.options.interval_main_loop, Duration::min))
    }
}
