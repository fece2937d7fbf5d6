//! The reporter on a disk that fails in the middle of its work: nothing is lost, and nothing sent twice.

use std::time::Duration;

use rusqlite::Connection;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::program::{Program, Running};
use tlsrptd_tests::harness::shim::{Fault, Shim};

use super::times;

const SEEN: &str = "v=TLSRPTv1; rua=mailto:seen@seen.test";
const TOLD: &str = "cannot write to the database";

/// A closed day of so many domains, and a reporter that sends one mail after the other.
fn site(domains: usize) -> (Lab, Program) {
    let lab = Lab::new();
    let domain = |number: usize| format!("d{number:04}.test");
    for number in 0..domains {
        let record = format!("v=TLSRPTv1; rua=mailto:a@{}", domain(number));
        lab.dns.tlsrpt(&domain(number), &record);
    }
    lab.collect((0..domains).map(|number| mta::success(&domain(number), SEEN)));
    let reportd = lab.reportd().set("max_concurrent_deliveries", 1);
    (lab, reportd)
}

/// Lets it go on to the end: each mail has arrived once, and every outcome is recorded.
fn end(lab: &Lab, reportd: Running, domains: usize, what: &str) {
    lab.deliveries();
    let log = reportd.stop().success().stderr;
    let [begun, ended] =
        [TOLD, "WARN the database can be written again"].map(|line| log.matches(line).count());
    assert!(
        ended >= 1 && ended <= begun,
        "{what}: the end is told, and once: {log}"
    );
    let mut to: Vec<String> = lab
        .smtp
        .mails()
        .iter()
        .map(|mail| mail.to.join(","))
        .collect();
    to.sort();
    let all: Vec<String> = (0..domains)
        .map(|number| format!("a@d{number:04}.test"))
        .collect();
    assert_eq!(to, all, "{what}: each mail once");
    let sent = "SELECT count(*) FROM destinations WHERE status = 'sent' AND retries = 0";
    assert_eq!(
        lab.query(&lab.reportd_db(), sent),
        [[domains.to_string()]],
        "{what}"
    );
    assert_eq!(
        lab.query(&lab.reportd_db(), "PRAGMA integrity_check"),
        [["ok"]],
        "{what}"
    );
}

/// Ends it again when the reporter has told of it.
fn until_told(reportd: &mut Running, round: usize) {
    let told = |reportd: &Running| reportd.log().matches(TOLD).count();
    let before = told(reportd);
    tlsrptd_tests::harness::wait::until_true(&format!("the reporter to tell, {round}"), || {
        told(reportd) > before
    });
}

#[test]
fn a_disk_that_takes_nothing_while_reports_go_out() {
    for (fault, what) in [
        (Fault::Full, "a full disk"),
        (Fault::ReadOnly, "a disk that can only be read"),
    ] {
        let domains = times(400, 2_000);
        let (lab, reportd) = site(domains);
        let Some(shim) = Shim::or_skip(lab.folder()) else {
            return;
        };
        let mut reportd = shim.under(reportd).start();
        for round in 0..times(1, 10) {
            lab.smtp.wait_for_mails(20 + 150 * round);
            shim.set(fault);
            until_told(&mut reportd, round);
            shim.set(Fault::None);
        }
        end(&lab, reportd, domains, what);
    }
}

#[test]
fn a_lock_of_another_process_while_reports_go_out() {
    let domains = times(400, 2_000);
    let (lab, reportd) = site(domains);
    let mut reportd = reportd.start();
    for round in 0..times(1, 8) {
        lab.smtp.wait_for_mails(20 + 150 * round);
        let lock = Connection::open(lab.reportd_db()).unwrap();
        lock.busy_timeout(Duration::from_secs(30)).unwrap();
        lock.execute_batch("BEGIN IMMEDIATE").unwrap();
        until_told(&mut reportd, round);
        lock.execute_batch("ROLLBACK").unwrap();
    }
    end(&lab, reportd, domains, "locked by another process");
}
