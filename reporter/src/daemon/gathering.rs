//! The daemon's part of gathering: runs jobs, stores what comes.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{sync::mpsc, task::JoinHandle, time::Instant};

use super::Daemon;
use crate::{
    environment::Environment,
    gather::{self, AnswerPart, AnswerSender, GatherError},
    schedule::Next,
    store::{Job, JobChange, JobNote, StoreError},
};

/// Parts of answers that wait for the database: memory stays bounded however fast collectors are.
const PIECES_WAITING: usize = 4;
/// Parts that one turn stores before others have their turn.
const PIECES_A_TURN: usize = 8;
/// Collectors that are asked at once.
const JOBS_AT_ONCE: usize = 16;
/// When an answer could not be stored (a full disk), no collector is asked for so long: each answer may be a million
/// domains, and would be lost as well.
const AFTER_LOSS: Duration = Duration::from_secs(300);

/// Jobs that run, and the parts they sent.
pub(super) struct Gathering {
    sender: mpsc::Sender<(Arc<Job>, AnswerPart)>,
    pieces: mpsc::Receiver<(Arc<Job>, AnswerPart)>,
    /// The part that ended the last wait.
    first: Option<(Arc<Job>, AnswerPart)>,
    /// One job a collector.
    running: HashMap<String, (Arc<Job>, JoinHandle<()>)>,
    /// Nobody is asked before.
    rests_until: Option<Instant>,
    /// Additions to the day that a collector has told, until its job is over.
    told: HashMap<String, u64>,
}

impl Default for Gathering {
    fn default() -> Gathering {
        let (sender, pieces) = mpsc::channel(PIECES_WAITING);
        Gathering {
            sender,
            pieces,
            first: None,
            running: HashMap::new(),
            rests_until: None,
            told: HashMap::new(),
        }
    }
}

impl Gathering {
    /// Until there is a part to store. Cancelling it loses nothing.
    pub(super) async fn wait(&mut self) {
        if self.first.is_none() {
            self.first = self.pieces.recv().await;
        }
    }

    /// Ends all jobs; they stay waiting.
    pub(super) fn abort(&mut self) {
        for (_, (_, task)) in self.running.drain() {
            task.abort();
        }
    }

    /// How long nobody is asked, whatever is due.
    pub(super) fn rest(&self) -> Option<Duration> {
        let left = self.rests_until?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    fn next(&mut self) -> Option<(Arc<Job>, AnswerPart)> {
        self.first.take().or_else(|| self.pieces.try_recv().ok())
    }

    fn is_running(&self, job: &Arc<Job>) -> bool {
        self.running
            .get(&job.collector())
            .is_some_and(|(running, _)| Arc::ptr_eq(running, job))
    }
}

/// An edit of `fetchers` that a day's jobs feel is told of, once.
pub(super) fn tell(
    JobNote {
        day,
        command,
        change,
    }: &JobNote,
) {
    match change {
        JobChange::Removed => tracing::warn!(
            %day, fetcher = command,
            "the fetcher was removed from the settings before it had answered: what it has brought is used"
        ),
        JobChange::Renamed { to } => tracing::info!(
            %day, fetcher = command,
            "{to} stands in the place of this fetcher and is asked instead of it"
        ),
        JobChange::AnsweredBefore { to } => tracing::warn!(
            %day, fetcher = command,
            "{to} stands in the place of this fetcher, which has answered: it is not asked for that day"
        ),
    }
}

impl<O: Environment> Daemon<O> {
    pub(super) fn start_gathering(&mut self, now: Timestamp) -> Result<(), StoreError> {
        if self.gathering.rest().is_some() {
            return Ok(());
        }
        let mut due = self.state.due_jobs(now)?;
        // A collector that was given up is asked once more after the days that still wait for it: it may hang.
        due.sort_by_key(|job| self.schedule.fetch_deadline(job.day, job.created).at <= now);
        for job in due {
            if self.gathering.running.len() == JOBS_AT_ONCE
                || self.gathering.running.contains_key(&job.collector())
            {
                continue;
            }
            let job = Arc::new(job);
            let sink = AnswerSender::new(Arc::clone(&job), self.gathering.sender.clone());
            let deadline = self.schedule.fetch_deadline(job.day, job.created);
            let limit = self.schedule.attempt_limit(job.listed, deadline, now);
            let task = tokio::spawn(gather::run(Arc::clone(&self.environment), sink, now, limit));
            let collector = job.collector();
            self.gathering.running.insert(collector, (job, task));
        }
        Ok(())
    }

