use super::*;

fn domain() -> Domain {
    Domain::parse("example.com").unwrap()
}

fn normal(text: &str) -> String {
    PolicyKey::normalise(text, &domain()).unwrap().to_string()
}

#[test]
fn keys_have_one_form() {
    let none = r#"{"policy-type": 9, "policy-domain": "example.com"}"#;
    let rows = [
        (
            r#"{"policy-type":1,"policy-domain":"mx.example.com","policy-string":["3 1 1 BB","3 1 1 AA"]}"#,
            r#"{"policy-type": 1, "policy-domain": "mx.example.com", "policy-string": ["3 1 1 AA", "3 1 1 BB"]}"#,
            "a TLSA RRset is a set: its order does not count",
        ),
        (
            r#"{"policy-type":1,"policy-domain":"mx.example.com","policy-string":["3 1  1 aa","3 1 1 AA"]}"#,
            r#"{"policy-type": 1, "policy-domain": "mx.example.com", "policy-string": ["3 1 1 AA"]}"#,
            "nor do case, white space and repetition",
        ),
        (
            r#"{"policy-type":1,"policy-domain":"mx.example.com","mx-host":["a"]}"#,
            r#"{"policy-type": 1, "policy-domain": "mx.example.com"}"#,
            "only an MTA-STS policy has mx-host",
        ),
        (
            r#"{"mx-host":["*.Example.COM.",""],"policy-string":["version: STSv1","","mx: B"],"policy-domain":"EXAMPLE.com.","policy-type":2}"#,
            r#"{"policy-type": 2, "policy-domain": "example.com", "policy-string": ["version: STSv1", "mx: B"], "mx-host": ["*.example.com"]}"#,
            "keys in their order; the lines of an MTA-STS policy stay as they are, less the empty ones",
        ),
        (
            r#"{"policy-type":2,"policy-domain":"example.com","policy-string":"version: STSv1\r\nmode: none\r\n","mx-host":"mx.example.com"}"#,
            r#"{"policy-type": 2, "policy-domain": "example.com", "policy-string": ["version: STSv1", "mode: none"], "mx-host": ["mx.example.com"]}"#,
            "a string is an array of its lines",
        ),
        (
            r#"{"policy-type":9}"#,
            none,
            "without a domain it is that of the report",
        ),
        (
            r#"{"policy-type":9,"policy-domain":""}"#,
            none,
            "an empty text is nothing",
        ),
        (
            r#"{"policy-type":9,"policy-domain":"[192.0.2.1]"}"#,
            none,
            "what is no domain gives way",
        ),
        (
            r#"{"policy-type":7,"policy-domain":"example.com"}"#,
            none,
            "sys4's reporter dies of an unknown type",
        ),
        (r#"{"policy-type":"sts"}"#, none, "a type is a number"),
        ("{}", none, "nothing is known"),
        (
            r#"{"policy-type":9,"policy-domain":"example.com","t":0,"f":1,"failure-details":[],"policy-string":["x"]}"#,
            none,
            "results are not part of a policy, and no policy has no text",
        ),
        (
            r#"{"x":{"b":1,"a":"\u0001"},"policy-type":9,"y":1e5}"#,
            r#"{"policy-type": 9, "policy-domain": "example.com", "x": {"b": 1, "a": " "}, "y": 100000.0}"#,
            "unknown keys are kept in their order, clean",
        ),
        (
            r#"{"policy-type":1,"policy-domain":"MÜLLER.example"}"#,
            r#"{"policy-type": 1, "policy-domain": "xn--mller-kva.example"}"#,
            "U-labels become A-labels",
        ),
        (
            r#"{"policy-type":2,"policy-string":["mx: müller\tx",7,null,{}]}"#,
            r#"{"policy-type": 2, "policy-domain": "example.com", "policy-string": ["mx: m\u00fcller x", "7"]}"#,
            "values of another type are read as texts or left out",
        ),
    ];
    for (text, expected, reason) in rows {
        let key = normal(text);
        assert_eq!(key, expected, "{reason}");
        assert_eq!(
            normal(&key),
            key,
            "a second reading changes nothing: {reason}"
        );
    }
}

#[test]
fn what_is_no_object_is_no_key() {
    for text in ["", "{", "[]", "7", "\"a\""] {
        assert!(PolicyKey::normalise(text, &domain()).is_err(), "{text}");
    }
}

#[test]
fn folding_leaves_one_entry_a_type() {
    let rows = [
        (
            r#"{"policy-type":1,"policy-domain":"mx1.example.net","policy-string":["3 1 1 AA"],"x":1}"#,
            1,
        ),
        (
            r#"{"policy-type":2,"policy-domain":"example.com","mx-host":["a"]}"#,
            2,
        ),
        (r#"{"policy-type":5}"#, 9),
    ];
    for (text, code) in rows {
        let folded = PolicyKey::normalise(text, &domain())
            .unwrap()
            .folded(&domain());
        assert_eq!(
            folded.as_str(),
            format!(r#"{{"policy-type": {code}, "policy-domain": "example.com"}}"#)
        );
    }
}

#[test]
fn a_policy_is_bounded() {
    let line = format!("mx: {}", "x".repeat(91));
    let mut lines = vec![line; 600];
    let bounded = |lines: &[String]| {
        let value: Value = lines.into();
        let text = format!(r#"{{"policy-type":2,"policy-string":{value}}}"#);
        Policy::read(&text, &domain()).unwrap().strings.len()
    };
    assert_eq!(
        bounded(&lines),
        600,
        "the largest recorded policy is kept whole"
    );
    lines.extend_from_within(..);
    assert_eq!(bounded(&lines), 64 * 1024 / 99, "and 64 KiB of any other");
}

#[test]
fn types_and_codes_agree() {
    for kind in [PolicyType::Tlsa, PolicyType::Sts, PolicyType::NoPolicyFound] {
        assert_eq!(PolicyType::of(kind.code()), Some(kind));
    }
}
