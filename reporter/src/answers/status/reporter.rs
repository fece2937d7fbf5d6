//! The reporter's own word, from its observation socket.

use std::{path::Path, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};
use tlsrptd_service::observe::{AskError, Client};

use super::collector::time;
use crate::model::collector_of;

/// It answers at once, or something is wrong.
const LIMIT: Duration = Duration::from_secs(3);

/// What `tlsrpt-reportd` says.
#[derive(Clone, Debug)]
pub enum ReporterStatus {
    /// How it is.
    Answers(Value),
    /// It does not: why.
    Silent(String),
    /// Whoever asks may not: why.
    Denied(String),
    /// `observation_socket` is not set.
    NotAsked,
}

/// A destination queue of the reporter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueStatus {
    /// `mailto:`, `https:HOST:PORT`.
    pub key: String,
    /// Until when it is throttled.
    pub throttled_until: Option<Timestamp>,
    /// Why.
    pub reason: Option<String>,
    /// Deliveries in it that are known to be due.
    pub due: Option<u64>,
}

impl ReporterStatus {
    /// Asks there.
    pub(crate) fn ask(socket: Option<&Path>) -> ReporterStatus {
        ReporterStatus::ask_within(socket, LIMIT)
    }

    /// The same, with another time limit.
    pub(crate) fn ask_within(socket: Option<&Path>, limit: Duration) -> ReporterStatus {
        let Some(socket) = socket else {
            return ReporterStatus::NotAsked;
        };
        let asked = Client::connect_within(socket, limit)
            .and_then(|mut client| client.ask(&json!({ "request": "status" })));
        match asked {
            Ok(status) => ReporterStatus::Answers(status),
            Err(error @ AskError::Denied(_)) => ReporterStatus::Denied(error.to_string()),
            Err(error) => ReporterStatus::Silent(error.to_string()),
        }
    }

    /// All that it said.
    pub fn whole(&self) -> Option<&Value> {
        match self {
            ReporterStatus::Answers(whole) => Some(whole),
            _ => None,
        }
    }

    /// Its queues that are throttled.
    pub fn throttled(&self) -> Vec<QueueStatus> {
        let queues = self.whole().and_then(|whole| whole["queues"].as_array());
        let queues = queues.into_iter().flatten().map(|queue| QueueStatus {
            key: queue["key"].as_str().unwrap_or_default().to_owned(),
            throttled_until: time(&queue["throttled_until"]),
            reason: queue["reason"].as_str().map(str::to_owned),
            due: queue["due"].as_u64(),
        });
        queues
            .filter(|queue| queue.throttled_until.is_some())
            .collect()
    }

    /// What it says of the collector with that command: when it last answered, and why it does not since.
    pub fn collector(&self, command: &str) -> Option<(Option<Timestamp>, Option<&str>)> {
        let collectors = self.whole()?["collectors"].as_array()?;
        let asked = collector_of(command);
        let is_it = |one: &&Value| {
            one["command"]
                .as_str()
                .is_some_and(|it| collector_of(it) == asked)
        };
        let found = collectors.iter().find(is_it)?;
        Some((time(&found["last_success"]), found["last_error"].as_str()))
    }

    /// Its newest warning or error: when, and what.
    pub fn newest_warning(&self) -> Option<(Timestamp, &str)> {
        let warnings = self.whole()?["warnings"].as_array()?.iter();
        let read = |it: &'_ Value| time(&it["time"]);
        let (at, newest) = warnings
            .filter_map(|it| Some((read(it)?, it)))
            .max_by_key(|(at, _)| *at)?;
        Some((at, newest["text"].as_str()?))
    }

    /// Deliveries that are under way.
    pub fn under_way(&self) -> Option<u64> {
        self.whole()?["deliveries_in_hand"]["under_way"].as_u64()
    }

    /// For programs: what it said, as it said it.
    pub(super) fn json(&self) -> Value {
        let (answers, error) = match self {
            ReporterStatus::Answers(_) => ("status", None),
            ReporterStatus::Silent(reason) | ReporterStatus::Denied(reason) => {
                ("error", Some(reason))
            }
            ReporterStatus::NotAsked => ("not_asked", None),
        };
        json!({ "answers": answers, "status": self.whole(), "error": error })
    }
}
