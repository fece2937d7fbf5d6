use super::*;

/// A refusal from a reply's line, as in `550 5.1.1 no such user`.
fn refusal(line: &str, heard: HeardIn) -> Refusal<'_> {
    let mut words = line.splitn(3, ' ');
    let code = words.next().and_then(|word| word.parse().ok());
    let enhanced = words.next().and_then(EnhancedCode::parse);
    Refusal {
        code,
        enhanced,
        text: line,
        heard,
    }
}

/// By the relay, and in a returned mail.
#[test]
fn whom_a_refusal_speaks_of() {
    use RefusalSubject::{Address, Content, Route, Sender, System, Unspecified};
    #[rustfmt::skip]
    let rows = [
        ("550 5.1.1 unknown", Address, Address, "bad mailbox"),
        ("450 4.1.1 unverified", Address, Address, "whoever asks the receiver for days"),
        ("550 5.1.2 Host unknown", Address, Address, "its domain does not exist"),
        ("501 5.1.3 syntax", Address, Address, "nobody can have it"),
        ("550 5.1.6 moved", Address, Address, "and left no address"),
        ("556 5.1.10 null MX", Address, Address, "RFC 7505"),
        ("550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found", Address, Address, "Exchange's use of it"),
        ("556 takes no mail", Address, Address, "RFC 7504, without an enhanced code"),
        ("521 5.3.2 takes no mail", System, Address, "RFC 7504: the relay of itself, or the receiver's host"),
        ("521 takes no mail", Unspecified, Address, "the same, without a code"),
        ("521 5.7.1 blocked by a list", Sender, Sender, "a host that greets some like this"),
        ("550 5.2.1 disabled", Address, Address, "the mailbox"),
        ("552 5.2.2 full", Address, Address, "the mailbox, for good"),
        ("452 4.2.2 full", Address, Address, "the mailbox; a bounce says: for days"),
        ("552 5.2.3 too long", Content, Content, "the mail, at this mailbox"),
        ("550 5.2.4 list", Address, Address, "cannot be expanded"),
        ("550 5.1.0 address", Unspecified, Unspecified, "whose?"),
        ("550 5.2.0 mailbox", Unspecified, Unspecified, "what of it?"),
        ("554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException", Sender, Sender, "of our login"),
        ("550 5.1.7 sender", Sender, Sender, "its syntax"),
        ("550 5.1.8 sender", Sender, Sender, "its domain"),
        ("550 5.1.1 <a@b.example>: Sender address rejected", Sender, Sender, "whatever the code"),
        ("550 5.1.1 Sender verification failed", Sender, Sender, "the same: who asks our host for our address"),
        ("550 5.1.1 unknown sender <back+dbx@s.example>: no such user", Sender, Sender, "the same, of a tag"),
        ("552 5.3.4 too big", Content, Content, "the mail"),
        ("452 4.3.1 disk full", System, System, "the system"),
        ("554 5.3.0 unknown mailer error", System, System, "the system"),
        ("550 5.4.4 no mail host", Route, Address, "Postfix of a domain without a host; of the relay: its routing"),
        ("450 4.4.3 no resolver", System, System, "the relay's trouble"),
        ("450 4.4.1 timed out", Route, Route, "silent host, or no network here"),
        ("554 5.4.6 loop", Route, Route, "or the relay does not know that it is the last"),
        ("554 5.4.7 expired", Route, Route, "days without an answer"),
        ("550 5.4.1 Recipient address rejected: Access denied. AS(201806281)", Route, Address, "Exchange Online's edge has no such address"),
        ("550 5.4.1 access denied", Route, Route, "routing"),
        ("550 5.4.310 DNS domain does not exist", Route, Address, "Exchange Online"),
        ("503 5.5.1 bad sequence", System, System, "the protocol"),
        ("452 4.5.3 too many recipients", System, System, "the session"),
        ("554 5.6.0 malformed", Content, Content, "the mail"),
        ("553 5.6.7 not ASCII", Content, Content, "RFC 6531"),
        ("550 5.7.1 denied", Sender, Sender, "policy"),
        ("554 5.7.1 <r@d.example>: Recipient address rejected: Access denied", Sender, Sender, "policy, of whom nobody knows"),
        ("550 5.7.26 unauthenticated", Sender, Sender, "RFC 7372"),
        ("550 5.7.2 closed list", Sender, Address, "the list's own rule; the relay's: ours"),
        ("550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup", Sender, Address, "a group of insiders"),
        ("550 no such user", Unspecified, Address, "the relay may mean anything: see fault.rs"),
        ("550 5.0.0 User unknown", Unspecified, Address, "words where the code is empty"),
        ("550 5.5.0 User unknown", System, System, "a code that says something else"),
        ("554 5.7.1 User unknown", Sender, Sender, "the same, by policy"),
        ("550 Unrouteable address", Unspecified, Address, "Exim"),
        ("550 mailbox unavailable", Unspecified, Unspecified, "RFC 5321 section 4.2.3: for policies too"),
        ("550 Relay access denied", Unspecified, Sender, "of us"),
        ("554 blocked, see https://list.example/", Unspecified, Sender, "of us"),
        ("550 5.1.1 User unknown, see our policy", Address, Address, "a code that says it"),
        ("550 5.9.1 x", Unspecified, Unspecified, "no subject that is registered"),
        ("550 5.0.999 x", Unspecified, Unspecified, "RFC 3463 section 3.1"),
        ("", Unspecified, Unspecified, "nothing was said"),
    ];
    for (line, by_relay, returned, why) in rows {
        for (heard, expected) in [
            (HeardIn::Session, by_relay),
            (HeardIn::ReturnedMail, returned),
        ] {
            let found = refusal(line, heard).speaks_of();
            assert_eq!(found, expected, "{line}, {heard:?}: {why}");
        }
    }
}

#[test]
fn every_row_has_a_source_and_can_decide() {
    for (at, row) in CODES.iter().enumerate() {
        assert!(!row.source.is_empty() && row.subject <= 7, "{row:?}");
        let is_before = |earlier: &RefusalCode| {
            earlier.subject == row.subject
                && earlier.heard.is_none()
                && earlier.details.start() <= row.details.start()
                && earlier.details.end() >= row.details.end()
        };
        assert!(
            !CODES[..at].iter().any(is_before),
            "hidden by an earlier row: {row:?}"
        );
    }
}

#[test]
fn enhanced_codes_are_three_numbers() {
    for (text, expected) in [
        ("5.1.1", true),
        ("4.2.252", true),
        ("2.0.0", true),
        ("3.1.1", false),
        ("5.1", false),
        ("5.1.1.1", false),
        ("5.1.+1", false),
        ("5..1", false),
        ("5.1.70000", false),
        ("", false),
    ] {
        let found = EnhancedCode::parse(text);
        assert_eq!(found.is_some(), expected, "{text}");
        assert!(
            found.is_none_or(|code| code.to_string() == text),
            "{text} as it was"
        );
    }
}
