//! The loop.

use std::{future::pending, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tlsrptd_config::{clock::Moment, log::Trouble};
use tokio::{sync::mpsc, time::sleep};

use super::{Daemon, Order};
use crate::{environment::Environment, store::StoreError};

/// After a fault of the database that may pass (a full disk, a lock), it is tried again so much later.
const AFTER_FAULT: Duration = Duration::from_secs(10);
/// While that lasts, one line says so in so much time.
const TROUBLE_LINES: Duration = Duration::from_secs(30);
/// What ends so soon after the first is recorded with it: a transaction for each would cost more than the reports.
/// What is in hand lasts longer than that, so nobody waits.
const TOGETHER: Duration = Duration::from_millis(3);

impl<O: Environment> Daemon<O> {
    /// Works until it is told to stop. Orders other than that are handed to `on_order`.
    pub async fn run(
        &mut self,
        orders: &mut mpsc::Receiver<Order>,
        mut on_order: impl FnMut(Order),
    ) -> Result<(), StoreError> {
        let mut trouble = Trouble::new(TROUBLE_LINES);
        loop {
            let moment = self.look_at_clock();
            let now = moment.now;
            let rest = match self.turn(moment) {
                Ok(rest) => {
                    if let Some(lasted) = trouble.ended(now) {
                        let seconds = lasted.as_secs();
                        tracing::warn!(seconds, "the database takes again what we have to record");
                    }
                    rest
                }
                Err(error) if error.may_pass() => {
                    // Nothing is lost: what could not be recorded is kept and recorded later.
                    if let Some(suppressed) = trouble.failed(now) {
                        tracing::error!(%error, suppressed, "the database does not take what we have to record; trying again");
                    }
                    tokio::select! {
                        order = orders.recv() => match order {
                            None | Some(Order::Stop) => return Ok(()),
                            Some(order) => on_order(order),
                        },
                        () = sleep(AFTER_FAULT) => {}
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
                () = self.gathering.wait() => {}
                () = self.late.wait() => {}
                () = self.composing.wait() => sleep(TOGETHER).await,
                () = self.delivering.wait() => sleep(TOGETHER).await,
                () = rest_for(rest) => {}
            }
        }
    }

    /// Records what has ended, starts what is due. Gives how long there is nothing to start.
    ///
    /// # Errors
    /// When the database fails; what could not be recorded is kept.
    pub fn turn(&mut self, moment: Moment) -> Result<Duration, StoreError> {
        let now = moment.now;
        self.follow_clock(&moment)?;
        self.schedule_new_days(&moment)?;
        self.record_deliveries(now)?;
        self.record_pieces(now)?;
        self.record_grown(now)?;
        self.ask_for_additions(now)?;
        self.record_decisions(now)?;
        self.start_gathering(now)?;
        // By a time that is days behind, what is decided now would be due all at once, mails would bear a wrong date, and
        // the loop guard would take others' sessions for theirs. Minutes later it is known.
        if moment.is_founded() {
            self.start_decisions(now)?;
            self.probe_lanes();
            self.start_deliveries(now)?;
        }
        self.clean(&moment)?;
        self.rest(now)
    }

    fn rest(&mut self, now: Timestamp) -> Result<Duration, StoreError> {
        let cleans = self.cleaning && self.clock.moment.is_confirmed();
        if cleans || self.delivering.has_more {
            return Ok(Duration::ZERO);
        }
        let tomorrow = tlsrptd_proto::day::Day::of(now).next().start();
        let delivery = match self.clock.moment.is_founded() {
            true => self.state.next_delivery(now)?,
            false => None,
        };
        let next = [self.state.next_job(now)?, delivery, Some(tomorrow)];
        let until = |at: Timestamp| {
            let wait = at.duration_since(now).max(SignedDuration::ZERO);
            Duration::try_from(wait).unwrap_or(Duration::ZERO)
        };
        let probe = self.delivering.until_next_probe();
        let next = next.into_iter().flatten().map(until).chain(probe);
        let next = next.chain(self.gathering.rest());
        let next = next
            .chain(self.clock.until_confirmed())
            .chain(self.late.rest());
        Ok(next.fold(self.bounds.interval, Duration::min))
    }
}

async fn rest_for(rest: Duration) {
    // Cleaning goes on at once, but lets signals and results through first.
    if rest == Duration::MAX {
        pending::<()>().await;
    }
    sleep(rest).await;
}
