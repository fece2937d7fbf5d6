//! `tlsrpt-reportd`: the main loop, and what it starts, waits for and records.
//!
//! One task owns the database and does every write; collectors, decisions and deliveries are tasks beside it that hand
//! their results over. A pass of the loop ([`Daemon::run_once`]) records everything that has ended meanwhile in one
//! transaction, so a slower disk gets larger transactions. Each part below gets the store and the time as arguments.

mod additions;
mod begin_anew;
mod bounces;
mod calendar;
mod check_config;
mod clock;
mod composing;
mod delivering;
mod digest;
mod failed_parts;
mod gathering;
mod main_loop;
mod observation;
mod prepare;
mod probing;
mod requests;
mod sent_log;
mod serve;
pub(crate) mod signals;
mod stop;
mod tending;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::Timestamp;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tlsrptd_proto::day::Day;
use tlsrptd_service::clock::WorkingTime;

use crate::{
    compose::Composer,
    environment::Environment,
    model::CollectorCommand,
    schedule::Schedule,
    store::{Lease, Store, StoreError},
};
use additions::AdditionsPoller;
use bounces::BounceRunner;
use calendar::Calendar;
use clock::Clock;
use composing::Composing;
use delivering::Delivering;
use digest::DigestSender;
use failed_parts::FailedParts;
use gathering::Gathering;
use observation::{CollectorBoard, Published, Snapshot};
use requests::RequestRunner;
use sent_log::ReportLog;
use tending::Tending;

pub use begin_anew::OpenStore;
pub use check_config::faults;
pub use digest::DigestOptions;
pub use prepare::{Prepared, prepare};
pub use serve::serve;
pub use signals::Order;

/// The options of the daemon itself.
#[derive(Clone, Debug)]
pub struct DaemonOptions {
    /// The collectors.
    pub fetchers: Vec<CollectorCommand>,
    /// The option of this name.
    pub max_concurrent_deliveries: usize,
    /// The option of this name.
    pub max_concurrent_per_host: usize,
    /// The option of this name: posts a second.
    pub max_rate_per_host: u32,
    /// The option of this name: mails a minute.
    pub max_mail_rate_per_domain: u32,
    /// The option of this name.
    pub clock_confirmation: Duration,
    /// The option of this name.
    pub late_interval: Duration,
    /// The option of this name: the longest pause between two passes.
    pub interval_main_loop: Duration,
    /// `None`: no digest is mailed.
    pub digest: Option<DigestOptions>,
    /// The option of this name; zero: each report that is stored or sent has a line.
    pub log_sent_interval: Duration,
    /// How often the daemon looks whether the operator asks for something.
    pub request_interval: Duration,
}

/// The reporter at work.
pub struct Daemon<E: Environment> {
    store: Box<dyn Store>,
    lease: Lease,
    environment: Arc<E>,
    composer: Arc<Composer>,
    schedule: Arc<Schedule>,
    options: DaemonOptions,
    tending: Tending,
    clock: Clock,
    calendar: Calendar,
    gathering: Gathering<E>,
    additions_poller: AdditionsPoller<E>,
    composing: Composing<E>,
    delivering: Delivering<E>,
    digests: DigestSender<E>,
    requests: RequestRunner<E>,
    bounces: BounceRunner,
    collectors: CollectorBoard,
    published: Arc<Published<Snapshot>>,
    failed: FailedParts,
    /// As of the last pass.
    next_delivery: Option<Timestamp>,
    next_fetch: Option<Timestamp>,
    /// Of the daemon after this one: see [`Daemon::begin_anew`].
    next_seed: u64,
}

/// What stays when the reporter begins anew.
struct Parts<E> {
    environment: Arc<E>,
    composer: Arc<Composer>,
    options: DaemonOptions,
    collectors: CollectorBoard,
    published: Arc<Published<Snapshot>>,
    seed: u64,
}

impl<E: Environment> std::fmt::Debug for Daemon<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Daemon")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl<E: Environment> Daemon<E> {
    /// Resumes from the database; `seed` fixes all randomness.
    ///
    /// # Errors
    /// When the database fails.
    pub fn new(
        store: Box<dyn Store>,
        environment: Arc<E>,
        composer: Arc<Composer>,
        options: DaemonOptions,
        seed: u64,
    ) -> Result<Daemon<E>, StoreError> {
        let parts = Parts {
            environment,
            composer,
            collectors: CollectorBoard::new(&options.fetchers),
            published: Arc::new(Published::new()),
            options,
            seed,
        };
        Daemon::of(store, parts)
    }

    fn of(mut store: Box<dyn Store>, parts: Parts<E>) -> Result<Daemon<E>, StoreError> {
        let Parts {
            environment,
            composer,
            options,
            collectors,
            published,
            seed,
        } = parts;
        let known = store.known_time()?;
        let clock = Clock::new(options.clock_confirmation, known, environment.reading());
        let leftover = resume(store.as_mut(), clock.moment.now)?;
        let mut rng = StdRng::seed_from_u64(seed);
        let mut fork = || StdRng::from_rng(&mut rng);
        let (env, schedule, lease) = (&environment, &composer.schedule, store.lease());
        let fetchers = &options.fetchers;
        let gathering = Gathering::new(
            Arc::clone(env),
            Arc::clone(schedule),
            collectors.clone(),
            fork(),
        );
        let composing = Composing::new(
            Arc::clone(env),
            Arc::clone(&composer),
            fork(),
            leftover,
            ReportLog::of(options.log_sent_interval),
        );
        let delivering = Delivering::new(
            Arc::clone(env),
            Arc::clone(schedule),
            lease.clone(),
            &options,
            fork(),
        );
        let digests = DigestSender::new(
            Arc::clone(env),
            Arc::clone(schedule),
            lease.clone(),
            options.digest.clone(),
            fork(),
        );
        Ok(Daemon {
            clock,
            tending: Tending::new(Arc::clone(schedule)),
            calendar: Calendar::new(Arc::clone(schedule), fetchers.clone()),
            gathering,
            additions_poller: AdditionsPoller::new(
                Arc::clone(env),
                Arc::clone(schedule),
                fetchers.clone(),
                options.late_interval,
            ),
            composing,
            delivering,
            digests,
            requests: RequestRunner::new(
                Arc::clone(env),
                Arc::clone(&composer),
                lease.clone(),
                options.request_interval,
            ),
            bounces: BounceRunner::new(options.request_interval),
            schedule: Arc::clone(schedule),
            collectors,
            published,
            failed: FailedParts::new(),
            next_delivery: None,
            next_fetch: None,
            next_seed: rng.next_u64(),
            lease,
            store,
            environment,
            composer,
            options,
        })
    }

    /// The database, when the work is over.
    pub fn into_store(self) -> Box<dyn Store> {
        self.store
    }

    fn read_clock(&mut self) -> WorkingTime {
        self.clock.read(self.environment.reading())
    }
}

/// Takes up what an earlier reporter left; the days in which sys4's was stopped.
fn resume(store: &mut dyn Store, now: Timestamp) -> Result<BTreeSet<Day>, StoreError> {
    let repeated = store.release()?;
    if repeated > 0 {
        tracing::warn!(
            "{repeated} deliveries were under way when the reporter ended: they are repeated"
        );
    }
    let adopted = store.adopt_lists(now)?;
    if adopted > 0 {
        tracing::info!("{adopted} fetch jobs are resumed");
    }
    store.leftover_days()
}
