//! A report as people read it.

use std::fmt::Write as _;

use tlsrptd_config::visible;
use tlsrptd_proto::domain::Domain;

use crate::{
    answers::{
        collectors_today::CollectorToday,
        report_view::{FailureView, PolicyView, ReportView},
        show::{Contents, PREVIEW, ReportStage, Shown, ShownDelivery, ShownReport, WAITING},
        when::when,
    },
    ctl::table::{Align, Table},
    lookup::LookupResult,
    model::ReportSubject,
};

/// More lines of one kind are counted only: all of them are in the report itself.
const MOST_LINES: usize = 100;

/// The whole answer.
pub(super) fn of(shown: &Shown) -> String {
    let mut text = String::new();
    if let Some(nothing) = &shown.nothing {
        line(&mut text, nothing);
    }
    for (number, report) in shown.reports.iter().enumerate() {
        if number > 0 {
            text.push('\n');
        }
        one_report(&mut text, shown, report);
    }
    collectors(&mut text, &shown.collectors);
    for collector in &shown.awaited {
        line(
            &mut text,
            &format!("Collector {collector} has not answered on that day yet."),
        );
    }
    text
}

fn one_report(text: &mut String, shown: &Shown, report: &ShownReport) {
    let (domain, day) = (&shown.domain, shown.day);
    let subject = match report.subject {
        ReportSubject::Domain => domain.to_string(),
        ReportSubject::MxHost => format!("the MX host {domain}"),
    };
    let number = match report.uniqid {
        0 | 1 => String::new(),
        number => format!(", number {number} of that day"),
    };
    match (&report.stage, &report.contents) {
        (ReportStage::Made, Ok(_)) => {
            line(text, &format!("Report on {subject} of {day} (UTC){number}"))
        }
        (ReportStage::Preview(_), Ok(_)) => line(
            text,
            &format!(
                "Preview of the report on {subject} of {day} (UTC){number}: nothing has been sent"
            ),
        ),
        (ReportStage::Made, Err(_)) if !report.deliveries.is_empty() => {
            line(text, &format!("Report on {subject} of {day} (UTC){number}"));
        }
        (ReportStage::Made, Err(_)) => {
            line(text, &format!("No report on {subject} of {day} (UTC)"))
        }
        (ReportStage::Preview(_), Err(_)) => line(
            text,
            &format!("No report on {subject} of {day} (UTC) would be sent"),
        ),
    }
    if let Some(why) = report.why_none(domain) {
        let label = match report.deliveries.is_empty() {
            true => "Because:",
            false => "Text:",
        };
        field(text, label, &why);
    }
    match &report.contents {
        Ok(contents) => with_contents(text, report, contents, domain),
        Err(_) => deliveries(text, report),
    }
}

fn with_contents(text: &mut String, report: &ShownReport, contents: &Contents, domain: &Domain) {
    let view = match ReportView::read(&contents.json) {
        Ok(view) => view,
        Err(problem) => return field(text, "Unreadable:", &problem),
    };
    field(text, "Report-ID:", &view.report_id);
    field(
        text,
        "Reported by:",
        &format!("{}, {}", view.organization, view.contact),
    );
    field(text, "Range:", &format!("{} to {}", view.start, view.end));
    let (sessions, failed) = (view.sessions(), view.failed());
    field(
        text,
        "Sessions:",
        &format!("{sessions}, {failed} of them failed"),
    );
    if let ReportStage::Preview(Some(said)) = &report.stage {
        field(text, "DNS:", &dns(said, domain));
    }
    deliveries(text, report);
    let policies = &view.policies;
    for policy in policies.iter().take(MOST_LINES) {
        text.push('\n');
        one_policy(text, policy);
    }
    more(text, policies.len(), "policies");
}

/// What DNS said.
pub(super) fn dns(said: &LookupResult, domain: &Domain) -> String {
    match said {
        LookupResult::Record(_) => format!("there is a TLSRPT record at _smtp._tls.{domain}"),
        LookupResult::OptedOut(reason) => reason.clone(),
        LookupResult::Unknown(reason) => {
            format!("no answer ({reason}): the record that the MTA saw is used")
        }
    }
}

fn deliveries(text: &mut String, report: &ShownReport) {
    for (number, delivery) in report.deliveries.iter().take(MOST_LINES).enumerate() {
        let label = if number == 0 { "To:" } else { "" };
        field(text, label, delivery.destination.uri());
        if let Some(state) = state(delivery) {
            field(text, "", &state);
        }
    }
    more(text, report.deliveries.len(), "destinations");
}

