//! What is told, from a status and totals.

use std::collections::BTreeMap;

use serde_json::json;
use tlsrptd_metrics::{family::FAMILIES, form::TextForm};
use tlsrptd_proto::day::Day;

use super::*;
use crate::{
    answers::{
        pending_requests::PendingRequests,
        status::{Asker, LastClosedDay, ReporterStatus},
    },
    store::{Backlog, CarrierTotals, DayTotals, JobStage, JobState, PolicyTotals},
};

const SSH: &str = "ssh mx2 tlsrpt-fetcher";

fn at(text: &str) -> Timestamp {
    format!("2026-11-{text}Z").parse().unwrap()
}

fn collector(command: &str, told: CollectorReply) -> CollectorStatus {
    CollectorStatus {
        command: command.to_owned(),
        told,
    }
}

fn job(stage: JobStage) -> JobState {
    JobState {
        command: SSH.to_owned(),
        stage,
        is_decided: true,
        failures: 0,
        next: None,
        reason: None,
    }
}

fn reporter() -> ReporterStatus {
    ReporterStatus::Answers(json!({
        "version": "0.1.0", "started": "2026-11-21T00:00:00Z", "clock": {"is_confirmed": true},
        "resolver": {"state": "unavailable", "skipped": 3}, "deliveries_in_hand": {"under_way": 2},
        "queues": [
            {"key": "mailto:", "throttled_until": "2026-11-21T14:00:00Z"},
            {"key": "https:a\"b\n.example:443", "throttled_until": "2026-11-21T14:00:00Z"},
            {"key": "https:free.example:443", "throttled_until": null},
        ],
        "collectors": [
            {"command": "tlsrpt-fetcher", "last_success": "2026-11-21T00:10:00Z", "last_error": null},
            {"command": SSH, "last_success": null, "last_error": "no route"},
        ],
    }))
}

fn asked() -> (Status, StoredFigures) {
    let policies = |policy: &str| PolicyTotals {
        policy_type: policy.to_owned(),
        sessions: 10,
        failed: 4,
    };
    let day = Day::parse("2026-11-20").unwrap();
    let status = Status {
        now: at("21T13:00:00"),
        asker: Asker::Service,
        collectors: vec![
            collector(
                "tlsrpt-fetcher",
                CollectorReply::Figures(CollectorFigures::read(json!({
                    "now": "2026-11-21T12:59:15Z", "received": 7, "storages": [{"dropped_by_reason": {"storage": 1}}],
                }))),
            ),
            collector("sys4", CollectorReply::Nothing),
            collector("elsewhere", CollectorReply::NotAsked),
            collector(SSH, CollectorReply::Failed("no route".to_owned())),
        ],
        reporter: reporter(),
        last_closed: LastClosedDay {
            day,
            totals: Some(DayTotals {
                domains: 3,
                deliveries: 5,
                by_policy: vec![policies("sts")],
                ..DayTotals::of(day)
            }),
            jobs: vec![job(JobStage::Answered), job(JobStage::GivenUp)],
        },
        backlog: Backlog {
            waiting: 8,
            next_due: Some(at("21T12:00:00")),
            tried_since: Some(at("21T03:00:00")),
            tried_long: 6,
            late: 1,
            ..Backlog::default()
        },
        requests: PendingRequests::default(),
        suppressed: 3,
        fleet: None,
        bounces: Vec::new(),
        named: Vec::new(),
        findings: Vec::new(),
    };
    let figures = StoredFigures {
        totals: RunningTotals {
            by_policy: vec![policies("tlsa"), policies("<a stranger's>")],
            by_result: Vec::new(),
            deliveries: vec![CarrierTotals {
                carrier: "https".to_owned(),
                status: "refused".to_owned(),
                deliveries: 9,
            }],
            bounces: Vec::new(),
        },
        most_failed: vec![ResultTotals {
            result_type: "certificate-expired".to_owned(),
            sessions: 120,
        }],
    };
    (status, figures)
}

fn exposition((status, figures): &(Status, StoredFigures)) -> Exposition {
    let metrics = Metrics {
        now: status.now,
        collectors: &status.collectors,
        reporter: &status.reporter,
        stored: Some((status, figures)),
    };
    metrics.exposition()
}

/// Values by name and labels, each of which stands there once.
fn values(text: &str) -> BTreeMap<&str, u64> {
    let mut values = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert_eq!(
            values.insert(series, value.parse().unwrap()),
            None,
            "{line}"
        );
    }
    values
}

