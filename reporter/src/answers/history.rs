//! How many sessions a day, and what became of their reports.

use serde_json::{Value, json};
use tlsrptd_proto::day::Day;

use super::totals;
use crate::store::{DayTotals, OperatorStore, StoreError};

/// A line a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionHistory {
    /// The first day that was asked for.
    pub from: Day,
    /// The last.
    pub to: Day,
    /// The first day of which there are totals at all.
    pub known_since: Option<Day>,
    /// The days that have any, oldest first.
    pub days: Vec<DayTotals>,
}

impl SessionHistory {
    /// The last `days` days up to this one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn find(
        store: &dyn OperatorStore,
        to: Day,
        days: u32,
    ) -> Result<SessionHistory, StoreError> {
        let from = to.back(days.saturating_sub(1));
        Ok(SessionHistory {
            from,
            to,
            known_since: store.first_day()?,
            days: store.totals(from, to)?,
        })
    }

    /// The last day of which anything is known: each night the day before is not decided on yet.
    pub fn last_known(&self) -> Option<Day> {
        self.days.last().map(|of| of.day)
    }

    /// Of the days together, by policy type: sessions, and those of them that failed.
    pub fn policies(&self) -> Vec<(String, [u64; 2])> {
        let all = self.days.iter().flat_map(|day| &day.by_policy);
        totals::add_up(all.map(|it| (it.policy_type.as_str(), [it.sessions, it.failed])))
    }

    /// Of the days together, by result type: sessions.
    pub fn results(&self) -> Vec<(String, [u64; 2])> {
        let all = self.days.iter().flat_map(|day| &day.by_result);
        totals::add_up(all.map(|it| (it.result_type.as_str(), [it.sessions, 0])))
    }

    /// Of the days together, by outcome: deliveries.
    pub fn outcomes(&self) -> Vec<(String, [u64; 2])> {
        let all = self.days.iter().flat_map(|day| &day.outcomes);
        totals::add_up(all.map(|it| (it.status.as_str(), [it.deliveries, 0])))
    }

    /// For programs.
    pub fn json(&self) -> Value {
        json!({
            "from": self.from.to_string(),
            "to": self.to.to_string(),
            "known_since": self.known_since.map(|day| day.to_string()),
            "days": self.days.iter().map(totals::json).collect::<Vec<_>>(),
        })
    }
}
