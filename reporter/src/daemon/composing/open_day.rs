//! The day that is being composed: how far its domains are read, and what is logged of it.

use std::sync::Arc;

use tlsrptd_proto::day::Day;

use super::READ_AT_ONCE;
use crate::{
    compose::MxHosts,
    daemon::sent_log::ReportLog,
    model::{DecidedDomain, Decision, DomainDay},
    store::{Store, StoreError},
};

/// Which domains of a day are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum DomainsRead {
    /// Those with failures, which come first where not all may get a report.
    Failing,
    /// None, until the decisions on these are stored: the others are told apart by that.
    Waiting,
    /// All that are not decided.
    All,
}

/// A day, and how far it is composed.
pub(super) struct OpenDay {
    pub(super) day: Day,
    pub(super) read: DomainsRead,
    /// Domains up to here are decided or under way.
    after: Option<String>,
    pub(super) at_end: bool,
    reports: u64,
    without: u64,
    bad_rows: u64,
    /// With `mx_reports`.
    pub(super) mx_hosts: Option<Arc<MxHosts>>,
    pub(super) mx_reports: u64,
}

impl OpenDay {
    pub(super) fn new(day: Day, read: DomainsRead, mx_hosts: Option<Arc<MxHosts>>) -> OpenDay {
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
    pub(super) fn read(
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
    pub(super) fn log(&mut self, decided: &DecidedDomain, log: ReportLog) {
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

    pub(super) fn log_end(&self) {
        let (day, reports, without) = (self.day, self.reports, self.without);
        if self.bad_rows > 1 {
            tracing::warn!(%day, "report data of {} rows is unusable", self.bad_rows);
        }
        self.log_mx_end();
        tracing::info!(%day, reports, without, "day closed");
    }
}
