//! What the reporter says of itself, and what waits.

use jiff::Timestamp;
use serde_json::Value;
use tlsrptd_metrics::{exposition::Exposition, family};

use super::seconds;
use crate::{
    answers::status::{ReporterStatus, Status, time},
    model::{Carrier, QueueKey},
    store::Backlog,
};

pub(super) fn add(out: &mut Exposition, status: &Status) {
    match &status.reporter {
        ReporterStatus::Answers(whole) => {
            out.add(&family::REPORTD_UP, &[], 1);
            add_told(out, whole);
            add_throttled(out, &status.reporter);
        }
        ReporterStatus::Silent(_) | ReporterStatus::Denied(_) => {
            out.add(&family::REPORTD_UP, &[], 0);
        }
        ReporterStatus::NotAsked => {}
    }
    add_backlog(out, &status.backlog, status.now);
    out.add(&family::REPORTD_SUPPRESSED, &[], status.suppressed);
}

fn add_told(out: &mut Exposition, whole: &Value) {
    let version = whole["version"].as_str().unwrap_or("unknown");
    let build = [("program", "tlsrpt-reportd"), ("version", version)];
    out.add(&family::BUILD_INFO, &build, 1);
    let at = |value: &Value| time(value).and_then(seconds);
    if let Some(started) = at(&whole["started"]) {
        out.add(&family::REPORTD_START_TIME, &[], started);
    }
    if let Some(confirmed) = whole["clock"]["is_confirmed"].as_bool() {
        out.add(&family::REPORTD_CLOCK_CONFIRMED, &[], confirmed.into());
    }
    let resolver = match whole["resolver"]["state"].as_str() {
        Some("available") => Some(1),
        Some("unavailable") => Some(0),
        _ => None,
    };
    if let Some(resolver) = resolver {
        out.add(&family::REPORTD_RESOLVER_AVAILABLE, &[], resolver);
    }
    if let Some(under_way) = whole["deliveries_in_hand"]["under_way"].as_u64() {
        out.add(&family::REPORTD_UNDER_WAY, &[], under_way);
    }
    for collector in whole["collectors"].as_array().into_iter().flatten() {
        let Some(command) = collector["command"].as_str() else {
            continue;
        };
        let labels = [("fetcher", command)];
        if let Some(last) = at(&collector["last_success"]) {
            out.add(&family::REPORTD_FETCHER_LAST_SUCCESS, &labels, last);
        }
        let failing = u64::from(collector["last_error"].is_string());
        out.add(&family::REPORTD_FETCHER_FAILING, &labels, failing);
    }
}

fn add_throttled(out: &mut Exposition, reporter: &ReporterStatus) {
    let throttled = reporter.throttled();
    for carrier in Carrier::ALL {
        let is_of_it = |key: &str| QueueKey::parse(key).carrier() == carrier;
        let number = throttled.iter().filter(|queue| is_of_it(&queue.key));
        let labels = [("carrier", carrier.as_str())];
        out.add(
            &family::REPORTD_THROTTLED_QUEUES,
            &labels,
            number.count() as u64,
        );
    }
}

fn add_backlog(out: &mut Exposition, backlog: &Backlog, now: Timestamp) {
    out.add(&family::REPORTD_PENDING, &[], backlog.waiting);
    out.add(&family::REPORTD_PENDING_LATE, &[], backlog.late);
    out.add(&family::REPORTD_PENDING_FAILING, &[], backlog.tried_long);
    let since = [backlog.next_due, backlog.tried_since];
    let waits = since
        .into_iter()
        .flatten()
        .map(|since| now.duration_since(since).as_secs());
    let oldest = waits.filter_map(|waits| u64::try_from(waits).ok()).max();
    out.add(&family::REPORTD_OLDEST_PENDING, &[], oldest.unwrap_or(0));
}
