//! The tasks that make attempts.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use super::{
    Queued,
    destination::SLOW,
    scheduler::{Job, Look, Next, Scheduler},
};
use crate::{
    deliver::{Outcome, Progress},
    environment::Environment,
};

/// An attempt that lasts is looked at again after a quarter of its time, but at least so often.
const LOOK: Duration = Duration::from_secs(5);

/// What all runners share.
pub(super) struct Runners<O> {
    environment: Arc<O>,
    scheduler: Mutex<Scheduler>,
    stop: watch::Sender<bool>,
}

impl<O: Environment> Runners<O> {
    pub(super) fn new(environment: Arc<O>, scheduler: Scheduler) -> Runners<O> {
        Runners {
            environment,
            scheduler: Mutex::new(scheduler),
            stop: watch::Sender::new(false),
        }
    }

    pub(super) fn environment(&self) -> &O {
        &self.environment
    }

    /// Lets all begin that may.
    pub(super) fn start(self: &Arc<Self>) {
        while let Some(next) = self.next() {
            let this = Arc::clone(self);
            match next {
                Next::Begin(job) => drop(tokio::spawn(async move { this.run(*job).await })),
                Next::Wake(at, host) => drop(tokio::spawn(async move {
                    sleep_until(at).await;
                    this.scheduler().wake(&host, Instant::now());
                    this.start();
                })),
            }
        }
    }

    fn next(&self) -> Option<Next> {
        self.scheduler().next(Instant::now())
    }

    /// From attempt to attempt until there is none.
    async fn run(self: Arc<Self>, mut job: Job) {
        loop {
            // A stop: what it did is unknown, and will be repeated.
            let Some(outcome) = self.attempt(&job).await else {
                return;
            };
            let next = {
                let (mut scheduler, now) = (self.scheduler(), Instant::now());
                scheduler.end(job, outcome, now);
                scheduler.next(now)
            };
            // What ended may have made room for more than one.
            match next {
                Some(Next::Begin(next)) => {
                    self.start();
                    job = *next;
                }
                Some(Next::Wake(at, host)) => {
                    self.start();
                    sleep_until(at).await;
                    self.scheduler().wake(&host, Instant::now());
                    return self.start();
                }
                None => return,
            }
        }
    }

    async fn attempt(self: &Arc<Self>, job: &Job) -> Option<Outcome> {
        let Queued { delivery, mail } = &job.queued;
        let (begun, progress) = (Instant::now(), Progress::default());
        let mut stop = self.stop.subscribe();
        let work = self.environment.deliver_telling(delivery, mail, &progress);
        let mut work = std::pin::pin!(work);
        let mut pause = SLOW;
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|is_stopped| *is_stopped) => return None,
                outcome = &mut work => return Some(outcome),
                () = sleep(pause), if !job.is_own => {}
            }
            pause = (begun.elapsed() / 4).clamp(SLOW, LOOK);
            let now = Instant::now();
            let look = self.scheduler().look(job.id, &progress, now);
            match look {
                Look::Cut => return Some(cut(&progress)),
                Look::Room => self.start(),
                Look::Nothing => {}
            }
        }
    }

    pub(super) fn stop(&self) {
        self.scheduler().is_stopped = true;
        // For those too that were spawned and have not begun to listen.
        self.stop.send_replace(true);
    }

    pub(super) fn scheduler(&self) -> MutexGuard<'_, Scheduler> {
        // Nobody leaves it half changed.
        self.scheduler
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of an attempt whose room is needed.
fn cut(progress: &Progress) -> Outcome {
    match progress.waiting() {
        Some(waiting) => {
            let seconds = waiting.since.elapsed().as_secs();
            Outcome::Retry {
                reason: format!("no answer within {seconds} s, while others wait for the room"),
                after: None,
            }
        }
        None => Outcome::Unreachable {
            reason: "no connection within some seconds, while others wait for the room".to_owned(),
        },
    }
}
