mod uris;

use super::*;

fn uris(text: &str) -> Vec<String> {
    TlsrptRecord::parse(text)
        .unwrap()
        .ruas
        .iter()
        .map(Rua::uri)
        .collect()
}

#[test]
fn reads_records_by_the_grammar() {
    let rows: [(&str, &[&str], &str); 15] = [
        (
            "v=TLSRPTv1; rua=mailto:r@a.example",
            &["mailto:r@a.example"],
            "the usual form",
        ),
        (
            "v=TLSRPTv1;rua=mailto:r@a.example;",
            &["mailto:r@a.example"],
            "without spaces, with a last semicolon",
        ),
        (
            "v=TLSRPTv1 \t ;\trua=mailto:r@a.example ; ",
            &["mailto:r@a.example"],
            "white space wherever it may stand",
        ),
        (
            "v=TLSRPTv1; rua=mailto:r@a.example ,\thttps://a.example/r",
            &["mailto:r@a.example", "https://a.example/r"],
            "two",
        ),
        (
            "v=TLSRPTv1; rua=mailto:b@a.example; rua=mailto:a@a.example",
            &["mailto:b@a.example", "mailto:a@a.example"],
            "rua twice",
        ),
        (
            "v=TLSRPTv1; x=y; rua=mailto:r@a.example; ext-1.a_b=!#",
            &["mailto:r@a.example"],
            "extensions are ignored",
        ),
        ("v=TLSRPTv1; x=y", &[], "only an extension: no report"),
        (
            "v=TLSRPTv1; RUA=mailto:r@a.example",
            &[],
            "rua is case-sensitive; RUA is an extension",
        ),
        (
            "v=TLSRPTv1; rua=mailto:r@a.example,mailto:r@A.example",
            &["mailto:r@a.example"],
            "the same address twice is one",
        ),
        (
            "v=TLSRPTv1; rua=MAILTO:r@a.example,HTTPS://A.Example/R",
            &["mailto:r@a.example", "https://a.example/R"],
            "schemes and hosts without case",
        ),
        (
            "v=TLSRPTv1; rua=mailto:r%2Bx@a.example",
            &["mailto:r+x@a.example"],
            "percent-encoded",
        ),
        (
            "v=TLSRPTv1; rua=mailto:a%40a.example%2cb@a.example",
            &["mailto:a@a.example", "mailto:b@a.example"],
            "several addresses",
        ),
        (
            "v=TLSRPTv1; rua=mailto:%22a%2Cb%22@a.example",
            &["mailto:\"a,b\"@a.example"],
            "a comma in quotes",
        ),
        (
            "v=TLSRPTv1; rua=mailto:r@a.example?subject=x&bcc=y@b.example",
            &["mailto:r@a.example"],
            "headers are ignored",
        ),
        (
            "v=TLSRPTv1; rua=mailto:r@m%C3%BCller.example",
            &["mailto:r@xn--mller-kva.example"],
            "a U-label, encoded",
        ),
    ];
    for (text, expected, reason) in rows {
        assert_eq!(uris(text), expected, "{reason}");
        assert_eq!(TlsrptRecord::parse(text).unwrap().rejected, [], "{reason}");
    }
}

#[test]
fn refuses_what_breaks_the_grammar() {
    let field = |text: &str| TlsrptRecordError::Field(text.to_owned());
    let long = format!("v=TLSRPTv1; {}=x", "a".repeat(33));
    let rows = [
        ("v=TLSRPTv1", TlsrptRecordError::Version, "no semicolon"),
        (
            "v=TLSRPTv2; rua=mailto:r@a.example",
            TlsrptRecordError::Version,
            "another version",
        ),
        (
            "v=TLSRPTv10; rua=mailto:r@a.example",
            TlsrptRecordError::Version,
            "a longer version",
        ),
        (
            "V=TLSRPTv1; rua=mailto:r@a.example",
            TlsrptRecordError::Version,
            "v is case-sensitive",
        ),
        (
            " v=TLSRPTv1; rua=mailto:r@a.example",
            TlsrptRecordError::Version,
            "white space in front",
        ),
        (
            "v=TLSRPTv1;",
            TlsrptRecordError::NoField,
            "at least one field",
        ),
        (
            "v=TLSRPTv1; ; ",
            TlsrptRecordError::NoField,
            "at least one field that is one",
        ),
        (
            "v=TLSRPTv1;; rua=mailto:r@a.example",
            field(""),
            "an empty field",
        ),
        (
            "v=TLSRPTv1; rua=mailto:r@a.example;;",
            field(""),
            "two semicolons at the end",
        ),
        (
            "v=TLSRPTv1; mailto:r@a.example",
            field("mailto:r@a.example"),
            "no name",
        ),
        (
            "v=TLSRPTv1; rua = mailto:r@a.example",
            field("rua = mailto:r@a.example"),
            "white space around =",
        ),
        (
            "v=TLSRPTv1; x=",
            field("x="),
            "an extension without a value",
        ),
        (
            "v=TLSRPTv1; -x=y",
            field("-x=y"),
            "a name begins with a letter or digit",
        ),
        ("v=TLSRPTv1; x=a=b", field("x=a=b"), "= in a value"),
        (long.as_str(), field(&long[12..]), "33 characters of name"),
    ];
    for (text, error, reason) in rows {
        assert_eq!(TlsrptRecord::parse(text), Err(error), "{reason}");
    }
}

