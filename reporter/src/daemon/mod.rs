//! Turns the wheel: starts what is due, takes what ended, records it, sleeps until the next thing is due.
//!
//! One task owns the database and does every write; collectors, decisions and deliveries are tasks beside it that hand
//! their results over. A turn records everything that has ended meanwhile in one go, so that the slower the disk is, the
//! larger the groups are.

mod circuit;
mod composing;
mod delivering;
mod gathering;
mod holding;
mod lane;
mod lanes;
mod pidfile;
mod prepare;
mod serve;
mod signals;
mod turn;

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use rand::{SeedableRng as _, rngs::StdRng};
use tlsrptd_proto::day::Day;

use crate::{
    compose::Composer,
    outside::Outside,
    schedule::Schedule,
    state::{NewJob, State, StateError},
};

pub use prepare::{Prepared, faults, prepare};
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
    /// `interval_main_loop`: it looks around at least so often.
    pub interval: std::time::Duration,
}

/// The reporter at work.
pub struct Daemon<O> {
    state: State,
    outside: Arc<O>,
    schedule: Arc<Schedule>,
    composer: Arc<Composer>,
    bounds: Bounds,
    rng: StdRng,
    today: Option<Day>,
    cleaning: bool,
    gathering: gathering::Gathering,
    composing: composing::Composing,
    delivering: delivering::Delivering,
}

impl<O> std::fmt::Debug for Daemon<O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Daemon")
            .field("bounds", &self.bounds)
            .finish_non_exhaustive()
    }
}

impl<O: Outside> Daemon<O> {
    /// Takes up the database as whoever had it before left it. `seed` is all the chance there is.
    pub fn new(
        mut state: State,
        outside: Arc<O>,
        composer: Arc<Composer>,
        bounds: Bounds,
        seed: u64,
    ) -> Result<Daemon<O>, StateError> {
        let now = outside.now();
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
            composing: composing::Composing::new(leftover),
            delivering: delivering::Delivering::default(),
            rng: StdRng::seed_from_u64(seed),
            today: None,
            cleaning: false,
            state,
            outside,
            composer,
            bounds,
        })
    }

    /// The database, when the work is over.
    pub fn into_state(self) -> State {
        self.state
    }

    /// Once a day, and at the start: jobs for every closed day that may still be reported, and away with what is old.
    fn look_at_calendar(&mut self, now: Timestamp) -> Result<(), StateError> {
        let today = Day::of(now);
        if self.today == Some(today) {
            return Ok(());
        }
        let known = self.state.days_with_jobs()?;
        let open = self.state.open_days()?;
        let reportable: BTreeSet<Day> = self.schedule.reportable_days(now).into_iter().collect();
        let missed = reportable.difference(&known);
        let days: Vec<Day> = missed
            .chain(open.intersection(&reportable))
            .copied()
            .collect();
        let fetchers = &self.bounds.fetchers;
        let changed = self.state.make_jobs(&days, fetchers, now)?;
        let reopened = self.state.reopen_given_up(&reportable, fetchers, now)?;
        changed.iter().chain(&reopened).for_each(gathering::tell);
        self.today = Some(today);
        self.cleaning = true;
        Ok(())
    }

    fn clean(&mut self, now: Timestamp) -> Result<(), StateError> {
        if self.cleaning {
            self.cleaning = self.state.clean(self.schedule.oldest_kept(now))?;
        }
        Ok(())
    }
}
