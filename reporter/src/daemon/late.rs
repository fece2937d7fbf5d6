//! The daemon's part of late reports: asks collectors, now and then, whether a day grew that is reported already.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::Timestamp;
use tlsrptd_proto::day::Day;
use tokio::{task::JoinSet, time::Instant};

use super::Daemon;
use crate::{
    environment::Environment,
    store::{StoreError, identity},
};

/// A collector, and what it says of its days.
type Found = (String, Vec<(Day, u64)>);

/// Questions under way, and what was found out.
#[derive(Default)]
pub(super) struct Late {
    next: Option<Instant>,
    asking: JoinSet<Option<Found>>,
    found: Vec<Found>,
}

impl Late {
    /// Until a collector has answered. Cancelling it loses nothing.
    pub(super) async fn wait(&mut self) {
        match self.asking.join_next().await {
            Some(found) => self.found.extend(found.ok().flatten()),
            None => std::future::pending().await,
        }
    }

    /// Ends all questions.
    pub(super) fn abort(&mut self) {
        self.asking.abort_all();
    }

    /// When collectors are asked next.
    pub(super) fn rest(&self) -> Option<Duration> {
        let next = self.next?;
        Some(next.saturating_duration_since(Instant::now()))
    }
}

impl<O: Environment> Daemon<O> {
    /// Asks those that can tell, once an interval.
    pub(super) fn ask_for_additions(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let often = self.bounds.late_interval;
        let at = Instant::now();
        let next = *self.late.next.get_or_insert(at + often);
        if often.is_zero() {
            self.late.next = None;
            return Ok(());
        }
        if at < next || !self.late.asking.is_empty() {
            return Ok(());
        }
        self.late.next = Some(at + often);
        let days = self.reportable(now);
        let able = self.state.collectors_of_additions(&days)?;
        for fetcher in &self.bounds.fetchers {
            let (environment, command) = (Arc::clone(&self.environment), fetcher.command.clone());
            if able.contains(&identity(&command)) {
                self.late.asking.spawn(async move {
                    match environment.grown(&command).await {
                        Ok(grown) => Some((identity(&command), grown)),
                        Err(error) => {
                            // Whether it works at all shows at midnight.
                            tracing::info!(fetcher = command, %error, "whether days grew is not known");
                            None
                        }
                    }
                });
            }
        }
        Ok(())
    }

    /// What was found out becomes questions for what was added.
    pub(super) fn record_grown(&mut self, now: Timestamp) -> Result<(), StoreError> {
        while let Some((collector, grown)) = self.late.found.pop() {
            if let Err(error) = self.note_grown(&collector, &grown, now) {
                self.late.found.push((collector, grown));
                return Err(error);
            }
        }
        Ok(())
    }

    /// A collector says that days grew.
    pub(super) fn note_grown(
        &mut self,
        collector: &str,
        grown: &[(Day, u64)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if grown.is_empty() {
            return Ok(());
        }
        let reportable = self.reportable(now);
        let (asked, too_old) = self.state.note_grown(collector, grown, &reportable, now)?;
        for day in asked {
            tracing::warn!(%day, fetcher = collector, "sessions were added to the day after it was reported: they are reported late");
        }
        for day in too_old {
            tracing::warn!(%day, fetcher = collector, "sessions were added to the day when nobody wants to hear of it any more: they are not reported");
        }
        Ok(())
    }

    fn reportable(&self, now: Timestamp) -> BTreeSet<Day> {
        self.schedule.reportable_days(now).into_iter().collect()
    }
}
