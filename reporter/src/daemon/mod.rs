//! Turns the wheel: starts what is due, takes what ended, records it, sleeps until the next thing is due.
//!
//! One task owns the database and does every write; collectors, decisions and deliveries are tasks beside it that hand
//! their results over. A turn records everything that has ended meanwhile in one go, so that the slower the disk is, the
//! larger the groups are.

mod calendar;
mod clock;
mod composing;
mod delivering;
mod gathering;
mod holding;
mod late;
mod look;
mod pidfile;
mod prepare;
mod serve;
mod signals;
mod stop;
mod turn;

use std::sync::Arc;

use rand::{SeedableRng as _, rngs::StdRng};
use tlsrptd_proto::day::Day;

use crate::{
    compose::Composer,
    environment::Environment,
    schedule::Schedule,
    store::{NewJob, Store, StoreError},
};

pub use look::faults;
pub use prepare::{Prepared, prepare};
pub use serve::serve;
pub use signals::Order;

/// What a daemon needs to know beside its parts.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// The collectors.
    pub fetchers: Vec<NewJob>,
    /// `max_concurrent_deliveries`.
    pub deliveries: usize,
    /// `max_concurrent_per_host`.
    pub per_host: usize,
    /// `max_rate_per_host`.
    pub rate_per_host: u32,
    /// `clock_confirmation`.
    pub clock_confirmation: std::time::Duration,
    /// `late_interval`.
    pub late_interval: std::time::Duration,
    /// `interval_main_loop`: it looks around at least so often.
    pub interval: std::time::Duration,
}

/// The reporter at work.
pub struct Daemon<O: Environment> {
    state: Store,
    environment: Arc<O>,
    schedule: Arc<Schedule>,
    composer: Arc<Composer>,
    bounds: Bounds,
    rng: StdRng,
    clock: clock::Clock,
    today: Option<Day>,
    cleaning: bool,
    gathering: gathering::Gathering,
    late: late::Late,
    composing: composing::Composing,
    delivering: delivering::Delivering<O>,
}

impl<O: Environment> std::fmt::Debug for Daemon<O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Daemon")
            .field("bounds", &self.bounds)
            .finish_non_exhaustive()
    }
}

impl<O: Environment> Daemon<O> {
    /// Takes up the database as whoever had it before left it. `seed` is all the chance there is.
    pub fn new(
        mut state: Store,
        environment: Arc<O>,
        composer: Arc<Composer>,
        bounds: Bounds,
        seed: u64,
    ) -> Result<Daemon<O>, StoreError> {
        let known = state.known_time()?;
        let clock = clock::Clock::new(bounds.clock_confirmation, known, environment.reading());
        let now = clock.moment.now;
        let repeated = state.release()?;
        if repeated > 0 {
            tracing::warn!(
                "{repeated} deliveries were under way when the reporter ended: they are repeated"
            );
        }
        let adopted = state.adopt_lists(now)?;
        if adopted > 0 {
            tracing::info!("{adopted} fetch jobs are taken up in the middle");
        }
        let leftover = state.leftover_days()?;
        Ok(Daemon {
            schedule: Arc::clone(&composer.schedule),
            gathering: gathering::Gathering::default(),
            late: late::Late::default(),
            composing: composing::Composing::new(leftover),
            delivering: delivering::Delivering::new(Arc::clone(&environment), &bounds),
            rng: StdRng::seed_from_u64(seed),
            clock,
            today: None,
            cleaning: false,
            state,
            environment,
            composer,
            bounds,
        })
    }

    /// The database, when the work is over.
    pub fn into_state(self) -> Store {
        self.state
    }
}
