//! An orderly end: what is under way is let end while there is a reason to wait, and what ended is recorded.

use std::time::Duration;

use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

use super::{Daemon, Order};
use crate::{environment::Environment, store::StoreError};

/// An answer to a report that the other side has is waited for so long: less than the unit's `TimeoutStopSec`.
const LONGEST_ANSWER: Duration = Duration::from_secs(120);
/// How often it is looked whether there is still something to wait for.
const A_LOOK: Duration = Duration::from_millis(200);

impl<O: Environment> Daemon<O> {
    /// Lets deliveries that are under way end, for so long, and records them. What a relay or a receiver has already is
    /// waited for longer: to hang up on a slow filter sends it twice. Told once more to stop, it waits no more.
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
        self.late.abort();
        self.composing.abort();
        // When that fails, the next start does it; how attempts end is to be recorded all the same.
        let put_back = self.put_back_deliveries();
        tokio::select! {
            biased;
            () = told_again(orders, on_order) => tracing::info!("told again to stop: no delivery is waited for"),
            () = self.let_all_end(grace) => {}
        }
        if self.delivering.is_busy() {
            tracing::warn!(
                "{} deliveries did not end in time: they will be repeated",
                self.delivering.abort()
            );
        }
        let moment = self.look_at_clock();
        let recorded = self.record_deliveries(moment.now).and(put_back);
        let noted = match moment.is_confirmed() {
            true => self.note_time(moment.now),
            false => Ok(()),
        };
        recorded.and(noted)
    }

    async fn let_all_end(&mut self, grace: Duration) {
        self.let_end(grace, |_| true).await;
        let reports = self.environment.awaited();
        if !self.delivering.is_busy() || reports == 0 {
            return;
        }
        // Whoever ends us now finds what has ended so far recorded.
        let now = self.look_at_clock().now;
        if let Err(error) = self.record_deliveries(now) {
            tracing::debug!(%error, "not recorded yet");
        }
        tracing::info!(
            reports,
            "the relay or receivers have reports that they have not answered: waiting for that (a second SIGTERM ends it)"
        );
        let rest = LONGEST_ANSWER.saturating_sub(grace);
        self.let_end(rest, |environment| environment.awaited() > 0)
            .await;
    }

    /// Waits until no delivery is under way, no longer than that and only while there is a reason.
    async fn let_end(&mut self, time: Duration, goes_on: impl Fn(&O) -> bool) {
        let all = async {
            while self.delivering.is_busy() && goes_on(&self.environment) {
                let _ = timeout(A_LOOK, self.delivering.wait()).await;
            }
        };
        tokio::select! {
            () = all => {}
            () = sleep(time) => {}
        }
    }
}

/// Ends with the next order to stop. The others are handed on meanwhile: the log is rotated, the service manager asks.
async fn told_again(orders: &mut mpsc::Receiver<Order>, mut on_order: impl FnMut(Order)) {
    loop {
        match orders.recv().await {
            Some(Order::Stop) => return,
            Some(order) => on_order(order),
            None => std::future::pending().await,
        }
    }
}
