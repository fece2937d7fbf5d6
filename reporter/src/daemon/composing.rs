//! Composing: goes through the domains of a gathered day, decides on many at once, stores the decisions.

mod mx_hosts;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use jiff::Timestamp;
use rand::{Rng as _, rngs::StdRng};
use tlsrptd_proto::day::Day;
use tlsrptd_service::clock::WorkingTime;
use tokio::task::JoinSet;

use super::{calendar::Calendar, sent_log::ReportLog};
use crate::{
    compose::{self, Composer, DestinationLimit, MxHosts},
    environment::Environment,
    lookup::LOOKUPS_AT_ONCE,
    model::{DecidedDomain, Decision, DomainDay, NamedDestination, ReportSubject},
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

/// Which domains of a day are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum DomainsRead {
    /// Those with failures, which come first where not all may get a report.
    Failing,
    /// None, until the decisions on these are stored: the others are told apart by that.
    Waiting,
    /// All that are not decided.
    All,
}

/// A day, and how far it is composed.
struct OpenDay {
    day: Day,
    read: DomainsRead,
    /// Domains up to here are decided or under way.
    after: Option<String>,
    at_end: bool,
    reports: u64,
    without: u64,
    bad_rows: u64,
    /// With `mx_reports`.
    mx_hosts: Option<Arc<MxHosts>>,
    mx_reports: u64,
}

impl OpenDay {
    fn new(day: Day, read: DomainsRead, mx_hosts: Option<Arc<MxHosts>>) -> OpenDay {
        OpenDay {
            day,
            read,
            after: None,
            at_end: false,
            reports: 0,
            without: 0,
            bad_rows: 0,
            mx_hosts,
            mx_reports: 0,
        }
    }

    /// The next domains. `None`: what is under way has to be stored first.
    fn read(
        &mut self,
        store: &mut dyn Store,
        bytes: usize,
        is_idle: bool,
    ) -> Result<Option<Vec<DomainDay>>, StoreError> {
        match self.read {
            DomainsRead::Failing => {
                let after = self.after.as_deref();
                let found = store.undecided_failing(self.day, after, READ_AT_ONCE, bytes)?;
                if found.after.is_none() {
                    self.read = DomainsRead::Waiting;
                }
                self.after = found.after;
                return Ok(Some(found.domains));
            }
            DomainsRead::Waiting if !is_idle => return Ok(None),
            DomainsRead::Waiting | DomainsRead::All => self.read = DomainsRead::All,
        }
        let found = store.undecided(self.day, self.after.as_deref(), READ_AT_ONCE, bytes)?;
        match found.last() {
            Some(last) => self.after = Some(last.domain.clone()),
            None => self.at_end = true,
        }
        Ok(Some(found))
    }

    /// One line a decision.
    fn log(&mut self, decided: &DecidedDomain, log: ReportLog) {
        let (day, domain, sessions) = (self.day, &decided.domain, decided.rows.sessions);
        for (fetcher, reason) in &decided.rows.bad {
            self.bad_rows += 1;
            // The first as an example; each reason is in its row.
            if self.bad_rows == 1 {
                tracing::warn!(%day, domain, fetcher, reason, "report data is unusable");
            }
        }
        match &decided.decision {
            Decision::Report(report) => {
                self.reports += 1;
                let destinations = report.destinations.len();
                match log {
                    ReportLog::Each => {
                        tracing::info!(%day, domain, sessions, destinations, "report stored");
                    }
                    ReportLog::Day => {
                        tracing::debug!(%day, domain, sessions, destinations, "report stored");
                    }
                }
                if let Some((_, reason)) = report.suppressed.first() {
                    let number = report.suppressed.len();
                    tracing::info!(%day, domain, number, "destinations are suppressed: {reason}");
                }
            }
            Decision::NoReport(reason) => {
                self.without += 1;
                tracing::info!(%day, domain, sessions, reason, "no report");
            }
        }
    }

    fn log_end(&self) {
        let (day, reports, without) = (self.day, self.reports, self.without);
        if self.bad_rows > 1 {
            tracing::warn!(%day, "report data of {} rows is unusable", self.bad_rows);
        }
        self.log_mx_end();
        tracing::info!(%day, reports, without, "day closed");
    }
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
        let Some(open) = &mut self.day else {
            return Ok(());
        };
        let is_last = is_last && (self.made.is_empty() || !with_mx_hosts);
        if is_last {
            let named = store.close_day(open.day, &self.made, now)?;
            named.iter().for_each(log_named);
        } else {
            store.store_decisions(open.day, &self.made, now)?;
        }
        self.made
            .iter()
            .for_each(|decision| open.log(decision, self.log));
        self.made.clear();
        self.has_room = true;
        if is_last {
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
