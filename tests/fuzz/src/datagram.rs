//! Datagrams: reading, writing and reading again is stable; their order never changes the counts; and every session
//! that was in a datagram is in the counts, in their JSON and in the report, once.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tlsrptd_proto::counts::{DomainCounts, ReportCounts};
use tlsrptd_proto::datagram::{Datagram, DatagramError, PolicyResult, TextLimits};
use tlsrptd_proto::day::Day;
use tlsrptd_proto::domain::Domain;
use tlsrptd_proto::failure::{Failure, FailureKey};
use tlsrptd_proto::policy::{Policy, PolicyKey};
use tlsrptd_proto::pyjson;
use tlsrptd_proto::report::{InstallationId, Report, Submitter, Summary};
use tlsrptd_proto::session_result::SessionResult;
use tlsrptd_proto::tlsrpt_record::Mailbox;

/// Each line is a datagram; all together are a day.
pub fn check(bytes: &[u8]) {
    // The least that the option allows: any domain fits.
    let tight = TextLimits {
        max_text_length: 256,
    };
    for limits in [TextLimits::default(), tight] {
        let mut records = Vec::new();
        for line in bytes.split(|byte| *byte == b'\n') {
            match Datagram::parse(line, &limits) {
                Ok(datagram) => {
                    is_stable(&datagram, &limits);
                    records.extend(datagram.into_session_results());
                }
                Err(error) => assert!(DatagramError::REASONS.contains(&error.reason())),
            }
        }
        order_is_nothing(&records);
        nothing_is_lost(&records);
    }
}

fn is_stable(datagram: &Datagram, limits: &TextLimits) {
    assert!(!datagram.policies.is_empty(), "a datagram has a policy");
    let text = write(datagram);
    let again = Datagram::parse(text.as_bytes(), limits)
        .unwrap_or_else(|error| panic!("{error}, in what was written: {text}"));
    assert_eq!(datagram.domain, again.domain);
    assert_eq!(datagram.tlsrpt_record, again.tlsrpt_record);
    assert_eq!(datagram.policies, again.policies);
    for tried in &datagram.policies {
        keys_are_normal(tried, &datagram.domain);
    }
}

/// As libtlsrpt would have written it.
fn write(datagram: &Datagram) -> String {
    let object = |text: &str| -> Map<String, Value> {
        // serde_json alone takes an object with a key that it keeps for itself for a number.
        match pyjson::parse(text) {
            Ok(Value::Object(object)) => object,
            other => panic!("{other:?}, of the key {text}"),
        }
    };
    let policy = |tried: &PolicyResult| -> Value {
        let mut policy = object(tried.policy.as_str());
        let failures = tried.failures.iter().map(|key| object(key.as_str()));
        let failures: Vec<Value> = failures.map(Value::from).collect();
        policy.insert("t".to_owned(), failures.len().into());
        policy.insert("f".to_owned(), u8::from(tried.failed).into());
        policy.insert("failure-details".to_owned(), failures.into());
        policy.into()
    };
    let members: [(String, Value); 4] = [
        ("dpv".to_owned(), "1".into()),
        ("d".to_owned(), datagram.domain.as_str().into()),
        ("pr".to_owned(), datagram.tlsrpt_record.as_str().into()),
        (
            "policies".to_owned(),
            datagram.policies.iter().map(policy).collect(),
        ),
    ];
    Value::from(Map::from_iter(members)).to_string()
}

/// A key that comes back from a file, ours or sys4's, is the key that went there.
fn keys_are_normal(tried: &PolicyResult, domain: &Domain) {
    let folded = tried.policy.folded(domain);
    for key in [&tried.policy, &folded] {
        assert!(key.as_str().is_ascii(), "ASCII only, as sys4 writes");
        let again = PolicyKey::normalise(key.as_str(), domain);
        assert_eq!(again.ok().as_ref(), Some(key));
    }
    assert_eq!(folded.folded(domain), folded);
    let kind = |key: &PolicyKey| {
        Policy::read(key.as_str(), domain)
            .map(|policy| policy.kind)
            .ok()
    };
    assert_eq!(kind(&folded), kind(&tried.policy));
    for key in &tried.failures {
        let folded = key.folded();
        for key in [key, &folded] {
            assert!(key.as_str().is_ascii(), "ASCII only, as sys4 writes");
            let again = FailureKey::normalise(key.as_str());
            assert_eq!(again.ok().as_ref(), Some(key));
        }
        let result = |key: &FailureKey| {
            Failure::read(key.as_str())
                .map(|failure| failure.result)
                .ok()
        };
        assert_eq!(result(&folded), result(key));
    }
}

fn order_is_nothing(records: &[SessionResult]) {
    let forward = counted(records.iter());
    assert_eq!(forward, counted(records.iter().rev()), "backwards");
    let (first, second) = records.split_at(records.len() / 2);
    let mut merged = counted(second.iter());
    for (domain, counts) in counted(first.iter()) {
        merged.entry(domain).or_default().merge(counts);
    }
    assert_eq!(forward, merged, "in two halves, the second first");
}

fn nothing_is_lost(records: &[SessionResult]) {
    let day = counted(records.iter());
    let sum = |of: fn(&DomainCounts) -> u64| day.values().map(of).sum::<u64>();
    let failed = records.iter().filter(|record| record.failed).count();
    let failures = records.iter().map(|record| record.failures.len());
    assert_eq!(sum(DomainCounts::sessions), records.len() as u64);
    assert_eq!(sum(DomainCounts::failed), failed as u64);
    assert_eq!(sum(all_failures), failures.sum::<usize>() as u64);
    for (domain, counts) in day.iter() {
        let json = counts.to_json();
        let again = DomainCounts::from_json(&json, domain);
        assert_eq!(again.ok().as_ref(), Some(counts), "{json}");
        is_reported(domain, counts);
    }
}

fn is_reported(domain: &Domain, counts: &DomainCounts) {
    let (Ok(contact_info), Ok(day), Some(installation)) = (
        Mailbox::parse("tlsrpt@example.org"),
        Day::parse("2026-11-21"),
        InstallationId::parse("0123456789abcdef"),
    ) else {
        unreachable!("all are right");
    };
    let submitter = Submitter {
        organization_name: "Example".to_owned(),
        contact_info,
        installation,
    };
    let reported = ReportCounts::from_json(&counts.to_json(), domain);
    let reported = reported.unwrap_or_else(|error| panic!("{error}: {counts:?}"));
    let report = Report::compose(&submitter, day, domain, reported, 1);
    let json = report.to_json();
    let summary = Summary::from_json(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
    assert_eq!(summary.report_id, report.id);
    assert_eq!(summary.sessions, counts.sessions());
    assert_eq!(summary.failures, counts.failed());
}

fn counted<'a>(results: impl Iterator<Item = &'a SessionResult>) -> BTreeMap<Domain, DomainCounts> {
    let mut day: BTreeMap<Domain, DomainCounts> = BTreeMap::new();
    for result in results {
        day.entry(result.domain.clone())
            .or_default()
            .add(result.clone());
    }
    day
}

fn all_failures(counts: &DomainCounts) -> u64 {
    let policies = counts
        .records
        .values()
        .flat_map(|policies| policies.values());
    policies.flat_map(|counts| counts.failures.values()).sum()
}
