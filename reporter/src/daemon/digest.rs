//! The digest by mail: one for each day or week, made when its days are decided, and sent until the relay takes it.
//!
//! What was made stands in the store before it is sent, so that neither a restart nor a clock sends it again.

mod periods;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use rand::rngs::StdRng;
use tlsrptd_config::{DigestFrequency, reportd::Reportd};
use tlsrptd_proto::day::Day;
use tlsrptd_service::clock::WorkingTime;
use tokio::{task::JoinSet, time::Instant};

use crate::{
    answers,
    deliver::Outcome,
    digest,
    environment::Environment,
    model::{DigestContents, DigestMail, DigestPeriod, DigestStatus},
    schedule::{NextAttempt, Schedule},
    store::{DigestEnd, Lease, OperatorStore, Store, StoreError},
};
use periods::{DigestDays, next_period};

/// How often the days are looked at while a digest is waited for.
const LOOK_INTERVAL: Duration = Duration::from_secs(60);
/// When a digest could not be made, the next attempt follows so much later.
const AFTER_FAULT: Duration = Duration::from_secs(600);

/// The options of digests.
#[derive(Clone, Debug)]
pub struct DigestOptions {
    frequency: DigestFrequency,
    to: String,
    organization: String,
}

impl DigestOptions {
    /// `None`: no digest is wanted.
    pub fn new(settings: &Reportd) -> Option<DigestOptions> {
        if settings.digest == DigestFrequency::Never {
            return None;
        }
        Some(DigestOptions {
            frequency: settings.digest,
            to: settings.digest_address.clone()?,
            organization: settings.organization_name.clone(),
        })
    }

    /// Asks the store, and writes the digest. `None`: there is nothing to say.
    fn write(
        &self,
        store: &dyn OperatorStore,
        period: DigestPeriod,
    ) -> Result<Option<DigestContents>, StoreError> {
        let found = answers::digest::digest(store, period)?;
        let is_left_out = self.frequency == DigestFrequency::Failures && found.is_quiet();
        Ok((!is_left_out).then(|| digest::contents(&found, &self.organization)))
    }
}

/// The digests of the operator.
pub(super) struct DigestSender<E> {
    environment: Arc<E>,
    schedule: Arc<Schedule>,
    lease: Lease,
    /// `None`: none is wanted, and those that were made are to be forgotten, once.
    options: Option<DigestOptions>,
    has_forgotten: bool,
    rng: StdRng,
    /// When the days are looked at next.
    next_look: Option<Instant>,
    /// A digest waits: for its days, or to be sent.
    waits: bool,
    /// The digest that is made or sent: one at a time.
    task: JoinSet<Done>,
    /// Not recorded yet.
    done: Option<Done>,
    /// That one could not be made, which was logged.
    faulty: Option<DigestPeriod>,
}

/// What a task has done.
enum Done {
    Made(DigestPeriod, Result<Option<DigestContents>, StoreError>),
    Attempted(Box<DigestMail>, Outcome),
    /// The work is another's by now.
    Dropped,
}

impl<E: Environment> DigestSender<E> {
    pub(super) fn new(
        environment: Arc<E>,
        schedule: Arc<Schedule>,
        lease: Lease,
        options: Option<DigestOptions>,
        rng: StdRng,
    ) -> DigestSender<E> {
        DigestSender {
            environment,
            schedule,
            lease,
            options,
            has_forgotten: false,
            rng,
            next_look: None,
            waits: false,
            task: JoinSet::new(),
            done: None,
            faulty: None,
        }
    }

    /// Waits until a digest is made, or an attempt to send one has ended. Cancel safe.
    pub(super) async fn wait(&mut self) {
        if self.done.is_none() {
            match self.task.join_next().await {
                Some(done) => self.done = done.ok(),
                None => std::future::pending().await,
            }
        }
    }

    /// Whether one is made or sent.
    pub(super) fn is_busy(&self) -> bool {
        !self.task.is_empty()
    }

    /// Ends what is under way. A digest whose attempt is cut is sent again.
    pub(super) fn abort(&mut self) {
        self.task.abort_all();
    }

