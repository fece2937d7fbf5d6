//! What came of the day: the reporter's own account, what the receivers have, and what verifiers say of it.

use std::collections::BTreeMap;

use serde_json::Value;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::{self, ReportMail};
use tlsrptd_tests::harness::sys4::Sys4;
use tlsrptd_tests::harness::{library, smtp};

/// The whole day's outcome.
pub(crate) struct Outcome {
    /// In the order of the domains.
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) mails: Vec<Arrived>,
    /// Who says that the signatures verify.
    pub(crate) verifier: &'static str,
}

/// A delivery, as the reporter's database has it.
pub(crate) struct Delivery {
    pub(crate) domain: String,
    pub(crate) destination: String,
    pub(crate) status: String,
    /// What the receiver has by the report-id of this delivery: the database does not keep what is sent.
    pub(crate) report: Option<Value>,
}

/// A mail that the relay took.
pub(crate) struct Arrived {
    pub(crate) domain: String,
    pub(crate) mail: ReportMail,
    /// A verdict a signature.
    pub(crate) signatures: Vec<String>,
}

impl Outcome {
    pub(crate) fn of(lab: &Lab) -> Outcome {
        let received = received(lab);
        let mails = lab.smtp.mails();
        let (verifier, verdicts) = verify(lab, &mails);
        let arrived = |(mail, signatures): (&smtp::Mail, Vec<String>)| {
            let mail = ReportMail::parse(&mail.bytes);
            let domain = mail.header("TLS-Report-Domain").unwrap_or_default();
            Arrived {
                domain,
                mail,
                signatures,
            }
        };
        Outcome {
            deliveries: deliveries(lab, &received),
            mails: mails.iter().zip(verdicts).map(arrived).collect(),
            verifier,
        }
    }
}

impl Delivery {
    /// The sum of a counter over the report's policies.
    pub(crate) fn sum(&self, counter: &str) -> u64 {
        let policies = self.report.iter().map(|report| &report["policies"]);
        let policies = policies.filter_map(Value::as_array).flatten();
        policies
            .filter_map(|policy| policy["summary"][counter].as_u64())
            .sum()
    }

    pub(crate) fn sent_and_arrived(&self) -> bool {
        self.status == "sent" && self.report.is_some()
    }
}

fn deliveries(lab: &Lab, received: &BTreeMap<String, Vec<Value>>) -> Vec<Delivery> {
    let sql = "SELECT domain, destination, coalesce(status, 'pending'),
        day || '_idx' || uniqid || '-' || (SELECT id FROM tlsrptd_installation) || '_' || domain
        FROM destinations JOIN reports ON d_r_id = r_id ORDER BY domain, destination DESC";
    let delivery = |row: Vec<String>| {
        let [domain, destination, status, id] =
            row.try_into().expect("four columns were asked for");
        let there = received.get(&destination).into_iter().flatten();
        let report = there
            .into_iter()
            .find(|report| report["report-id"] == id.as_str());
        let report = report.cloned();
        Delivery {
            domain,
            destination,
            status,
            report,
        }
    };
    lab.query(&lab.reportd_db(), sql)
        .into_iter()
        .map(delivery)
        .collect()
}

/// What the receivers have, by destination.
fn received(lab: &Lab) -> BTreeMap<String, Vec<Value>> {
    let mut received: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for mail in lab.smtp.mails() {
        let report = ReportMail::parse(&mail.bytes).report();
        for recipient in mail.to {
            received
                .entry(format!("mailto:{recipient}"))
                .or_default()
                .push(report.clone());
        }
    }
    for post in lab.https.posts() {
        received
            .entry(lab.https.url(&post.path))
            .or_default()
            .push(mail::report(&post.body));
    }
    received
}

/// By dkimpy where it can be had, otherwise by the library that signed.
fn verify(lab: &Lab, mails: &[smtp::Mail]) -> (&'static str, Vec<Vec<String>>) {
    let bytes = mails.iter().map(|mail| &mail.bytes);
    match Sys4::find() {
        Some(sys4) => ("dkimpy", sys4.dkim(bytes, &lab.dns.all_txt())),
        None => (
            "our own library only",
            bytes.map(|mail| library::dkim(mail, &lab.dns)).collect(),
        ),
    }
}
