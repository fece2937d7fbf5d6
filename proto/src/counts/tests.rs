use super::*;

fn domain() -> Domain {
    Domain::parse("a.example").unwrap()
}

fn result(txt: &str, policy: &str, failures: &[&str]) -> SessionResult {
    SessionResult {
        domain: domain(),
        tlsrpt_record: txt.to_owned(),
        policy: PolicyKey::normalise(policy, &domain()).unwrap(),
        failed: !failures.is_empty(),
        failures: failures
            .iter()
            .map(|text| FailureKey::normalise(text).unwrap())
            .collect(),
    }
}

const NONE: &str = r#"{"policy-type": 9}"#;

#[test]
fn counts_and_writes_sys4s_form() {
    let mut counts = DomainCounts::default();
    counts.add(result("v=TLSRPTv1;", NONE, &[]));
    counts.add(result(
        "v=TLSRPTv1;",
        NONE,
        &[r#"{"c": 201}"#, r#"{"c": 201}"#],
    ));
    assert_eq!((counts.sessions(), counts.failed()), (2, 1));
    let expected = r#"{"v=TLSRPTv1;": {"{\"policy-type\": 9, \"policy-domain\": \"a.example\"}": {"cntrtotal": 2, "cntrfailure": 1, "failures": {"{\"c\": 201}": 2}}}}"#;
    assert_eq!(counts.to_json(), expected);
    assert_eq!(
        DomainCounts::from_json(expected, &domain()).unwrap(),
        counts
    );
}

#[test]
fn reading_adds_up_what_is_equal() {
    let text = r#"{"v=TLSRPTv1;": {
        "{\"policy-type\": 1, \"policy-domain\": \"mx\", \"policy-string\": [\"3 1 1 BB\", \"3 1 1 AA\"]}": {"cntrtotal": 1, "cntrfailure": 1, "failures": {"{\"c\": 203, \"h\": \"250-mx\\r\\n250 X\"}": 1, "{\"c\": 203, \"h\": \"mx\"}": 1}},
        "{\"policy-type\": 1, \"policy-domain\": \"mx\", \"policy-string\": [\"3 1 1 aa\", \"3 1 1 bb\"]}": {"cntrtotal": 2, "cntrfailure": 0, "failures": {}},
        "garbage": {"cntrtotal": 4, "cntrfailure": 1, "failures": {"garbage": 1}}}}"#;
    let counts = DomainCounts::from_json(text, &domain()).unwrap();
    let policies = &counts.records["v=TLSRPTv1;"];
    let told: Vec<_> = policies
        .values()
        .map(|c| (c.total, c.failed, c.failures.values().sum::<u64>()))
        .collect();
    assert_eq!(
        told,
        [(3, 1, 2), (4, 1, 1)],
        "the counters are exact, whatever the keys are"
    );
    assert_eq!(policies.values().next().unwrap().failures.len(), 1);
}

