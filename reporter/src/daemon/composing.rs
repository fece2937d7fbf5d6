//! Composing: goes through the domains of a gathered day, decides on many at once, stores the decisions.

mod mx_hosts;
mod open_day;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use jiff::Timestamp;
use rand::{Rng as _, rngs::StdRng};
use tlsrptd_proto::day::Day;
use tlsrptd_service::clock::WorkingTime;
use tokio::task::JoinSet;

use self::open_day::{DomainsRead, OpenDay};
use super::{calendar::Calendar, sent_log::ReportLog};
use crate::{
    compose::{self, Composer, DestinationLimit},
    environment::Environment,
    lookup::LOOKUPS_AT_ONCE,
    model::{DecidedDomain, NamedDestination, ReportSubject},
    schedule::Schedule,
    store::{Store, StoreError},
};

/// Domains that are read at once.
const READ_AT_ONCE: usize = 64;
/// No more domains are read while so many bytes are being decided on: few domains may have much to say.
const BYTES_AT_ONCE: usize = 16 << 20;

/// The day that is being composed, and the decisions under way.
pub(super) struct Composing<E> {
    environment: Arc<E>,
    composer: Arc<Composer>,
    rng: StdRng,
    log: ReportLog,
    /// Days in which sys4's reporter was stopped.
    leftover: BTreeSet<Day>,
    day: Option<OpenDay>,
    /// Decisions under way, each with the bytes of its data.
    tasks: JoinSet<(DecidedDomain, usize)>,
    /// Their sum.
    bytes: usize,
    /// Made, but not stored.
    made: Vec<DecidedDomain>,
    /// Something was stored since the last look for more to decide. Decisions may end within the pass that starts them;
    /// then no task is left whose end would wake the daemon.
    has_room: bool,
}

impl<E: Environment> Composing<E> {
    /// `leftover`: the days in which sys4's reporter was stopped.
    pub(super) fn new(
        environment: Arc<E>,
        composer: Arc<Composer>,
        rng: StdRng,
        leftover: BTreeSet<Day>,
        log: ReportLog,
    ) -> Composing<E> {
        Composing {
            environment,
            composer,
            rng,
            log,
            leftover,
            day: None,
            tasks: JoinSet::new(),
            bytes: 0,
            made: Vec::new(),
            has_room: false,
        }
    }

    /// Waits until there is a decision to store, or room for more. Cancel safe.
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

    fn take(&mut self, decision: Result<(DecidedDomain, usize), tokio::task::JoinError>) {
        match decision {
            Ok((decision, bytes)) => {
                self.bytes -= bytes;
                self.made.push(decision);
            }
            // Its domain stays undecided, and the day open, until the next start.
            Err(error) => {
                tracing::error!(%error, "deciding on a domain failed: its day stays open until the next start")
            }
        }
    }

    /// Starts decisions on the oldest gathered day, up to the limits.
    pub(super) fn start(
        &mut self,
        store: &mut dyn Store,
        calendar: &Calendar,
        time: &WorkingTime,
    ) -> Result<(), StoreError> {
        let now = time.now;
        self.has_room = false;
        self.put_aside(time);
        if self.day.is_none() {
            let Some(day) = self.next_day(store, calendar, time)? else {
                return Ok(());
            };
            if !store.normalize_domains(day, now)? {
                // There may be others.
                self.has_room = true;
                return Ok(());
            }
            let read = match self.composer.limit.is_set() {
                true => DomainsRead::Failing,
                false => DomainsRead::All,
            };
            let mx_hosts = self.composer.mx_reports.then(Arc::default);
            self.day = Some(OpenDay::new(day, read, mx_hosts));
        }
        while let Some(open) = &mut self.day
            && !open.at_end
            && is_composed(&self.composer.schedule, open.day, time)
            && self.tasks.len() + READ_AT_ONCE <= LOOKUPS_AT_ONCE
            && self.bytes < BYTES_AT_ONCE
        {
            let is_idle = self.tasks.is_empty() && self.made.is_empty();
            let Some(found) = open.read(store, BYTES_AT_ONCE - self.bytes, is_idle)? else {
                break;
            };
            // Thousands may have been looked at: other work has its turn before the next.
            self.has_room |= open.read != DomainsRead::All;
            for domain in found {
                let composer = Arc::clone(&self.composer);
                let environment = Arc::clone(&self.environment);
                let (day, seed, size) = (open.day, self.rng.next_u64(), domain.size());
                let mx_hosts = open.mx_hosts.clone();
                self.bytes += size;
                self.tasks.spawn(async move {
                    let records = &*environment;
                    let mut decision = composer.decide(records, day, domain, now, seed).await;
                    if let Some(hosts) = mx_hosts {
                        hosts
                            .find(records, &composer.routes, &composer.limit, &mut decision)
                            .await;
                    }
                    (decision, size)
                });
            }
            if self.has_room {
                break;
            }
        }
        self.record(store, now)
    }

