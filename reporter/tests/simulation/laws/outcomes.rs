//! How deliveries end: nothing is lost, and nothing sent twice but where nobody could know.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tlsrptd_proto::day::Day;
use tlsrptd_reporter::{deliver::Outcome, model::BounceBlame};

use super::{Attempt, Court, IN_HAND, Key, bounces::BOUNCED};
use crate::{
    domains::{HOSTERS, place},
    ledger::Destination,
};

impl Court<'_> {
    /// A report says what was counted, has an identity of its own, and is the same bytes each time.
    pub(super) fn receivers_got_what_was_counted(&mut self) {
        let mut ids: BTreeMap<String, &Key> = BTreeMap::new();
        let mut faults = Vec::new();
        for (key, attempts) in &self.attempts {
            let first = &attempts[0].report;
            if attempts.iter().any(|attempt| attempt.report != *first) {
                faults.push(format!("{key:?}: a repeat is not the same bytes"));
            }
            if !self.keeps_its_date(attempts) {
                let seen = attempts
                    .iter()
                    .map(|attempt| (attempt.date, attempt.life, &attempt.ended));
                let seen: Vec<_> = seen.collect();
                faults.push(format!("{key:?}: a repeat has another date: {seen:?}"));
            }
            let json: Value = serde_json::from_str(&first.json).unwrap();
            let sum = |name: &str| -> u64 {
                let policies = json["policies"].as_array().unwrap().iter();
                policies
                    .map(|policy| policy["summary"][name].as_u64().unwrap())
                    .sum()
            };
            let is_on_mx_host = key.domain.ends_with(HOSTERS);
            let (total, failed) = self.counted(key.day, &key.domain);
            let said = (
                sum("total-successful-session-count"),
                sum("total-failure-session-count"),
            );
            // What came late is held to account in all, whose it was.
            if key.uniqid == 1 && !is_on_mx_host && said != (total - failed, failed) {
                faults.push(format!(
                    "{key:?}: {total} sessions with {failed} failures were reported as {said:?}"
                ));
            }
            let domain = &json["policies"][0]["policy"]["policy-domain"];
            let begin = json["date-range"]["start-datetime"].as_str().unwrap();
            let host = self.played.sim.plan.domains.mx_host(&key.domain);
            let own = host.filter(|_| !is_on_mx_host);
            let own = own.as_deref().unwrap_or(&key.domain);
            if domain != own || !begin.starts_with(&key.day.to_string()) {
                faults.push(format!("{key:?}: the report is on {domain} and {begin}"));
            }
            let id = json["report-id"].as_str().unwrap().to_owned();
            let other = ids.entry(id).or_insert(key);
            let named = |key: &Key| (key.day, key.domain.clone(), key.uniqid);
            if named(other) != named(key) {
                faults.push(format!("{key:?} and {other:?} have one report-id"));
            }
        }
        self.broken.extend(faults);
    }

    /// What may have been shown to somebody keeps its date.
    fn keeps_its_date(&self, attempts: &[&Attempt]) -> bool {
        let mut shown = None;
        attempts.iter().all(|attempt| {
            let date = attempt.date.as_second();
            let is_same = shown.is_none_or(|shown| shown == date);
            // Of what it has certainly not taken nothing was shown.
            if !self.was_denied(attempt) {
                shown = Some(date);
            }
            is_same
        })
    }

    /// A place gets no more than one report on a domain and day, however the place is written.
    pub(super) fn one_report_a_place(&mut self) {
        let mut places = BTreeSet::new();
        for key in self.ledger.destinations.keys() {
            let place = (key.day, &key.domain, key.uniqid, place(&key.uri));
            if !places.insert(place) {
                self.broken
                    .push(format!("{key:?}: two deliveries to one place"));
            }
        }
    }

    pub(super) fn every_delivery_ended(&mut self) {
        let mut faults = Vec::new();
        for (key, destination) in &self.ledger.destinations {
            let none = Vec::new();
            let attempts = self.attempts.get(key).unwrap_or(&none);
            if let Some(fault) = self.ended_badly(key, destination, attempts) {
                faults.push(format!("{key:?}, {destination:?}: {fault}"));
            }
            let is_over = |attempt: &&&Attempt| is_final(attempt) && !self.is_unknown(attempt);
            if let Some(over) = attempts.iter().position(|attempt| is_over(&attempt))
                && over + 1 < attempts.len()
            {
                faults.push(format!(
                    "{key:?}: {} attempts after {:?}",
                    attempts.len() - over - 1,
                    attempts[over]
                ));
            }
        }
        for key in self.attempts.keys() {
            if !self.ledger.destinations.contains_key(key) {
                faults.push(format!("{key:?} was tried, and nobody knows of it"));
            }
        }
        self.broken.extend(faults);
    }

    fn ended_badly(
        &self,
        key: &Key,
        destination: &Destination,
        attempts: &[&Attempt],
    ) -> Option<&'static str> {
        let last = attempts.last();
        let outcome = last
            .and_then(|attempt| attempt.ended.as_ref())
            .map(|(_, outcome)| outcome);
        let holds = match destination.status.as_deref() {
            Some("sent") => {
                matches!(outcome, Some(Outcome::Sent { .. }))
                    && last.is_some_and(|attempt| attempt.taken)
            }
            // The relay had taken it.
            Some("refused") if is_bounced(destination) => {
                matches!(outcome, Some(Outcome::Sent { .. }))
            }
            Some("refused") => matches!(
                outcome,
                Some(Outcome::Refused { .. } | Outcome::Unsendable { .. })
            ),
            Some("timedout") => {
                matches!(
                    outcome,
                    Some(
                        Outcome::Retry { .. }
                            | Outcome::Unreachable { .. }
                            | Outcome::Denied { .. }
                    )
                ) && !last.is_some_and(|last| self.waits(last))
                    && self.was_tried_enough(attempts)
            }
            // It was in hand at most, and never known to have arrived.
            Some("expired") => attempts
                .iter()
                .all(|attempt| !is_final(attempt) || self.is_unknown(attempt)),
            Some("suppressed") => self.is_rightly_suppressed(&key.uri, attempts),
            Some(_) => return Some("there is no such end"),
            None => return Some("it is still pending"),
        };
        (!holds).then_some("its attempts do not say so")
    }

    /// By sys4's rule or by ours.
    fn was_tried_enough(&self, attempts: &[&Attempt]) -> bool {
        let settings = &self.played.settings;
        if let Some(most) = settings.max_retries_delivery {
            return attempts.len() > most as usize;
        }
        let (first, last) = (self.window(attempts)[0], attempts[attempts.len() - 1]);
        let (end, _) = last.ended.as_ref().unwrap();
        // It is judged when it can be recorded.
        let judged = *end + IN_HAND + self.away(*end, *end + IN_HAND * 12);
        !self.clock_is_true() || judged >= self.taken_in_hand(first) + settings.retry_window
    }

    /// It never got the report, and has refused so many others that it is left alone.
    fn is_rightly_suppressed(&self, uri: &str, attempts: &[&Attempt]) -> bool {
        let got_it = attempts
            .iter()
            .any(|attempt| is_final(attempt) && !self.is_unknown(attempt));
        !got_it && self.days_of_refusals(uri) >= 3
    }

    /// On how many days a place has refused.
    pub(super) fn days_of_refusals(&self, uri: &str) -> usize {
        let refused = self.log.attempts.iter().filter(|attempt| {
            let outcome = attempt.ended.as_ref().map(|(_, outcome)| outcome);
            place(&attempt.key.uri) == place(uri)
                && matches!(outcome, Some(Outcome::Refused { .. }))
        });
        let refused = refused.map(|attempt| Day::of(attempt.wall));
        let came_back = self.log.arrived.iter().filter(|arrived| {
            let counts = arrived.ends_it && arrived.blame == BounceBlame::Address;
            counts && place(&arrived.key.uri) == place(uri)
        });
        let came_back = came_back.map(|arrived| Day::of(arrived.wall));
        let days: BTreeSet<Day> = refused.chain(came_back).collect();
        days.len()
    }
}

fn is_bounced(destination: &Destination) -> bool {
    let reason = destination.reason.as_deref().unwrap_or_default();
    reason.starts_with(BOUNCED)
}

fn is_final(attempt: &Attempt) -> bool {
    matches!(
        attempt.ended,
        Some((
            _,
            Outcome::Sent { .. }
                | Outcome::Refused { .. }
                | Outcome::Unsendable { .. }
                | Outcome::UnknownScheme
        ))
    )
}
