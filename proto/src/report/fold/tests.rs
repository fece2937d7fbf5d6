//! Limits as a table, and what holds whatever the data is.

use super::*;
use crate::{
    counts::ReportCounts,
    day::Day,
    domain::Domain,
    report::{InstallationId, Submitter, Summary},
    tlsrpt_record::Mailbox,
};

fn compose(counts: &str) -> Report {
    let domain = Domain::parse("a.example").unwrap();
    let counts = ReportCounts::from_json(counts, &domain).unwrap();
    let submitter = Submitter {
        organization_name: "Org".to_owned(),
        contact_info: Mailbox::parse("tls@org.example").unwrap(),
        installation: InstallationId::parse("0123456789abcdef").unwrap(),
    };
    Report::compose(
        &submitter,
        Day::parse("2026-11-20").unwrap(),
        &domain,
        counts,
        1,
    )
}

/// A TLSA policy a number, each with failures from so many hosts, one session each.
fn counts(policies: usize, hosts: usize) -> String {
    let quoted = |text: String| serde_json::to_string(&text).unwrap();
    let policy = |policy: usize| {
        let key = format!(
            r#"{{"policy-type": 1, "policy-domain": "mx{policy}.a.example", "policy-string": ["3 1 1 {policy:064X}"]}}"#
        );
        let failure = |host: usize| {
            let code = 201 + host % 2;
            let failure = format!(r#"{{"c": {code}, "n": "mx{host}.a.example"}}"#);
            format!("{}: {}", quoted(failure), host + 1)
        };
        let failures: Vec<String> = (0..hosts).map(failure).collect();
        format!(
            r#"{}: {{"cntrtotal": {}, "cntrfailure": {hosts}, "failures": {{{}}}}}"#,
            quoted(key),
            hosts + policy + 1,
            failures.join(", ")
        )
    };
    let policies: Vec<String> = (0..policies).map(policy).collect();
    format!(r#"{{"t": {{{}}}}}"#, policies.join(", "))
}

/// Policies, details of the first, details in all.
fn shape(json: &str) -> (usize, usize, usize) {
    let document: serde_json::Value = serde_json::from_str(json).unwrap();
    let policies = document["policies"].as_array().unwrap();
    let details =
        |policy: &serde_json::Value| policy["failure-details"].as_array().map_or(0, Vec::len);
    (
        policies.len(),
        details(&policies[0]),
        policies.iter().map(details).sum(),
    )
}

#[test]
fn what_gives_way_at_which_size() {
    let (many_hosts, many_policies) = (compose(&counts(1, 1500)), compose(&counts(200, 20)));
    for (report, max, folded, policies, first, why) in [
        (&many_hosts, 1 << 20, false, 1, 1500, "there is room"),
        (
            &many_hosts,
            120_000,
            true,
            1,
            1002,
            "rare details, into one a type",
        ),
        (&many_hosts, 80_000, true, 1, 102, "more of them"),
        (&many_hosts, 2_000, true, 1, 12, "only ten stay"),
        (&many_hosts, 1_000, true, 1, 2, "one a type"),
        (&many_policies, 2 << 20, false, 200, 20, "there is room"),
        (&many_policies, 350_000, true, 200, 12, "details first"),
        (&many_policies, 120_000, true, 200, 2, "all of them"),
        (&many_policies, 60_000, true, 101, 2, "then rare policies"),
        (&many_policies, 8_000, true, 11, 2, "more of them"),
        (&many_policies, 2_000, true, 1, 2, "one a type"),
        (&many_policies, 10, true, 1, 2, "it gets no smaller"),
    ] {
        let whole = report.to_json();
        let document = report.clone().to_json_within(max);
        let found = shape(&document.json);
        assert_eq!((found.0, found.1), (policies, first), "{max}: {why}");
        assert_eq!(document.is_folded, folded, "{max}: {why}");
        assert_eq!(document.json == whole, !folded, "{max}: {why}");
        assert!(document.json.len() <= max || max == 10, "{max}: {why}");
    }
}

#[test]
fn the_frequent_stay() {
    let document = compose(&counts(1, 1500)).to_json_within(2_000);
    for host in 1490..1500 {
        assert!(
            document.json.contains(&format!("mx{host}.a.example")),
            "{host}"
        );
    }
    assert!(!document.json.contains("mx1489.a.example"));
    let document = compose(&counts(200, 20)).to_json_within(8_000);
    let policy = |number: usize| document.json.contains(&format!("mx{number}.a.example\""));
    assert!(policy(199) && policy(190) && !policy(189));
    assert!(
        document.json.contains(r#""policy-domain": "a.example""#),
        "what folds carries the domain that is reported on"
    );
}

#[test]
fn counters_are_exact_and_bytes_the_same_whatever_the_data_is() {
    // Numbers without order, the same everywhere.
    let chance =
        |round: usize, range: usize| (round.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) % range;
    for round in 1..30 {
        let (policies, hosts) = (1 + chance(round, 40), chance(round * 7, 60));
        let report = compose(&counts(policies, hosts));
        let whole = Summary::from_json(&report.to_json()).unwrap();
        let max = 300 + chance(round * 13, 40_000);
        let document = report.clone().to_json_within(max);
        let folded = Summary::from_json(&document.json).unwrap();
        let why = format!("round {round}: {policies} policies, {hosts} hosts, {max} bytes");
        assert_eq!(folded.sessions, whole.sessions, "{why}");
        assert_eq!(folded.failures, whole.failures, "{why}");
        assert_eq!(folded.by_type, whole.by_type, "{why}");
        assert_eq!(document, report.to_json_within(max), "{why}");
        assert!(
            document.json.len() <= max || shape(&document.json).2 <= 2,
            "{why}: {} bytes",
            document.json.len()
        );
    }
}
