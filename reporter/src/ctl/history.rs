//! `tlsrptctl history`: a line a day.

use jiff::Timestamp;
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::day::Day;

use super::{
    answer::Answer,
    number::{counted, grouped, secured, short},
    table::{Align, Table, Width},
    words,
};
use crate::{
    answers::{history::History, totals::unsent},
    error::Error,
    store::{self, DayTotals, OperatorAccess},
};

/// A terminal of so many columns has room for all of it.
const WIDE: usize = 112;

pub(super) fn answer(settings: &Reportd, days: u32) -> Result<Answer, Error> {
    let store = store::open_for_operator(settings, OperatorAccess::Read)?;
    let last_closed = Day::of(Timestamp::now()).previous();
    let history = History::find(store.as_ref(), last_closed, days)?;
    let json = history.json();
    Ok(match history.days.is_empty() {
        true => Answer::none(nothing(&history), json),
        false => Answer::new(text(&history, Width::of_stdout()), json),
    })
}

fn nothing(history: &History) -> String {
    let span = format!("from {} to {}", history.from, history.to);
    format!(
        "nothing is known of the days {span}\n{}",
        words::since(history.known_since, history.from)
    )
}

fn text(history: &History, width: Width) -> String {
    let all = matches!(width, Width::Columns(columns) if columns >= WIDE);
    let mut text = match all {
        true => every_column(history),
        false => columns(history),
    }
    .text_at(width);
    text.push('\n');
    policies(&mut text, history);
    deliveries(&mut text, history);
    text += &words::since(history.known_since, history.from);
    text
}

/// In 80 columns.
fn columns(history: &History) -> Table {
    let right = |head| (head, Align::Right);
    let mut table = Table::new(&[
        ("DAY", Align::Whole),
        right("DOMAINS"),
        right("SESSIONS"),
        right("SECURED"),
        right("FAILED"),
        right("REPORTS"),
        right("SENT"),
        right("WAITING"),
        right("UNSENT"),
    ]);
    for day in &history.days {
        table.row([
            day.day.to_string(),
            short(day.domains),
            short(day.sessions),
            secured(day.sessions, day.failed),
            short(day.failed),
            short(day.reports),
            short(day.ended("sent")),
            short(day.waiting()),
            short(unsent(day)),
        ]);
    }
    table
}

/// With the policies of each day, and who got no report.
fn every_column(history: &History) -> Table {
    let right = |head| (head, Align::Right);
    let mut table = Table::new(&[
        ("DAY", Align::Whole),
        right("DOMAINS"),
        right("SESSIONS"),
        right("SECURED"),
        right("FAILED"),
        right("DANE"),
        right("MTA-STS"),
        right("NONE"),
        right("REPORTS"),
        right("WITHOUT"),
        right("SENT"),
        right("WAITING"),
        right("UNSENT"),
    ]);
    for day in &history.days {
        table.row([
            day.day.to_string(),
            short(day.domains),
            short(day.sessions),
            secured(day.sessions, day.failed),
            short(day.failed),
            short(of_policy(day, "tlsa")),
            short(of_policy(day, "sts")),
            short(of_policy(day, "no-policy-found")),
            short(day.reports),
            short(day.without),
            short(day.ended("sent")),
            short(day.waiting()),
            short(unsent(day)),
        ]);
    }
    table
}

fn of_policy(day: &DayTotals, policy_type: &str) -> u64 {
    let mut policies = day.by_policy.iter();
    let found = policies.find(|policy| policy.policy_type == policy_type);
    found.map_or(0, |policy| policy.sessions)
}

fn policies(text: &mut String, history: &History) {
    let mut table = Table::new(&[
        ("POLICY", Align::Whole),
        ("SESSIONS", Align::Right),
        ("SECURED", Align::Right),
        ("FAILED", Align::Right),
    ]);
    for (policy_type, [sessions, failed]) in history.policies() {
        table.row([
            words::policy(&policy_type).to_owned(),
            grouped(sessions),
            secured(sessions, failed),
            grouped(failed),
        ]);
    }
    *text += &table.text();
    let failures = history.results().into_iter();
    let failures: Vec<String> = failures
        .map(|(result_type, [sessions, _])| format!("{} {result_type}", grouped(sessions)))
        .collect();
    if !failures.is_empty() {
        *text += &words::wrapped(&format!("Failures: {}.", failures.join(", ")));
    }
}

fn deliveries(text: &mut String, history: &History) {
    let sum = |of: fn(&DayTotals) -> u64| history.days.iter().map(of).sum::<u64>();
    let mut parts: Vec<String> = history
        .outcomes()
        .into_iter()
        .map(|(status, [deliveries, _])| format!("{} {status}", grouped(deliveries)))
        .collect();
    let waiting = sum(DayTotals::waiting);
    if waiting > 0 {
        parts.push(format!("{} waiting", grouped(waiting)));
    }
    let all = counted(sum(|day| day.deliveries), "delivery", "deliveries");
    let reports = counted(sum(|day| day.reports), "report", "reports");
    let without = counted(sum(|day| day.without), "time", "times");
    let parts = match parts.is_empty() {
        true => String::new(),
        false => format!(": {}", parts.join(", ")),
    };
    *text += &words::wrapped(&format!(
        "{reports}, {all}{parts}. {without} a domain of a day got no report."
    ));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{OutcomeTotals, PolicyTotals, ResultTotals};

    fn history() -> History {
        let day = |text: &str| Day::parse(text).unwrap();
        let mut totals = DayTotals::of(day("2026-11-20"));
        totals.domains = 1_000_000;
        totals.sessions = 12_345_678;
        totals.failed = 321;
        totals.reports = 250_000;
        totals.without = 750_000;
        totals.deliveries = 260_000;
        totals.by_policy = ["no-policy-found", "tlsa", "sts"]
            .map(|word| PolicyTotals {
                policy_type: word.to_owned(),
                sessions: 4_115_226,
                failed: 107,
            })
            .into();
        totals.by_result = vec![ResultTotals {
            result_type: "certificate-expired".to_owned(),
            sessions: 321,
        }];
        totals.outcomes = [("sent", 259_000), ("refused", 12)]
            .map(|(status, deliveries)| OutcomeTotals {
                status: status.to_owned(),
                deliveries,
            })
            .into();
        History {
            from: day("2026-10-22"),
            to: day("2026-11-20"),
            known_since: Some(day("2026-11-19")),
            days: vec![totals.clone(), totals],
        }
    }

    #[test]
    fn a_large_day_fits_80_columns() {
        let shown = text(&history(), Width::Columns(80));
        assert!(
            shown.lines().all(|line| line.chars().count() <= 80),
            "{shown}"
        );
        let row = shown.lines().nth(1).unwrap();
        assert_eq!(
            row.split_whitespace().collect::<Vec<_>>(),
            [
                "2026-11-20",
                "1.00M",
                "12.3M",
                "99.99%",
                "321",
                "250k",
                "259k",
                "988",
                "12"
            ]
        );
        for part in [
            "MTA-STS",
            "8,230,452",
            "642 certificate-expired",
            "518,000 sent, 24 refused, 1,976 waiting",
            "1,500,000 times a domain",
            "since 2026-11-19",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }

    #[test]
    fn a_wide_terminal_shows_more() {
        let shown = text(&history(), Width::Columns(120));
        let head = shown.lines().next().unwrap();
        assert!(
            head.contains("DANE  MTA-STS") && head.contains("WITHOUT"),
            "{head}"
        );
    }
}