    /// How long there is nothing to look at; `None` while no digest is waited for.
    pub(super) fn until_next(&self) -> Option<Duration> {
        let next = self.next_look.filter(|_| self.waits)?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    /// A day is decided.
    pub(super) fn look_now(&mut self) {
        self.next_look = None;
    }

    /// Records what has ended.
    pub(super) fn record(
        &mut self,
        store: &mut dyn Store,
        moment: &WorkingTime,
    ) -> Result<(), StoreError> {
        if self.done.is_none() {
            let ended = self.task.try_join_next();
            self.done = ended.and_then(Result::ok);
        }
        let Some(done) = self.done.take() else {
            return Ok(());
        };
        let recorded = match &done {
            Done::Made(period, Ok(contents)) => {
                self.look_after(Duration::ZERO);
                self.faulty = None;
                store.store_digest(*period, contents.as_ref(), moment.now)
            }
            Done::Made(period, Err(error)) => {
                self.look_after(AFTER_FAULT);
                if self.faulty.replace(*period) != Some(*period) {
                    tracing::warn!(%period, %error, "the digest cannot be made now: tried again");
                }
                Ok(())
            }
            Done::Attempted(mail, outcome) => self.record_attempt(store, mail, outcome, moment),
            Done::Dropped => Ok(()),
        };
        if recorded.is_err() {
            self.done = Some(done);
        }
        recorded
    }

    fn record_attempt(
        &mut self,
        store: &mut dyn Store,
        mail: &DigestMail,
        outcome: &Outcome,
        moment: &WorkingTime,
    ) -> Result<(), StoreError> {
        self.look_after(Duration::ZERO);
        let end = self.end(mail, outcome, moment);
        store.record_digest(&end, moment.now)?;
        let (period, attempt) = (mail.period, mail.failures + 1);
        match &end {
            DigestEnd::Later { reason, .. } => {
                tracing::info!(%period, attempt, result = "retry", reason, "digest");
            }
            DigestEnd::Final {
                status: DigestStatus::Sent,
                to,
                reason,
                ..
            } => tracing::info!(%period, to, attempt, result = "sent", reason, "digest"),
            DigestEnd::Final { to, reason, .. } => tracing::warn!(
                %period, to, attempt, reason,
                "the digest could not be sent, and is given up"
            ),
        }
        Ok(())
    }

    fn end(&mut self, mail: &DigestMail, outcome: &Outcome, moment: &WorkingTime) -> DigestEnd {
        let period = mail.period;
        let options = self.options.as_ref();
        let to = options.map_or_else(String::new, |options| options.to.clone());
        let over = |status, reason: String| DigestEnd::Final {
            period,
            status,
            to,
            reason,
        };
        let reason = match outcome {
            Outcome::Sent { detail } => return over(DigestStatus::Sent, detail.clone()),
            Outcome::Refused { reason } | Outcome::Unsendable { reason } => {
                return over(DigestStatus::TimedOut, reason.clone());
            }
            Outcome::UnknownScheme => String::new(),
            Outcome::Retry { reason, .. }
            | Outcome::Unreachable { reason }
            | Outcome::Denied { reason }
            | Outcome::LocalShortage { reason }
            | Outcome::HttpsUnavailableHere { reason }
            | Outcome::OwnerLimitReached { reason } => reason.clone(),
        };
        let (schedule, now) = (&self.schedule, moment.now);
        match schedule.after_digest_failure(mail.failures + 1, mail.made, now, &mut self.rng) {
            NextAttempt::At(at) => DigestEnd::Later { period, at, reason },
            NextAttempt::GiveUp(why) => over(DigestStatus::TimedOut, format!("{why}: {reason}")),
        }
    }

    /// Sends what is due, or makes the next one.
    pub(super) fn start(
        &mut self,
        store: &mut dyn Store,
        today_is_scheduled: bool,
        moment: &WorkingTime,
    ) -> Result<(), StoreError> {
        let Some(options) = &self.options else {
            if !self.has_forgotten {
                store.forget_digests()?;
                self.has_forgotten = true;
            }
            return Ok(());
        };
        let is_early = self.next_look.is_some_and(|next| Instant::now() < next);
        if is_early || self.is_busy() || self.done.is_some() || !moment.is_confirmed() {
            return Ok(());
        }
        let options = options.clone();
        self.look_after(LOOK_INTERVAL);
        if let Some(mail) = store.due_digest(moment.now)? {
            let (environment, lease) = (Arc::clone(&self.environment), self.lease.clone());
            self.task.spawn(async move {
                match lease.during(environment.send_digest(&mail)).await {
                    Some(outcome) => Done::Attempted(Box::new(mail), outcome),
                    None => Done::Dropped,
                }
            });
            return Ok(());
        }
        let mut next = None;
        // A day that a wrong clock has made has no sessions, and a mail on it cannot be taken back.
        if today_is_scheduled && moment.may_discard() {
            let found = next_period(options.frequency, &days(store, &options, moment.now)?);
            (self.waits, next) = (found.waits, found.period);
        }
        self.waits |= store.next_digest()?.is_some();
        if let Some(period) = next {
            match store.open_reader() {
                Ok(reader) => {
                    let write = move || Done::Made(period, options.write(&*reader, period));
                    self.task.spawn_blocking(write);
                }
                Err(error) => self.done = Some(Done::Made(period, Err(error))),
            }
        }
        Ok(())
    }

    fn look_after(&mut self, wait: Duration) {
        self.next_look = Some(Instant::now() + wait);
        self.waits = true;
    }
}

fn days(
    store: &mut dyn Store,
    options: &DigestOptions,
    now: Timestamp,
) -> Result<DigestDays, StoreError> {
    Ok(DigestDays {
        today: Day::of(now),
        known: store.known_days()?,
        open: store.open_days()?,
        made: store.digests_made(periods::length(options.frequency), now)?,
    })
}
