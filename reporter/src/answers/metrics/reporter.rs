//! What the reporter says of itself.

use serde_json::Value;
use tlsrptd_metrics::{exposition::Exposition, family};

use super::seconds;
use crate::{
    answers::status::{ReporterStatus, time},
    model::{Carrier, QueueKey},
};

pub(super) fn add(out: &mut Exposition, reporter: &ReporterStatus) {
    match reporter {
        ReporterStatus::Answers(whole) => {
            out.add(&family::REPORTD_UP, &[], 1);
            add_told(out, whole);
            add_throttled(out, reporter);
        }
        ReporterStatus::Silent(_) | ReporterStatus::Denied(_) => {
            out.add(&family::REPORTD_UP, &[], 0);
        }
        ReporterStatus::NotAsked => {}
    }
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
