//! `tlsrptctl failures`: what failed when we sent.

use jiff::Timestamp;
use tlsrptd_config::{
    ctl::{Failures as Asked, FailuresScope},
    reportd::Reportd,
    visible,
};
use tlsrptd_proto::{day::Day, domain::Domain};

use super::{
    answer::CommandAnswer,
    table::{Align, Table, Width, cut},
    words,
};
use crate::{
    answers::{
        explain::Explanation,
        failures::{Failures, FailuresQuery},
        number::{grouped, short},
    },
    error::Error,
    store::{self, FailureRow, OperatorAccess},
};

/// A terminal of so many columns has room for all of it in one line.
const WIDE: usize = 120;
/// Before MX and reason, where they stand in a line of their own.
const BENEATH: &str = "          ";

pub(super) fn answer(settings: &Reportd, asked: &Asked) -> Result<CommandAnswer, Error> {
    let domain = asked.domain.as_deref().map(Domain::parse).transpose();
    let domain = domain.map_err(|error| Error::Argument {
        what: "--domain",
        problem: error.to_string(),
    })?;
    let store = store::open_for_operator(settings, OperatorAccess::Read)?;
    let question = FailuresQuery {
        to: Day::of(Timestamp::now()).previous(),
        days: asked.days,
        domain,
        scope: asked.scope,
        meanings: asked.meanings,
        limit: asked.limit,
    };
    let failures = Failures::find(store.as_ref(), question)?;
    let json = failures.json();
    Ok(
        match failures.rows.is_empty() && failures.folded_sessions == 0 {
            true => CommandAnswer::none(nothing(&failures), json),
            false => CommandAnswer::new(text(&failures, Width::of_stdout()), json),
        },
    )
}

/// `on 2026-11-20`, `from 2026-11-14 to 2026-11-20`.
fn span(failures: &Failures) -> String {
    match failures.from == failures.question.to {
        true => format!("on {}", failures.from),
        false => format!("from {} to {}", failures.from, failures.question.to),
    }
}

fn nothing(failures: &Failures) -> String {
    let of = match &failures.question.domain {
        Some(domain) => format!(" with {domain}"),
        None => String::new(),
    };
    let known = match failures.question.scope {
        FailuresScope::All => "no failure",
        FailuresScope::New => "no new failure",
    };
    let since = words::since(failures.known_since, failures.from);
    format!("{known} is known{of} {}\n{since}", span(failures))
}

fn text(failures: &Failures, width: Width) -> String {
    let mut text = match width {
        Width::Columns(columns) if columns < WIDE => in_two_lines(failures, width, columns),
        _ => table(failures, Details::InRow).text_at(width),
    };
    if failures.more {
        let limit = failures.question.limit;
        text += &words::wrapped(&format!(
            "The first {limit}, by sessions. There are more: --limit N shows N of them."
        ));
    }
    if failures.folded_sessions > 0 {
        text += &words::wrapped(&format!(
            "{} more failed sessions were counted together, beyond the history_failures kept a day.",
            grouped(failures.folded_sessions)
        ));
    }
    text += &words::since(failures.known_since, failures.from);
    for meaning in failures.meanings() {
        text.push('\n');
        text += &explanation(meaning);
    }
    text
}

/// Where MX and reason stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Details {
    InRow,
    Beneath,
}

/// On a narrow terminal MX and reason would not be readable beside the rest.
fn in_two_lines(failures: &Failures, width: Width, columns: usize) -> String {
    let table = table(failures, Details::Beneath).text_at(width);
    let mut lines = table.lines();
    let mut text = lines
        .next()
        .map_or(String::new(), |head| format!("{head}\n"));
    for (line, row) in lines.zip(&failures.rows) {
        let beneath = visible::one_line(&details(row));
        let beneath = cut(&beneath, columns.saturating_sub(BENEATH.len()));
        text += &format!("{line}\n{BENEATH}{beneath}\n");
    }
    text
}