fn state(delivery: &ShownDelivery) -> Option<String> {
    let reason = delivery.reason.as_deref().map(visible::one_line);
    let reason = reason.filter(|reason| !reason.is_empty());
    let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
    let at = delivery.at.map(when).unwrap_or_default();
    match delivery.status.as_str() {
        PREVIEW => None,
        WAITING => Some(format!("waiting, next try {at}{reason}")),
        // sys4 records no time of its own.
        status if at.is_empty() || delivery.reason.is_none() => Some(format!("{status}{reason}")),
        status => Some(format!("{status} {at}{reason}")),
    }
}

fn one_policy(text: &mut String, policy: &PolicyView) {
    let PolicyView {
        kind,
        domain,
        successful,
        failed,
        ..
    } = policy;
    let of = match domain.is_empty() {
        true => String::new(),
        false => format!(" of {domain}"),
    };
    line(
        text,
        &format!("Policy {kind}{of}: {successful} successful, {failed} failed"),
    );
    for (number, string) in policy.strings.iter().take(MOST_LINES).enumerate() {
        field(
            text,
            if number == 0 { "  Policy text:" } else { "" },
            string,
        );
    }
    more(text, policy.strings.len(), "lines");
    if !policy.mx_patterns.is_empty() {
        field(text, "  MX patterns:", &policy.mx_patterns.join(", "));
    }
    failures(text, &policy.failures);
}

fn failures(text: &mut String, failures: &[FailureView]) {
    let Some(first) = failures.first() else {
        return;
    };
    // One host has one address mostly: then a column would say nothing.
    let is_same = failures
        .iter()
        .all(|failure| failure.sending_mta == first.sending_mta);
    if is_same && !first.sending_mta.is_empty() {
        field(text, "  Sending MTA:", &first.sending_mta);
    }
    let mut columns = vec![("RESULT", Align::Whole)];
    if !is_same {
        columns.push(("SENDING MTA", Align::Left));
    }
    columns.extend([
        ("RECEIVING MX", Align::Left),
        ("ADDRESS", Align::Left),
        ("SESSIONS", Align::Right),
        ("REASON", Align::Left),
    ]);
    let mut table = Table::new(&columns);
    for failure in failures.iter().take(MOST_LINES) {
        let mut cells = vec![failure.result.clone()];
        if !is_same {
            cells.push(failure.sending_mta.clone());
        }
        cells.extend([
            mx(failure),
            failure.address.clone(),
            failure.sessions.to_string(),
            failure.reason.clone(),
        ]);
        table.row(cells);
    }
    text.push_str(&table.text());
    more(text, failures.len(), "failures");
}

/// The MX, and what it calls itself where that differs.
fn mx(failure: &FailureView) -> String {
    let FailureView {
        receiving_mx, helo, ..
    } = failure;
    match (receiving_mx.is_empty(), helo.is_empty()) {
        (_, true) => receiving_mx.clone(),
        (true, false) => helo.clone(),
        (false, false) if receiving_mx == helo => receiving_mx.clone(),
        (false, false) => format!("{receiving_mx} ({helo})"),
    }
}

fn collectors(text: &mut String, collectors: &[CollectorToday]) {
    if collectors.is_empty() {
        return;
    }
    text.push('\n');
    line(text, "Counted today:");
    for collector in collectors {
        let told = match &collector.told {
            Ok((0, _)) => "nothing".to_owned(),
            Ok((sessions, failed)) => format!("{sessions} sessions, {failed} of them failed"),
            Err(reason) => format!("not known: {reason}"),
        };
        line(text, &format!("  {}: {told}", collector.command));
    }
}

fn more(text: &mut String, all: usize, what: &str) {
    if all > MOST_LINES {
        line(text, &format!("  and {} more {what}", all - MOST_LINES));
    }
}

fn field(text: &mut String, label: &str, value: &str) {
    line(text, &format!("{label:<16} {}", visible::one_line(value)));
}

fn line(text: &mut String, content: &str) {
    // Writing to a string cannot fail. Whoever wrote it: it stays on its line.
    let _ = writeln!(
        text,
        "{}",
        content.replace(char::is_control, " ").trim_end()
    );
}