#[test]
fn what_is_no_counts_is_refused() {
    let entry = |members: &str| format!(r#"{{"txt": {{"{{}}": {members}}}}}"#);
    let rows = [
        ("[]".to_owned(), "not an object"),
        (r#"{"txt": 7}"#.to_owned(), "no policies"),
        (entry("7"), "no entry"),
        (entry(r#"{"cntrtotal": 1}"#), "a missing counter"),
        (
            entry(r#"{"cntrtotal": -1, "cntrfailure": 0}"#),
            "a negative one",
        ),
        (
            entry(r#"{"cntrtotal": 1.5, "cntrfailure": 0}"#),
            "a fraction",
        ),
        (
            entry(r#"{"cntrtotal": 1, "cntrfailure": 0, "failures": []}"#),
            "no failures",
        ),
        (
            entry(r#"{"cntrtotal": 1, "cntrfailure": 0, "failures": {"{}": "x"}}"#),
            "a failure without a number",
        ),
    ];
    for (text, reason) in rows {
        assert!(
            DomainCounts::from_json(&text, &domain()).is_err(),
            "{reason}"
        );
    }
}

#[test]
fn the_most_seen_records_come_first() {
    let rows: [(&[&str], &[&str], &str); 5] = [
        (&[], &[], "no session"),
        (&["", ""], &[], "the MTA told none"),
        (
            &["b", "c", "a", "b", "c", "b"],
            &["b", "c", "a"],
            "by sessions",
        ),
        (&["b", "a"], &["a", "b"], "of equals the first by text"),
        (&["", "", "a"], &["a"], "an unknown record does not count"),
    ];
    for (txts, expected, reason) in rows {
        let mut counts = DomainCounts::default();
        txts.iter()
            .for_each(|txt| counts.add(result(txt, NONE, &[])));
        assert_eq!(counts.seen_records(), expected, "{reason}");
    }
}

#[test]
fn merging_never_overflows() {
    let text = format!(
        r#"{{"t": {{"{{}}": {{"cntrtotal": {0}, "cntrfailure": {0}, "failures": {{"{{}}": {0}}}}}}}}}"#,
        u64::MAX
    );
    let mut counts = DomainCounts::from_json(&text, &domain()).unwrap();
    counts.merge(counts.clone());
    counts.add(result("t", NONE, &[]));
    assert_eq!(counts.sessions(), u64::MAX);
}

/// Texts that need escapes, a policy that cannot be read, and a key that nobody can have sent.
fn odd() -> String {
    let long = format!(
        r#""{{\"c\": 202, \"n\": \"{}\"}}": 4"#,
        "x".repeat(600 << 10)
    );
    format!(
        r#"{{"v=TLSRPTv1; \"ü\"": {{"{{\"policy-type\": 9}}": {{"cntrtotal": 7, "cntrfailure": 5,
        "failures": {{"{{\"c\": 203, \"n\": \"a\"}}": 2, "{{\"c\": 203, \"n\": \"b\"}}": 1, {long}}}, "more": [1, {{}}]}},
        "no policy": {{"failures": {{}}, "cntrfailure": 0, "cntrtotal": 1}}}}}}"#
    )
}

#[test]
fn what_is_written_without_a_tree_is_what_the_tree_writes() {
    let domain = Domain::parse("a.test").unwrap();
    for counts in [
        DomainCounts::default(),
        DomainCounts::from_json(&odd(), &domain).unwrap(),
    ] {
        let text = counts.to_json();
        assert_eq!(text, crate::pyjson::compact(&counts.to_value()));
        assert_eq!(DomainCounts::from_json(&text, &domain).unwrap(), counts);
    }
}

#[test]
fn a_key_that_is_too_long_gives_way_and_counters_stay() {
    let domain = Domain::parse("a.test").unwrap();
    let keyed = DomainCounts::from_json(&odd(), &domain).unwrap();
    assert_eq!((keyed.sessions(), keyed.failed()), (8, 5));
    assert!(keyed.to_json().len() < 1000, "{}", keyed.to_json());
    let fetched = FetchedCounts::from_json(&odd(), &domain).unwrap();
    assert!(fetched.to_json().len() < 1000, "{}", fetched.to_json());
    let mut counts = ReportCounts::from_json(&odd(), &domain).unwrap();
    assert_eq!((counts.sessions(), counts.failed()), (8, 5));
    counts.fold(&domain);
    assert_eq!((counts.sessions(), counts.failed()), (8, 5));
    let policies: Vec<_> = counts.records.values().flat_map(BTreeMap::values).collect();
    let failures: Vec<u64> = policies[0].failures.values().copied().collect();
    assert_eq!(
        (policies.len(), failures.len()),
        (1, 2),
        "one a type, one a code"
    );
    assert_eq!(failures.iter().sum::<u64>(), 7);
}

#[test]
fn counts_that_are_none() {
    let domain = Domain::parse("a.test").unwrap();
    for (text, want, why) in [
        ("[]", "the list of TXT records is not an object", "a list"),
        (
            r#"{"v": 1}"#,
            "the list of policies is not an object",
            "a number",
        ),
        (
            r#"{"v": {"{}": null}}"#,
            "a policy's entry is not an object",
            "nothing",
        ),
        (
            r#"{"v": {"{}": {"cntrtotal": 1}}}"#,
            "cntrfailure is not a count",
            "one is missing",
        ),
        (
            r#"{"v": {"{}": {"cntrtotal": -1, "cntrfailure": 0}}}"#,
            "cntrtotal is not a count",
            "below 0",
        ),
        (
            r#"{"v": {"{}": {"cntrtotal": 1.0, "cntrfailure": 0}}}"#,
            "cntrtotal is not a count",
            "no integer",
        ),
        (
            r#"{"v": {"{}": {"cntrtotal": 1, "cntrfailure": 0, "failures": 3}}}"#,
            "failures is not an object",
            "a number",
        ),
        (
            r#"{"v": {"{}": {"cntrtotal": 1, "cntrfailure": 0, "failures": {"{}": "3"}}}}"#,
            "a failure's number is not a count",
            "a text",
        ),
        (r#"{"v": "#, "counts are not JSON", "cut off"),
        (r#"{} {}"#, "counts are not JSON", "something behind"),
    ] {
        let error = DomainCounts::from_json(text, &domain)
            .unwrap_err()
            .to_string();
        assert!(error.contains(want), "{why}: {error}");
    }
}
