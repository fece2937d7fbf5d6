//! What is special about the parties of each month.

use super::{FAILING, REAL};

pub fn mail(domain: &str) -> String {
    format!("mailto:tlsrpt@{domain}")
}

pub fn post(domain: &str) -> String {
    format!("https://reports.{domain}/")
}

pub fn both(domain: &str) -> String {
    format!("mailto:tlsrpt@{domain},https://reports.{domain}/,mailto:more@{domain}")
}

pub fn elsewhere(_: &str) -> String {
    "mailto:all@collector.example".to_owned()
}

/// Sessions of real mail with whom on a day, and how many of them fail.
pub type Real = fn(&str, u32) -> Vec<(String, u64, u64)>;

/// What is special about the parties, and why that might keep the traffic going.
#[derive(Clone, Copy)]
pub struct Case {
    pub why: &'static str,
    pub rua: fn(&str) -> String,
    pub options: &'static [&'static str],
    pub deferrals: u32,
    pub forgets_nobody: bool,
    pub reports_fail: bool,
    pub queue: u64,
    pub real: Real,
}

pub const PLAIN: Case = Case {
    why: "mail to each other",
    rua: mail,
    options: &["--spread_out_delivery=36000"],
    deferrals: 0,
    forgets_nobody: true,
    reports_fail: false,
    queue: 10,
    real: some_days,
};

pub const COPIED: &[&str] = &[
    "--spread_out_delivery=36000",
    "--bcc_address=copy@archive.example",
];

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    PLAIN,
    Case { why: "several mails a report: as many sessions", rua: both, ..PLAIN },
    Case { why: "all reports to one address of a third, which is reported on too", rua: elsewhere, ..PLAIN },
    Case { why: "each mail is copied to a fourth, and reports on that one bring copies too", rua: elsewhere, options: COPIED, ..PLAIN },
    Case { why: "each mail is copied to a third party, whose domain is reported on too", options: COPIED, ..PLAIN },
    Case { why: "mails at any time of the day that wait in the queue: sessions fall behind midnight", options: &["--spread_out_delivery=86400"], queue: 1800, ..PLAIN },
    Case { why: "the first mail to each address takes two sessions", deferrals: 1, ..PLAIN },
    Case { why: "each mail takes two sessions", deferrals: 1, forgets_nobody: false, ..PLAIN },
    Case { why: "each mail takes six sessions, the last of them after hours", deferrals: 5, forgets_nobody: false, ..PLAIN },
    Case { why: "each mail of several takes six sessions", rua: both, deferrals: 5, forgets_nobody: false, ..PLAIN },
    Case { why: "the sessions of reports fail", reports_fail: true, deferrals: 1, forgets_nobody: false, ..PLAIN },
];

/// Three sessions with the other on each of `REAL`; the first fails on some.
pub fn some_days(other: &str, number: u32) -> Vec<(String, u64, u64)> {
    match REAL.contains(&number) {
        true => vec![(other.to_owned(), 3, u64::from(FAILING.contains(&number)))],
        false => Vec::new(),
    }
}

pub fn one_a_day(other: &str, _: u32) -> Vec<(String, u64, u64)> {
    vec![(other.to_owned(), 1, 0)]
}

pub fn many_a_day(other: &str, _: u32) -> Vec<(String, u64, u64)> {
    vec![(other.to_owned(), 40, 0)]
}
