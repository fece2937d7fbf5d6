//! An orderly end: waits for attempts under way while that may help, and records how they ended.

use std::time::Duration;

use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

use super::{Daemon, Order};
use crate::{environment::Environment, store::StoreError};

/// The longest wait for an answer to a report that the other side has: less than the unit's `TimeoutStopSec`.
const MAX_ANSWER_WAIT: Duration = Duration::from_secs(120);
/// How often the reason to wait is checked again.
const CHECK_INTERVAL: Duration = Duration::from_millis(200);

impl<E: Environment> Daemon<E> {
    /// Waits for `grace` until the deliveries under way have ended, and records them. It waits longer for a relay or
    /// receiver that has the whole report: to hang up on a slow filter would send it twice. A second order to stop ends the
    /// wait.
    ///
    /// # Errors
    /// When the database fails; what could not be recorded is repeated after the next start.
    pub async fn stop(
        &mut self,
        grace: Duration,
        orders: &mut mpsc::Receiver<Order>,
        on_order: impl FnMut(Order),
    ) -> Result<(), StoreError> {
        self.gathering.abort();
        self.additions_poller.abort();
        self.composing.abort();
        // If this fails, the next start does it; the outcomes of attempts are recorded all the same.
        let released = self.delivering.release_waiting(&mut *self.store);
        tokio::select! {
            biased;
            () = second_stop(orders, on_order) => tracing::info!("told again to stop: no delivery is waited for"),
            () = self.wait_for_deliveries(grace) => {}
        }
        self.digests.abort();
        if self.delivering.is_busy() {
            tracing::warn!(
                "{} deliveries did not end in time: they will be repeated",
                self.delivering.abort()
            );
        }
        let moment = self.read_clock();
        let now = moment.now;
        let told = self.digests.record(&mut *self.store, &moment);
        let recorded = self.delivering.record(&mut *self.store, now).and(released);
        let recorded = recorded.and(told);
        self.delivering.end_log(now);
        let (store, delivering) = (&mut *self.store, &mut self.delivering);
        let answered = self.requests.record(store, delivering, now);
        let answered = answered.and_then(|()| self.requests.stop(store, now));
        recorded
            .and(answered)
            .and(self.clock.record_time(&mut *self.store))
    }

    async fn wait_for_deliveries(&mut self, grace: Duration) {
        self.wait_while(grace, |_| true).await;
        let reports = self.environment.unanswered();
        if !self.is_sending() || reports == 0 {
            return;
        }
        // We may be killed while we wait: record what has ended so far.
        let now = self.read_clock().now;
        if let Err(error) = self.delivering.record(&mut *self.store, now) {
            tracing::debug!(%error, "not recorded yet");
        }
        tracing::info!(
            reports,
            "the relay or receivers have reports that they have not answered: waiting for that (a second SIGTERM ends it)"
        );
        let rest = MAX_ANSWER_WAIT.saturating_sub(grace);
        self.wait_while(rest, |environment| environment.unanswered() > 0)
            .await;
    }

    fn is_sending(&self) -> bool {
        self.delivering.is_busy() || self.digests.is_busy()
    }

    /// Waits until nothing is under way, `time` at most, and only while `goes_on` says so.
    async fn wait_while(&mut self, time: Duration, goes_on: impl Fn(&E) -> bool) {
        let all = async {
            while self.is_sending() && goes_on(&self.environment) {
                let ended = async {
                    tokio::select! {
                        () = self.delivering.wait() => {}
                        // One that has ended is recorded at the end: it must not keep the rest from being waited for.
                        () = self.digests.wait(), if self.digests.is_busy() => {}
                    }
                };
                let _ = timeout(CHECK_INTERVAL, ended).await;
            }
        };
        tokio::select! {
            () = all => {}
            () = sleep(time) => {}
        }
    }
}

/// Waits for the next order to stop. Others are passed on meanwhile: to reopen the log, to answer the watchdog.
async fn second_stop(orders: &mut mpsc::Receiver<Order>, mut on_order: impl FnMut(Order)) {
    loop {
        match orders.recv().await {
            Some(Order::Stop) => return,
            Some(order) => on_order(order),
            None => std::future::pending().await,
        }
    }
}
