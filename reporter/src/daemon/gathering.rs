//! Gathering: runs fetch jobs, and stores the parts of their answers.

mod attempt;

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use rand::rngs::StdRng;
use tlsrptd_proto::day::Day;
use tlsrptd_service::clock::WorkingTime;
use tokio::{sync::mpsc, task::JoinHandle, time::Instant};

use super::{additions::fetch_additions, observation::CollectorBoard};
use crate::{
    environment::Environment,
    gather::{AnswerPart, AnswerSender, GatherError},
    model::FetchJob,
    schedule::{NextAttempt, Schedule},
    store::{JobChange, JobNote, Store, StoreError},
};

/// Parts of answers that wait for the database: memory stays bounded however fast collectors are.
const PARTS_WAITING: usize = 4;
/// Parts that are stored in one pass of the main loop.
const PARTS_A_PASS: usize = 8;
/// Collectors that are asked at once.
const JOBS_AT_ONCE: usize = 16;
/// When an answer could not be stored (a full disk), no collector is asked for so long: each answer may be a million
/// domains, and would be lost as well.
const AFTER_LOSS: Duration = Duration::from_secs(300);

/// Fetch jobs under way, and the parts of their answers.
pub(super) struct Gathering<E> {
    environment: Arc<E>,
    schedule: Arc<Schedule>,
    collectors: CollectorBoard,
    rng: StdRng,
    sender: mpsc::Sender<(Arc<FetchJob>, AnswerPart)>,
    parts: mpsc::Receiver<(Arc<FetchJob>, AnswerPart)>,
    /// The part that ended the last wait.
    first: Option<(Arc<FetchJob>, AnswerPart)>,
    /// One job a collector.
    running: HashMap<String, (Arc<FetchJob>, JoinHandle<()>)>,
    /// No job starts before.
    paused_until: Option<Instant>,
    /// How many additions to the day a collector has told, until its job is over.
    additions: HashMap<String, u64>,
}

impl<E: Environment> Gathering<E> {
    pub(super) fn new(
        environment: Arc<E>,
        schedule: Arc<Schedule>,
        collectors: CollectorBoard,
        rng: StdRng,
    ) -> Gathering<E> {
        let (sender, parts) = mpsc::channel(PARTS_WAITING);
        Gathering {
            environment,
            schedule,
            collectors,
            rng,
            sender,
            parts,
            first: None,
            running: HashMap::new(),
            paused_until: None,
            additions: HashMap::new(),
        }
    }

    /// Waits until there is a part to store. Cancel safe.
    pub(super) async fn wait(&mut self) {
        if self.first.is_none() {
            self.first = self.parts.recv().await;
        }
    }

    /// Ends all jobs; they stay waiting.
    pub(super) fn abort(&mut self) {
        for (_, (_, task)) in self.running.drain() {
            task.abort();
        }
        self.additions.clear();
    }

    /// Ends the jobs that are another reporter's by now, which asks once more.
    pub(super) fn abort_others(&mut self, store: &dyn Store) {
        let others = self
            .running
            .extract_if(|_, (job, _)| !store.is_ours(job.as_ref()));
        for (collector, (_, task)) in others {
            task.abort();
            self.additions.remove(&collector);
        }
    }

