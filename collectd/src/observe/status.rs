//! The figures of a collector.

use std::{
    path::PathBuf,
    process,
    sync::{Arc, PoisonError},
};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{
    WallClock,
    stats::{DropReason, Stats},
};

/// What there is to know of a collector that works.
pub(crate) struct ObservedCollector {
    pub(crate) started: Timestamp,
    pub(crate) clock: WallClock,
    pub(crate) sockets: Vec<PathBuf>,
    /// Their URLs.
    pub(crate) storages: Vec<String>,
    /// `max_day_file_size`
    pub(crate) max_day_file_bytes: u64,
    pub(crate) stats: Arc<Stats>,
}

impl ObservedCollector {
    /// The answer to `status`.
    pub(crate) fn status(&self) -> Value {
        let stats = &self.stats;
        let sockets = self.sockets.iter().map(|path| path.display().to_string());
        let today = *stats.today.lock().unwrap_or_else(PoisonError::into_inner);
        json!({
            "program": "tlsrpt-collectd",
            "version": env!("CARGO_PKG_VERSION"),
            "pid": process::id(),
            "started": time(self.started),
            "now": time((self.clock)()),
            "day": today.map(|day| day.to_string()),
            "sockets": sockets.collect::<Vec<_>>(),
            "last_received": last_received(stats),
            "received": stats.received.value(),
            "malformed": stats.malformed.total(),
            "malformed_by_reason": by_name(&stats.malformed.by_name()),
            "anomalies": stats.anomalies.total(),
            "anomalies_by_kind": by_name(&stats.anomalies.by_name()),
            "storages": self.storages(),
        })
    }

    fn storages(&self) -> Vec<Value> {
        let figures = self.storages.iter().zip(self.stats.each());
        figures
            .map(|(url, stats)| storage(url, stats, self.max_day_file_bytes))
            .collect()
    }
}

fn storage(url: &str, stats: &Stats, max_day_file_bytes: u64) -> Value {
    let sessions = stats.sessions_today.lock();
    let sessions = *sessions.unwrap_or_else(PoisonError::into_inner);
    let (successful, failed) = (stats.successful.value(), stats.failed.value());
    json!({
        "url": url,
        "accepted": stats.counted.accepted(),
        "committed": stats.committed.value(),
        "uncommitted": stats.uncommitted.value(),
        "dropped": stats.dropped.total(),
        "dropped_by_reason": dropped(stats),
        "folded": stats.folded.total(),
        "folded_by_kind": by_name(&stats.folded.by_name()),
        "commits": stats.commits.value(),
        "commit_failures": stats.commit_failures.value(),
        "days_closed": stats.days_closed.value(),
        "queue_high_water": stats.queue_high_water.value(),
        "domains_today": stats.domains_today.value(),
        "policies_today": stats.policies_today.value(),
        "sessions": successful + failed,
        "successful": successful,
        "failed": failed,
        "sessions_today": sessions.map(|sessions| sessions.total),
        "failed_today": sessions.map(|sessions| sessions.failed),
        "day_file_bytes": stats.day_file_bytes.value(),
        "max_day_file_bytes": max_day_file_bytes,
    })
}

/// All reasons, also those for which nothing was dropped: a monitoring sees them begin at zero.
fn dropped(stats: &Stats) -> Value {
    let mut all: Map<String, Value> = DropReason::ALL
        .iter()
        .map(|&reason| (<&str>::from(reason).to_owned(), json!(0)))
        .collect();
    for (reason, n) in stats.dropped.by_name() {
        all.insert(reason.to_owned(), json!(n));
    }
    Value::Object(all)
}

fn by_name(figures: &[(&'static str, u64)]) -> Value {
    let figures = figures
        .iter()
        .map(|(name, n)| ((*name).to_owned(), json!(n)));
    Value::Object(figures.collect())
}

fn last_received(stats: &Stats) -> Option<String> {
    let seconds = i64::try_from(stats.last_received.value()).ok()?;
    let at = Timestamp::from_second(seconds).ok()?;
    (seconds > 0).then(|| time(at))
}

/// RFC 3339, UTC, whole seconds.
fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
