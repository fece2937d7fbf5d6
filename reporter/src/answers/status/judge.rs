//! What of a status somebody has to look at. The thresholds stand in tlsrptctl(8).

use jiff::{SignedDuration, Timestamp};

use super::{CollectorFigures, Finding, ReporterStatus, Severity, Status, Told};

/// The last closed day has to be gathered so long after it ended: at noon, UTC.
const GATHERED: SignedDuration = SignedDuration::from_hours(12);
/// A fetcher fails when so many attempts failed.
const FAILURES: u64 = 3;
/// A collector without a session for so long is strange.
const SILENCE: SignedDuration = SignedDuration::from_hours(24);
/// A clock that is so far from ours is wrong.
const CLOCK: SignedDuration = SignedDuration::from_secs(60);
/// One of so many datagrams dropped since the start is too many.
const DROPPED: u64 = 1000;
/// How a collector's answer begins that has not closed the day yet.
const NOT_READY: &str = "the collector is not ready";
/// One of so many deliveries of a day that fail for hours is no single receiver's fault.
const FAILING: u64 = 20;
/// One of so many deliveries that ended otherwise than sent.
const UNSENT: u64 = 2;

pub(super) fn judge(status: &Status) -> Vec<Finding> {
    let mut findings = Vec::new();
    reporter(status, &mut findings);
    last_closed_day(status, &mut findings);
    backlog(status, &mut findings);
    collectors(status, &mut findings);
    // The worst first; of equals, in their order.
    findings.sort_by_key(|finding: &Finding| std::cmp::Reverse(finding.severity));
    findings
}

fn reporter(status: &Status, findings: &mut Vec<Finding>) {
    match &status.reporter {
        ReporterStatus::Silent(why) => {
            let text = format!("tlsrpt-reportd does not answer: {why}");
            findings.push(Finding::new(Severity::Critical, text));
        }
        ReporterStatus::Denied(why) => {
            let text = format!("tlsrpt-reportd cannot be asked: {why}");
            findings.push(Finding::new(Severity::Unknown, text));
        }
        ReporterStatus::Answers(_) | ReporterStatus::NotAsked => {}
    }
    if let ReporterStatus::Answers(whole) = &status.reporter {
        if whole["clock"]["is_confirmed"] == false {
            let text = "the clock has jumped: tlsrpt-reportd does nothing that cannot be undone until the time has held";
            findings.push(Finding::new(Severity::Warning, text));
        }
        if whole["resolver"]["state"] == "unavailable" {
            let text =
                "the name servers do not answer: reports go where the MTA saw that they should";
            findings.push(Finding::new(Severity::Warning, text));
        }
    }
    // Hosts of other people may be as they like; the relay and the disk are ours.
    let throttled = status.reporter.throttled().into_iter();
    for queue in throttled.filter(|queue| !queue.key.starts_with("https:")) {
        let why = queue.reason.unwrap_or_default();
        let text = match queue.key.as_str() {
            "mailto:" => format!("the mail relay is throttled: {why}"),
            key => format!("{key} is throttled: {why}"),
        };
        findings.push(Finding::new(Severity::Warning, text));
    }
}

fn last_closed_day(status: &Status, findings: &mut Vec<Finding>) {
    let last = &status.last_closed;
    let ended = last.day.next().start();
    let waits: Vec<_> = last.waits_for().collect();
    if status.now.duration_since(ended) >= GATHERED && (last.jobs.is_empty() || !waits.is_empty()) {
        let text = match waits.first() {
            None => format!("{} was not gathered: no collector was asked", last.day),
            Some(job) => format!(
                "{} is not gathered: {} of {} collectors have not answered, {}{}",
                last.day,
                waits.len(),
                last.jobs.len(),
                job.command,
                why(job.reason.as_deref())
            ),
        };
        findings.push(Finding::new(Severity::Critical, text));
    } else {
        for job in waits.iter().filter(|job| job.failures >= FAILURES) {
            let text = format!(
                "{} failed {} times for {}{}",
                job.command,
                job.failures,
                last.day,
                why(job.reason.as_deref())
            );
            findings.push(Finding::new(Severity::Warning, text));
        }
    }
    for job in last.given_up() {
        let text = format!(
            "{} was given up: its sessions of {} are not reported{}",
            job.command,
            last.day,
            why(job.reason.as_deref())
        );
        findings.push(Finding::new(Severity::Warning, text));
    }
    if let Some(totals) = &last.totals {
        let unsent = crate::answers::totals::unsent(totals);
        let ended = unsent + totals.ended("sent");
        if unsent > 0 && unsent.saturating_mul(UNSENT) >= ended {
            let text = format!(
                "{unsent} of {ended} deliveries of {} failed for good",
                last.day
            );
            findings.push(Finding::new(Severity::Warning, text));
        }
    }
}

