//! One screen.

use jiff::Timestamp;
use tlsrptd_config::visible;

use crate::{
    answers::{
        status::{CollectorStatus, LastClosedDay, ReporterStatus, Severity, Status, Told},
        totals::unsent,
    },
    ctl::{
        number::{counted, grouped, secured, short},
        table::{Align, Table, Width, cut},
        words,
    },
    store::{Backlog, DayTotals},
};

/// More throttled queues than that are counted.
const MOST_QUEUES: usize = 8;
/// More entries of a list than that are counted.
const MOST: usize = 4;

pub(super) fn text(status: &Status, width: Width) -> String {
    let mut text = String::new();
    for finding in &status.findings {
        let word = match finding.severity {
            Severity::Critical => "CRITICAL  ",
            Severity::Warning => "warning   ",
            Severity::Unknown | Severity::Ok => "unknown   ",
        };
        text += &words::indented(&finding.text, word, "          ");
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text += &reporter(status);
    text += &collectors(status, width);
    text += &last_closed(&status.last_closed);
    text += &backlog(&status.backlog, status.now, width);
    text += &throttled(status, width);
    if status.suppressed > 0 {
        let entries = counted(status.suppressed, "target", "targets");
        text += &format!("Suppressed  {entries} (tlsrptctl suppress list)\n");
    }
    text
}

fn reporter(status: &Status) -> String {
    let whole = match &status.reporter {
        ReporterStatus::Answers(whole) => whole,
        ReporterStatus::Silent(_) => {
            return "Reporter    tlsrpt-reportd does not answer\n".to_owned();
        }
        ReporterStatus::Denied(_) => {
            return "Reporter    tlsrpt-reportd cannot be asked\n".to_owned();
        }
        ReporterStatus::NotAsked => {
            return "Reporter    not asked: observation_socket is not set\n".to_owned();
        }
    };
    let mut parts = vec![format!(
        "tlsrpt-reportd {}",
        whole["version"].as_str().unwrap_or("of an unknown version")
    )];
    let started = whole["started"].as_str().and_then(|at| at.parse().ok());
    parts.extend(started.map(|at| format!("since {}", words::time(at))));
    let in_hand = status.reporter.under_way();
    parts.extend(
        in_hand.map(|number| format!("{} in hand", counted(number, "delivery", "deliveries"))),
    );
    let mut text = words::indented(&parts.join(", "), "Reporter    ", "            ");
    if let Some((at, warning)) = status.reporter.newest_warning() {
        let warning = format!("newest warning, {}: {warning}", words::time(at));
        text += &words::indented(&warning, "            ", "            ");
    }
    text
}

fn collectors(status: &Status, width: Width) -> String {
    if status.collectors.is_empty() {
        return "Collectors  none: fetchers is not set\n".to_owned();
    }
    let mut table = Table::new(&[
        ("COLLECTOR", Align::Left),
        ("LAST SESSION", Align::Whole),
        ("TODAY", Align::Right),
        ("FAILED", Align::Right),
        ("DROPPED", Align::Right),
        ("SINCE", Align::Left),
    ]);
    for collector in &status.collectors {
        collector_row(&mut table, collector, status);
    }
    format!("\n{}\n", table.text_at(width))
}

fn collector_row(table: &mut Table, collector: &CollectorStatus, status: &Status) {
    let none = || "-".to_owned();
    let name = collector.command.clone();
    let figures = match &collector.told {
        Told::Figures(figures) => figures,
        Told::Nothing => {
            let told = match status.reporter.collector(&name) {
                Some((Some(at), _)) => {
                    format!("does not tell; it last answered {}", words::time(at))
                }
                _ => "does not tell".to_owned(),
            };
            return table.row([name, none(), none(), none(), none(), told]);
        }
        Told::Failed(why) => {
            return table.row([name, none(), none(), none(), none(), why.clone()]);
        }
    };
    let [today, failed] = match figures.today {
        Some([today, failed]) => [short(today), short(failed)],
        None => [none(), none()],
    };
    table.row([
        name,
        figures
            .last_received
            .map_or_else(|| "none yet".to_owned(), |at| ago(at, status.now)),
        today,
        failed,
        short(figures.dropped),
        figures.started.map_or_else(none, words::time),
    ]);
}

/// `11-20 03:12, 5 s ago`; of a clock that is ahead, the time alone.
fn ago(at: Timestamp, now: Timestamp) -> String {
    match u64::try_from(now.duration_since(at).as_secs()) {
        Ok(seconds) => format!("{} ago", words::duration(seconds)),
        Err(_) => words::time(at),
    }
}

fn last_closed(last: &LastClosedDay) -> String {
    let waits: Vec<&str> = last.waits_for().map(|job| job.command.as_str()).collect();
    let given_up = last.given_up().count();
    let gathered = match (last.jobs.len(), waits.len(), given_up) {
        (0, ..) => "no collector was asked yet".to_owned(),
        (all, 0, 0) => format!(
            "gathered from {}",
            counted(all as u64, "collector", "collectors")
        ),
        (all, 0, missing) => format!("gathered from {} of {all} collectors", all - missing),
        (all, waits, _) => format!("{waits} of {all} collectors have not answered yet"),
    };
    let mut text = format!("Last closed day {}: {gathered}\n", last.day);
    match &last.totals {
        Some(totals) => text += &day(totals),
        None => text += "  its sessions and reports are not known\n",
    }
    text
}

fn day(totals: &DayTotals) -> String {
    let mut text = words::indented(
        &format!(
            "{}, {}, {} failed ({} secured)",
            counted(totals.domains, "domain", "domains"),
            counted(totals.sessions, "session", "sessions"),
            grouped(totals.failed),
            secured(totals.sessions, totals.failed),
        ),
        "  ",
        "  ",
    );
    let line = |head: &str, number: u64, rest: &str| {
        let first = format!("  {head:<10} {:>11}", grouped(number));
        match rest {
            "" => first + "\n",
            rest => words::indented(rest, &(first + " "), "             "),
        }
    };
    let deliveries = format!(
        " in {}",
        counted(totals.deliveries, "delivery", "deliveries")
    );
    text += &line("reports", totals.reports, &deliveries);
    text += &line("sent", totals.ended("sent"), "");
    text += &line("waiting", totals.waiting(), "");
    let others = totals.outcomes.iter().filter(|it| it.status != "sent");
    for outcome in others {
        text += &line(&outcome.status, outcome.deliveries, "");
    }
    if unsent(totals) == 0 {
        text += &line("refused", 0, "");
    }
    let mut reasons: Vec<String> = totals
        .without_reasons
        .iter()
        .take(MOST)
        .map(|without| format!("{} {}", grouped(without.domains), without.reason))
        .collect();
    if totals.without_reasons.len() > MOST {
        reasons.push("...".to_owned());
    }
    let reasons = match reasons.is_empty() {
        true => String::new(),
        false => format!(": {}", reasons.join(", ")),
    };
    text + &line(
        "without",
        totals.without,
        &format!("domains without a report{reasons}"),
    )
}

fn backlog(backlog: &Backlog, now: Timestamp, width: Width) -> String {
    if backlog.waiting == 0 {
        return "Waiting     no delivery\n".to_owned();
    }
    let mut sentence = format!(
        "{} of all days",
        counted(backlog.waiting, "delivery", "deliveries")
    );
    match backlog.next_due {
        Some(next) if next > now => sentence += &format!(", the next due {}", words::time(next)),
        Some(_) => sentence += ", some due now",
        None => {}
    }
    let head = words::indented(&sentence, "Waiting     ", "            ");
    head + &failed_before(backlog, width)
}

/// The reason in a line of its own, so that it can be searched.
fn failed_before(backlog: &Backlog, width: Width) -> String {
    if backlog.tried == 0 {
        return String::new();
    }
    let of = match backlog.looked_at < backlog.waiting {
        true => format!("of the oldest {}, ", grouped(backlog.looked_at)),
        false => String::new(),
    };
    let mut text = format!("            {of}{} failed before", grouped(backlog.tried));
    if let Some(shared) = &backlog.reason {
        let reason = visible::one_line(&shared.reason);
        let reason = match width {
            Width::Columns(columns) => cut(&reason, columns.saturating_sub(14)),
            Width::Unbounded => reason,
        };
        let number = grouped(shared.deliveries);
        text += &format!(", {number} of them with:\n              {reason}");
    }
    text + "\n"
}

fn throttled(status: &Status, width: Width) -> String {
    let queues = status.reporter.throttled();
    if queues.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[
        ("THROTTLED", Align::Left),
        ("DUE", Align::Right),
        ("UNTIL", Align::Whole),
        ("REASON", Align::Left),
    ]);
    for queue in queues.iter().take(MOST_QUEUES) {
        table.row([
            queue.key.clone(),
            queue.due.map_or("-".to_owned(), short),
            queue.throttled_until.map_or("-".to_owned(), words::time),
            queue.reason.clone().unwrap_or_default(),
        ]);
    }
    let mut text = format!("\n{}", table.text_at(width));
    if queues.len() > MOST_QUEUES {
        text += &format!("and {} more\n", queues.len() - MOST_QUEUES);
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tlsrptd_proto::day::Day;

    use super::*;
    use crate::{
        answers::status::{CollectorFigures, Finding},
        ctl::status::check,
        store::{JobStage, JobState, OutcomeTotals, SharedReason, WithoutReport},
    };

    fn at(text: &str) -> Timestamp {
        format!("2026-11-{text}Z").parse().unwrap()
    }

    fn totals() -> DayTotals {
        let mut totals = DayTotals::of(Day::parse("2026-11-20").unwrap());
        (totals.domains, totals.sessions, totals.failed) = (1_000_000, 12_345_678, 321);
        (totals.reports, totals.deliveries, totals.without) = (250_000, 260_000, 750_000);
        totals.without_reasons = vec![WithoutReport {
            reason: "opted out".to_owned(),
            domains: 750_000,
            sessions: 1,
        }];
        totals.outcomes = [("sent", 259_000), ("refused", 12)]
            .map(|(status, deliveries)| OutcomeTotals {
                status: status.to_owned(),
                deliveries,
            })
            .into();
        totals
    }

    fn status() -> Status {
        let collector = |command: &str, told| CollectorStatus {
            command: command.to_owned(),
            told,
        };
        let job = JobState {
            command: "tlsrpt-fetcher".to_owned(),
            stage: JobStage::Answered,
            is_decided: true,
            failures: 0,
            next: None,
            reason: None,
        };
        Status {
            now: at("21T13:00:00"),
            collectors: vec![
                collector(
                    "tlsrpt-fetcher",
                    Told::Figures(CollectorFigures::read(json!({
                        "started": "2026-11-01T08:00:00Z", "last_received": "2026-11-21T12:59:55Z",
                        "storages": [{"accepted": 5, "dropped": 0, "sessions_today": 7_654_321, "failed_today": 12}],
                    }))),
                ),
                collector("ssh mx2.example.com tlsrpt-fetcher", Told::Nothing),
                collector(
                    "ssh mx3.example.com tlsrpt-fetcher",
                    Told::Failed(
                        "the command ended with exit status: 255: \nno route | to host".to_owned(),
                    ),
                ),
            ],
            reporter: ReporterStatus::Answers(json!({
                "version": "0.1.0", "started": "2026-11-01T08:00:00Z", "deliveries_in_hand": {"under_way": 1},
                "warnings": [{"time": "2026-11-21T12:00:00Z", "text": "later"}, {"time": "2026-11-20T12:00:00Z", "text": "earlier"}],
                "queues": [{"key": "mailto:", "throttled_until": "2026-11-21T14:00:00Z", "reason": "421 busy\u{202e}", "due": 988}],
            })),
            last_closed: LastClosedDay {
                day: totals().day,
                totals: Some(totals()),
                jobs: vec![job],
            },
            backlog: Backlog {
                waiting: 988,
                next_due: Some(at("21T14:00:00")),
                looked_at: 988,
                tried: 30,
                reason: Some(SharedReason {
                    deliveries: 20,
                    reason: "RCPT TO: 451 4.2.1\nlater".to_owned(),
                }),
                ..Backlog::default()
            },
            suppressed: 3,
            findings: vec![Finding {
                severity: Severity::Warning,
                text: "ssh mx3.example.com tlsrpt-fetcher: no route\n| to host".to_owned(),
            }],
        }
    }

    #[test]
    fn one_screen_of_80_columns() {
        let shown = text(&status(), Width::Columns(80));
        assert_eq!(
            shown,
            "\
warning   ssh mx3.example.com tlsrpt-fetcher: no route | to host

Reporter    tlsrpt-reportd 0.1.0, since 11-01 08:00, 1 delivery in hand
            newest warning, 11-21 12:00: later

COLLECTOR             LAST SESSION  TODAY  FAILED  DROPPED  SINCE
tlsrpt-fetcher        5 s ago       7.65M      12        0  11-01 08:00
ssh mx2.example.com…  -                 -       -        -  does not tell
ssh mx3.example.com…  -                 -       -        -  the command ended w…

Last closed day 2026-11-20: gathered from 1 collector
  1,000,000 domains, 12,345,678 sessions, 321 failed (99.99% secured)
  reports        250,000 in 260,000 deliveries
  sent           259,000
  waiting            988
  refused             12
  without        750,000 domains without a report: 750,000 opted out
Waiting     988 deliveries of all days, the next due 11-21 14:00
            30 failed before, 20 of them with:
              RCPT TO: 451 4.2.1 later

THROTTLED  DUE  UNTIL        REASON
mailto:    988  11-21 14:00  421 busy\\u{202e}
Suppressed  3 targets (tlsrptctl suppress list)
"
        );
    }

    #[test]
    fn one_line_for_the_monitoring() {
        let mut status = status();
        assert_eq!(
            check::line(&status),
            "TLSRPT WARNING - ssh mx3.example.com tlsrpt-fetcher: no route / to host | domains=1000000;;;0 \
             sessions=12345678;;;0 failed=321;;;0 reports=250000;;;0 sent=259000;;;0 unsent=12;;;0 waiting=988;;;0 \
             late=0;;;0 suppressed=3;;;0 throttled=1;;;0 sessions_today=7654321;;;0 dropped=0c;;;0\n"
        );
        (status.findings, status.last_closed.totals) = (Vec::new(), None);
        status.collectors.clear();
        assert_eq!(
            check::line(&status),
            "TLSRPT OK - nothing is known of 2026-11-20 | waiting=988;;;0 late=0;;;0 suppressed=3;;;0 throttled=1;;;0\n"
        );
    }
}
