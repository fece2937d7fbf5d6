use super::*;

#[test]
fn anything_else_is_refused_by_reason() {
    let deep = with_policy(&format!("{}{}", "[".repeat(50_000), "]".repeat(50_000)));
    let many = with_policy(&vec!["{}"; 1001].join(","));
    let rows = [
        (
            many.as_str(),
            "too-many-policies",
            "more than any MTA tries",
        ),
        ("", "empty", "an empty datagram"),
        ("not json", "not-json", "text"),
        ("{\"d\":\"a.example\"", "not-json", "cut off"),
        ("5", "not-an-object", "ends sys4's collector"),
        ("[]", "not-an-object", "an array"),
        ("{}", "no-domain", "nothing in it"),
        (
            r#"{"d":7,"policies":[{}]}"#,
            "no-domain",
            "ends sys4's collector",
        ),
        (r#"{"d":"a b","policies":[{}]}"#, "bad-domain", "no name"),
        (r#"{"d":"","policies":[{}]}"#, "bad-domain", "an empty name"),
        (r#"{"d":"a.example"}"#, "no-policies", "no policies"),
        (
            r#"{"d":"a.example","policies":[]}"#,
            "no-policies",
            "not one",
        ),
        (
            r#"{"d":"a.example","policies":{}}"#,
            "no-policies",
            "no array",
        ),
        (
            r#"{"d":"a.example","policies":[{},7]}"#,
            "bad-policy",
            "a number among the policies",
        ),
        (
            deep.as_str(),
            "not-json",
            "nested deeper than anything real",
        ),
    ];
    for (text, reason, why) in rows {
        let error = parse(text).unwrap_err();
        assert_eq!(error.reason(), reason, "{why}");
        assert!(DatagramError::REASONS.contains(&reason), "{why}");
    }
}
