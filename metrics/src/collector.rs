//! The figures of a collector, from the `status` that it answers with (tlsrpt-observe(5)).

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    exposition::Exposition,
    family::{self, Family},
};

/// A collector of another version may tell more reasons than we know; one on another host may tell anything.
const MOST_REASONS: usize = 50;
/// A reason is no longer.
const REASON_LENGTH: usize = 40;

type Labels<'a> = Vec<(&'static str, &'a str)>;

/// Adds what a collector says of itself. `name`: what the operator's `fetchers` calls it; a collector that tells of itself
/// has none.
pub fn add(out: &mut Exposition, name: Option<&str>, status: &Value) {
    let of_it: Labels<'_> = name.map(|name| ("collector", name)).into_iter().collect();
    out.add(&family::COLLECTD_UP, &of_it, 1);
    let version = status["version"].as_str().filter(|it| is_word(it));
    let mut build = vec![
        ("program", "tlsrpt-collectd"),
        ("version", version.unwrap_or("unknown")),
    ];
    build.extend(&of_it);
    out.add(&family::BUILD_INFO, &build, 1);
    for (family, field) in [
        (&family::COLLECTD_START_TIME, "started"),
        (&family::COLLECTD_LAST_SESSION, "last_received"),
    ] {
        if let Some(at) = time(&status[field]) {
            out.add(family, &of_it, at);
        }
    }
    number(out, &family::COLLECTD_RECEIVED, &of_it, status, "received");
    by_word(
        out,
        &family::COLLECTD_MALFORMED,
        "reason",
        &of_it,
        &status["malformed_by_reason"],
    );
    by_word(
        out,
        &family::COLLECTD_ANOMALIES,
        "kind",
        &of_it,
        &status["anomalies_by_kind"],
    );
    let storages = status["storages"].as_array().map_or(&[][..], Vec::as_slice);
    for (place, storage) in (1_usize..).zip(storages.iter().take(MOST_REASONS)) {
        // URLs may hold passwords, and one storage needs no name.
        let place = place.to_string();
        let mut of_storage = of_it.clone();
        if storages.len() > 1 {
            of_storage.push(("storage", &place));
        }
        add_storage(out, &of_storage, status, storage);
    }
}

/// Adds that a collector does not answer.
pub fn add_silent(out: &mut Exposition, name: &str) {
    out.add(&family::COLLECTD_UP, &[("collector", name)], 0);
}

fn add_storage(out: &mut Exposition, labels: &Labels<'_>, status: &Value, storage: &Value) {
    let figure = |name: &str| storage[name].as_u64();
    for (result, value) in [
        ("counted", figure("committed")),
        ("malformed", status["malformed"].as_u64()),
        ("dropped", figure("dropped")),
    ] {
        if let Some(value) = value {
            out.add(
                &family::COLLECTD_DATAGRAMS,
                &with("result", result, labels),
                value,
            );
        }
    }
    by_word(
        out,
        &family::COLLECTD_DROPPED,
        "reason",
        labels,
        &storage["dropped_by_reason"],
    );
    by_word(
        out,
        &family::COLLECTD_FOLDED,
        "kind",
        labels,
        &storage["folded_by_kind"],
    );
    let (all, failed) = (figure("sessions_today"), figure("failed_today"));
    let successful = all
        .zip(failed)
        .map(|(all, failed)| all.saturating_sub(failed));
    for (family, result, value) in [
        // No difference of two that grow one after the other: a counter must not fall.
        (
            &family::COLLECTD_SESSIONS,
            "successful",
            figure("successful"),
        ),
        (&family::COLLECTD_SESSIONS, "failed", figure("failed")),
        (&family::COLLECTD_SESSIONS_TODAY, "successful", successful),
        (&family::COLLECTD_SESSIONS_TODAY, "failed", failed),
    ] {
        if let Some(value) = value {
            out.add(family, &with("result", result, labels), value);
        }
    }
    for (family, name) in [
        (&family::COLLECTD_DOMAINS_TODAY, "domains_today"),
        (&family::COLLECTD_POLICIES_TODAY, "policies_today"),
        (&family::COLLECTD_DAY_FILE_BYTES, "day_file_bytes"),
        (&family::COLLECTD_DAY_FILE_LIMIT, "max_day_file_bytes"),
        (&family::COLLECTD_UNCOMMITTED, "uncommitted"),
        (&family::COLLECTD_QUEUE_HIGH_WATER, "queue_high_water"),
        (&family::COLLECTD_COMMITS, "commits"),
        (&family::COLLECTD_COMMIT_FAILURES, "commit_failures"),
        (&family::COLLECTD_DAYS_CLOSED, "days_closed"),
    ] {
        number(out, family, labels, storage, name);
    }
}

fn number(
    out: &mut Exposition,
    family: &'static Family,
    labels: &Labels<'_>,
    object: &Value,
    name: &str,
) {
    if let Some(value) = object[name].as_u64() {
        out.add(family, labels, value);
    }
}

