//! What of a status somebody has to look at. The thresholds stand in tlsrptctl(8).

use jiff::{SignedDuration, Timestamp};

use super::{
    Asker, CollectorFigures, CollectorReply, ReporterStatus, Severity, Status,
    StatusArea::{Collecting, Reporting, Throttled, Waiting},
    StatusFinding,
};
use crate::{answers::when::duration, model::NamedDestination};

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
/// One of so many deliveries of a day that fail for hours is no single receiver's fault,
const FAILING: u64 = 20;
/// if they are so many: fewer may be those of one host.
const FEWEST_FAILING: u64 = 3;
/// One of so many deliveries that ended otherwise than sent.
const UNSENT: u64 = 2;

pub(super) fn judge(status: &Status) -> Vec<StatusFinding> {
    let mut findings = Vec::new();
    reporter(status, &mut findings);
    throttled(status, &mut findings);
    last_closed_day(status, &mut findings);
    named(status, &mut findings);
    backlog(status, &mut findings);
    fleet(status, &mut findings);
    collectors(status, &mut findings);
    // The worst first; of equals, in their order.
    findings.sort_by_key(|finding: &StatusFinding| std::cmp::Reverse(finding.severity));
    findings
}

fn reporter(status: &Status, findings: &mut Vec<StatusFinding>) {
    match &status.reporter {
        ReporterStatus::Silent(why) => {
            let text = format!("tlsrpt-reportd does not answer: {why}");
            findings.push(StatusFinding::new(Reporting, Severity::Critical, text));
        }
        ReporterStatus::Denied(why) => {
            let text = format!("tlsrpt-reportd cannot be asked: {why}");
            findings.push(StatusFinding::new(Reporting, Severity::Unknown, text));
        }
        ReporterStatus::Answers(_) | ReporterStatus::NotAsked => {}
    }
    if let ReporterStatus::Answers(whole) = &status.reporter {
        if whole["clock"]["is_confirmed"] == false {
            let text = "the clock has jumped: tlsrpt-reportd does nothing that cannot be undone until the time has held";
            findings.push(StatusFinding::new(Reporting, Severity::Warning, text));
        }
        if whole["resolver"]["state"] == "unavailable" {
            let text =
                "the name servers do not answer: reports go where the MTA saw that they should";
            findings.push(StatusFinding::new(Reporting, Severity::Warning, text));
        }
    }
}

/// One member that is lost is nobody's loss; nobody at work is.
fn fleet(status: &Status, findings: &mut Vec<StatusFinding>) {
    let Some(fleet) = &status.fleet else {
        return;
    };
    let without_owner = fleet.state.shards_without_owner.len();
    if fleet.live_members() == 0 {
        let text = "no member of the fleet is at work: nothing is composed or sent";
        findings.push(StatusFinding::new(Reporting, Severity::Critical, text));
    } else if without_owner > 0 {
        let text = format!(
            "{without_owner} of {} shards of the fleet have no owner",
            fleet.state.shards
        );
        findings.push(StatusFinding::new(Reporting, Severity::Warning, text));
    }
    for day in fleet.overdue() {
        let text = format!("{} is open beyond fetch_deadline", day.day);
        findings.push(StatusFinding::new(Collecting, Severity::Critical, text));
    }
    for collector in fleet.silent() {
        let text = format!(
            "{} has shipped nothing for {}: see to its tlsrpt-shipper, or retire it",
            collector.name,
            duration(fleet.silent_seconds(collector))
        );
        findings.push(StatusFinding::new(Collecting, Severity::Warning, text));
    }
    for collector in fleet.doubled() {
        let text = format!(
            "two hosts ship as {}: no day waits for the older one; give each its own ship_as",
            collector.name
        );
        findings.push(StatusFinding::new(Collecting, Severity::Warning, text));
    }
}

