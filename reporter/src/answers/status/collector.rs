//! One collector's word.

use jiff::Timestamp;
use serde_json::{Value, json};

/// A collector that was asked.
#[derive(Clone, Debug)]
pub struct CollectorStatus {
    /// Its command, as `fetchers` has it.
    pub command: String,
    /// What it said.
    pub told: CollectorReply,
}

/// What a collector says of itself.
#[derive(Clone, Debug)]
pub enum CollectorReply {
    /// Its figures.
    Figures(CollectorFigures),
    /// Its fetcher does not know the question: sys4's, or an older one.
    Nothing,
    /// It did not answer.
    Failed(String),
    /// It was not asked: it is another host's, and who shows its status starts no fetcher.
    NotAsked,
}

/// The figures of a collector, as far as it tells them.
#[derive(Clone, Debug, Default)]
pub struct CollectorFigures {
    /// All that it said.
    pub whole: Value,
    /// When it was started.
    pub started: Option<Timestamp>,
    /// Its clock when it answered.
    pub now: Option<Timestamp>,
    /// When the last datagram came.
    pub last_received: Option<Timestamp>,
    /// Sessions of today, and those that failed, of the storage that has counted most.
    pub today: Option<[u64; 2]>,
    /// Datagrams that a storage took, since its start.
    pub accepted: u64,
    /// Datagrams that a storage did not take, since its start.
    pub dropped: u64,
    /// Datagrams that could not be read, since its start.
    pub malformed: u64,
}

impl CollectorFigures {
    /// Reads an answer, whatever of it is there.
    pub fn read(whole: Value) -> CollectorFigures {
        let storages = whole["storages"].as_array();
        let storages: Vec<&Value> = storages.into_iter().flatten().collect();
        let sum = |name: &str| storages.iter().filter_map(|it| it[name].as_u64()).sum();
        let today = storages.iter().filter_map(|storage| {
            let sessions = storage["sessions_today"].as_u64()?;
            Some([sessions, storage["failed_today"].as_u64().unwrap_or(0)])
        });
        CollectorFigures {
            started: time(&whole["started"]),
            now: time(&whole["now"]),
            last_received: time(&whole["last_received"]),
            today: today.max(),
            accepted: sum("accepted"),
            dropped: sum("dropped"),
            malformed: whole["malformed"].as_u64().unwrap_or(0),
            whole,
        }
    }
}

/// RFC 3339.
pub(crate) fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

impl CollectorStatus {
    /// For programs: what the collector said, as it said it.
    pub(super) fn json(&self) -> Value {
        let (answers, status, error) = match &self.told {
            CollectorReply::Figures(figures) => ("status", Some(&figures.whole), None),
            CollectorReply::Nothing => ("nothing", None, None),
            CollectorReply::Failed(reason) => ("error", None, Some(reason)),
            CollectorReply::NotAsked => ("not_asked", None, None),
        };
        json!({
            "collector": self.command,
            "answers": answers,
            "status": status,
            "error": error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_told_is_read() {
        let told = json!({
            "started": "2026-11-20T01:02:03Z", "now": "2026-11-20T08:09:10Z", "last_received": null, "malformed": 2,
            "storages": [
                {"accepted": 7, "dropped": 4, "sessions_today": null},
                {"accepted": 9, "dropped": 1, "sessions_today": 12, "failed_today": 3},
            ],
        });
        let figures = CollectorFigures::read(told);
        assert_eq!(figures.today, Some([12, 3]));
        assert_eq!(
            (figures.accepted, figures.dropped, figures.malformed),
            (16, 5, 2)
        );
        assert_eq!(figures.started.unwrap().to_string(), "2026-11-20T01:02:03Z");
        for strange in [
            json!({}),
            json!({"storages": 5, "now": 7}),
            json!({"storages": [null, "x"]}),
        ] {
            let figures = CollectorFigures::read(strange.clone());
            assert_eq!((figures.today, figures.accepted), (None, 0), "{strange}");
        }
    }
}
