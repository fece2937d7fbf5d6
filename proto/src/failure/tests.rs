use super::*;

fn normal(text: &str) -> String {
    FailureKey::normalise(text).unwrap().to_string()
}

#[test]
fn keys_have_one_form() {
    let rows = [
        (
            r#"{"c":201,"s": "127.0.0.1","n": "MX1.x.test.","h": "250-mx1.x.test\r\n250-PIPELINING\r\n250 STARTTLS","r": "127.0.0.12"}"#,
            r#"{"c": 201, "s": "127.0.0.1", "n": "mx1.x.test", "h": "mx1.x.test", "r": "127.0.0.12"}"#,
            "as Postfix sends it: the EHLO answer is reduced to the name",
        ),
        (
            r#"{"f":"reason","a":"info","r":"::1","h":"","n":"  ","s":null,"c":205}"#,
            r#"{"c": 205, "r": "::1", "a": "info", "f": "reason"}"#,
            "keys in their order, and nothing that is empty",
        ),
        (
            r#"{"s":"2001:DB8:0:0:0:0:0:1","c":201}"#,
            r#"{"c": 201, "s": "2001:db8::1"}"#,
            "RFC 5952",
        ),
        (
            r#"{"c":201,"r":"[IPv6:2001:db8::2%eth0]"}"#,
            r#"{"c": 201, "r": "2001:db8::2"}"#,
            "a literal with a zone",
        ),
        (
            r#"{"c":201,"s":"unknown","r":"192.0.2.300"}"#,
            r#"{"c": 201}"#,
            "what is no address is left out",
        ),
        (r#"{"c":999}"#, r#"{"c": 999}"#, "an unknown code is kept"),
        (
            r#"{"c":"x"}"#,
            r#"{"c": 205}"#,
            "what is no code is the general one",
        ),
        (
            r#"{"c":99999999999999999999}"#,
            r#"{"c": 205}"#,
            "and so is what no code can be",
        ),
        (
            r#"{"c":205,"f":"a\u0000b\r\nc"}"#,
            r#"{"c": 205, "f": "a b  c"}"#,
            "control characters are cleaned",
        ),
        (
            r#"{"c":205,"s":7,"f":7,"z":[1]}"#,
            r#"{"c": 205, "f": "7", "z": [1]}"#,
            "numbers are texts; unknown keys are kept",
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
fn a_helo_is_a_name() {
    let rows = [
        (
            "250-mx1.x\r\n250-PIPELINING\r\n250 STARTTLS",
            "mx1.x",
            "a whole answer",
        ),
        (
            "250 mx1.x Hello [192.0.2.1]\r\n",
            "mx1.x",
            "an answer of one line, with a greeting",
        ),
        ("mx1.x", "mx1.x", "already a name"),
        ("220 mx1.x ESMTP Postfix", "mx1.x", "a banner"),
        ("\r\n250-mx1.x\n", "mx1.x", "an empty line in front"),
        ("250-250-mx1.x", "mx1.x", "a code twice"),
        ("250\u{a0}mx1.x", "mx1.x", "another kind of space"),
        ("[192.0.2.1]", "[192.0.2.1]", "an address literal"),
        ("250", "", "a code alone"),
        ("\r\n", "", "nothing"),
        ("mx1\u{1}x", "mx1", "a control character ends the name"),
        ("2500.example", "2500.example", "digits that are no code"),
    ];
    for (answer, name, reason) in rows {
        assert_eq!(helo(answer), name, "{reason}");
        assert_eq!(
            helo(name),
            name,
            "a second reading changes nothing: {reason}"
        );
    }
}

#[test]
fn unknown_codes_are_reported_with_their_number() {
    let rows = [
        (r#"{"c":999}"#, ResultType::ValidationFailure, Some("999")),
        (
            r#"{"c":999,"f":"why"}"#,
            ResultType::ValidationFailure,
            Some("999: why"),
        ),
        (
            r#"{"c":205,"f":"why"}"#,
            ResultType::ValidationFailure,
            Some("why"),
        ),
        (r#"{"c":306}"#, ResultType::DaneRequired, None),
        ("{}", ResultType::ValidationFailure, None),
    ];
    for (text, result, reason) in rows {
        let failure = Failure::read(text).unwrap();
        assert_eq!(
            (failure.result, failure.failure_reason_code.as_deref()),
            (result, reason),
            "{text}"
        );
    }
}

#[test]
fn folding_leaves_one_entry_a_code() {
    let rows = [
        (r#"{"c":201,"s":"127.0.0.1","z":1}"#, r#"{"c": 201}"#),
        (r#"{"c":999,"f":"x"}"#, r#"{"c": 205}"#),
    ];
    for (text, folded) in rows {
        assert_eq!(
            FailureKey::normalise(text).unwrap().folded().as_str(),
            folded
        );
    }
}

#[test]
fn codes_and_types_agree() {
    for result in ResultType::ALL {
        assert_eq!(ResultType::of(result.code()), Some(result));
    }
}
