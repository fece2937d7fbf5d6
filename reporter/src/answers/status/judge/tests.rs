use serde_json::{Value, json};
use tlsrptd_proto::day::Day;

use super::*;
use crate::{
    answers::{
        pending_requests::PendingRequests,
        status::{CollectorStatus, LastClosedDay},
    },
    store::{Backlog, DayTotals, JobStage, JobState, OutcomeTotals, SharedReason},
};

fn at(text: &str) -> Timestamp {
    format!("2026-11-{text}Z").parse().unwrap()
}

fn job(stage: JobStage, failures: u64) -> JobState {
    JobState {
        command: "mx1".to_owned(),
        stage,
        is_decided: false,
        failures,
        next: None,
        reason: (failures > 0).then(|| "no route".to_owned()),
    }
}

fn fine() -> Status {
    let day = Day::parse("2026-11-20").unwrap();
    let mut totals = DayTotals::of(day);
    totals.deliveries = 100;
    Status {
        now: at("21T13:00:00"),
        asker: Asker::Service,
        collectors: vec![collector(json!({
            "now": "2026-11-21T13:00:01Z", "started": "2026-11-01T00:00:00Z", "last_received": "2026-11-21T12:59:00Z",
            "storages": [{"accepted": 10_000_000, "dropped": 3}],
        }))],
        reporter: ReporterStatus::Answers(json!({
            "queues": [{"key": "https:a.example:443", "throttled_until": "2026-11-21T14:00:00Z", "reason": "away"}],
        })),
        last_closed: LastClosedDay {
            day,
            totals: Some(totals),
            jobs: vec![job(JobStage::Answered, 0)],
        },
        backlog: Backlog {
            waiting: 40,
            tried: 4,
            tried_long: 4,
            ..Backlog::default()
        },
        requests: PendingRequests::default(),
        suppressed: 0,
        fleet: None,
        bounces: Vec::new(),
        named: Vec::new(),
        findings: Vec::new(),
    }
}

fn named(suspect_since: Option<Day>) -> NamedDestination {
    NamedDestination {
        day: Day::parse("2026-11-20").unwrap(),
        name: "victim.test".to_owned(),
        domains: 10_000,
        owners: 3,
        sessions: 10_400,
        deliveries: 500,
        left_out: 9_500,
        suspect_since,
    }
}

fn before_noon(status: &mut Status, failures: u64) {
    status.now = at("21T11:59:00");
    status.collectors.clear();
    status.last_closed.jobs = vec![job(JobStage::Waiting, failures)];
}

fn collector(told: Value) -> CollectorStatus {
    CollectorStatus {
        command: "mx1".to_owned(),
        told: CollectorReply::Figures(CollectorFigures::read(told)),
    }
}

