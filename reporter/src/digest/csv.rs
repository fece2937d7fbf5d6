//! The table of a digest as CSV (RFC 4180).
//!
//! Who opens it in a spreadsheet must not run what strangers wrote: a cell that begins as a formula does gets an apostrophe
//! before it, which spreadsheets take for the mark of a text.

use std::borrow::Cow;

use tlsrptd_config::visible;

use crate::answers::digest::{Digest, DigestFailure};

/// The heads of the columns. They stay: programs read them.
const HEADS: [&str; 11] = [
    "first_day",
    "last_day",
    "days",
    "domain",
    "mx",
    "address",
    "policy_type",
    "result_type",
    "reason_code",
    "sessions",
    "new",
];

/// A mail that is much larger does not arrive everywhere.
const MAX_BYTES: usize = 2 << 20;

/// The table; empty when nothing failed.
pub(super) fn csv(digest: &Digest) -> String {
    if digest.failures.is_empty() {
        return String::new();
    }
    let mut out = line(HEADS.map(str::to_owned));
    for failure in &digest.failures {
        let line = row(failure);
        if out.len() + line.len() > MAX_BYTES {
            break;
        }
        out.push_str(&line);
    }
    out
}

fn row(failure: &DigestFailure) -> String {
    let row = &failure.row;
    let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
    line([
        row.first_day.to_string(),
        row.day.to_string(),
        row.days.to_string(),
        // What is folded: many domains, each with few sessions.
        row.domain.clone().unwrap_or_else(|| "(others)".to_owned()),
        or_empty(&row.mx),
        or_empty(&row.address),
        row.policy_type.clone(),
        row.result_type.clone(),
        or_empty(&row.reason_code),
        row.sessions.to_string(),
        if failure.is_new { "yes" } else { "no" }.to_owned(),
    ])
}

fn line<const N: usize>(cells: [String; N]) -> String {
    let cells = cells.map(|text| cell(&text));
    format!("{}\r\n", cells.join(","))
}

fn cell(text: &str) -> String {
    let text = visible::one_line(text);
    let text: Cow<'_, str> = match text.starts_with(['=', '+', '-', '@']) {
        true => format!("'{text}").into(),
        false => text.into(),
    };
    match text.contains([',', '"', ';']) || text.starts_with(' ') || text.ends_with(' ') {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::digest::tests::{of_rows, row};

    #[test]
    fn cells_are_quoted_and_harmless() {
        for (text, want, why) in [
            ("a.test", "a.test", "plain"),
            ("a,b", "\"a,b\"", "the separator"),
            ("a;b", "\"a;b\"", "the separator of some spreadsheets"),
            ("say \"no\"", "\"say \"\"no\"\"\"", "quotes are doubled"),
            (
                "two\r\nlines\tx",
                "two lines x",
                "one line, and no cell begins after a tab",
            ),
            (
                "=HYPERLINK(\"http://x\")",
                "\"'=HYPERLINK(\"\"http://x\"\")\"",
                "a formula",
            ),
            ("+1", "'+1", "a formula"),
            ("-1+2", "'-1+2", "a formula"),
            ("@SUM(A1)", "'@SUM(A1)", "a formula"),
            ("\t=1", "'=1", "after white space too"),
            ("\u{202e}=1", "\\u{202e}=1", "nothing hides"),
            ("", "", "nothing"),
        ] {
            assert_eq!(cell(text), want, "{why}");
        }
    }

    #[test]
    fn a_row_a_failure_and_no_more_than_a_mail_holds() {
        let on = "2026-11-28";
        let failures = || {
            vec![
                row(on, Some("a.test"), "certificate-expired", 5),
                row(on, None, "", 40),
            ]
        };
        let table = csv(&of_rows(failures(), Some(&["a.test"])));
        assert_eq!(
            table,
            "first_day,last_day,days,domain,mx,address,policy_type,result_type,reason_code,sessions,new\r\n\
             2026-11-28,2026-11-28,1,a.test,mx.a.test,192.0.2.1,sts,certificate-expired,,5,yes\r\n\
             2026-11-28,2026-11-28,1,(others),,,sts,,,40,no\r\n"
        );
        assert_eq!(csv(&of_rows(Vec::new(), None)), "", "no table of nothing");
        let mut long = row(on, Some("a.test"), "certificate-expired", 5);
        long.reason_code = Some("x".repeat(1 << 20));
        let table = csv(&of_rows(vec![long; 5], None));
        assert!(
            table.len() <= MAX_BYTES && table.ends_with("no\r\n"),
            "whole rows"
        );
    }
}