fn table(failures: &Failures, placed: Details) -> Table {
    let several_days = failures.from != failures.question.to;
    let mut columns = vec![("SESSIONS", Align::Right)];
    if several_days {
        columns.push(("DAYS", Align::Right));
        // The year is in --json, and seldom asked for.
        columns.push(("LAST", Align::Whole));
    }
    columns.extend([
        ("POLICY", Align::Whole),
        ("RESULT", Align::Whole),
        ("DOMAIN", Align::Left),
    ]);
    if placed == Details::InRow {
        columns.push(("MX AND REASON", Align::Left));
    }
    let mut table = Table::new(&columns);
    for row in &failures.rows {
        let mut cells = vec![short(row.sessions)];
        if several_days {
            cells.extend([row.days.to_string(), row.day.to_string().split_off(5)]);
        }
        cells.extend([
            words::policy(&row.policy_type).to_owned(),
            row.result_type.clone(),
            row.domain.clone().unwrap_or_default(),
        ]);
        if placed == Details::InRow {
            cells.push(details(row));
        }
        table.row(cells);
    }
    table
}

/// `mx1.example.com[192.0.2.1]: reason`.
fn details(row: &FailureRow) -> String {
    let mx = row.mx.as_deref().unwrap_or("-");
    let address = row.address.as_deref();
    let address = address.map_or(String::new(), |address| format!("[{address}]"));
    let reason = row.reason_code.as_deref();
    let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
    format!("{mx}{address}{reason}")
}

fn explanation(meaning: &Explanation) -> String {
    let mut text = format!("{}\n", meaning.result_type);
    let mut part = |head: &str, body: &str| {
        if !body.is_empty() {
            text += &words::indented(body, &format!("  {head:<9}"), "           ");
        }
    };
    part("means", meaning.meaning);
    let fault = meaning.fault.in_words();
    match meaning.unless {
        "" => part("fault", &format!("Usually {fault}.")),
        unless => part("fault", &format!("Usually {fault}. {unless}")),
    }
    part("then", meaning.action);
    part("write", meaning.letter);
    text
}

#[cfg(test)]
mod tests {
    use tlsrptd_config::ctl::Meanings;

    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    fn failures(days: u32) -> Failures {
        let row = |result_type: &str, domain: &str, sessions| FailureRow {
            first_day: day("2026-11-19"),
            day: day("2026-11-20"),
            days: 2,
            domain: Some(domain.to_owned()),
            mx: Some("mx1.example.com".to_owned()),
            address: Some("192.0.2.1".to_owned()),
            policy_type: "sts".to_owned(),
            result_type: result_type.to_owned(),
            reason_code: Some("X509_V_ERR\n\u{202e}".to_owned()),
            sessions,
        };
        Failures {
            from: day("2026-11-20").back(days - 1),
            question: FailuresQuery {
                to: day("2026-11-20"),
                days,
                domain: None,
                scope: FailuresScope::All,
                meanings: Meanings::Told,
                limit: 2,
            },
            known_since: Some(day("2026-01-01")),
            rows: vec![
                row("certificate-expired", "example.com", 1_234_567),
                row(
                    "certificate-host-mismatch",
                    "a-very-long-name-indeed.example.org",
                    3,
                ),
            ],
            folded_sessions: 40,
            more: true,
        }
    }

    #[test]
    fn in_80_columns() {
        for days in [1, 7] {
            let shown = text(&failures(days), Width::Columns(80));
            assert!(
                shown.lines().all(|line| line.chars().count() <= 80),
                "{shown}"
            );
            for part in [
                "MTA-STS",
                "example.com\n          mx1.example.com[192.0.2.1]: X509",
                "1.23M",
                "40 more",
                "--limit",
                "  means    The cert",
                "  write    ",
            ] {
                assert!(shown.contains(part), "{part}: {shown}");
            }
        }
    }

    #[test]
    fn a_pipe_gets_it_whole_and_visible() {
        let shown = text(&failures(1), Width::Unbounded);
        assert!(
            shown.contains("a-very-long-name-indeed.example.org  mx1.example.com[192.0.2.1]: X509_V_ERR \\u{202e}\n"),
            "{shown}"
        );
    }
}
