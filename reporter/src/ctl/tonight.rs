//! `tlsrptctl deliveries today`: what would go out tonight.

use std::fmt::Write as _;

use jiff::Timestamp;
use tlsrptd_config::{ctl::Deliveries, exit, reportd::Reportd};

use super::{
    answer::{CommandAnswer, say},
    table::{Align, Table},
};
use crate::{
    answers::{
        number::{counted, grouped},
        runtime,
        stored_day::read_domain,
        tonight::{Outlook, Tonight, TonightQuestion, TonightRow},
    },
    error::Error,
};

pub(super) fn answer(settings: &Reportd, question: &Deliveries) -> Result<CommandAnswer, Error> {
    let domain = question.domain.as_deref().map(read_domain).transpose()?;
    let outlook = question.status.as_deref().map(outlook).transpose()?;
    let question = TonightQuestion {
        domain,
        outlook,
        limit: question.limit,
    };
    let now = Timestamp::now();
    let tonight = runtime::wait_for(Tonight::find(settings, &question, now, say))?;
    let answer = CommandAnswer::new(text(&tonight), tonight.json());
    match tonight.rows.is_empty() && tonight.more == 0 {
        true => Ok(answer.with_exit(exit::FAILED)),
        false => Ok(answer),
    }
}

/// Nothing has been sent yet, so that few words have a meaning.
fn outlook(status: &str) -> Result<Outlook, Error> {
    match status {
        "waiting" => Ok(Outlook::Report),
        "suppressed" => Ok(Outlook::Suppressed),
        "none" => Ok(Outlook::None),
        other => Err(Error::Argument {
            what: "--status",
            problem: format!(
                "none of today's reports is {other} yet (allowed: waiting, suppressed, none)"
            ),
        }),
    }
}

fn text(tonight: &Tonight) -> String {
    let Tonight {
        day,
        domains,
        sessions,
        failed,
        reports,
        deliveries,
        ..
    } = tonight;
    // A collector that has not told all has more.
    let is_whole = tonight.collectors.iter().all(|one| one.error.is_none());
    let least = if is_whole { "" } else { "at least " };
    let mut text = format!(
        "Counted on {day} (UTC) so far: {least}{}, {}, {} of them failed.\n\
         Tonight about {} to {}, by the records that the MTA saw.\n",
        counted(*domains, "domain", "domains"),
        counted(*sessions, "session", "sessions"),
        grouped(*failed),
        counted(*reports, "report", "reports"),
        counted(*deliveries, "destination", "destinations"),
    );
    if !tonight.without.is_empty() {
        let without = tonight.without.iter();
        let without: Vec<String> = without
            .map(|(kind, (domains, _))| format!("{kind} {domains}"))
            .collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "Domains without a report: {}.", without.join(", "));
    }
    if let Some(hosts) = &tonight.mx_hosts {
        let _ = writeln!(
            text,
            "With DANE at {}: {}. Which of these hosts get a report of their own (mx_reports), their TLSRPT records say when the day is decided on.",
            counted(hosts.number() as u64, "MX host", "MX hosts"),
            counted(hosts.sessions, "session", "sessions"),
        );
    }
    for collector in &tonight.collectors {
        if let Some(error) = &collector.error {
            let error = error.replace(char::is_control, " ");
            let command = &collector.command;
            let _ = match collector.domains {
                0 => writeln!(text, "Without {command}: {error}"),
                domains => writeln!(
                    text,
                    "Collector {command} has told {} and not all: {error}",
                    counted(domains, "domain", "domains")
                ),
            };
        }
    }
    if !tonight.rows.is_empty() {
        text.push('\n');
        text.push_str(&table(&tonight.rows));
    }
    if tonight.more > 0 {
        let _ = writeln!(text, "and {} more", tonight.more);
    }
    text
}

fn table(rows: &[TonightRow]) -> String {
    let mut table = Table::new(&[
        ("DOMAIN", Align::Left),
        ("SESSIONS", Align::Right),
        ("FAILED", Align::Right),
        ("DESTINATION OR REASON", Align::Left),
    ]);
    for row in rows {
        let (sessions, failed) = (row.sessions.to_string(), row.failed.to_string());
        table.row([row.domain.as_str(), &sessions, &failed, &outcome(row)]);
    }
    table.text()
}

fn outcome(row: &TonightRow) -> String {
    if let Some(reason) = &row.reason {
        return format!("none: {reason}");
    }
    let mut text = row.destinations.join(", ");
    if let Some(suppressed) = row.suppressed.first() {
        text += &format!(" (suppressed: {suppressed}");
        text += if row.suppressed.len() > 1 {
            " and others)"
        } else {
            ")"
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tlsrptd_proto::day::Day;

    use super::*;
    use crate::answers::tonight::CollectorTonight;

    #[test]
    fn what_goes_out_tonight() {
        let row = |domain: &str,
                   destinations: &[&str],
                   suppressed: &[&str],
                   reason: Option<&str>| TonightRow {
            domain: domain.to_owned(),
            sessions: 3,
            failed: 1,
            destinations: destinations.iter().map(|uri| (*uri).to_owned()).collect(),
            suppressed: suppressed.iter().map(|uri| (*uri).to_owned()).collect(),
            reason: reason.map(str::to_owned),
        };
        let tonight = Tonight {
            day: Day::parse("2026-11-29").unwrap(),
            collectors: vec![
                CollectorTonight {
                    command: "one".to_owned(),
                    domains: 3,
                    error: None,
                },
                CollectorTonight {
                    command: "two".to_owned(),
                    domains: 0,
                    error: Some("it said\nno".to_owned()),
                },
                CollectorTonight {
                    command: "three".to_owned(),
                    domains: 1,
                    error: Some("no line for 60 seconds".to_owned()),
                },
            ],
            domains: 5,
            sessions: 15,
            failed: 5,
            reports: 3,
            deliveries: 4,
            mx_hosts: None,
            without: BTreeMap::from([
                ("min_sessions".to_owned(), (1, 3)),
                ("no record".to_owned(), (1, 3)),
            ]),
            rows: vec![
                row(
                    "a.test",
                    &["mailto:a@a.test", "https://a.test/"],
                    &["mailto:b@a.test"],
                    None,
                ),
                row("b.test", &[], &[], Some("min_sessions: 3 are too few")),
            ],
            more: 3,
        };
        assert_eq!(
            text(&tonight),
            "Counted on 2026-11-29 (UTC) so far: at least 5 domains, 15 sessions, 5 of them failed.\n\
             Tonight about 3 reports to 4 destinations, by the records that the MTA saw.\n\
             Domains without a report: min_sessions 1, no record 1.\n\
             Without two: it said no\n\
             Collector three has told 1 domain and not all: no line for 60 seconds\n\
             \n\
             DOMAIN  SESSIONS  FAILED  DESTINATION OR REASON\n\
             a.test         3       1  mailto:a@a.test, https://a.test/ (suppressed: mailto:b@a.test)\n\
             b.test         3       1  none: min_sessions: 3 are too few\n\
             and 3 more\n"
        );
    }
}
