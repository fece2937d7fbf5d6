//! One line, as monitoring plug-ins write it: `TLSRPT OK - text | performance data`.

use tlsrptd_config::visible;

use crate::answers::{
    number::{counted, grouped},
    status::{CollectorReply, Severity, Status, worst},
    totals::unsent,
};

/// A longer line is cut by some servers.
const MOST_FINDINGS: usize = 5;

pub(super) fn line(status: &Status) -> String {
    let severity = worst(&status.findings);
    let mut texts: Vec<String> = status
        .findings
        .iter()
        .take(MOST_FINDINGS)
        .map(|finding| plain(&finding.text))
        .collect();
    if status.findings.len() > MOST_FINDINGS {
        texts.push(format!(
            "and {} more",
            status.findings.len() - MOST_FINDINGS
        ));
    }
    if texts.is_empty() {
        texts.push(summary(status));
    }
    let line = headed(severity, &texts.join("; "));
    format!("{} | {}\n", line.trim_end(), performance(status).join(" "))
}

/// The line without performance data.
pub(super) fn headed(severity: Severity, text: &str) -> String {
    let word = severity.as_str().to_uppercase();
    format!("TLSRPT {word} - {}\n", plain(text))
}

/// What follows `|` is performance data, whoever wrote it.
fn plain(text: &str) -> String {
    visible::one_line(text).replace('|', "/")
}

fn summary(status: &Status) -> String {
    let day = status.last_closed.day;
    match &status.last_closed.totals {
        None => format!("nothing is known of {day}"),
        Some(totals) => format!(
            "{day}: {}, {}, {} failed; {} sent, {} waiting",
            counted(totals.domains, "domain", "domains"),
            counted(totals.sessions, "session", "sessions"),
            grouped(totals.failed),
            grouped(totals.ended("sent")),
            grouped(totals.waiting()),
        ),
    }
}

/// `c`: a counter that grows until its collector is started again. The others are of the last closed day, or of now.
fn performance(status: &Status) -> Vec<String> {
    let mut data = Vec::new();
    let mut add =
        |label: &str, value: u64, unit: &str| data.push(format!("{label}={value}{unit};;;0"));
    if let Some(totals) = &status.last_closed.totals {
        add("domains", totals.domains, "");
        add("sessions", totals.sessions, "");
        add("failed", totals.failed, "");
        add("reports", totals.reports, "");
        add("sent", totals.ended("sent"), "");
        add("unsent", unsent(totals), "");
    }
    add("waiting", status.backlog.waiting, "");
    add("late", status.backlog.late, "");
    add("suppressed", status.suppressed, "");
    add("throttled", status.reporter.throttled().len() as u64, "");
    let figures = status
        .collectors
        .iter()
        .filter_map(|collector| match &collector.told {
            CollectorReply::Figures(figures) => Some(figures),
            CollectorReply::Nothing | CollectorReply::NotAsked | CollectorReply::Failed(_) => None,
        });
    let figures: Vec<_> = figures.collect();
    if !figures.is_empty() {
        let today = figures.iter().filter_map(|figures| figures.today);
        add(
            "sessions_today",
            today.map(|[sessions, _]| sessions).sum(),
            "",
        );
        add(
            "dropped",
            figures.iter().map(|figures| figures.dropped).sum(),
            "c",
        );
    }
    data
}
