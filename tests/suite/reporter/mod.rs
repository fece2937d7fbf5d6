//! The reporter from outside: what becomes of every domain's day, whatever happens on the way.

mod answers;
mod bounces;
mod collector;
mod crash;
mod days;
mod deadline;
mod form;
mod gather;
mod halves;
pub(crate) mod handover;
mod identity;
mod life;
mod maps;
mod mx_hosts;
mod outage;
mod records;
mod requests;
mod resolv_conf;
mod sent_log;
mod size;
mod spellings;
mod suppress;

use std::collections::BTreeMap;

use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::{self, ReportMail};
use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::stored::JobRow;

/// What became of one domain's day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Fate {
    /// Each with its status, sorted.
    destinations: Vec<(String, String)>,
    /// Why there is none.
    reason: String,
}

impl Fate {
    /// Where the report arrived.
    fn sent(&self) -> Vec<&str> {
        let sent = self
            .destinations
            .iter()
            .filter(|(_, status)| status == "sent");
        sent.map(|(uri, _)| uri.as_str()).collect()
    }
}

/// Lets a reporter work until nothing is pending, stops it, and gives each domain's fate.
fn report(lab: &Lab, reportd: &Program) -> BTreeMap<String, Fate> {
    let running = reportd.start();
    lab.deliveries();
    running.stop().success();
    assert_law(lab);
    fates(lab)
}

/// The fate of each domain's closed day.
fn fates(lab: &Lab) -> BTreeMap<String, Fate> {
    let stored = lab.stored();
    let mut fates: BTreeMap<String, Fate> = BTreeMap::new();
    for row in stored.reports {
        fates.entry(row.domain).or_default().reason = row.reason.unwrap_or_default();
    }
    for row in stored.deliveries {
        let fate = fates.entry(row.domain).or_default();
        let status = row.status.unwrap_or_default();
        fate.destinations.push((row.uri, status));
    }
    fates
}

/// The jobs of the newest day.
fn newest_jobs(lab: &Lab) -> Vec<JobRow> {
    let mut jobs = lab.stored().jobs;
    let newest = jobs.iter().map(|job| job.day.clone()).max();
    jobs.retain(|job| Some(&job.day) == newest.as_ref());
    jobs
}

/// The reporter's law: every session of the closed day is in exactly one report of its day, or a reason is recorded
/// why not. Computed from both databases; of what is sent only our number of sessions is left.
pub(crate) fn assert_law(lab: &Lab) {
    let counted = lab.query(
        &lab.closed_db(),
        "SELECT domain, sum(cntrtotal) FROM finalresults GROUP BY domain ORDER BY domain",
    );
    let reported = lab.query(
        &lab.reportd_db(),
        r#"SELECT domain, coalesce((SELECT sum(json_extract(value, '$.summary."total-successful-session-count"')
             + json_extract(value, '$.summary."total-failure-session-count"'))
             FROM json_each(report, '$.policies')), tlsrptd_sessions)
           FROM reports r WHERE tlsrptd_reason IS NULL OR (report IS NULL AND NOT EXISTS (
             SELECT 1 FROM destinations WHERE d_r_id = r_id)) ORDER BY domain"#,
    );
    assert_eq!(reported, counted, "sessions a domain");
}

/// Asserts that each of these destinations, and no other, has got the report on its domain, once.
fn assert_arrived(lab: &Lab, fates: &BTreeMap<String, Fate>) {
    let mut expected: Vec<(String, String)> = Vec::new();
    for (domain, fate) in fates {
        let pair = |uri: &str| (uri.to_owned(), domain.clone());
        let carried = fate
            .sent()
            .into_iter()
            .filter(|uri| !uri.starts_with("directory:"));
        expected.extend(carried.map(pair));
    }
    let mails = lab.smtp.mails().into_iter().flat_map(|mail| {
        let domain = ReportMail::parse(&mail.bytes).header("TLS-Report-Domain");
        let to = mail.to.into_iter().map(|to| format!("mailto:{to}"));
        to.map(move |to| (to, domain.clone().unwrap_or_default()))
            .collect::<Vec<_>>()
    });
    let posts = lab.https.posts().into_iter().map(|post| {
        let domain = &mail::report(&post.body)["policies"][0]["policy"]["policy-domain"];
        let domain = domain.as_str().unwrap_or_default().to_owned();
        (lab.https.url(&post.path), domain)
    });
    let mut arrived: Vec<(String, String)> = mails.chain(posts).collect();
    expected.sort();
    arrived.sort();
    assert_eq!(arrived, expected, "what arrived where, on which domain");
}
