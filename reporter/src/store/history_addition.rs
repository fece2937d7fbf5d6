//! What one transaction adds to the totals, before an engine writes it: the same in each.

use std::{borrow::Cow, collections::BTreeMap};

use crate::model::{DecidedDomain, DeliveryStatus, Destination};

/// What a part of a day's totals is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Sessions, and those that failed, by policy type.
    Policy,
    /// Failures by result type.
    Result,
    /// Decisions against a report, and their sessions, by the kind of reason.
    Without,
    /// Deliveries that have ended, by status.
    Delivery,
    /// The same, by carrier and status, with a slash between the words.
    Carrier,
    /// Mails that came back on that day, by what became of them.
    Bounce,
}

impl Kind {
    /// The word of the tables.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Kind::Policy => "policy",
            Kind::Result => "result",
            Kind::Without => "without",
            Kind::Delivery => "delivery",
            Kind::Carrier => "carrier",
            Kind::Bounce => "bounce",
        }
    }
}

/// What one transaction adds to the totals. A day is a `D`, as its engine has it.
#[derive(Debug)]
pub(super) struct Addition<'a, D> {
    pub(super) days: BTreeMap<D, DayNumbers>,
    pub(super) parts: BTreeMap<(D, Kind, Cow<'a, str>), (u64, u64)>,
}

/// What is added to one day.
#[derive(Debug, Default)]
pub(super) struct DayNumbers {
    pub(super) domains: u64,
    pub(super) sessions: u64,
    pub(super) failed: u64,
    pub(super) reports: u64,
    pub(super) without: u64,
    pub(super) deliveries: u64,
}

impl<D> Default for Addition<'_, D> {
    fn default() -> Self {
        Addition {
            days: BTreeMap::new(),
            parts: BTreeMap::new(),
        }
    }
}

impl<'a, D: Clone + Ord> Addition<'a, D> {
    /// A domain was decided on for the first time. What came late is of a domain that counts already.
    pub(super) fn first(&mut self, day: &D) {
        self.days.entry(day.clone()).or_default().domains += 1;
    }

    /// A domain's day was decided on; `deliveries` are the rows that were made for it.
    pub(super) fn decided(&mut self, day: &D, decided: &'a DecidedDomain, deliveries: u64) {
        let rows = &decided.rows;
        let numbers = self.days.entry(day.clone()).or_default();
        numbers.sessions = numbers.sessions.saturating_add(rows.sessions);
        numbers.failed = numbers.failed.saturating_add(rows.failed);
        numbers.deliveries += deliveries;
        match decided.decision.kind_of_reason() {
            None => numbers.reports += 1,
            Some(reason) => {
                numbers.without += 1;
                self.part(day, Kind::Without, reason, 1, rows.sessions);
            }
        }
        for (policy, (sessions, failed)) in &rows.details.by_policy {
            self.part(day, Kind::Policy, policy.as_str(), *sessions, *failed);
        }
        for (result, sessions) in &rows.details.by_result {
            self.part(day, Kind::Result, result.as_str(), *sessions, 0);
        }
    }

    /// Deliveries of a report whose sessions and decision count already: that of a MX host.
    pub(super) fn delivers(&mut self, day: &D, deliveries: u64) {
        self.days.entry(day.clone()).or_default().deliveries += deliveries;
    }

    /// A delivery has ended.
    pub(super) fn ended(&mut self, day: &D, destination: &Destination, status: DeliveryStatus) {
        let status = status.as_str();
        let carrier = destination.queue().carrier().as_str();
        self.part(day, Kind::Delivery, status, 1, 0);
        self.part(day, Kind::Carrier, format!("{carrier}/{status}"), 1, 0);
    }

    fn part(
        &mut self,
        day: &D,
        kind: Kind,
        name: impl Into<Cow<'a, str>>,
        number: u64,
        failed: u64,
    ) {
        let key = (day.clone(), kind, name.into());
        let part = self.parts.entry(key).or_default();
        part.0 = part.0.saturating_add(number);
        part.1 = part.1.saturating_add(failed);
    }
}
