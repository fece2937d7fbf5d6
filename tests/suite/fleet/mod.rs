//! Fleets of both: collectors, fetchers and reporters of sys4's and of ours, in any mixture; and one of ours on PostgreSQL.

mod engine;
mod hosts;
mod mixed;
mod operated;
mod pipe;
mod ssh;
mod uploaded;

use serde_json::Value;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::ReportMail;
use tlsrptd_tests::harness::sys4::Sys4;

use crate::in_turn::{patient, their_reporter};

/// Whose program it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Ours,
    Theirs,
}

/// Lets a reporter work with these fetchers until nothing is pending, and gives its reports, in the order of the domains.
fn reports(lab: &Lab, sys4: &Sys4, whose: Whose, fetchers: &[String]) -> Vec<(String, Value)> {
    let reportd = match whose {
        Whose::Ours => patient(lab.reportd()),
        Whose::Theirs => their_reporter(lab, sys4, "nobody"),
    };
    let running = reportd.set("fetchers", fetchers.join(", ")).start();
    lab.deliveries();
    running.stop();
    let mails: Vec<Vec<u8>> = match whose {
        Whose::Ours => lab
            .smtp
            .mails()
            .into_iter()
            .map(|mail| mail.bytes)
            .collect(),
        Whose::Theirs => lab.their_mails(),
    };
    let report = |mail: &Vec<u8>| {
        let mail = ReportMail::parse(mail);
        (mail.header("TLS-Report-Domain").unwrap(), mail.report())
    };
    let mut reports: Vec<_> = mails.iter().map(report).collect();
    reports.sort_by(|a, b| a.0.cmp(&b.0));
    reports
}

/// Sessions that went well and that failed, over all policies of a report.
fn sessions(report: &Value) -> (i64, i64) {
    let policies = report["policies"].as_array().unwrap();
    let sum = |counter: &str| {
        let counts = policies
            .iter()
            .map(|policy| policy["summary"][counter].as_i64().unwrap());
        counts.sum()
    };
    (
        sum("total-successful-session-count"),
        sum("total-failure-session-count"),
    )
}