/// Hosts of other people may be as they like; the relay and the disk are ours.
fn throttled(status: &Status, findings: &mut Vec<StatusFinding>) {
    let throttled = status.reporter.throttled().into_iter();
    for queue in throttled.filter(|queue| !queue.key.starts_with("https:")) {
        let why = queue.reason.unwrap_or_default();
        let text = match queue.key.as_str() {
            "mailto:" => format!("the mail relay is throttled: {why}"),
            key => format!("{key} is throttled: {why}"),
        };
        findings.push(StatusFinding::new(Throttled, Severity::Warning, text));
    }
}

fn last_closed_day(status: &Status, findings: &mut Vec<StatusFinding>) {
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
        findings.push(StatusFinding::new(Collecting, Severity::Critical, text));
    } else {
        for job in waits.iter().filter(|job| job.failures >= FAILURES) {
            let text = format!(
                "{} failed {} times for {}{}",
                job.command,
                job.failures,
                last.day,
                why(job.reason.as_deref())
            );
            findings.push(StatusFinding::new(Collecting, Severity::Warning, text));
        }
    }
    for job in last.given_up() {
        let text = format!(
            "{} was given up: its sessions of {} are not reported{}",
            job.command,
            last.day,
            why(job.reason.as_deref())
        );
        findings.push(StatusFinding::new(Collecting, Severity::Warning, text));
    }
    if let Some(totals) = &last.totals {
        let unsent = crate::answers::totals::unsent(totals);
        let ended = unsent + totals.ended("sent");
        if unsent > 0 && unsent.saturating_mul(UNSENT) >= ended {
            let text = format!(
                "{unsent} of {ended} deliveries of {} failed for good",
                last.day
            );
            findings.push(StatusFinding::new(Reporting, Severity::Warning, text));
        }
    }
}

fn named(status: &Status, findings: &mut Vec<StatusFinding>) {
    let suspect = |one: &&NamedDestination| one.suspect_since.is_some();
    for one in status.named.iter().filter(suspect) {
        findings.push(StatusFinding::new(
            Reporting,
            Severity::Warning,
            one.to_string(),
        ));
    }
}

fn why(reason: Option<&str>) -> String {
    reason.map_or(String::new(), |reason| format!(": {reason}"))
}

fn backlog(status: &Status, findings: &mut Vec<StatusFinding>) {
    let backlog = &status.backlog;
    if let Some(since) = backlog.late_since {
        let text = format!(
            "{} deliveries are due and not tried, the first since {}: does tlsrpt-reportd run?",
            backlog.late,
            minute(since)
        );
        findings.push(StatusFinding::new(Waiting, Severity::Warning, text));
    }
    let all = status.last_closed.totals.as_ref();
    // Of a day that is being decided not all are known.
    let all = all.map_or(0, |totals| totals.deliveries);
    let all = all.max(backlog.waiting);
    if backlog.tried_long >= FEWEST_FAILING && backlog.tried_long.saturating_mul(FAILING) >= all {
        let shared = backlog.reason.as_ref().map(|shared| shared.reason.as_str());
        let text = format!(
            "{} deliveries wait for more than 6 h after a failure{}",
            backlog.tried_long,
            shared.map_or(String::new(), |reason| format!(", most with: {reason}"))
        );
        findings.push(StatusFinding::new(Waiting, Severity::Warning, text));
    }
}

fn collectors(status: &Status, findings: &mut Vec<StatusFinding>) {
    for collector in &status.collectors {
        let name = &collector.command;
        let mut warn =
            |text: String| findings.push(StatusFinding::new(Collecting, Severity::Warning, text));
        match &collector.told {
            CollectorReply::Nothing | CollectorReply::NotAsked => {}
            // The daemon has reached it, last night perhaps: that excuses it only to somebody who may not ask.
            CollectorReply::Failed(_)
                if status.asker == Asker::Other && daemon_reaches(status, name) => {}
            CollectorReply::Failed(why) => warn(format!("{name}: {why}")),
            CollectorReply::Figures(figures) => {
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
mod tests;
