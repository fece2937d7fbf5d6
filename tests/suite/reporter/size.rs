//! A domain with thousands of different failures: the report stays small, and all of them are counted.

use rusqlite::Connection;
use serde_json::Value;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::ReportMail;
use tlsrptd_tests::harness::mta;

use super::{assert_arrived, report};

const RECORD: &str = "v=TLSRPTv1; rua=mailto:a@many.test";
/// As sys4's collector writes them, which folds nothing.
const ROWS: &str = r#"
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
    INSERT INTO failures(day, domain, tlsrptrecord, policy, reason, cntr)
    SELECT day, domain, tlsrptrecord, policy,
        '{"c": ' || (201 + i % 4) || ', "s": "192.0.2.1", "n": "mx' || i || '.many.test", "r": "198.51.100.7"}', 1 + (i = 777) * 9
    FROM finalresults, n WHERE domain = 'many.test';
    UPDATE finalresults SET cntrtotal = cntrtotal + 6000, cntrfailure = cntrfailure + 5009 WHERE domain = 'many.test';
"#;

#[test]
fn details_give_way_and_counters_stay() {
    let lab = Lab::new();
    let record = |domain: &str| RECORD.replace("many.test", domain);
    for domain in ["many.test", "other.test"] {
        lab.dns.tlsrpt(domain, &record(domain));
    }
    lab.collect(
        ["many.test", "other.test"].map(|domain| mta::failure(domain, &record(domain), 203)),
    );
    let db = Connection::open(lab.closed_db()).unwrap();
    db.execute_batch(ROWS).unwrap();
    drop(db);
    let fates = report(&lab, &lab.reportd().set("max_report_size", 65_536));
    assert_arrived(&lab, &fates);
    let mails = lab.smtp.mails_to("a@many.test");
    let json = ReportMail::parse(&mails[0].bytes).report();
    assert!(json.to_string().len() < 65_536);
    let policy = &json["policies"][0];
    let count = |name: &str| policy["summary"][name].as_u64().unwrap();
    assert_eq!(count("total-failure-session-count"), 5010);
    assert_eq!(count("total-successful-session-count"), 991);
    let details = policy["failure-details"].as_array().unwrap();
    let sum = |of: &dyn Fn(&Value) -> bool| -> u64 {
        let counts = details.iter().filter(|detail| of(detail));
        counts
            .map(|detail| detail["failed-session-count"].as_u64().unwrap())
            .sum()
    };
    assert_eq!(sum(&|_| true), 5010, "each is in it");
    let of_202 = sum(&|detail| detail["result-type"] == "certificate-host-mismatch");
    assert_eq!(of_202, 1250 + 9, "by its type");
    assert_eq!(
        sum(&|detail| detail["receiving-mx-hostname"] == "mx777.many.test"),
        10,
        "the frequent ones are told in full"
    );
    let other = lab.smtp.mails_to("a@other.test");
    assert_eq!(other.len(), 1, "nobody else notices");
}
