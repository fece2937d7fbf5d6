//! MX hosts, when all domains of a day are decided on.

use jiff::Timestamp;
use tlsrptd_proto::day::Day;

use super::{Composing, OpenDay, limit};
use crate::{
    compose,
    environment::Environment,
    model::{DecidedDomain, Decision, ReportSubject},
    store::{Store, StoreError},
};

/// MX hosts that are decided on in one transaction, unless they have much to say.
const MX_HOSTS_AT_ONCE: usize = 64;
/// The octets of that.
const MX_BYTES_AT_ONCE: usize = 1 << 20;

impl<E: Environment> Composing<E> {
    /// Decides on the next MX hosts, if there are any.
    pub(super) fn record_mx_hosts(
        &mut self,
        store: &mut dyn Store,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some(open) = &mut self.day else {
            return Ok(false);
        };
        let found = store.mx_hosts(open.day, MX_HOSTS_AT_ONCE, MX_BYTES_AT_ONCE)?;
        if found.is_empty() {
            return Ok(false);
        }
        let (list, today) = (store.suppressions()?, Day::of(now));
        let (composer, rng) = (&self.composer, &mut self.rng);
        let decide = |host| {
            let mut decided = composer.decide_mx_host(open.day, host, now, rng);
            compose::suppress(&mut decided, &list, today);
            decided
        };
        let mut decided: Vec<DecidedDomain> = found.into_iter().map(decide).collect();
        let (bound, subject) = (&composer.limit, ReportSubject::MxHost);
        limit(bound, subject, open.day, store, &mut decided)?;
        decided.iter_mut().for_each(compose::name_mx_host);
        match store.store_mx_decisions(open.day, &decided, now) {
            Ok(true) => {}
            Ok(false) => decided.clear(),
            Err(error) => store.store_apart(open.day, &mut decided, subject, error, now)?,
        }
        decided.iter().for_each(|host| open.log_mx_host(host));
        self.has_room = true;
        Ok(true)
    }
}

impl OpenDay {
    /// One line a decision.
    fn log_mx_host(&mut self, decided: &DecidedDomain) {
        let (day, host, sessions) = (self.day, &decided.domain, decided.rows.sessions);
        match &decided.decision {
            Decision::Report(report) => {
                self.mx_reports += 1;
                let destinations = report.destinations.len();
                tracing::info!(%day, host, sessions, destinations, "report on a MX host stored");
            }
            Decision::NoReport(reason) => {
                tracing::info!(%day, host, sessions, reason, "no report on a MX host");
            }
        }
    }

    pub(super) fn log_mx_end(&self) {
        let day = self.day;
        if let Some(mx_hosts) = &self.mx_hosts {
            let (mx_reports, beyond) = (self.mx_reports, mx_hosts.beyond());
            if beyond > 0 {
                tracing::info!(%day, sessions = beyond, "sessions are in no report on their MX host: there are too many MX hosts to look their records up");
            }
            let unanswered = mx_hosts.unanswered();
            if unanswered > 0 {
                tracing::info!(%day, sessions = unanswered, "sessions are in no report on their MX host: DNS did not say whether it asks for reports");
            }
            tracing::info!(%day, mx_reports, "MX hosts are reported on");
        }
    }
}
