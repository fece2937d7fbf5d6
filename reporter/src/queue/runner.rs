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
    destination::{NOT_CONNECTED, SLOW},
    scheduler::{Attempt, Review, RunnerTask, Scheduler},
};
use crate::{
    deliver::{Outcome, Progress},
    environment::Environment,
    store::Lease,
};

/// An attempt that lasts is reviewed again after a quarter of its time, but at least so often.
const REVIEW_INTERVAL: Duration = Duration::from_secs(5);

/// What all runners share.
pub(super) struct Runners<E> {
    environment: Arc<E>,
    lease: Lease,
    scheduler: Mutex<Scheduler>,
    stop: watch::Sender<bool>,
}

impl<E: Environment> Runners<E> {
    pub(super) fn new(environment: Arc<E>, lease: Lease, scheduler: Scheduler) -> Runners<E> {
        Runners {
            environment,
            lease,
            scheduler: Mutex::new(scheduler),
            stop: watch::Sender::new(false),
        }
    }

    pub(super) fn environment(&self) -> &E {
        &self.environment
    }

    /// Starts all attempts that may start.
    pub(super) fn start(self: &Arc<Self>) {
        while let Some(task) = self.next() {
            let this = Arc::clone(self);
            match task {
                RunnerTask::Attempt(attempt) => {
                    drop(tokio::spawn(async move { this.run(*attempt).await }))
                }
                RunnerTask::WakeAt(at, host) => drop(tokio::spawn(async move {
                    sleep_until(at).await;
                    this.scheduler().wake(&host, Instant::now());
                    this.start();
                })),
            }
        }
    }

    fn next(&self) -> Option<RunnerTask> {
        self.scheduler().next(Instant::now())
    }

    /// Makes one attempt after the other until there is none.
    async fn run(self: Arc<Self>, mut attempt: Attempt) {
        loop {
            // Stopped, or the work is others' by now: its outcome is unknown, and it will be repeated.
            let Some(outcome) = self.make(&attempt).await else {
                return;
            };
            let next = {
                let (mut scheduler, now) = (self.scheduler(), Instant::now());
                scheduler.end(attempt, outcome, now);
                scheduler.next(now)
            };
            // Its end may have freed slots for more than one.
            match next {
                Some(RunnerTask::Attempt(next)) => {
                    self.start();
                    attempt = *next;
                }
                Some(RunnerTask::WakeAt(at, host)) => {
                    self.start();
                    sleep_until(at).await;
                    self.scheduler().wake(&host, Instant::now());
                    return self.start();
                }
                None => return,
            }
        }
    }

    async fn make(self: &Arc<Self>, attempt: &Attempt) -> Option<Outcome> {
        let Queued { delivery, mail } = &attempt.queued;
        let (begun, progress) = (Instant::now(), Progress::default());
        let mut stop = self.stop.subscribe();
        let work = self.environment.deliver_telling(delivery, mail, &progress);
        let (mut work, mut ended) = (std::pin::pin!(work), std::pin::pin!(self.lease.ended()));
        let mut pause = NOT_CONNECTED;
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|is_stopped| *is_stopped) => return None,
                // Before all else: a process that stood still must send nothing when it goes on.
                () = &mut ended => return None,
                outcome = &mut work => return Some(outcome),
                () = sleep(pause), if !attempt.is_local => {}
            }
            let lasts = begun.elapsed();
            pause = match SLOW.saturating_sub(lasts) {
                Duration::ZERO => (lasts / 4).clamp(SLOW, REVIEW_INTERVAL),
                until_slow => until_slow,
            };
            let now = Instant::now();
            let review = self.scheduler().review(attempt.id, &progress, now);
            match review {
                Review::CutOff => return Some(cut_off(&progress)),
                Review::SlotFreed => self.start(),
                Review::Unchanged => {}
            }
        }
    }

    pub(super) fn stop(&self) {
        self.scheduler().is_stopped = true;
        // Also for those that were spawned and do not listen yet.
        self.stop.send_replace(true);
    }

    pub(super) fn scheduler(&self) -> MutexGuard<'_, Scheduler> {
        // No holder can panic in the middle of a change.
        self.scheduler
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The outcome of an attempt whose slot is needed.
fn cut_off(progress: &Progress) -> Outcome {
    match progress.waiting() {
        Some(waiting) => {
            let seconds = waiting.since.elapsed().as_secs();
            Outcome::Retry {
                reason: format!("no answer within {seconds} s, and others wait for the connection"),
                after: None,
            }
        }
        None => Outcome::Unreachable {
            reason: "no connection within some seconds, and others wait".to_owned(),
        },
    }
}
