//! A delivery that came back has ended as refused, and none other has.

use std::time::Duration;

use super::Court;
use crate::{
    bounces::Arrived,
    plan::{DAY, HOUR},
    sim::Key,
};

/// What a delivery that came back ended with begins so.
pub(super) const BOUNCED: &str = "bounced: ";

impl Court<'_> {
    pub(super) fn what_came_back_is_refused(&mut self) {
        let mut faults = Vec::new();
        for (key, destination) in &self.ledger.destinations {
            let reason = destination.reason.as_deref().unwrap_or_default();
            let is_bounced = reason.starts_with(BOUNCED);
            if is_bounced && destination.status.as_deref() != Some("refused") {
                faults.push(format!("{key:?} is {destination:?}"));
            }
            if is_bounced && self.returns(key).next().is_none() {
                faults.push(format!("{key:?} never came back: {destination:?}"));
            }
            let was_applied = |arrived: &Arrived| self.had_to_be_applied(arrived);
            if destination.status.as_deref() == Some("sent") && self.returns(key).any(was_applied) {
                faults.push(format!("{key:?} came back, and is {destination:?}"));
            }
        }
        self.broken.extend(faults);
    }

    /// The bounces that end a delivery.
    pub(super) fn returns(&self, key: &Key) -> impl Iterator<Item = &Arrived> {
        let all = self.log.arrived.iter();
        all.filter(move |arrived| arrived.ends_it && arrived.key == *key)
    }

    /// There was a reporter for long enough afterwards, and the row was there.
    fn had_to_be_applied(&self, arrived: &Arrived) -> bool {
        let settings = &self.played.settings;
        let end = self
            .played
            .lives
            .last()
            .map_or(Duration::ZERO, |life| life.1);
        let at_last = arrived.at + self.away(arrived.at, end) + HOUR * 2;
        let kept = DAY * settings.keep_days.saturating_sub(4);
        let cleaned = self.since_begin(arrived.key.day.next().start()) + kept;
        self.clock_is_true() && at_last < end && at_last < cleaned
    }
}
