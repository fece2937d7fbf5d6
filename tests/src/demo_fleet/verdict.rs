//! What the receivers have: each report once, at each of its destinations.

use std::collections::BTreeMap;
use std::process::ExitCode;

use serde_json::Value;
use tlsrptd_tests::harness::fleet::Fleet;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::{self, ReportMail};

use super::{Sent, title};

/// How many lines are shown of what is well.
const SHOWN: usize = 8;

/// All is well if each report that the fleet has stored arrived at each of its destinations, once; each domain has one; and
/// together they tell of all sessions.
pub(crate) fn verdict(lab: &Lab, fleet: &Fleet, day: &str, sent: &Sent) -> ExitCode {
    title("What the receivers have");
    let arrived = arrived(lab);
    let wanted = wanted(fleet, day);
    let (mut missing, mut doubled) = (0, 0);
    for (number, (destination, id)) in wanted.iter().enumerate() {
        let times = arrived
            .get(&(destination.clone(), id.clone()))
            .map_or(0, Vec::len);
        match times {
            0 => {
                missing += 1;
                println!("MISSING  {id} at {destination}");
            }
            1 if number < SHOWN => println!("once     {id} at {destination}"),
            1 if number == SHOWN => println!("..."),
            1 => {}
            _ => {
                doubled += 1;
                println!("{times} TIMES  {id} at {destination}");
            }
        }
    }
    let strange = arrived.keys().filter(|key| !wanted.contains(*key)).count();
    let by_id: BTreeMap<&str, &Value> = arrived
        .iter()
        .flat_map(|((_, id), reports)| reports.iter().map(|report| (id.as_str(), report)))
        .collect();
    let sessions: i64 = by_id.values().map(|report| sessions(report)).sum();
    title("Result");
    println!("{} domains, {} reports", sent.domains.len(), by_id.len());
    println!(
        "{} of {} deliveries arrived, {missing} missing, {doubled} doubled, {strange} that nobody stored",
        wanted.len() - missing,
        wanted.len()
    );
    println!("{sessions} of {} sessions are in them", sent.sessions);
    let all = missing + doubled + strange == 0
        && by_id.len() == sent.domains.len()
        && wanted.len() > sent.domains.len()
        && sessions == sent.sessions;
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

/// Destination and report-id of each delivery that the fleet has stored.
fn wanted(fleet: &Fleet, day: &str) -> Vec<(String, String)> {
    let sql = format!(
        "SELECT d.uri || ' ' || r.day || '_idx' || r.uniqid || '-' || m.installation || '_' || r.domain \
         FROM tlsrpt.delivery d JOIN tlsrpt.report r USING (day, r_id) CROSS JOIN tlsrpt.meta m WHERE r.day = '{day}' ORDER BY 1"
    );
    let rows = fleet.query(&sql);
    let rows = rows.lines().filter_map(|row| row.split_once(' '));
    rows.map(|(uri, id)| (uri.to_owned(), id.to_owned()))
        .collect()
}

/// What has come, by destination and report-id.
fn arrived(lab: &Lab) -> BTreeMap<(String, String), Vec<Value>> {
    let mut arrived: BTreeMap<(String, String), Vec<Value>> = BTreeMap::new();
    let mut add = |destination: String, report: Value| {
        let id = report["report-id"].as_str().unwrap_or_default().to_owned();
        arrived.entry((destination, id)).or_default().push(report);
    };
    for mail in lab.smtp.mails() {
        let report = ReportMail::parse(&mail.bytes).report();
        for recipient in mail.to {
            add(format!("mailto:{recipient}"), report.clone());
        }
    }
    for post in lab.https.posts() {
        add(lab.https.url(&post.path), mail::report(&post.body));
    }
    arrived
}

fn sessions(report: &Value) -> i64 {
    let policies = report["policies"].as_array().into_iter().flatten();
    let counts = policies.map(|policy| {
        let count = |name: &str| policy["summary"][name].as_i64().unwrap_or(0);
        count("total-successful-session-count") + count("total-failure-session-count")
    });
    counts.sum()
}