fn why(reason: Option<&str>) -> String {
    reason.map_or(String::new(), |reason| format!(": {reason}"))
}

fn backlog(status: &Status, findings: &mut Vec<Finding>) {
    let backlog = &status.backlog;
    if let Some(since) = backlog.late_since {
        let text = format!(
            "{} deliveries are due and not tried, the first since {}: does tlsrpt-reportd run?",
            backlog.late,
            minute(since)
        );
        findings.push(Finding::new(Severity::Warning, text));
    }
    let all = status.last_closed.totals.as_ref();
    let all = all.map_or(backlog.waiting, |totals| totals.deliveries);
    if backlog.tried_long > 0 && backlog.tried_long.saturating_mul(FAILING) >= all {
        let shared = backlog.reason.as_ref().map(|shared| shared.reason.as_str());
        let text = format!(
            "{} deliveries wait for more than 6 h after a failure{}",
            backlog.tried_long,
            shared.map_or(String::new(), |reason| format!(", most with: {reason}"))
        );
        findings.push(Finding::new(Severity::Warning, text));
    }
}

fn collectors(status: &Status, findings: &mut Vec<Finding>) {
    for collector in &status.collectors {
        let name = &collector.command;
        let mut warn = |text: String| findings.push(Finding::new(Severity::Warning, text));
        match &collector.told {
            Told::Nothing => {}
            // Whoever asks now may not be allowed what the service is.
            Told::Failed(_) if daemon_reaches(status, name) => {}
            Told::Failed(why) => warn(format!("{name}: {why}")),
            Told::Figures(figures) => {
                figures_of(status.now, figures, |text| warn(format!("{name}: {text}")));
            }
        }
        let failed = status.reporter.collector(name).and_then(|(_, error)| error);
        // Shortly after midnight that is as it should be.
        if let Some(error) = failed.filter(|error| !error.starts_with(NOT_READY)) {
            warn(format!("{name} failed for tlsrpt-reportd: {error}"));
        }
    }
}

fn daemon_reaches(status: &Status, command: &str) -> bool {
    matches!(status.reporter.collector(command), Some((Some(_), None)))
}

fn figures_of(now: Timestamp, figures: &CollectorFigures, mut warn: impl FnMut(String)) {
    let all = figures.accepted.saturating_add(figures.dropped);
    if figures.dropped > 0 && figures.dropped.saturating_mul(DROPPED) >= all {
        warn(format!(
            "{} datagrams were dropped since its start",
            figures.dropped
        ));
    }
    let silent_since = figures.last_received.or(figures.started);
    if let Some(since) = silent_since.filter(|since| now.duration_since(*since) >= SILENCE) {
        warn(format!("no session since {}", minute(since)));
    }
    let difference = figures.now.map(|theirs| theirs.duration_since(now).abs());
    if let Some(difference) = difference.filter(|difference| *difference > CLOCK) {
        warn(format!(
            "its clock and ours differ by {} s",
            difference.as_secs()
        ));
    }
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tlsrptd_proto::day::Day;

    use super::*;
    use crate::{
        answers::status::{CollectorStatus, LastClosedDay},
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
            suppressed: 0,
            findings: Vec::new(),
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
            told: Told::Figures(CollectorFigures::read(told)),
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
                |it| {
                    it.last_closed.jobs =
                        vec![job(JobStage::Waiting, 1), job(JobStage::Answered, 0)]
                },
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
                |it| it.collectors[0].told = Told::Failed("no key".to_owned()),
                Some((Warning, "mx1: no key")),
                "it does not answer",
            ),
            (
                |it| {
                    it.collectors[0].told = Told::Failed("no key".to_owned());
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
                |it| it.collectors[0].told = Told::Nothing,
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
}
