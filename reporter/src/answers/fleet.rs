//! How a fleet is: who works, who ships, how far its days are.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::store::{FleetCollector, FleetDay, FleetState, OperatorStore, StoreError};

/// A shipper that has written nothing for so long does not run, or cannot. It writes once a minute, and while there is nothing
/// to ship.
pub const SILENT_SECONDS: u64 = 900;

/// The fleet of a store.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetAnswer {
    /// How it is.
    pub state: FleetState,
    /// `fetch_deadline`: a day is closed that long after its end, whoever is missing.
    pub deadline: SignedDuration,
}

impl FleetAnswer {
    /// Looks at it; `None`: the database is one host's.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn find(
        fetch_deadline: Duration,
        store: &dyn OperatorStore,
    ) -> Result<Option<FleetAnswer>, StoreError> {
        Ok(store.fleet()?.map(|state| FleetAnswer {
            state,
            deadline: signed(fetch_deadline),
        }))
    }

    /// Members at work.
    pub fn live_members(&self) -> usize {
        self.state.members.iter().filter(|one| one.is_live).count()
    }

    /// For how many seconds a collector's shipper has written nothing.
    pub fn silent_seconds(&self, collector: &FleetCollector) -> u64 {
        let silence = self.state.at.duration_since(collector.seen);
        u64::try_from(silence.as_secs()).unwrap_or(0)
    }

    /// Collectors that are waited for and say nothing. Behind one whose disk was lost stands the next of its name.
    pub fn silent(&self) -> impl Iterator<Item = &FleetCollector> {
        let all = &self.state.collectors;
        let is_last = |at: usize| all.get(at + 1).is_none_or(|next| next.name != all[at].name);
        let waited_for = all
            .iter()
            .enumerate()
            .filter(move |(at, one)| one.retired.is_none() && is_last(*at));
        let silent = waited_for.filter(|(_, one)| self.silent_seconds(one) > SILENT_SECONDS);
        silent.map(|(_, one)| one)
    }

    /// Collectors that ship under another's name: no day waits for them.
    pub fn doubled(&self) -> impl Iterator<Item = &FleetCollector> {
        self.state.collectors.iter().filter(|one| one.is_doubled)
    }

    /// Days that should have been closed by now.
    pub fn overdue(&self) -> impl Iterator<Item = &FleetDay> {
        let is_late = |day: &&FleetDay| {
            let due = day.day.next().start().checked_add(self.deadline);
            day.state == "open" && due.is_ok_and(|due| due < self.state.at)
        };
        self.state.days.iter().filter(is_late)
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let state = &self.state;
        json!({
            "at": state.at.to_string(),
            "shards": state.shards,
            "shards_without_owner": state.shards_without_owner,
            "members": state.members.iter().map(|one| json!({
                "id": one.id,
                "name": one.name,
                "since": one.since.to_string(),
                "lease_until": one.until.to_string(),
                "is_live": one.is_live,
                "shards": one.shards,
            })).collect::<Vec<_>>(),
            "collectors": state.collectors.iter().map(|one| json!({
                "name": one.name,
                "first_day": one.first_day.to_string(),
                "retired_from": one.retired.map(|day| day.to_string()),
                "seen": one.seen.to_string(),
                "silent_seconds": self.silent_seconds(one),
                "day": one.day.map(|day| day.to_string()),
                "is_done": one.is_done,
                "open_days_before": one.open_days,
                "late_sessions": one.late_sessions,
                "is_doubled": one.is_doubled,
            })).collect::<Vec<_>>(),
            "days": state.days.iter().map(|one| json!({
                "day": one.day.to_string(),
                "state": one.state,
                "closed": one.closed.map(|at: Timestamp| at.to_string()),
                "collectors_done": one.done,
                "collectors_expected": one.expected,
                "missing": one.missing,
                "shards_composed": one.composed,
                "late_sessions": one.late_sessions,
            })).collect::<Vec<_>>(),
            "overdue_days": self.overdue().map(|one| one.day.to_string()).collect::<Vec<_>>(),
            "silent_collectors": self.silent().map(|one| &one.name).collect::<Vec<_>>(),
        })
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
