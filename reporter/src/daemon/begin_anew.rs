//! A reporter of a fleet that was taken for dead begins anew, in the same process: nothing of what it had in hand is its own.

use std::time::Duration;

use jiff::Timestamp;
use tlsrptd_service::log::FailureThrottle;
use tokio::{sync::mpsc, time::sleep};

use super::{Daemon, Order, Parts};
use crate::{
    environment::Environment,
    store::{Store, StoreError},
};

/// The database is tried again so much later. Others wait as long as a lease before they take what is not recorded.
const RETRY_WAIT: Duration = Duration::from_secs(3);
/// While it cannot be used, that is logged once in so much time.
const LOG_INTERVAL: Duration = Duration::from_secs(30);

/// Opens the store.
pub type OpenStore<'o> = &'o dyn Fn() -> Result<Box<dyn Store>, StoreError>;

impl<E: Environment> Daemon<E> {
    /// Works until it is told to stop; when the fleet takes this reporter for dead, it begins anew with what `open` gives. Gives
    /// how the work ended, and the daemon, to be stopped; without one it was told to stop while it began anew.
    pub async fn run_in_fleet(
        self,
        open: OpenStore<'_>,
        orders: &mut mpsc::Receiver<Order>,
        mut on_order: impl FnMut(Order),
    ) -> (Option<Daemon<E>>, Result<(), StoreError>) {
        let mut daemon = self;
        loop {
            match daemon.run(orders, &mut on_order).await {
                Err(StoreError::Fenced) => {}
                ended => return (Some(daemon), ended),
            }
            match daemon.begin_anew(open, orders, &mut on_order).await {
                Some(anew) => daemon = anew,
                None => return (None, Ok(())),
            }
        }
    }

    /// Ends all that is under way, and becomes a new member of the fleet. `None`: it was told to stop.
    async fn begin_anew(
        mut self,
        open: OpenStore<'_>,
        orders: &mut mpsc::Receiver<Order>,
        on_order: &mut impl FnMut(Order),
    ) -> Option<Daemon<E>> {
        let under_way = self.delivering.number_active();
        tracing::warn!(
            under_way,
            "the fleet has not heard of this reporter for longer than its lease: it begins anew, and what was under way is repeated"
        );
        self.lease.end();
        self.delivering.abort();
        self.gathering.abort();
        self.additions_poller.abort();
        self.composing.abort();
        self.digests.abort();
        let mut trouble = Trouble::new();
        // What ended in time is known, and if nobody has taken it over yet it need not be repeated.
        while let Err(error) = self.record_ends() {
            if !error.may_pass() {
                break;
            }
            trouble.log(self.read_clock().now, &error);
            if is_told_to_stop(orders, on_order).await {
                return None;
            }
        }
        let Daemon {
            environment,
            composer,
            options,
            collectors,
            published,
            store,
            next_seed,
            ..
        } = self;
        if let Err(error) = store.close() {
            tracing::debug!(%error, "could not leave the fleet");
        }
        let mut seed = next_seed;
        loop {
            let parts = Parts {
                environment: environment.clone(),
                composer: composer.clone(),
                options: options.clone(),
                collectors: collectors.clone(),
                published: published.clone(),
                seed,
            };
            match open().and_then(|store| Daemon::of(store, parts)) {
                Ok(daemon) => return Some(daemon),
                Err(error) => trouble.log(environment.reading().wall, &error),
            }
            if is_told_to_stop(orders, on_order).await {
                return None;
            }
            seed = seed.wrapping_add(1);
        }
    }

    fn record_ends(&mut self) -> Result<(), StoreError> {
        let moment = self.read_clock();
        let (store, now) = (&mut *self.store, moment.now);
        self.delivering.record(store, now)?;
        self.requests.record(store, &mut self.delivering, now)?;
        self.digests.record(store, &moment)
    }
}

/// Why the database cannot be used, now and then.
struct Trouble(FailureThrottle);

impl Trouble {
    fn new() -> Trouble {
        Trouble(FailureThrottle::new(LOG_INTERVAL))
    }

    fn log(&mut self, now: Timestamp, error: &StoreError) {
        if let Some(suppressed) = self.0.failed(now) {
            tracing::error!(%error, suppressed, "cannot use the database of the fleet; trying again");
        }
    }
}

/// Waits for the next attempt. Other orders are passed on meanwhile.
async fn is_told_to_stop(
    orders: &mut mpsc::Receiver<Order>,
    on_order: &mut impl FnMut(Order),
) -> bool {
    let mut wait = std::pin::pin!(sleep(RETRY_WAIT));
    loop {
        tokio::select! {
            biased;
            order = orders.recv() => match order {
                None | Some(Order::Stop) => return true,
                Some(order) => on_order(order),
            },
            () = &mut wait => return false,
        }
    }
}