#[test]
fn a_mailbox_has_one_form() {
    for (text, want, why) in [
        ("a.b@X.example", "a.b@x.example", "a dot-atom"),
        ("\"a.b\"@x.example", "a.b@x.example", "quoted without need"),
        ("\"a b\"@x.example", "\"a b\"@x.example", "with need"),
        (
            "\"\\a\\\"\"@x.example",
            "\"a\\\"\"@x.example",
            "a quote in it",
        ),
        ("\"\\\\\"@x.example", "\"\\\\\"@x.example", "a backslash"),
        ("\"\"@x.example", "\"\"@x.example", "nothing"),
        (
            "\".a\"@x.example",
            "\".a\"@x.example",
            "no dot-atom without quotes",
        ),
        ("\"A@b\"@x.example", "\"a@b\"@x.example", "an @"),
    ] {
        let form = Mailbox::parse(text).unwrap().canonical();
        assert_eq!(form, want, "{text}: {why}");
        assert_eq!(Mailbox::parse(&form).unwrap().canonical(), form, "stable");
    }
}

#[test]
fn exactly_one_record_counts() {
    let valid = "v=TLSRPTv1; rua=mailto:r@a.example";
    let record = TlsrptRecord::parse(valid).unwrap();
    let rows: [(&[&str], Selection, &str); 6] = [
        (&[], Selection::None, "no record"),
        (
            &["v=spf1 -all", "v=TLSRPTv2; x=y"],
            Selection::None,
            "none of this kind",
        ),
        (
            &["v=spf1 -all", valid],
            Selection::One(record.clone(), valid.to_owned()),
            "one among others",
        ),
        (&[valid, valid], Selection::Several(2), "twice is not once"),
        (
            &[valid, "v=TLSRPTv1 ;"],
            Selection::Several(2),
            "an invalid one counts too",
        ),
        (
            &["v=TLSRPTv1;"],
            Selection::Invalid(TlsrptRecordError::NoField),
            "one that breaks the grammar",
        ),
    ];
    for (texts, expected, reason) in rows {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        assert_eq!(select(&texts), expected, "{reason}");
    }
}

#[test]
fn a_mailbox_knows_its_parts() {
    let mailbox = Mailbox::parse("\"a@b\"@Example.COM").unwrap();
    assert_eq!(
        (mailbox.local(), mailbox.domain().as_str()),
        ("\"a@b\"", "example.com")
    );
    assert!(
        Mailbox::parse("TLS <tls@example.com>").is_err(),
        "a display name"
    );
    assert!(
        Mailbox::parse("\"a\"b\"@example.com").is_err(),
        "a quote inside"
    );
    assert!(
        Mailbox::parse("\"a\\\"@example.com").is_err(),
        "an escaped end"
    );
}

#[test]
fn long_texts_and_many_uris_are_not_repeated_whole() {
    let long = "ü".repeat(60_000);
    let error = TlsrptRecord::parse(&format!("v=TLSRPTv1; {long}")).unwrap_err();
    assert_eq!(error, TlsrptRecordError::Field("ü".repeat(80) + "..."));

    let record = TlsrptRecord::parse(&format!("v=TLSRPTv1; rua={long}")).unwrap();
    assert_eq!(record.rejected[0].0, "ü".repeat(80) + "...");

    let commas = ",".repeat(60_000);
    let record =
        TlsrptRecord::parse(&format!("v=TLSRPTv1; rua={commas}mailto:a@b.example")).unwrap();
    assert_eq!(record.rejected.len(), 20);
    assert_eq!(record.more_rejected, 59_980);
    assert_eq!(record.ruas.len(), 1, "behind all that");
}
