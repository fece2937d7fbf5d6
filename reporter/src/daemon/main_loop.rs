//! The main loop.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tlsrptd_proto::day::Day;
use tlsrptd_service::{clock::WorkingTime, log::FailureThrottle};
use tokio::{sync::mpsc, time::sleep};

use super::{Daemon, Order, clock::Moved};
use crate::{environment::Environment, store::StoreError};

/// After a database error that may pass (a full disk, a lock) the next attempt follows so much later.
const RETRY_WAIT: Duration = Duration::from_secs(10);
/// While the error lasts, it is logged once in so much time.
const LOG_INTERVAL: Duration = Duration::from_secs(30);
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
        let mut trouble = FailureThrottle::new(LOG_INTERVAL);
        loop {
            // What is others' by now is not even begun.
            if !self.lease.is_valid() {
                return Err(StoreError::Fenced);
            }
            let moment = self.read_clock();
            let now = moment.now;
            let wait = match self.run_once(moment) {
                Ok(wait) => {
                    if let Some(lasted) = trouble.recovered(now) {
                        let seconds = lasted.as_secs();
                        tracing::warn!(seconds, "the database can be written again");
                    }
                    wait
                }
                Err(error) if error.may_pass() => {
                    // What could not be recorded is kept, and recorded later.
                    if let Some(suppressed) = trouble.failed(now) {
                        tracing::error!(%error, suppressed, "cannot write to the database; trying again");
                    }
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
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    None | Some(Order::Stop) => return Ok(()),
                    Some(order) => on_order(order),
                },
                () = self.lease.ended() => {}
                () = self.lease.news() => {}
                () = self.gathering.wait() => {}
                () = self.additions_poller.wait() => {}
                () = self.composing.wait() => sleep(DECISIONS_WAIT).await,
                () = self.delivering.wait() => self.delivering.wait_for_others().await,
                () = self.digests.wait() => {}
                () = self.requests.wait(&*self.store) => {}
                () = self.bounces.wait(&*self.store) => {}
                () = self.published.wanted() => self.publish(),
                () = sleep(wait) => {}
            }
        }
    }

    /// Records what has ended, starts what is due. Gives how long there is nothing to start.
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
        self.calendar.schedule_new_days(store, &moment)?;
        self.delivering.record(store, now)?;
        self.requests.record(store, &mut self.delivering, now)?;
        self.gathering.abort_others(store);
        self.gathering.record(store, &moment)?;
        self.additions_poller.record(store, &moment)?;
        self.additions_poller.start(store, now)?;
        let share = self.tending.tend(store, &self.calendar, &moment)?;
        self.delivering.share_rate(share.members);
        if share.has_taken {
            // The calendar may be ours by now.
            self.calendar.forget_today();
            self.digests.look_now();
        }
        // While nothing can be decided on, what was decided goes out.
        let composed = match self.compose(&moment) {
            Err(error) if !error.may_pass() => return Err(error),
            composed => composed,
        };
        let store = &mut *self.store;
        if moment.is_beyond_last_known() {
            self.delivering.end_pauses(store);
            self.delivering.start(store, &moment)?;
        }
        self.digests.record(store, &moment)?;
        let is_scheduled = self.calendar.is_scheduled(Day::of(now));
        self.digests.start(store, is_scheduled, &moment)?;
        self.requests.start(store, &mut self.delivering, &moment)?;
        self.bounces.apply(store, &moment)?;
        self.calendar.clean(store, &moment)?;
        composed?;
        self.until_next(&moment)
    }

    fn compose(&mut self, moment: &WorkingTime) -> Result<(), StoreError> {
        let (store, now) = (&mut *self.store, moment.now);
        let composed = self.composing.day();
        self.composing.record(store, now)?;
        if composed.is_some() && self.composing.day() != composed {
            self.digests.look_now();
        }
        self.gathering.start(store, self.composing.day(), now)?;
        // By a time that is days behind, what is decided now would be due all at once, mails would bear a wrong date, and
        // the loop guard would take others' sessions for theirs. Minutes later it is known.
        match moment.is_beyond_last_known() {
            true => self.composing.start(store, &self.calendar, moment),
            false => Ok(()),
        }
    }

    fn until_next(&mut self, moment: &WorkingTime) -> Result<Duration, StoreError> {
        let now = moment.now;
        let cleans = self.calendar.is_cleaning && moment.may_discard();
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
        let waits = [
            self.delivering.until_next_probe(),
            self.delivering.until_log(now),
            self.gathering.paused_for(),
            self.clock.until_confirmed(),
            self.additions_poller.until_next(),
            self.digests.until_next(),
            self.tending.until_next(),
        ];
        let dates = dates.into_iter().flatten().map(until);
        let next = dates.chain(waits.into_iter().flatten());
        Ok(next.fold(self.options.interval_main_loop, Duration::min))
    }
}