    fn next_day(
        &mut self,
        store: &mut dyn Store,
        calendar: &Calendar,
        time: &WorkingTime,
    ) -> Result<Option<Day>, StoreError> {
        let is_composed = |day: &Day| is_composed(&self.composer.schedule, *day, time);
        // Days whose collectors are asked again have new jobs, and are gathered like any other.
        if calendar.has_scheduled() && !self.leftover.is_empty() {
            let open = store.open_days()?;
            self.leftover.retain(|day| !open.contains(day));
            if let Some(day) = self.leftover.iter().copied().find(is_composed) {
                self.leftover.remove(&day);
                return Ok(Some(day));
            }
        }
        Ok(store.gathered_days()?.into_iter().find(is_composed))
    }

    /// The clock has moved since the day was begun: others go first.
    fn put_aside(&mut self, time: &WorkingTime) {
        let (schedule, is_idle) = (
            &self.composer.schedule,
            self.tasks.is_empty() && self.made.is_empty(),
        );
        let aside = self
            .day
            .take_if(|open| is_idle && !open.at_end && !is_composed(schedule, open.day, time));
        self.leftover.extend(aside.map(|open| open.day));
    }

    /// The day that is being composed.
    pub(super) fn day(&self) -> Option<Day> {
        self.day.as_ref().map(|open| open.day)
    }

    /// Stores the decisions that are made; with the last one the day is closed.
    pub(super) fn record(
        &mut self,
        store: &mut dyn Store,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        while let Some(decision) = self.tasks.try_join_next() {
            self.take(decision);
        }
        let Some(open) = &mut self.day else {
            return Ok(());
        };
        store.leave_out_others(&mut self.made);
        if !self.made.is_empty() {
            let (list, today) = (store.suppressions()?, Day::of(now));
            let made = self.made.iter_mut();
            made.for_each(|decision| compose::suppress(decision, &list, today));
            let (bound, subject) = (&self.composer.limit, ReportSubject::Domain);
            limit(bound, subject, open.day, store, &mut self.made)?;
        }
        let is_last = open.at_end && self.tasks.is_empty();
        if self.made.is_empty() && !is_last {
            return Ok(());
        }
        // MX hosts are decided on when all domains are stored, and the day is closed behind them.
        let with_mx_hosts = open.mx_hosts.is_some();
        if with_mx_hosts && is_last && self.made.is_empty() && self.record_mx_hosts(store, now)? {
            return Ok(());
        }
        let is_last = is_last && (self.made.is_empty() || !with_mx_hosts);
        self.store(store, is_last, now)
    }

    /// Stores what is made, and that the day is decided if this is the last of it.
    fn store(
        &mut self,
        store: &mut dyn Store,
        is_last: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(open) = &mut self.day else {
            return Ok(());
        };
        let (day, made) = (open.day, &mut self.made);
        let closed = match is_last {
            true => store.close_day(day, made, now).map(Some),
            false => store.store_decisions(day, made, now).map(|()| None),
        };
        let closed = match closed {
            Ok(closed) => closed,
            // The day is closed behind them.
            Err(error) => {
                store.store_apart(day, made, ReportSubject::Domain, error, now)?;
                None
            }
        };
        made.iter()
            .for_each(|decision| open.log(decision, self.log));
        made.clear();
        self.has_room = true;
        if let Some(named) = closed {
            named.iter().for_each(log_named);
            open.log_end();
            self.day = None;
        }
        Ok(())
    }
}

/// Leaves out what destinations of others get beyond the bound.
fn limit(
    limit: &DestinationLimit,
    subject: ReportSubject,
    day: Day,
    store: &dyn Store,
    made: &mut [DecidedDomain],
) -> Result<(), StoreError> {
    let mut deliveries = HashMap::new();
    if limit.is_set() {
        let mut names: Vec<String> = made
            .iter()
            .flat_map(|one| limit.names(subject, one))
            .collect();
        names.sort_unstable();
        names.dedup();
        deliveries = store.deliveries_to(day, &names)?;
    }
    made.iter_mut()
        .for_each(|decided| limit.apply(subject, decided, &mut deliveries));
    Ok(())
}

/// Once a day for each.
fn log_named(named: &NamedDestination) {
    tracing::warn!(
        "{named} (tlsrptctl suppress add {name} ends these reports; known_destinations = {name} says that it wants them)",
        name = named.name,
    );
}

/// A day that has not ended was asked for by a clock that was ahead. By such a clock days are too old, too: what becomes of
/// them is decided when it has been calm for a while.
fn is_composed(schedule: &Schedule, day: Day, time: &WorkingTime) -> bool {
    day < Day::of(time.now) && (time.may_discard() || !schedule.is_too_old(day, time.now))
}
