//! The URIs of a record, one by one.

use super::*;

#[test]
fn one_bad_uri_spoils_no_other() {
    use MailboxError::{Control, Empty, Form, Literal, Local};
    let long = format!("https://a.example/{}", "x".repeat(2048));
    let local = format!("mailto:{}@a.example", "x".repeat(65));
    let address = |error: MailboxError| RuaError::Mailbox(error);
    let rows = [
        ("", RuaError::Empty, "nothing between commas"),
        ("r@a.example", RuaError::Scheme, "no scheme"),
        ("http://a.example/", RuaError::Scheme, "not over TLS"),
        ("file:///etc/passwd", RuaError::Scheme, "a file"),
        (
            "directory:/tmp",
            RuaError::Scheme,
            "an operator's word only",
        ),
        ("mailto:", address(Empty), "no address"),
        (
            "mailto:?to=r@a.example",
            address(Empty),
            "headers are ignored, to too",
        ),
        ("mailto:a.example", address(Form), "no @"),
        ("mailto:@a.example", address(Form), "no local part"),
        (
            "mailto:a@[192.0.2.1",
            address(Literal),
            "an address literal, unclosed",
        ),
        (
            "mailto:a@[192.0.2.1]",
            address(Literal),
            "an address literal",
        ),
        ("mailto:a@b@a.example", address(Local), "two @"),
        ("mailto:<r@a.example>", address(Local), "angle brackets"),
        ("mailto:a..b@a.example", address(Local), "no dot-atom"),
        (
            "mailto:m%C3%BC@a.example",
            address(Local),
            "a local part beyond ASCII",
        ),
        (
            "mailto:r@a.example%0d%0aBcc:x@b.example",
            address(Control),
            "a header line",
        ),
        (
            "mailto:r@a.example%2Cs@a.example%0A",
            address(Control),
            "no part of such a URI is trusted",
        ),
        ("mailto:r%00@a.example", address(Control), "NUL"),
        (
            "mailto:r@a/b",
            address(MailboxError::Domain(crate::domain::DomainError::Character)),
            "a path",
        ),
        (
            "mailto:r%4@a.example",
            RuaError::PercentEncoding,
            "one hex digit",
        ),
        (
            "mailto:r%zz@a.example",
            RuaError::PercentEncoding,
            "no hex digits",
        ),
        (
            "mailto:r%ff@a.example",
            RuaError::PercentEncoding,
            "not UTF-8",
        ),
        ("mailto:r @a.example", RuaError::Character, "white space"),
        ("mailto://r@a.example", RuaError::Slashes, "a URL's form"),
        ("mailto:%2F/r@a.example", RuaError::Slashes, "encoded"),
        (
            "mailto:root%25printer.local@a.example",
            RuaError::Route,
            "the relay would send it on to printer.local; decoded once, not twice",
        ),
        (
            "mailto:x.example!victim@a.example",
            RuaError::Route,
            "a bang path",
        ),
        (
            "mailto:%22victim%40x.example%22@a.example",
            RuaError::Route,
            "an address in quotes",
        ),
        (
            "mailto:%22a%5C%40b%22@a.example",
            RuaError::Route,
            "one behind a backslash",
        ),
        ("mailto:mü@a.example", RuaError::Character, "not encoded"),
        (
            local.as_str(),
            address(MailboxError::TooLong),
            "65 octets of local part",
        ),
        (long.as_str(), RuaError::TooLong, "too long in all"),
    ];
    for (uri, error, reason) in rows {
        let record =
            TlsrptRecord::parse(&format!("v=TLSRPTv1; rua={uri},mailto:ok@a.example")).unwrap();
        assert_eq!(record.ruas.len(), 1, "{reason}");
        assert_eq!(record.rejected, [(beginning(uri), error)], "{reason}");
    }
}

#[test]
fn a_record_leads_to_nobodys_own_host() {
    for uri in [
        "mailto:root@localhost",
        "mailto:a@b",
        "mailto:a@B.",
        "mailto:a@printer.local",
        "mailto:a@x.Internal.",
        "mailto:a@127.0.0.1",
        "mailto:a@localhost.localdomain",
        "mailto:a@%6cocalhost",
        "mailto:a@l%EF%BD%8Fcalhost",
        "mailto:%22a@x.example%22@localhost",
        "https://localhost/r",
        "https://intranet/",
        "https://gw.home.arpa:8443/r",
        "https://x.local./",
    ] {
        let record =
            TlsrptRecord::parse(&format!("v=TLSRPTv1; rua={uri},mailto:ok@a.example")).unwrap();
        assert_eq!(record.ruas.len(), 1, "{uri}");
        assert!(
            matches!(record.rejected[..], [(_, RuaError::NotPublic(_))]),
            "{uri}: {:?}",
            record.rejected
        );
    }
    let operators = Mailbox::parse("root@localhost");
    assert!(operators.is_ok(), "an operator may name anything");
}

#[test]
fn one_place_counts_once() {
    for (uris_of_one, written) in [
        (
            "mailto:Victim@x.example,mailto:%22victim%22@x.example,mailto:%22v%5Cictim%22@x.example,mailto:VICTIM@X.example.",
            "mailto:Victim@x.example",
        ),
        (
            "https://x.example/%6fne,https://X.example./one?,https://x.example:443/a/../one#x,https://x.example/%2e/one",
            "https://x.example/%6fne",
        ),
    ] {
        let text = format!("v=TLSRPTv1; rua={uris_of_one}");
        assert_eq!(uris(&text), [written], "the first, as it is written");
    }
    let several = [
        "mailto:a@x.example",
        "mailto:a+b@x.example",
        "mailto:\"a b\"@x.example",
        "https://x.example/one",
        "https://x.example/One",
        "https://x.example/one/",
        "https://x.example/one?x",
        "https://x.example:8443/one",
    ];
    let encoded = several.map(|uri| uri.replace('"', "%22").replace(' ', "%20"));
    let text = format!("v=TLSRPTv1; rua={}", encoded.join(","));
    assert_eq!(uris(&text), several, "places that differ");
}

#[test]
fn hundreds_of_uris_are_read() {
    let list: Vec<String> = (0..300).map(|i| format!("mailto:r{i}@a.example")).collect();
    assert_eq!(uris(&format!("v=TLSRPTv1; rua={}", list.join(","))), list);
}
