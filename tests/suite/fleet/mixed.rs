//! Hosts of both kinds in one day, read by fetchers of both kinds, for reporters of both kinds.

use serde_json::{Value, json};
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::sys4::Sys4;

use super::Whose::{Ours, Theirs};
use super::hosts::Host;
use super::{Whose, reports, sessions};

const TXT: &str = "v=TLSRPTv1; rua=mailto:a@reports.test";

/// Every collector with every fetcher.
const HOSTS: [(Whose, Whose); 4] = [
    (Ours, Ours),
    (Ours, Theirs),
    (Theirs, Ours),
    (Theirs, Theirs),
];

/// One failed session: the same RRset in an order and in letters of its own each time.
fn dane(number: usize) -> Vec<u8> {
    let mut strings = [
        format!("3 1 1 {}", "AB".repeat(32)),
        format!("2 0 1 {}", "CD".repeat(32)),
    ];
    if number % 2 == 1 {
        strings.reverse();
    }
    let strings = strings.map(|text| {
        if number >= 2 {
            text.to_lowercase()
        } else {
            text
        }
    });
    let mut policy = mta::policy(1, "mx.all.test", &[203]);
    policy["policy-string"] = json!(strings);
    mta::made("all.test", TXT, vec![policy])
}

/// `all.test` fails once at each host and succeeds as often as the host's number says; each host has a domain of its own.
fn collect(lab: &Lab, sys4: &Sys4) -> Vec<String> {
    for domain in [
        "all.test",
        "only0.test",
        "only1.test",
        "only2.test",
        "only3.test",
    ] {
        lab.dns.tlsrpt(domain, TXT);
    }
    let hosts = HOSTS.iter().enumerate();
    hosts
        .map(|(number, (collector, fetcher))| {
            let host = Host::new(lab, sys4, &format!("host{number}"));
            let mut datagrams = vec![
                dane(number),
                mta::failure(&format!("only{number}.test"), TXT, 201),
            ];
            datagrams.extend((0..number).map(|_| mta::success("all.test", TXT)));
            host.closed_day(&host.collectd(*collector), &datagrams);
            host.fetcher(*fetcher)
        })
        .collect()
}

#[test]
fn every_session_of_every_host_is_reported_once() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    for reporter in [Ours, Theirs] {
        let lab = Lab::new();
        let fetchers = collect(&lab, &sys4);
        let reports = reports(&lab, &sys4, reporter, &fetchers);
        let found: Vec<_> = reports
            .iter()
            .map(|(domain, report)| (domain.as_str(), sessions(report)))
            .collect();
        let wanted = [
            ("all.test", (6, 4)),
            ("only0.test", (0, 1)),
            ("only1.test", (0, 1)),
            ("only2.test", (0, 1)),
            ("only3.test", (0, 1)),
        ];
        assert_eq!(found, wanted, "{reporter:?}");
        let dane: Vec<&Value> = reports[0].1["policies"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|policy| policy["policy"]["policy-type"] == "tlsa")
            .collect();
        match reporter {
            // In whatever order and letters its records came.
            Ours => assert_eq!(dane.len(), 1, "{dane:#?}"),
            // Where our collector or our fetcher is on the way there is one form; the fourth host's stay as they came.
            Theirs => assert_eq!(dane.len(), 2, "{dane:#?}"),
        }
    }
}

/// What ours folds, because strangers fill it, sys4 reads and reports with the right numbers.
#[test]
fn sys4_reports_what_ours_has_folded() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    let lab = Lab::new();
    let host = Host::new(&lab, &sys4, "host");
    let collectd = host
        .collectd(Ours)
        .set("max_policies_per_domain", 3)
        .set("max_failures_per_policy", 2)
        .set("max_text_length", 256);
    let datagrams: Vec<Vec<u8>> = (0..20)
        .map(|number| {
            let mut policy = mta::policy(2, "many.test", &[203]);
            policy["policy-string"] = json!([format!("mx: {number}.many.test"), "x".repeat(1000)]);
            policy["failure-details"][0]["a"] = json!(format!("reason {}", number % 7));
            mta::made("many.test", TXT, vec![policy])
        })
        .chain((0..20).map(|number| {
            let mut policy = mta::policy(9, "many.test", &[201]);
            policy["failure-details"][0]["a"] = json!(format!("reason {number}"));
            mta::made("many.test", TXT, vec![policy])
        }))
        .collect();
    host.closed_day(&collectd, &datagrams);
    let folded = r#"SELECT count(*) > 0 FROM finalresults WHERE policy = '{"policy-type": 2, "policy-domain": "many.test"}'"#;
    assert_eq!(
        lab.query(&host.closed(), folded),
        [["1"]],
        "there is something to read"
    );
    let orphans = "SELECT count(*) FROM failures f WHERE NOT EXISTS (SELECT 1 FROM finalresults r WHERE r.day = f.day
        AND r.domain = f.domain AND r.tlsrptrecord = f.tlsrptrecord AND r.policy = f.policy)";
    assert_eq!(
        lab.query(&host.closed(), orphans),
        [["0"]],
        "no failure without its sessions"
    );
    let reports = reports(&lab, &sys4, Theirs, &[host.fetcher(Theirs)]);
    assert_eq!(reports.len(), 1);
    let report = &reports[0].1;
    assert_eq!(sessions(report), (0, 40));
    let details = report["policies"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|policy| policy["failure-details"].as_array().unwrap());
    let failures: i64 = details
        .map(|detail| detail["failed-session-count"].as_i64().unwrap())
        .sum();
    assert_eq!(failures, 40);
}
