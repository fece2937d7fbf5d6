//! One screen.

use jiff::Timestamp;
use tlsrptd_config::visible;

use crate::{
    answers::{
        number::{counted, grouped, secured, short},
        pending_requests::{self, PendingRequests},
        status::{
            CollectorReply, CollectorStatus, LastClosedDay, ReporterStatus, Severity, Status,
        },
        totals::unsent,
    },
    ctl::{
        table::{Align, Table, Width, cut},
        words,
    },
    model::NamedDestination,
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
    text += &requests(&status.requests);
    text += &throttled(status, width);
    text += &bounces(status);
    if status.suppressed > 0 {
        let entries = counted(status.suppressed, "target", "targets");
        text += &format!("Suppressed  {entries} (tlsrptctl suppress list)\n");
    }
    text + &left_out(&status.named)
}

/// Whom the operator's bound has kept reports from.
fn left_out(named: &[NamedDestination]) -> String {
    let left_out: Vec<String> = named
        .iter()
        .filter(|one| one.left_out > 0)
        .map(|one| {
            let all = one.deliveries.saturating_add(one.left_out);
            format!("{} {} of {}", one.name, grouped(one.left_out), grouped(all))
        })
        .collect();
    let Some(first) = named.iter().find(|one| one.left_out > 0) else {
        return String::new();
    };
    let more = left_out.len().saturating_sub(MOST);
    let mut names = left_out[..left_out.len() - more].join(", ");
    if more > 0 {
        names += &format!(" and {more} more");
    }
    let names = format!("of {}, by max_reports_per_destination: {names}", first.day);
    words::indented(&names, "Left out    ", "            ")
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
        CollectorReply::Figures(figures) => figures,
        CollectorReply::Nothing | CollectorReply::NotAsked => {
            let told = match status.reporter.collector(&name) {
                Some((Some(at), _)) => {
                    format!("does not tell; it last answered {}", words::time(at))
                }
                _ => "does not tell".to_owned(),
            };
            return table.row([name, none(), none(), none(), none(), told]);
        }
        CollectorReply::Failed(why) => {
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

/// Of several the oldest, as that waits for the longest.
fn requests(pending: &PendingRequests) -> String {
    let Some(oldest) = pending.rows.first() else {
        return String::new();
    };
    let number = counted(pending.rows.len() as u64, "request", "requests");
    let since = oldest.asked.map_or("-".to_owned(), words::time);
    let sentence = format!(
        "{number}, the oldest of {since}, {} to {}: {} (tlsrptctl requests list)",
        pending_requests::what(oldest),
        oldest.destination.uri(),
        pending_requests::why(oldest),
    );
    words::indented(&sentence, "Requests    ", "            ")
}

/// Those from which nothing followed are strangers' or late: somebody may look at them, and need not.
fn bounces(status: &Status) -> String {
    let (used, ignored) = status.bounces();
    if used + ignored == 0 {
        return String::new();
    }
    let mut named: Vec<String> = status
        .bounces
        .iter()
        .map(|of| format!("{} {}", grouped(of.mails), of.result))
        .collect();
    named.sort();
    let all = counted(used + ignored, "mail", "mails");
    let sentence = format!(
        "{all} came back so far, nothing followed from {}: {}",
        grouped(ignored),
        named.join(", ")
    );
    words::indented(&sentence, "Bounces     ", "            ")
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
mod tests;