    pub(super) fn record_pieces(&mut self, now: Timestamp) -> Result<(), StoreError> {
        for _ in 0..PIECES_A_TURN {
            let Some((job, piece)) = self.gathering.next() else {
                break;
            };
            if !self.gathering.is_running(&job) {
                continue;
            }
            if let Err(error) = self.record_piece(&job, piece, now) {
                // A part is lost: the whole answer is asked for again. The job is still waiting.
                if let Some((_, task)) = self.gathering.running.remove(&job.collector()) {
                    task.abort();
                }
                self.gathering.rests_until = Some(Instant::now() + AFTER_LOSS);
                return Err(error);
            }
        }
        Ok(())
    }

    fn record_piece(
        &mut self,
        job: &Arc<Job>,
        piece: AnswerPart,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        match piece {
            AnswerPart::Rows(rows) => {
                let late = self.state.store_rows(job, &rows, now)?;
                if late > 0 {
                    tracing::warn!(day = %job.day, fetcher = job.command, "{late} domains came too late for their report: they get one of their own");
                }
            }
            AnswerPart::Unusable(domain, reason) => {
                self.state.store_unusable(job, &domain, &reason, now)?
            }
            AnswerPart::Listed(domains) => self.state.store_list(job, &domains, now)?,
            AnswerPart::ListEnded => self.state.list_ended(job)?,
            AnswerPart::Missing(after, reply) => {
                // The one who asked may have been ended meanwhile.
                let _ = reply.send(self.state.unfetched(job, &after, AnswerPart::PAGE)?);
            }
            AnswerPart::Told(additions) => {
                let _ = self.gathering.told.insert(job.collector(), additions);
            }
            AnswerPart::Grown(grown) => self.note_grown(&job.collector(), &grown, now)?,
            AnswerPart::Over(result) => {
                self.end_job(job, result, now)?;
                self.gathering.running.remove(&job.collector());
            }
        }
        Ok(())
    }

    fn end_job(
        &mut self,
        job: &Job,
        result: Result<(), GatherError>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (day, index) = (job.day, job.index);
        let error = match result {
            Ok(()) => {
                let told = self.gathering.told.remove(&job.collector());
                self.state.job_answered(job, told, now)?;
                if job.failures > 0 {
                    let failures = job.failures;
                    tracing::warn!(%day, failures, "Fetcher {index} {} has answered after all", job.command);
                }
                tracing::info!(%day, "Fetcher {index} {} finished", job.command);
                return Ok(());
            }
            Err(error) => error,
        };
        if matches!(error, GatherError::TooLarge { .. }) {
            // Asked again it would be as large. What has come is whole domains, and good.
            tracing::error!(%day, "Fetcher {index} {} is given up for this day, what it has brought is used: {error}", job.command);
            return self.state.job_given_up(job, now, &error.to_string());
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
            return self.state.job_postponed(job, next, &error.to_string());
        }
        match self
            .schedule
            .after_fetch_failure(listed, failures, deadline, now, &mut self.rng)
        {
            Next::At(next) => {
                tracing::warn!(%day, attempt = failures, next = %next, "Fetcher {index} {} failed: {error}", job.command);
                self.state.job_failed(job, next, &error.to_string())
            }
            Next::GiveUp(why) => {
                tracing::error!(%day, "Fetcher {index} {} is given up for this day, {why}: {error}", job.command);
                self.state
                    .job_given_up(job, now, &format!("{why}: {error}"))
            }
        }
    }
}
