//! Late reports: asks collectors, once an interval, whether days grew after they were reported.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::Timestamp;
use tlsrptd_proto::day::Day;
use tlsrptd_service::clock::WorkingTime;
use tokio::{task::JoinSet, time::Instant};

use crate::{
    environment::Environment,
    model::{CollectorCommand, collector_of},
    schedule::Schedule,
    store::{Additions, StoreError},
};

/// A collector, and the days that grew there, each with the number of its additions.
type CollectorAnswer = (String, Vec<(Day, u64)>);

/// Questions that are asked, and their answers.
pub(super) struct AdditionsPoller<E> {
    environment: Arc<E>,
    schedule: Arc<Schedule>,
    fetchers: Vec<CollectorCommand>,
    /// `late_interval`; zero: nobody is asked.
    interval: Duration,
    next: Option<Instant>,
    asking: JoinSet<Option<CollectorAnswer>>,
    answers: Vec<CollectorAnswer>,
}

impl<E: Environment> AdditionsPoller<E> {
    pub(super) fn new(
        environment: Arc<E>,
        schedule: Arc<Schedule>,
        fetchers: Vec<CollectorCommand>,
        interval: Duration,
    ) -> AdditionsPoller<E> {
        AdditionsPoller {
            environment,
            schedule,
            fetchers,
            interval,
            next: None,
            asking: JoinSet::new(),
            answers: Vec::new(),
        }
    }

    /// Waits until a collector has answered. Cancel safe.
    pub(super) async fn wait(&mut self) {
        match self.asking.join_next().await {
            Some(answer) => self.answers.extend(answer.ok().flatten()),
            None => std::future::pending().await,
        }
    }

    /// Ends all questions.
    pub(super) fn abort(&mut self) {
        self.asking.abort_all();
    }

    /// How long until collectors are asked next.
    pub(super) fn until_next(&self) -> Option<Duration> {
        // They are asked again when all have answered, which ends the wait anyway.
        let next = self.next.filter(|_| self.asking.is_empty())?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    /// Asks the collectors that can tell, once an interval.
    pub(super) fn start(
        &mut self,
        store: &mut dyn Additions,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if self.interval.is_zero() {
            return Ok(());
        }
        let at = Instant::now();
        let next = *self.next.get_or_insert(at + self.interval);
        if at < next || !self.asking.is_empty() {
            return Ok(());
        }
        self.next = Some(at + self.interval);
        let able = store.collectors_of_additions(&reportable(&self.schedule, now))?;
        for fetcher in &self.fetchers {
            let collector = collector_of(&fetcher.command);
            if able.contains(&collector) {
                let (environment, command) =
                    (Arc::clone(&self.environment), fetcher.command.clone());
                self.asking.spawn(async move {
                    match environment.grown(&command).await {
                        Ok(grown) => Some((collector, grown)),
                        Err(error) => {
                            // A fetcher that is broken is warned of at midnight.
                            tracing::info!(fetcher = command, %error, "cannot ask whether days grew");
                            None
                        }
                    }
                });
            }
        }
        Ok(())
    }

    /// Makes fetch jobs for the additions that collectors told of.
    pub(super) fn record(
        &mut self,
        store: &mut dyn Additions,
        time: &WorkingTime,
    ) -> Result<(), StoreError> {
        while let Some((collector, grown)) = self.answers.pop() {
            if let Err(error) = fetch_additions(store, &self.schedule, &collector, &grown, time) {
                self.answers.push((collector, grown));
                return Err(error);
            }
        }
        Ok(())
    }
}

/// Makes fetch jobs for what was added to days after they were reported.
pub(super) fn fetch_additions(
    store: &mut dyn Additions,
    schedule: &Schedule,
    collector: &str,
    grown: &[(Day, u64)],
    time: &WorkingTime,
) -> Result<(), StoreError> {
    if grown.is_empty() {
        return Ok(());
    }
    let now = time.now;
    let is_too_old = |day| time.may_discard() && schedule.is_too_old(day, now);
    let reportable = reportable(schedule, now);
    let days = store.create_addition_jobs(collector, grown, &reportable, &is_too_old, now)?;
    for day in days.asked {
        tracing::warn!(%day, fetcher = collector, "sessions were added to the day after it was reported: they are reported late");
    }
    for day in days.unasked {
        tracing::warn!(%day, fetcher = collector, "sessions were added to a day that was decided before this fetcher was asked: they are not reported");
    }
    for day in days.too_old {
        tracing::warn!(%day, fetcher = collector, "sessions were added to a day that is older than max_report_age or keep_days: they are not reported");
    }
    Ok(())
}

fn reportable(schedule: &Schedule, now: Timestamp) -> BTreeSet<Day> {
    schedule.reportable_days(now).into_iter().collect()
}
