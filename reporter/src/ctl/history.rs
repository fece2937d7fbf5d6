//! `tlsrptctl history`: a line a day.

use jiff::Timestamp;
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::day::Day;

use super::{
    answer::CommandAnswer,
    table::{Align, Table, Width},
    words,
};
use crate::{
    answers::{
        history::SessionHistory,
        number::{counted, grouped, secured, short},
        totals::unsent,
    },
    error::Error,
    store::{self, DayTotals, OperatorAccess},
};

/// A terminal of so many columns has room for all of it.
const WIDE: usize = 112;

pub(super) fn answer(settings: &Reportd, days: u32) -> Result<CommandAnswer, Error> {
    let store = store::open_for_operator(settings, OperatorAccess::Read)?;
    let last_closed = Day::of(Timestamp::now()).previous();
    let history = SessionHistory::find(store.as_ref(), last_closed, days)?;
    let json = history.json();
    Ok(match history.days.is_empty() {
        true => CommandAnswer::none(nothing(&history), json),
        false => CommandAnswer::new(text(&history, Width::of_stdout()), json),
    })
}

fn nothing(history: &SessionHistory) -> String {
    let span = format!("from {} to {}", history.from, history.to);
    format!(
        "nothing is known of the days {span}\n{}",
        words::since(history.known_since, history.from)
    )
}

fn text(history: &SessionHistory, width: Width) -> String {
    let columns = match width {
        Width::Columns(columns) if columns >= WIDE => ColumnSet::All,
        _ => ColumnSet::Few,
    };
    let mut text = table(history, columns).text_at(width);
    text.push('\n');
    policies(&mut text, history);
    deliveries(&mut text, history);
    text += &words::since(history.known_since, history.from);
    text
}

/// Which columns a table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ColumnSet {
    /// Those that fit 80.
    Few,
    /// With the policies of each day, and who got no report.
    All,
}

type Column = (ColumnSet, &'static str, fn(&DayTotals) -> String);

/// Behind the day.
const COLUMNS: [Column; 12] = [
    (ColumnSet::Few, "DOMAINS", |day| short(day.domains)),
    (ColumnSet::Few, "SESSIONS", |day| short(day.sessions)),
    (ColumnSet::Few, "SECURED", |day| {
        secured(day.sessions, day.failed)
    }),
    (ColumnSet::Few, "FAILED", |day| short(day.failed)),
    (ColumnSet::All, "DANE", |day| short(of_policy(day, "tlsa"))),
    (ColumnSet::All, "MTA-STS", |day| {
        short(of_policy(day, "sts"))
    }),
    (ColumnSet::All, "NONE", |day| {
        short(of_policy(day, "no-policy-found"))
    }),
    (ColumnSet::Few, "REPORTS", |day| short(day.reports)),
    (ColumnSet::All, "WITHOUT", |day| short(day.without)),
    (ColumnSet::Few, "SENT", |day| short(day.ended("sent"))),
    (ColumnSet::Few, "WAITING", |day| short(day.waiting())),
    (ColumnSet::Few, "UNSENT", |day| short(unsent(day))),
];

fn table(history: &SessionHistory, columns: ColumnSet) -> Table {
    let shown = || {
        COLUMNS
            .iter()
            .filter(move |(of, ..)| *of == ColumnSet::Few || columns == ColumnSet::All)
    };
    let mut heads = vec![("DAY", Align::Whole)];
    heads.extend(shown().map(|(_, head, _)| (*head, Align::Right)));
    let mut table = Table::new(&heads);
    for day in &history.days {
        let mut cells = vec![day.day.to_string()];
        cells.extend(shown().map(|(.., cell)| cell(day)));
        table.row(cells);
    }
    table
}

fn of_policy(day: &DayTotals, policy_type: &str) -> u64 {
    let mut policies = day.by_policy.iter();
    let found = policies.find(|policy| policy.policy_type == policy_type);
    found.map_or(0, |policy| policy.sessions)
}

fn policies(text: &mut String, history: &SessionHistory) {
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

fn deliveries(text: &mut String, history: &SessionHistory) {
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

    fn history() -> SessionHistory {
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
        SessionHistory {
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
            "begins on 2026-11-19",
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
