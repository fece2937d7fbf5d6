//! The daemon's part of composing: walks a gathered day, runs decisions beside each other, stores them.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use rand::Rng as _;
use tlsrptd_proto::day::Day;
use tokio::task::JoinSet;

use super::Daemon;
use crate::{
    compose,
    environment::Environment,
    lookup::LOOKUPS_AT_ONCE,
    store::{Decision, StoreError},
};

/// Domains that are read at once.
const READ_AT_ONCE: usize = 64;
/// No more domains are read while so many bytes are being decided on: few domains may have much to say.
const BYTES_AT_ONCE: usize = 16 << 20;

/// The day that is being composed.
pub(super) struct Composing {
    /// Days that sys4 was stopped in.
    leftover: BTreeSet<Day>,
    walk: Option<Walk>,
    /// Each with the bytes that it was made of.
    tasks: JoinSet<(Decision, usize)>,
    bytes: usize,
    /// Made, but not stored.
    made: Vec<Decision>,
    /// Something was stored since the last look for more to decide. Decisions may end within the turn that starts them;
    /// then no task is left whose end would wake the daemon.
    has_room: bool,
}

struct Walk {
    day: Day,
    /// Domains up to here are under way.
    after: Option<String>,
    at_end: bool,
    reports: u64,
    without: u64,
    bad_rows: u64,
}

impl Composing {
    pub(super) fn new(leftover: BTreeSet<Day>) -> Composing {
        Composing {
            leftover,
            walk: None,
            tasks: JoinSet::new(),
            bytes: 0,
            made: Vec::new(),
            has_room: false,
        }
    }

    /// Until there is a decision to store, or room for more. Cancelling it loses nothing.
    pub(super) async fn wait(&mut self) {
        if self.has_room {
            return;
        }
        match self.tasks.join_next().await {
            Some(decision) => self.take(decision),
            None => std::future::pending().await,
        }
    }

    /// Ends all decisions; their domains stay undecided.
    pub(super) fn abort(&mut self) {
        self.tasks.abort_all();
    }

    fn take(&mut self, decision: Result<(Decision, usize), tokio::task::JoinError>) {
        match decision {
            Ok((decision, bytes)) => {
                self.bytes -= bytes;
                self.made.push(decision);
            }
            // Its domain stays undecided, and the day open, until the next start.
            Err(error) => tracing::error!(%error, "a decision ended badly"),
        }
    }

    fn take_all(&mut self) {
        while let Some(decision) = self.tasks.try_join_next() {
            self.take(decision);
        }
    }
}

impl<O: Environment> Daemon<O> {
    /// Begins with the oldest gathered day, and keeps so many decisions under way.
    pub(super) fn start_decisions(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.composing.has_room = false;
        if self.composing.walk.is_none() {
            let Some(day) = self.next_day(now)? else {
                return Ok(());
            };
            self.state.spell_usually(day, now)?;
            self.composing.walk = Some(Walk {
                day,
                after: None,
                at_end: false,
                reports: 0,
                without: 0,
                bad_rows: 0,
            });
        }
        let Some(walk) = &mut self.composing.walk else {
            return Ok(());
        };
        while !walk.at_end
            && self.composing.tasks.len() + READ_AT_ONCE <= LOOKUPS_AT_ONCE
            && self.composing.bytes < BYTES_AT_ONCE
        {
            let room = BYTES_AT_ONCE - self.composing.bytes;
            let found =
                self.state
                    .undecided(walk.day, walk.after.as_deref(), READ_AT_ONCE, room)?;
            match found.last() {
                Some(last) => walk.after = Some(last.domain.clone()),
                None => walk.at_end = true,
            }
            for domain in found {
                let (composer, environment) =
                    (Arc::clone(&self.composer), Arc::clone(&self.environment));
                let (day, seed, size) = (walk.day, self.rng.next_u64(), domain.size());
                self.composing.bytes += size;
                let decide = async move {
                    let decision = composer.decide(&*environment, day, domain, now, seed).await;
                    (decision, size)
                };
                self.composing.tasks.spawn(decide);
            }
        }
        self.record_decisions(now)
    }

    fn next_day(&mut self, now: Timestamp) -> Result<Option<Day>, StoreError> {
        // Not before it is known which collectors are asked once more: their days have jobs again, and are gathered like
        // any other.
        if self.today.is_some() && !self.composing.leftover.is_empty() {
            let open = self.state.open_days()?;
            while let Some(day) = self.composing.leftover.pop_first() {
                if !open.contains(&day) {
                    return Ok(Some(day));
                }
            }
        }
        // A day that has not ended was asked for by a clock that was ahead.
        let gathered = self.state.gathered_days()?;
        Ok(gathered.into_iter().find(|day| *day < Day::of(now)))
    }

    /// Stores what is decided; with the day's last decision the day is closed.
    pub(super) fn record_decisions(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.composing.take_all();
        if !self.composing.made.is_empty() {
            let list = self.state.suppressions()?;
            let today = Day::of(now);
            let made = self.composing.made.iter_mut();
            made.for_each(|decision| compose::suppress(decision, &list, today));
        }
        let Some(walk) = &mut self.composing.walk else {
            return Ok(());
        };
        let is_last = walk.at_end && self.composing.tasks.is_empty();
        if self.composing.made.is_empty() && !is_last {
            return Ok(());
        }
        let made = &self.composing.made;
        if is_last {
            self.state.close_day(walk.day, made, now)?;
        } else {
            self.state.store_decisions(walk.day, made, now)?;
        }
        for decision in made {
            let (day, domain, sessions) = (walk.day, &decision.domain, decision.sessions);
            for (fetcher, reason) in &decision.bad_rows {
                walk.bad_rows += 1;
                // The first as an example; each reason is in its row.
                if walk.bad_rows == 1 {
                    tracing::warn!(%day, domain, fetcher, reason, "report data is unusable");
                }
            }
            match &decision.reason {
                None => {
                    walk.reports += 1;
                    let destinations = decision.destinations.len();
                    tracing::info!(%day, domain, sessions, destinations, "report stored");
                    if let Some((_, reason)) = decision.suppressed.first() {
                        let number = decision.suppressed.len();
                        tracing::info!(%day, domain, number, "destinations are suppressed: {reason}");
                    }
                }
                Some(reason) => {
                    walk.without += 1;
                    tracing::info!(%day, domain, sessions, reason, "no report");
                }
            }
        }
        self.composing.made.clear();
        self.composing.has_room = true;
        if is_last {
            let Walk {
                day,
                reports,
                without,
                bad_rows,
                ..
            } = *walk;
            if bad_rows > 1 {
                tracing::warn!(%day, "report data of {bad_rows} rows is unusable");
            }
            tracing::info!(%day, reports, without, "day closed");
            self.composing.walk = None;
        }
        Ok(())
    }
}
