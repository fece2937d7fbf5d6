//! What the demo prints.

use std::collections::BTreeSet;
use std::process::ExitCode;

use super::outcome::{Arrived, Delivery, Outcome};

/// The fields of a mail's header that are shown.
const FIELDS: [&str; 10] = [
    "From",
    "To",
    "Date",
    "Subject",
    "Message-ID",
    "TLS-Report-Domain",
    "TLS-Report-Submitter",
    "TLS-Required",
    "Auto-Submitted",
    "Content-Type",
];

pub(crate) fn title(text: &str) {
    println!("\n== {text} ==");
}

/// A line a delivery.
pub(crate) fn deliveries(outcome: &Outcome) {
    let width = outcome
        .deliveries
        .iter()
        .map(|delivery| delivery.domain.len())
        .max()
        .unwrap_or(0);
    println!("{:width$}  good  failed  outcome  to", "domain");
    let mut last = "";
    for delivery in &outcome.deliveries {
        let domain = if delivery.domain == last {
            ""
        } else {
            &delivery.domain
        };
        last = &delivery.domain;
        let good = delivery.sum("total-successful-session-count");
        let failed = delivery.sum("total-failure-session-count");
        let Delivery {
            destination,
            status,
            ..
        } = delivery;
        println!("{domain:width$}  {good:4}  {failed:6}  {status:7}  {destination}");
    }
}

/// One report mail: what people and programs see of it.
pub(crate) fn report(outcome: &Outcome, domain: &str) {
    let Some(Arrived { mail, .. }) = outcome.mails.iter().find(|mail| mail.domain == domain) else {
        return;
    };
    title(&format!("The report for {domain}"));
    for field in FIELDS {
        for value in mail.headers(field) {
            println!("{field}: {value}");
        }
    }
    for signature in mail.headers("DKIM-Signature") {
        println!("DKIM-Signature: {}", tags(&signature));
    }
    println!("\n{}\n", mail.text().trim_end());
    println!(
        "{}:",
        mail.part_header(1, "Content-Disposition")
            .unwrap_or_default()
    );
    println!("{:#}", mail.report());
}

/// The first tags of a signature; the rest is for programs.
fn tags(signature: &str) -> String {
    let wanted = ["a", "d", "s"];
    let tags = signature.split(';').map(str::trim).filter(|tag| {
        tag.split_once('=')
            .is_some_and(|(name, _)| wanted.contains(&name))
    });
    format!("{}; ...", tags.collect::<Vec<_>>().join("; "))
}

pub(crate) fn signatures(outcome: &Outcome) {
    title("The DKIM signatures, checked against the keys in the demo's DNS");
    let mut counts = std::collections::BTreeMap::new();
    for verdict in outcome.mails.iter().flat_map(|mail| &mail.signatures) {
        *counts.entry(verdict).or_insert(0) += 1;
    }
    for (verdict, count) in counts {
        println!("{count} times {verdict:?}");
    }
    println!("verified by {}", outcome.verifier);
}

/// Whether every domain's reports arrived and verified, and are shown.
pub(crate) fn verdict(
    outcome: &Outcome,
    domains: &BTreeSet<String>,
    is_page_shown: bool,
) -> ExitCode {
    title("Result");
    let reported: BTreeSet<&String> = outcome
        .deliveries
        .iter()
        .map(|delivery| &delivery.domain)
        .collect();
    let arrived = outcome
        .deliveries
        .iter()
        .filter(|delivery| delivery.sent_and_arrived())
        .count();
    let verified = outcome.mails.iter().filter(|mail| mail.verified()).count();
    println!(
        "{} of {} domains have a report",
        reported.len(),
        domains.len()
    );
    println!(
        "{arrived} of {} deliveries arrived",
        outcome.deliveries.len()
    );
    println!(
        "{verified} of {} mails have two signatures that verify",
        outcome.mails.len()
    );
    if !is_page_shown {
        println!("The page does not show them");
    }
    let all = is_page_shown
        && reported.len() == domains.len()
        && arrived == outcome.deliveries.len()
        && verified == outcome.mails.len()
        && outcome.mails.len() >= domains.len();
    println!(
        "{}",
        if all {
            "All is well."
        } else {
            "Not all is well."
        }
    );
    if all {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

impl Arrived {
    /// RSA and Ed25519, both.
    fn verified(&self) -> bool {
        self.signatures.len() == 2
            && self
                .signatures
                .iter()
                .all(|verdict| verdict.starts_with("ok "))
    }
}
