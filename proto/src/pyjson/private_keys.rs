//! Keys that serde_json has a use of its own for are texts like any other, wherever a stranger writes them.

use super::*;
use crate::{
    counts::DomainCounts,
    datagram::{Datagram, TextLimits},
    domain::Domain,
    failure::{Failure, FailureKey},
    fetch::{Event, Parser, domain_details, parse_details, stream_line},
    policy::{Policy, PolicyKey},
    report::Summary,
};

/// As JSON has them, the last ones with their letters escaped.
const KEYS: [&str; 4] = [
    "$serde_json::private::Number",
    "$serde_json::private::RawValue",
    r"\u0024serde_json::private::Number",
    r"$serde_json::\u0070rivate::RawValue",
];

fn domain() -> Domain {
    Domain::parse("a.example").unwrap()
}

#[test]
fn every_place_of_a_value() {
    for key in KEYS {
        for (text, why) in [
            (format!(r#"{{"{key}": "5"}}"#), "the only key"),
            (format!(r#"{{"{key}": "x"}}"#), "and no number behind it"),
            (format!(r#"{{"{key}": 5}}"#), "a number behind it"),
            (format!(r#"{{"{key}": {{"{key}": []}}}}"#), "in itself"),
            (format!(r#"{{"{key}": "5", "a": 1}}"#), "the first of two"),
            (
                format!(r#"{{"a": 1.50, "{key}": "5"}}"#),
                "the second of two",
            ),
            (
                format!(r#"[[{{"{key}": null}}], "{key}"]"#),
                "in lists, and as a value",
            ),
        ] {
            let value = parse(&text).unwrap();
            let plain: Value = text_without(&text, key);
            assert_eq!(
                compact(&value)
                    .replace("$serde_json::private::", "")
                    .replace("RawValue", "Number"),
                compact(&plain),
                "{text}: {why}"
            );
        }
        let twice = format!(r#"{{"{key}": "5", "a": 2, "{key}": 7}}"#);
        let value = parse(&twice).unwrap();
        assert_eq!(value.as_object().unwrap().len(), 2, "{twice}");
        assert_eq!(
            value.as_object().unwrap().values().next(),
            Some(&7.into()),
            "the last value: {twice}"
        );
    }
}

/// The same with a key that nobody has a use for.
fn text_without(text: &str, key: &str) -> Value {
    parse(&text.replace(key, "Number")).unwrap()
}

#[test]
fn numbers_keep_their_text() {
    for text in ["0", "-1", "12345678901234567890123", "1e+400", "0.10"] {
        let value = parse(text).unwrap();
        assert!(value.is_number(), "{text}");
        assert_eq!(value.to_string(), text);
    }
}

#[test]
fn a_datagram_is_counted_whatever_its_texts_are() {
    for key in KEYS {
        for (datagram, why) in [
            (
                format!(
                    r#"{{"d":"a.example","pr":"{key}","policies":[{{"policy-type":9,"f":0}}]}}"#
                ),
                "the record",
            ),
            (
                format!(r#"{{"d":"a.example","policies":[{{"{key}":"x"}}]}}"#),
                "a policy",
            ),
            (
                format!(r#"{{"{key}":"7","d":"a.example","policies":[{{}}]}}"#),
                "the first key of the datagram",
            ),
            (
                format!(
                    r#"{{"d":"a.example","policies":[{{"policy-type":2,"policy-domain":"{key}","policy-string":["{key}",{{"{key}":"1"}}],"mx-host":"{key}","x":{{"{key}":"1"}}}}]}}"#
                ),
                "a policy's members",
            ),
            (
                format!(
                    r#"{{"d":"a.example","policies":[{{"f":1,"failure-details":[{{"{key}":"1"}},{{"c":{{"{key}":"203"}},"f":"{key}","a":"{key}","x":{{"{key}":[]}}}}]}}]}}"#
                ),
                "a failure's",
            ),
            (
                format!(r#"{{"d":"a.example","pr":{{"{key}":"v=TLSRPTv1"}},"policies":[{{}}]}}"#),
                "an object for a record",
            ),
        ] {
            let read = Datagram::parse(datagram.as_bytes(), &TextLimits::default());
            let read = read.unwrap_or_else(|error| panic!("{why}: {error}: {datagram}"));
            let mut counts = DomainCounts::default();
            read.into_session_results()
                .into_iter()
                .for_each(|result| counts.add(result));
            is_stable(&counts, why);
        }
    }
}

/// What was counted comes through every form that it is kept and sent in.
fn is_stable(counts: &DomainCounts, why: &str) {
    let domain = domain();
    assert_eq!(counts.sessions(), 1, "{why}");
    let json = counts.to_json();
    let again = DomainCounts::from_json(&json, &domain);
    assert_eq!(again.ok().as_ref(), Some(counts), "{why}: {json}");
    let details = domain_details(domain.as_str(), counts);
    let again = parse_details(&details, &domain).map(|again| again.to_json());
    assert_eq!(again.ok().as_ref(), Some(&json), "{why}: {details}");
    let mut parser = Parser::new();
    for line in [
        crate::fetch::STREAM_HEADER,
        "2026-11-21 00:00:01",
        "2026-11-20",
    ] {
        let opened = parser.line(line);
        assert!(opened.is_ok(), "{line}: {opened:?}");
    }
    match parser.line(&stream_line(&domain, counts)) {
        Ok(Event::Counts(_, again)) => assert_eq!(again.to_json(), json, "{why}"),
        other => panic!("{why}: {other:?}"),
    }
}

#[test]
fn a_row_of_whatever_origin_is_counted() {
    for key in KEYS {
        let policy = r#"{\"policy-type\": 9, \"policy-domain\": \"a.example\"}"#;
        let counts = r#"{"cntrtotal": 2, "cntrfailure": 1, "failures": {"{\"c\": 203}": 1}}"#;
        for (text, why) in [
            (
                format!(r#"{{"{key}": {{"{policy}": {counts}}}}}"#),
                "the only record",
            ),
            (
                format!(r#"{{"v=TLSRPTv1;": {{"{key}": {counts}}}}}"#),
                "a policy that is no JSON",
            ),
            (
                format!(
                    r#"{{"": {{"{policy}": {{"cntrtotal": 2, "cntrfailure": 1, "failures": {{"{key}": 1}}}}}}}}"#
                ),
                "a failure that is none",
            ),
            (
                format!(
                    r#"{{"": {{"{policy}": {{"{key}": "2", "cntrtotal": 2, "cntrfailure": 1, "failures": {{}}}}}}}}"#
                ),
                "a stranger's key in front of the counters",
            ),
        ] {
            let counts = DomainCounts::from_json(&text, &domain());
            let counts = counts.unwrap_or_else(|error| panic!("{why}: {error}: {text}"));
            assert_eq!((counts.sessions(), counts.failed()), (2, 1), "{why}");
        }
        let written = format!(r#"{{"c": 203, "x": {{"{key}": "9"}}}}"#);
        let failure = FailureKey::normalise(&written).unwrap();
        assert_eq!(Failure::read(&written).unwrap().result.code(), 203);
        assert!(
            failure.as_str().contains("serde_json::private"),
            "{failure}"
        );
        let written = format!(r#"{{"{key}": "9", "policy-type": 9}}"#);
        let policy = PolicyKey::normalise(&written, &domain()).unwrap();
        assert_eq!(
            Policy::read(policy.as_str(), &domain())
                .unwrap()
                .kind
                .code(),
            9
        );
        let report =
            format!(r#"{{"{key}": "1", "report-id": "x", "policies": [{{"{key}": "1"}}]}}"#);
        assert_eq!(Summary::from_json(&report).unwrap().report_id, "x");
    }
}
