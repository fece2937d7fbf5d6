//! What the operator asks the reporter for by a row: `tlsrptctl resend` and `send-test`; and what it says on its observation
//! socket.

mod observed;
mod resend;
mod test_reports;

use serde_json::Value;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::running::{Ended, Running};

use crate::in_turn::patient;

const MAILBOX: &str = "mailto:a@one.test";
const OPEN: &str = "SELECT count(*) FROM tlsrptd_requests WHERE ended IS NULL";

/// A site whose one report is sent by mail and by post, with its reporter at work.
fn reported(lab: &Lab) -> Running {
    let record = format!("v=TLSRPTv1; rua={MAILBOX},{}", lab.https.url("/one"));
    lab.dns.tlsrpt("one.test", &record);
    lab.collect([mta::failure("one.test", &record, 203)]);
    let reportd = patient(lab.reportd()).set("observation_socket", socket(lab).display());
    let running = reportd.start();
    lab.deliveries();
    running
}

fn socket(lab: &Lab) -> std::path::PathBuf {
    lab.file("reportd.observe")
}

fn words(lab: &Lab, words: &[&str]) -> Program {
    words.iter().fold(lab.ctl(), |ctl, word| ctl.arg(word))
}

fn ctl(lab: &Lab, command: &[&str]) -> Ended {
    words(lab, command).run()
}

fn json_of(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", ended.stdout, ended.stderr))
}

/// All that a resend must leave as it is.
fn rows(lab: &Lab) -> Vec<Vec<String>> {
    let sql = "SELECT destination, d_r_id, retries, status, nexttry FROM destinations \
               UNION ALL SELECT domain, r_id, uniqid, tlsrptd_sessions, '' FROM reports ORDER BY 1, 2";
    lab.query(&lab.reportd_db(), sql)
}