    /// How long no job starts, whatever is due.
    pub(super) fn paused_for(&self) -> Option<Duration> {
        let left = self.paused_until?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    fn next(&mut self) -> Option<(Arc<FetchJob>, AnswerPart)> {
        self.first.take().or_else(|| self.parts.try_recv().ok())
    }

    fn is_running(&self, job: &Arc<FetchJob>) -> bool {
        self.running
            .get(&job.collector())
            .is_some_and(|(running, _)| Arc::ptr_eq(running, job))
    }

    /// Starts the jobs that are due. Not those of the day that is being composed: what they bring would be stored behind
    /// the decisions, and the day be closed over it.
    pub(super) fn start(
        &mut self,
        store: &mut dyn Store,
        composed: Option<Day>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if self.paused_for().is_some() {
            return Ok(());
        }
        let mut due = store.due_jobs(now)?;
        // A collector that was given up is asked again last: it may hang, and other days still wait for it.
        due.sort_by_key(|job| self.schedule.fetch_deadline(job.day, job.created).at <= now);
        for job in due {
            if self.running.len() == JOBS_AT_ONCE
                || self.running.contains_key(&job.collector())
                || composed == Some(job.day)
            {
                continue;
            }
            let job = Arc::new(job);
            let sink = AnswerSender::new(Arc::clone(&job), self.sender.clone());
            let deadline = self.schedule.fetch_deadline(job.day, job.created);
            let limit = self.schedule.attempt_limit(job.listed, deadline, now);
            let task = tokio::spawn(attempt::run(
                Arc::clone(&self.environment),
                sink,
                now,
                limit,
            ));
            let collector = job.collector();
            self.running.insert(collector, (job, task));
        }
        Ok(())
    }

    /// Stores what has come.
    pub(super) fn record(
        &mut self,
        store: &mut dyn Store,
        time: &WorkingTime,
    ) -> Result<(), StoreError> {
        for _ in 0..PARTS_A_PASS {
            let Some((job, part)) = self.next() else {
                break;
            };
            if !self.is_running(&job) {
                continue;
            }
            if let Err(error) = self.store_part(store, &job, part, time) {
                // The part is lost, so the whole answer is asked for again: the job is still waiting.
                if let Some((_, task)) = self.running.remove(&job.collector()) {
                    task.abort();
                }
                self.paused_until = Some(Instant::now() + AFTER_LOSS);
                return Err(error);
            }
        }
        Ok(())
    }

    fn store_part(
        &mut self,
        store: &mut dyn Store,
        job: &Arc<FetchJob>,
        part: AnswerPart,
        time: &WorkingTime,
    ) -> Result<(), StoreError> {
        let now = time.now;
        match part {
            AnswerPart::Rows(rows) => {
                let late = store.store_rows(job, &rows, now)?;
                if late > 0 {
                    tracing::warn!(day = %job.day, fetcher = job.command, "{late} domains came too late for their report: they get one of their own");
                }
            }
            AnswerPart::Unusable(domain, reason) => {
                store.store_unusable(job, &domain, &reason, now)?
            }
            AnswerPart::Listed(domains) => store.store_list(job, &domains, now)?,
            AnswerPart::ListEnded => store.list_ended(job)?,
            AnswerPart::Missing(after, reply) => {
                // The task that asked may have ended meanwhile.
                let _ = reply.send(store.unfetched(job, &after, AnswerPart::PAGE)?);
            }
            AnswerPart::Told(additions) => {
                let _ = self.additions.insert(job.collector(), additions);
            }
            AnswerPart::Grown(grown) => {
                fetch_additions(store, &self.schedule, &job.collector(), &grown, time)?
            }
            AnswerPart::Over(result) => {
                self.end_job(store, job, result, time)?;
                self.running.remove(&job.collector());
            }
        }
        Ok(())
    }

    fn end_job(
        &mut self,
        store: &mut dyn Store,
        job: &FetchJob,
        result: Result<(), GatherError>,
        time: &WorkingTime,
    ) -> Result<(), StoreError> {
        let said = result.as_ref().copied();
        let said = said.map_err(|error| error as &dyn std::error::Error);
        self.collectors.note(&job.command, said, time.now);
        if let Err(error) = result {
            return self.job_failed(store, job, &error, time);
        }
        let (day, index) = (job.day, job.index);
        let told = self.additions.remove(&job.collector());
        store.job_answered(job, told, time.now)?;
        if job.failures > 0 {
            let failures = job.failures;
            tracing::warn!(%day, failures, "Fetcher {index} {} has answered after all", job.command);
        }
        tracing::info!(%day, "Fetcher {index} {} finished", job.command);
        Ok(())
    }

    fn job_failed(
        &mut self,
        store: &mut dyn Store,
        job: &FetchJob,
        error: &GatherError,
        time: &WorkingTime,
    ) -> Result<(), StoreError> {
        let (day, index, now) = (job.day, job.index, time.now);
        if matches!(error, GatherError::TooLarge { .. }) {
            // The next answer would be as large. What has come is whole domains, and is used; but a part of additions would
            // be told again with the next ones.
            let what = match job.seen {
                None => "is given up for this day, the data already received from it are used",
                Some(_) => "failed; the sessions added to this day will not be reported",
            };
            tracing::error!(%day, "Fetcher {index} {} {what}: {error}", job.command);
            return store.job_too_large(job, now, &error.to_string());
        }
        let listed = matches!(error, GatherError::Details { .. });
        let failures = if listed && !job.listed {
            1
        } else {
            job.failures + 1
        };
        let deadline = self.schedule.fetch_deadline(day, job.created);
        if matches!(error, GatherError::NotReady { .. })
            && let Some(next) = self
                .schedule
                .while_closing(day, deadline, now, &mut self.rng)
        {
            tracing::info!(%day, next = %next, "Fetcher {index} {} is asked again: {error}", job.command);
            return store.job_postponed(job, next, &error.to_string());
        }
        match self
            .schedule
            .after_fetch_failure(listed, failures, deadline, now, &mut self.rng)
        {
            NextAttempt::At(next) => {
                tracing::warn!(%day, attempt = failures, next = %next, "Fetcher {index} {} failed: {error}", job.command);
                store.job_failed(job, next, &error.to_string())
            }
            // By a clock that is ahead all days are too old; when it is back the job is due.
            NextAttempt::GiveUp(_) if !time.may_discard() && self.schedule.is_too_old(day, now) => {
                tracing::info!(%day, "Fetcher {index} {} is not given up so soon after the clock has moved: {error}", job.command);
                store.job_postponed(job, self.schedule.latest_due(now), &error.to_string())
            }
            NextAttempt::GiveUp(why) => {
                tracing::error!(%day, "Fetcher {index} {} is given up for this day, {why}: {error}", job.command);
                store.job_given_up(job, now, &format!("{why}: {error}"))
            }
        }
    }
}

/// Tells how a change of `fetchers` affects the jobs of a day, once.
pub(super) fn log_job_change(
    JobNote {
        day,
        command,
        change,
    }: &JobNote,
) {
    match change {
        JobChange::Removed => tracing::warn!(
            %day, fetcher = command,
            "the fetcher was removed from the settings before it had answered: the data already received from it are used"
        ),
        JobChange::Renamed { to } => tracing::info!(
            %day, fetcher = command,
            "{to} stands in the place of this fetcher and is asked instead of it"
        ),
        JobChange::AddedTooLate => tracing::info!(
            %day, fetcher = command,
            "the fetcher was added to the settings after the day was decided: it is not asked for that day"
        ),
        JobChange::AnsweredBefore { to } => tracing::warn!(
            %day, fetcher = command,
            "{to} stands in the place of this fetcher, which has answered: it is not asked for that day"
        ),
    }
}