/// An object of numbers by words, such as `dropped_by_reason`.
fn by_word(
    out: &mut Exposition,
    family: &'static Family,
    label: &'static str,
    labels: &Labels<'_>,
    numbers: &Value,
) {
    let numbers = numbers.as_object().into_iter().flatten();
    for (word, value) in numbers.filter(|(word, _)| is_word(word)).take(MOST_REASONS) {
        if let Some(value) = value.as_u64() {
            out.add(family, &with(label, word, labels), value);
        }
    }
}

fn with<'a>(label: &'static str, word: &'a str, labels: &Labels<'a>) -> Labels<'a> {
    let mut all = vec![(label, word)];
    all.extend(labels);
    all
}

/// A word of ours: whatever a collector of another host tells, labels stay short and plain.
fn is_word(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    !text.is_empty() && text.len() <= REASON_LENGTH && text.chars().all(plain)
}

/// RFC 3339 in seconds since 1970.
fn time(value: &Value) -> Option<u64> {
    let at: Timestamp = value.as_str()?.parse().ok()?;
    u64::try_from(at.as_second()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::form::TextForm;

    fn text(name: Option<&str>, status: &Value) -> String {
        let mut out = Exposition::new();
        add(&mut out, name, status);
        out.text(TextForm::Prometheus)
    }

    fn storage() -> Value {
        json!({
            "committed": 5, "dropped": 4, "dropped_by_reason": {"storage": 4, "queue-full": 0}, "sessions": 8, "successful": 7, "failed": 2,
            "sessions_today": null, "failed_today": null, "day_file_bytes": 4096, "max_day_file_bytes": 8192,
        })
    }

    #[test]
    fn figures_have_names() {
        let status = json!({
            "version": "0.1.0", "started": "2026-11-20T00:00:00Z", "last_received": null, "received": 12,
            "malformed": 3, "malformed_by_reason": {"not-json": 3}, "storages": [storage()],
        });
        let told = text(Some("ssh mx1 tlsrpt-fetcher"), &status);
        let lines: Vec<&str> = told.lines().filter(|line| !line.starts_with('#')).collect();
        let of = "collector=\"ssh mx1 tlsrpt-fetcher\"";
        assert_eq!(
            lines,
            [
                format!("tlsrpt_collectd_up{{{of}}} 1"),
                format!(
                    "tlsrpt_build_info{{program=\"tlsrpt-collectd\",version=\"0.1.0\",{of}}} 1"
                ),
                format!("tlsrpt_collectd_start_time_seconds{{{of}}} 1795132800"),
                format!("tlsrpt_collectd_received_total{{{of}}} 12"),
                format!("tlsrpt_collectd_malformed_total{{reason=\"not-json\",{of}}} 3"),
                format!("tlsrpt_collectd_datagrams_total{{result=\"counted\",{of}}} 5"),
                format!("tlsrpt_collectd_datagrams_total{{result=\"malformed\",{of}}} 3"),
                format!("tlsrpt_collectd_datagrams_total{{result=\"dropped\",{of}}} 4"),
                format!("tlsrpt_collectd_dropped_total{{reason=\"storage\",{of}}} 4"),
                format!("tlsrpt_collectd_dropped_total{{reason=\"queue-full\",{of}}} 0"),
                format!("tlsrpt_collectd_sessions_total{{result=\"successful\",{of}}} 7"),
                format!("tlsrpt_collectd_sessions_total{{result=\"failed\",{of}}} 2"),
                format!("tlsrpt_collectd_day_file_bytes{{{of}}} 4096"),
                format!("tlsrpt_collectd_day_file_limit_bytes{{{of}}} 8192"),
            ]
        );
    }

    #[test]
    fn several_storages_are_told_apart() {
        let told = text(None, &json!({"storages": [storage(), storage()]}));
        for place in [1, 2] {
            let want = format!(
                "tlsrpt_collectd_dropped_total{{reason=\"storage\",storage=\"{place}\"}} 4\n"
            );
            assert!(told.contains(&want), "{told}");
        }
    }

    #[test]
    fn whatever_is_told_is_no_label() {
        let reasons: serde_json::Map<String, Value> =
            (0..1000).map(|n| (format!("r{n}"), json!(1))).collect();
        for (status, why) in [
            (json!(null), "nothing"),
            (
                json!({"storages": 7, "received": -1, "started": "soon", "version": "\"\n"}),
                "other types",
            ),
            (
                json!({"malformed_by_reason": {"a\"}\nx 1": 1, "": 2, "x".repeat(99): 1}}),
                "no words",
            ),
            (json!({"malformed_by_reason": reasons}), "very many"),
        ] {
            let told = text(None, &status);
            assert!(told.lines().count() < 70, "{why}: {told}");
            let plain = |line: &str| line.starts_with('#') || line.starts_with("tlsrpt_");
            assert!(told.lines().all(plain), "{why}: {told}");
        }
    }
}