#[test]
fn what_is_told() {
    let text = exposition(&asked()).text(TextForm::Prometheus);
    let values = values(&text);
    let midnight = at("20T00:00:00").as_second().unsigned_abs();
    for (series, want) in [
        ("tlsrpt_collectd_up{collector=\"tlsrpt-fetcher\"}", Some(1)),
        (
            "tlsrpt_collectd_up{collector=\"ssh mx2 tlsrpt-fetcher\"}",
            Some(0),
        ),
        ("tlsrpt_collectd_up{collector=\"sys4\"}", None),
        (
            "tlsrpt_collectd_received_total{collector=\"tlsrpt-fetcher\"}",
            Some(7),
        ),
        (
            "tlsrpt_collectd_clock_difference_seconds{collector=\"tlsrpt-fetcher\"}",
            Some(45),
        ),
        ("tlsrpt_reportd_up", Some(1)),
        ("tlsrpt_reportd_clock_confirmed", Some(1)),
        ("tlsrpt_reportd_resolver_available", Some(0)),
        ("tlsrpt_reportd_under_way", Some(2)),
        (
            "tlsrpt_reportd_fetcher_last_success_timestamp_seconds{fetcher=\"tlsrpt-fetcher\"}",
            Some(midnight + 24 * 3600 + 600),
        ),
        (
            "tlsrpt_reportd_fetcher_failing{fetcher=\"ssh mx2 tlsrpt-fetcher\"}",
            Some(1),
        ),
        ("tlsrpt_reportd_throttled_queues{carrier=\"mail\"}", Some(1)),
        (
            "tlsrpt_reportd_throttled_queues{carrier=\"https\"}",
            Some(1),
        ),
        (
            "tlsrpt_reportd_throttled_queues{carrier=\"directory\"}",
            Some(0),
        ),
        ("tlsrpt_reportd_pending", Some(8)),
        ("tlsrpt_reportd_pending_late", Some(1)),
        ("tlsrpt_reportd_pending_failing", Some(6)),
        ("tlsrpt_reportd_oldest_pending_seconds", Some(10 * 3600)),
        ("tlsrpt_reportd_suppressed", Some(3)),
        (
            "tlsrpt_reportd_deliveries_total{carrier=\"https\",status=\"refused\"}",
            Some(9),
        ),
        (
            "tlsrpt_reportd_deliveries_total{carrier=\"mail\",status=\"sent\"}",
            Some(0),
        ),
        (
            "tlsrpt_sessions_total{policy=\"tlsa\",result=\"successful\"}",
            Some(6),
        ),
        (
            "tlsrpt_sessions_total{policy=\"tlsa\",result=\"failed\"}",
            Some(4),
        ),
        (
            "tlsrpt_sessions_total{policy=\"sts\",result=\"failed\"}",
            Some(0),
        ),
        (
            "tlsrpt_failures_total{result_type=\"tlsa-invalid\"}",
            Some(0),
        ),
        ("tlsrpt_last_day_timestamp_seconds", Some(midnight)),
        ("tlsrpt_last_day_collectors{stage=\"given_up\"}", Some(1)),
        (
            "tlsrpt_last_day_sessions{policy=\"sts\",result=\"failed\"}",
            Some(4),
        ),
        ("tlsrpt_last_day_deliveries", Some(5)),
        (
            "tlsrpt_last_day_most_failed_sessions{result_type=\"certificate-expired\"}",
            Some(120),
        ),
    ] {
        assert_eq!(values.get(series).copied(), want, "{series} in {text}");
    }
    assert!(
        !text.contains("stranger") && !text.contains("free"),
        "{text}"
    );
}

#[test]
fn what_does_not_answer_is_absent() {
    for (reporter, up) in [
        (ReporterStatus::Silent("gone".to_owned()), Some(0)),
        (ReporterStatus::Denied("no".to_owned()), Some(0)),
        (ReporterStatus::NotAsked, None),
    ] {
        let mut asked = asked();
        asked.0.reporter = reporter;
        asked.0.backlog = Backlog::default();
        let text = exposition(&asked).text(TextForm::Prometheus);
        let values = values(&text);
        assert_eq!(values.get("tlsrpt_reportd_up").copied(), up, "{text}");
        assert!(
            !text.contains("fetcher_failing") && !text.contains("throttled"),
            "{text}"
        );
        assert_eq!(
            values["tlsrpt_reportd_oldest_pending_seconds"], 0,
            "the store is read"
        );
    }
}

/// From midnight on, until yesterday is decided.
#[test]
fn of_a_day_that_is_not_decided_nothing_is_zero() {
    let mut asked = asked();
    asked.0.last_closed.totals = None;
    asked.1.most_failed = Vec::new();
    let text = exposition(&asked).text(TextForm::Prometheus);
    let values = values(&text);
    let of_day = |series: &&&str| series.starts_with("tlsrpt_last_day_");
    let told: Vec<&&str> = values.keys().filter(of_day).collect();
    assert_eq!(told.len(), 4, "when it began, and its collectors: {told:?}");
    assert!(values.contains_key("tlsrpt_last_day_timestamp_seconds"));
}

/// docs/monitoring.md names each label.
#[test]
fn no_other_labels_than_those_of_the_table() {
    let all = exposition(&asked()).json();
    for value in all["metrics"].as_array().unwrap() {
        let name = value["name"].as_str().unwrap();
        let family = FAMILIES.iter().find(|family| family.name == name).unwrap();
        for label in value["labels"].as_object().unwrap().keys() {
            assert!(family.labels.contains(&label.as_str()), "{name}: {label}");
        }
    }
}
