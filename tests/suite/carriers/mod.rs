//! How tlsrpt-reportd carries reports: by mail, by HTTPS, by programs of the operator's, into folders.
//!
//! Most tests are one run over a table: each row is a domain with an address or URL of its own, at which something else
//! happens. So it is seen too that no row disturbs another.

mod again;
mod block_lists;
mod denied;
mod fairness;
mod filter;
mod folders;
mod https;
mod login;
mod mail;
mod message;
mod neighbour;
mod operator;
mod programs;
mod smtp;
mod stop;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;

use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::stored::{DeliveryRow, Stored, distinct};
use tlsrptd_tests::harness::wait::until_true;

/// What the database says of a delivery.
#[derive(Debug, Clone)]
struct Delivery {
    /// The status column: empty while it is pending.
    status: String,
    failures: i64,
    reason: String,
    /// Seconds from the first attempt to the next.
    wait: i64,
}

impl Delivery {
    /// The word for how the last attempt ended, as in the log.
    fn result(&self) -> &str {
        match (self.status.as_str(), self.failures) {
            ("", 0) if self.reason.is_empty() => "none",
            ("", 0) => "waits",
            ("", _) => "retry",
            (status, _) => status,
        }
    }
}

/// The wait after a first failure without anybody's wish: five minutes, a quarter more or less. The attempt itself takes
/// time too.
const USUAL_WAIT: RangeInclusive<i64> = 225..=375 + SLACK;
const SLACK: i64 = 30;

/// A site whose closed day holds one failed session of each domain, whose record in DNS is the text beside it.
fn closed_day<'a>(records: impl IntoIterator<Item = (&'a str, String)>) -> Lab {
    let lab = Lab::new();
    fill(&lab, records);
    lab
}

/// As [`closed_day`], for a site that is there already.
fn fill<'a>(lab: &Lab, records: impl IntoIterator<Item = (&'a str, String)>) {
    let datagrams: Vec<_> = records
        .into_iter()
        .map(|(domain, record)| {
            lab.dns.tlsrpt(domain, &record);
            mta::failure(domain, &record, 203)
        })
        .collect();
    lab.collect(&datagrams);
}

/// A record with one address.
fn rua(uri: &str) -> String {
    format!("v=TLSRPTv1; rua={uri}")
}

/// Waits until so many domains are decided on and each of their destinations was tried, and returns what came of each,
/// by domain and destination.
fn outcomes(lab: &Lab, database: &Path, domains: usize) -> BTreeMap<(String, String), Delivery> {
    until_true("an attempt for each destination", || {
        Stored::read(database).is_some_and(|stored| {
            let decided = distinct(&stored.reports, |row| row.domain.clone());
            let tried = |row: &DeliveryRow| row.status.is_some() || row.reason.is_some();
            decided.len() >= domains
                && stored.jobs.iter().all(|job| job.status.is_some())
                && stored.deliveries.iter().all(tried)
        })
    });
    let rows = lab.query(
        database,
        "SELECT r.domain, d.destination, d.status, d.retries, d.tlsrptd_reason,
         strftime('%s', d.nexttry) - strftime('%s', coalesce(d.tlsrptd_first, 'now'))
         FROM destinations d JOIN reports r ON r.r_id = d.d_r_id",
    );
    let delivery = |row: &Vec<String>| Delivery {
        status: row[2].clone(),
        failures: row[3].parse().unwrap(),
        reason: row[4].clone(),
        wait: row[5].parse().unwrap_or(0),
    };
    rows.iter()
        .map(|row| ((row[0].clone(), row[1].clone()), delivery(row)))
        .collect()
}

/// As [`outcomes`], where each domain has one destination.
fn by_domain(lab: &Lab, database: &Path, domains: usize) -> BTreeMap<String, Delivery> {
    let all = outcomes(lab, database, domains);
    all.into_iter()
        .map(|((domain, _), delivery)| (domain, delivery))
        .collect()
}

/// What the log says of a domain's deliveries: their results, in order.
fn logged(log: &str, domain: &str) -> Vec<String> {
    let domain = format!(" domain={domain} ");
    let lines = log
        .lines()
        .filter(|line| line.contains(" delivery day=") && line.contains(&domain));
    let result = |line: &str| {
        let (_, rest) = line.split_once(" result=")?;
        rest.split(' ').next().map(str::to_owned)
    };
    lines.filter_map(result).collect()
}

/// Why a domain has no destination.
fn why_not(database: &Path, domain: &str) -> String {
    let reports = Stored::read(database).unwrap().reports.into_iter();
    let reasons = reports.filter(|row| row.domain == domain);
    reasons.filter_map(|row| row.reason).collect()
}