/// Changes what is fine, and says what is found then.
type Row = (
    fn(&mut Status),
    Option<(Severity, &'static str)>,
    &'static str,
);

#[test]
fn thresholds() {
    use Severity::{Critical, Unknown, Warning};
    let rows: &[Row] = &[
        (
            |_| (),
            None,
            "four of a hundred deliveries that fail are a receiver's matter",
        ),
        (
            |it| it.named = vec![named(None)],
            None,
            "what the operator bounds is as they want it",
        ),
        (
            |it| it.named = vec![named(Some(it.last_closed.day))],
            Some((
                Warning,
                "the records of 10000 domains of 3 owners name victim.test, which is not theirs: 500 deliveries of \
                 2026-11-20 on 10400 sessions, 9500 left out; since 2026-11-20",
            )),
            "a victim",
        ),
        (
            |it| it.reporter = ReporterStatus::Silent("nobody".to_owned()),
            Some((Critical, "tlsrpt-reportd does not answer: nobody")),
            "it is not there",
        ),
        (
            |it| it.reporter = ReporterStatus::Denied("no".to_owned()),
            Some((Unknown, "tlsrpt-reportd cannot be asked: no")),
            "one may not ask",
        ),
        (
            |it| it.reporter = ReporterStatus::NotAsked,
            None,
            "without a socket nobody is asked",
        ),
        (
            |it| {
                it.reporter = ReporterStatus::Answers(json!({
                "queues": [{"key": "mailto:", "throttled_until": "2026-11-21T14:00:00Z", "reason": "421 busy"}]}))
            },
            Some((Warning, "the mail relay is throttled: 421 busy")),
            "the relay is ours",
        ),
        (
            |it| it.last_closed.jobs = vec![job(JobStage::Waiting, 1), job(JobStage::Answered, 0)],
            Some((
                Critical,
                "2026-11-20 is not gathered: 1 of 2 collectors have not answered, mx1: no route",
            )),
            "not by noon",
        ),
        (
            |it| it.last_closed.jobs = Vec::new(),
            Some((
                Critical,
                "2026-11-20 was not gathered: no collector was asked",
            )),
            "nobody asked",
        ),
        (|it| before_noon(it, 2), None, "before noon there is time"),
        (
            |it| before_noon(it, 3),
            Some((Warning, "mx1 failed 3 times for 2026-11-20: no route")),
            "but it fails",
        ),
        (
            |it| it.last_closed.jobs = vec![job(JobStage::GivenUp, 9)],
            Some((
                Warning,
                "mx1 was given up: its sessions of 2026-11-20 are not reported: no route",
            )),
            "what is lost",
        ),
        (
            |it| it.backlog.tried_long = 5,
            Some((
                Warning,
                "5 deliveries wait for more than 6 h after a failure",
            )),
            "one in twenty",
        ),
        (
            |it| {
                it.last_closed.totals.as_mut().unwrap().deliveries = 8;
                (it.backlog.waiting, it.backlog.tried_long) = (2, 2);
            },
            None,
            "a dead host of a small site, with two policies",
        ),
        (
            |it| {
                it.last_closed.totals.as_mut().unwrap().deliveries = 8;
                (it.backlog.waiting, it.backlog.tried_long) = (3, 3);
            },
            Some((
                Warning,
                "3 deliveries wait for more than 6 h after a failure",
            )),
            "three are no single host's",
        ),
        (
            |it| {
                it.last_closed.totals.as_mut().unwrap().deliveries = 8;
                it.backlog.waiting = 81;
            },
            None,
            "shortly after midnight the first of a day's deliveries are decided",
        ),
        (
            |it| {
                it.last_closed.totals = None;
                it.backlog.reason = Some(SharedReason {
                    deliveries: 4,
                    reason: "451 x".to_owned(),
                });
            },
            Some((
                Warning,
                "4 deliveries wait for more than 6 h after a failure, most with: 451 x",
            )),
            "of what waits, where the day is not known",
        ),
        (
            |it| (it.backlog.late, it.backlog.late_since) = (7, Some(at("21T02:00:00"))),
            Some((
                Warning,
                "7 deliveries are due and not tried, the first since 2026-11-21 02:00 UTC: does tlsrpt-reportd run?",
            )),
            "nobody tries",
        ),
        (
            |it| {
                it.last_closed.totals.as_mut().unwrap().outcomes =
                    [("sent", 3), ("refused", 2), ("expired", 1)]
                        .map(|(status, deliveries)| OutcomeTotals {
                            status: status.to_owned(),
                            deliveries,
                        })
                        .into()
            },
            Some((Warning, "3 of 6 deliveries of 2026-11-20 failed for good")),
            "half of them",
        ),
        (
            |it| {
                it.collectors = vec![collector(
                    json!({"storages": [{"accepted": 999, "dropped": 1}]}),
                )]
            },
            Some((Warning, "mx1: 1 datagrams were dropped since its start")),
            "one in a thousand",
        ),
        (
            |it| {
                it.collectors = vec![collector(
                    json!({"started": "2026-11-01T00:00:00Z", "last_received": "2026-11-20T13:00:00Z"}),
                )]
            },
            Some((Warning, "mx1: no session since 2026-11-20 13:00 UTC")),
            "a day without one",
        ),
        (
            |it| {
                it.collectors = vec![collector(
                    json!({"started": "2026-11-21T12:00:00Z", "last_received": null}),
                )]
            },
            None,
            "it has just begun",
        ),
        (
            |it| it.collectors = vec![collector(json!({"now": "2026-11-21T13:02:00Z"}))],
            Some((Warning, "mx1: its clock and ours differ by 120 s")),
            "another time",
        ),
        (
            |it| it.collectors[0].told = CollectorReply::Failed("no key".to_owned()),
            Some((Warning, "mx1: no key")),
            "it does not answer",
        ),
        (
            |it| {
                it.collectors[0].told = CollectorReply::Failed("no key".to_owned());
                it.reporter = ReporterStatus::Answers(json!({
                    "collectors": [{"command": "mx1", "last_success": "2026-11-21T00:01:00Z", "last_error": null}]}));
            },
            Some((Warning, "mx1: no key")),
            "it answered the daemon last night, and now it is gone",
        ),
        (
            |it| {
                it.asker = Asker::Other;
                it.collectors[0].told = CollectorReply::Failed("no key".to_owned());
                it.reporter = ReporterStatus::Answers(json!({
                    "collectors": [{"command": "mx1", "last_success": "2026-11-21T00:01:00Z", "last_error": null}]}));
            },
            None,
            "only to whoever asks now",
        ),
        (
            |it| {
                it.reporter = ReporterStatus::Answers(json!({
                "collectors": [{"command": "mx1", "last_success": null, "last_error": "refused"}]}))
            },
            Some((Warning, "mx1 failed for tlsrpt-reportd: refused")),
            "the daemon's word",
        ),
        (
            |it| it.collectors[0].told = CollectorReply::Nothing,
            None,
            "sys4's does not tell",
        ),
    ];
    for (change, want, why) in rows {
        let mut status = fine();
        change(&mut status);
        let findings = judge(&status);
        let found: Vec<_> = findings
            .iter()
            .map(|it| (it.severity, it.text.as_str()))
            .collect();
        assert_eq!(found, want.iter().copied().collect::<Vec<_>>(), "{why}");
    }
}
