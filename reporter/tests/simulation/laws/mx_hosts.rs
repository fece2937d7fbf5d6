//! With `mx_reports`, each session at a MX host is in at most one report on it; and in one, unless a destination of the host
//! has it already or a reason is recorded.

use std::collections::BTreeMap;

use tlsrptd_proto::day::Day;

use super::Court;
use crate::{
    domains::{Domains, place},
    ledger::Report,
};

/// Sessions that must be in the reports on a host, and those that may be.
#[derive(Debug, Default)]
struct Bounds {
    least: i64,
    most: i64,
}

impl Court<'_> {
    pub(super) fn sessions_at_mx_hosts_are_told_once(&mut self) {
        let bounds = self.bounds();
        let mut told: BTreeMap<(Day, String), i64> = BTreeMap::new();
        for ((day, host, _), report) in &self.ledger.on_mx_hosts {
            *told.entry((*day, host.clone())).or_default() += report.sessions;
        }
        let mut faults = Vec::new();
        for (key, bounds) in &bounds {
            let told = told.remove(key).unwrap_or_default();
            // When DNS does not answer for a host, nobody knows whom to tell.
            let is_known = self.played.settings.mx_reports
                && self.played.sim.plan.dns_gone.is_empty()
                && self.clock_is_true()
                && self.played.sim.is_busy_day(key.0);
            if told > bounds.most || is_known && told < bounds.least {
                faults.push(format!("{key:?}: {told} sessions were told, {bounds:?}"));
            }
        }
        for (key, told) in told {
            faults.push(format!(
                "{key:?}: {told} sessions were told, and none was there"
            ));
        }
        faults.extend(self.wrong_sums());
        self.broken.extend(faults);
    }

    /// By the decisions on domains.
    fn bounds(&self) -> BTreeMap<(Day, String), Bounds> {
        let mut bounds: BTreeMap<(Day, String), Bounds> = BTreeMap::new();
        let first = self.ledger.reports.iter();
        let first = first.map(|((day, domain), report)| (*day, domain, report));
        let late = self.ledger.late.iter();
        let late = late.map(|((day, domain, _), report)| (*day, domain, report));
        for (day, domain, report) in first.chain(late) {
            let Some(host) = self.played.sim.plan.domains.mx_host(domain) else {
                continue;
            };
            let Some(to) = Domains::mx_destination(&host) else {
                continue;
            };
            let bounds = bounds.entry((day, host)).or_default();
            match self.has_told(day, domain, report, &to) {
                Some(true) => {}
                Some(false) => {
                    bounds.least += report.sessions;
                    bounds.most += report.sessions;
                }
                None => bounds.most += report.sessions,
            }
        }
        bounds
    }

    /// Whether the destination got them in the domain's report, or never shall. `None`: it may be.
    fn has_told(&self, day: Day, domain: &str, report: &Report, to: &str) -> Option<bool> {
        let word = report
            .reason
            .as_deref()
            .and_then(|reason| reason.split(':').next());
        if matches!(
            word,
            Some("expired" | "loop guard" | "not a domain" | "no sessions")
        ) {
            return Some(true);
        }
        let mut destinations = self.ledger.destinations.iter();
        let found = destinations.find(|(key, _)| {
            (key.day, key.domain.as_str(), key.uniqid as i64) == (day, domain, report.uniqid)
                && place(&key.uri) == place(to)
        });
        match found {
            None => Some(false),
            // Suppressed when it was decided, or later.
            Some((_, to)) if to.status.as_deref() == Some("suppressed") => None,
            Some(_) => Some(true),
        }
    }

    /// A report says what is recorded with it.
    fn wrong_sums(&self) -> Vec<String> {
        let attempts = self.attempts.iter();
        let faults = attempts.filter_map(|(key, attempts)| {
            let row = (key.day, key.domain.clone(), key.uniqid as i64);
            let row = self.ledger.on_mx_hosts.get(&row)?;
            let json: serde_json::Value = serde_json::from_str(&attempts[0].report.json).unwrap();
            let policies = json["policies"].as_array().unwrap().iter();
            let said: i64 = policies
                .map(|policy| {
                    let number = |name: &str| policy["summary"][name].as_i64().unwrap();
                    number("total-successful-session-count") + number("total-failure-session-count")
                })
                .sum();
            (said != row.sessions).then(|| format!("{key:?}: {said} sessions are in it, {row:?}"))
        });
        faults.collect()
    }
}
