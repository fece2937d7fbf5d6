//! Returned mails in the forms that MTAs write, and mails that are none.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::*;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(format!("{name}.eml"))).unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bounce/fixtures")
}

/// What a mail says, a line a recipient: action, address, status, code, enhanced code, and what the refusal speaks of.
fn shown(read: &Result<ReturnedMail, NoBounce>) -> Vec<String> {
    let code = |code: Option<EnhancedCode>| code.map_or("-".to_owned(), |code| code.to_string());
    let line = |one: &ReturnedRecipient| {
        let address = one.address.as_deref().unwrap_or("-");
        let (status, enhanced) = (code(one.status), code(one.enhanced));
        let digits = one.code.map_or("-".to_owned(), |code| code.to_string());
        let about = one.speaks_of();
        let action = one.action;
        format!("{action:?} {address} {status} {digits} {enhanced} {about:?}")
    };
    match read {
        Ok(mail) => mail.recipients.iter().map(line).collect(),
        Err(other) => vec![format!("{other:?}")],
    }
}

#[rustfmt::skip]
const FORMS: &[(&str, &[&str], &str, &str)] = &[
    ("postfix-unknown-user", &["Failed tlsrpt@dead.example 5.1.1 550 5.1.1 Address"], "mx.dead.example said: 550 5.1.1 <tlsrpt@dead.example>: Recipient address rejected: User unknown in local recipient table", "the usual one"),
    ("postfix-no-mail-host", &["Failed tlsrpt@dead.example 5.4.4 - - Address"], "Host or domain name not found. Name service error for name=dead.example type=AAAA: Host not found", "the domain is gone"),
    ("postfix-delayed", &["Delayed tlsrpt@dead.example 4.4.1 - - Route"], "connect to mx.dead.example[192.0.2.25]:25: Connection timed out", "not given up"),
    ("postfix-expired", &["Failed tlsrpt@dead.example 4.4.1 - - Route"], "connect to mx.dead.example[192.0.2.25]:25: Connection timed out", "given up: who was cut off?"),
    ("postfix-mailbox-full-for-days", &["Failed tlsrpt@dead.example 4.2.2 452 4.2.2 Address"], "mx.dead.example said: 452 4.2.2 Over quota", "nobody reads it"),
    ("postfix-bare-reply", &["Failed tlsrpt@dead.example 5.0.0 550 - Address"], "mx.dead.example said: 550 No such user here", "words decide where codes do not"),
    ("postfix-blocked", &["Failed tlsrpt@dead.example 5.7.1 554 5.7.1 Sender"], "mx.dead.example said: 554 5.7.1 Service unavailable; Client host [198.51.100.1] blocked using list.example", "about us"),
    ("postfix-relayed", &["Relayed tlsrpt@dead.example 2.0.0 250 2.0.0 Unspecified"], "mx.dead.example said: 250 2.0.0 Ok: queued as 4F0C", "no failure"),
    ("postfix-smtputf8", &["Failed müller@dead.example 5.1.1 550 5.1.1 Address"], "mx.dead.example said: 550 5.1.1 Empfänger unbekannt", "RFC 6533"),
    ("postfix-report-taken-off", &["Failed tlsrpt@dead.example - 550 5.1.1 Address"], "host mx.dead.example[192.0.2.25] said: 550 5.1.1 <tlsrpt@dead.example>: Recipient address rejected: User unknown (in reply to RCPT TO command)", "by a gateway: its text"),
    ("exim-dsn", &["Failed tlsrpt@dead.example 5.0.0 550 - Address"], "mx.dead.example said: 550 Unrouteable address", "Exim has no status of its own"),
    ("exim-text", &["Failed tlsrpt@dead.example - 550 5.1.1 Address", "Failed second@dead.example - - - Address"], "SMTP error from remote mail server after RCPT TO:<tlsrpt@dead.example>: host mx.dead.example [192.0.2.25]: 550 5.1.1 <tlsrpt@dead.example>: Recipient address rejected: User unknown", "before 4.82"),
    ("exim-text-delayed", &["Delayed tlsrpt@dead.example - - - Unspecified"], "Delay reason: Connection timed out No action is required on your part. Delivery attempts will continue for some time, and this warning may be repeated at intervals if the message remains undelivered.", "a warning"),
    ("exim-other-language", &["Failed tlsrpt@dead.example - - - Unspecified"], "no reason given", "by its field alone"),
    ("qmail", &["Failed tlsrpt@dead.example - 550 5.1.1 Address", "Failed second@dead.example - - 5.1.1 Address", "Failed third@silent.example - - 4.4.1 Route"], "192.0.2.25 does not like recipient. Remote host said: 550 5.1.1 User unknown Giving up on 192.0.2.25.", "QSBMF"),
    ("sendmail-dsn", &["Failed tlsrpt@dead.example 5.1.1 550 5.1.1 Address"], "mx.dead.example said: 550 5.1.1 <tlsrpt@dead.example>... User unknown", "8.18"),
    ("sendmail-old", &["Failed tlsrpt@dead.example - 550 - Address"], "550 <tlsrpt@dead.example>... User unknown", "8.6: the reason is in the transcript"),
    ("exchange-dsn", &["Failed tlsrpt@dead.example 5.1.10 550 5.1.10 Address"], "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient tlsrpt@dead.example not found by SMTP address lookup", "2019, in German"),
    ("exchange-old", &["Failed tlsrpt@dead.example - - - Address"], "on Sun, 29 Nov 2026 04:12:08 -0000 The recipient name is not recognized The MTS-ID of the original message is: c=us;a= ;p=dead;l=EX1-261129041208Z-1 MSEXCH:IMS:Dead:SITE:EX1 0 (000C05A6) Unknown Recipient", "5.5"),
    ("exchange-online-edge", &["Failed tlsrpt@dead.example 5.4.1 550 5.4.1 Address"], "dead-example.mail.protection.outlook.com said: 550 5.4.1 Recipient address rejected: Access denied. AS(201806281) [AM4PEPF00027A5D.eurprd04.prod.outlook.com]", "its edge has no such address"),
    ("gmail-dsn", &["Failed tlsrpt@dead.example 5.1.1 550 5.1.1 Address"], "gmail-smtp-in.l.google.com said: 550-5.1.1 The email account that you tried to reach does not exist. Please try 550-5.1.1 double-checking the recipient's email address for typos or 550 5.1.1 unnecessary spaces. - gsmtp", "a reply of three lines, behind a picture"),
    ("courier", &["Failed tlsrpt@dead.example 5.0.0 550 5.1.1 Address"], "mx.dead.example said: 550 5.1.1 No such user.", "the receiver's word is the better one"),
    ("yahoo", &["Failed tlsrpt@dead.example - 554 - Address"], "554: delivery error: dd This user doesn't have a yahoo.com account (tlsrpt@dead.example) [0] - mta1017.mail.ne1.yahoo.com", "text"),
    ("forwarded", &["Failed tlsrpt@dead.example 5.1.1 550 5.1.1 Address"], "mx.dead.example said: 550 5.1.1 <tlsrpt@dead.example>: Recipient address rejected: User unknown in local recipient table", "by the postmaster, as an attachment"),
    ("forwarded-twice-encoded", &["Failed tlsrpt@dead.example 5.1.1 550 5.1.1 Address"], "mx.dead.example said: 550 5.1.1 <tlsrpt@dead.example>: Recipient address rejected: User unknown in local recipient table", "and by the manager, in base64"),
    ("vacation", &["AutomaticReply"], "", "RFC 3834, from the null sender, with addresses and three digits"),
    ("read-receipt", &["ReadReceipt"], "", "RFC 8098, with the words of a bounce"),
    ("abuse-report", &["AbuseReport"], "", "RFC 5965, about a bounce"),
    ("list-mail", &["ListMail"], "", "about bounces"),
    ("person", &["OtherMail"], "", "who quotes one"),
    ("our-report", &["OtherMail"], "", "a report is a multipart/report too"),
];

#[test]
fn forms_are_read_with_every_line_end() {
    let mut names: Vec<String> = FORMS.iter().map(|row| format!("{}.eml", row.0)).collect();
    names.sort();
    let files = std::fs::read_dir(folder()).unwrap();
    let mut files: Vec<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(names, files, "each fixture has its row");
    for (name, expected, reason, why) in FORMS {
        let mail = fixture(name);
        let crlf = String::from_utf8(mail.clone())
            .unwrap()
            .replace('\n', "\r\n");
        let mut count = 0;
        let mixed = |byte: &u8| match byte {
            b'\n' => {
                count += 1;
                if count % 3 == 0 {
                    vec![b'\r', b'\n']
                } else {
                    vec![b'\n']
                }
            }
            other => vec![*other],
        };
        let mixed: Vec<u8> = mail.iter().flat_map(mixed).collect();
        let found = read(&mail);
        assert_eq!(shown(&found), *expected, "{name}: {why}");
        for (ends, mail) in [("CRLF", crlf.as_bytes()), ("mixed", &mixed)] {
            assert_eq!(read(mail), found, "{name}: {ends}");
        }
        let Ok(found) = found else {
            continue;
        };
        assert_eq!(found.recipients[0].to_string(), *reason, "{name}: {why}");
        let has_tag =
            |text: &String| text == "tag1" || text == "tlsrpt-bounces+tag1@sender.example";
        assert!(found.tags.iter().any(has_tag), "{name}: {:?}", found.tags);
    }
}

/// Reports are found before the mail that they return, so a cut costs nothing but that.
#[test]
fn a_mail_that_is_cut_off_says_what_it_has_said() {
    let mail = fixture("postfix-unknown-user");
    let whole = read(&mail);
    let end = String::from_utf8(mail.clone()).unwrap();
    let end = end.find("Content-Description: Undelivered").unwrap();
    for length in 0..mail.len() {
        let found = read(&mail[..length]);
        if length >= end {
            assert_eq!(shown(&found), shown(&whole), "{length}");
        }
    }
}

/// A report with these groups of fields.
fn report(groups: &str) -> Vec<u8> {
    let mail = format!(
        "To: b+tag1@s.example\nContent-Type: multipart/report; boundary=b; report-type=delivery-status\n\n\
         --b\nContent-Type: message/delivery-status\n\n{groups}\n--b--\n"
    );
    mail.into_bytes()
}

#[test]
fn reports_with_pieces_missing_or_odd() {
    #[rustfmt::skip]
    let rows = [
        ("Reporting-MTA: dns; r\n\nFINAL-RECIPIENT: RFC822;a@b.example\nACTION: FAILED\nSTATUS: 5.1.1\n", &["Failed a@b.example 5.1.1 - - Address"][..], "no case"),
        ("Final-Recipient: rfc822;a@b.example\nAction:\n failed\nStatus:\n\t5.1.1 (unknown)\n", &["Failed a@b.example 5.1.1 - - Address"], "folded, with a comment"),
        ("Reporting-MTA: dns; r\nFinal-Recipient: rfc822;a@b.example\nAction: failed\nStatus: 5.1.1\n", &["Failed a@b.example 5.1.1 - - Address"], "no empty line before"),
        ("Final-Recipient: rfc822;a@b.example\nAction: failed\nStatus: 5.1.1\nFinal-Recipient: rfc822;c@b.example\nAction: delayed\nStatus: 4.2.2\n", &["Failed a@b.example 5.1.1 - - Address", "Delayed c@b.example 4.2.2 - - Address"], "nor between"),
        ("Final-Recipient: rfc822;a@b.example\nStatus: 5.1.1\n", &["Failed a@b.example 5.1.1 - - Address"], "no action: the class says it"),
        ("Final-Recipient: rfc822;a@b.example\nStatus: 4.4.1\n", &["Delayed a@b.example 4.4.1 - - Route"], "the same"),
        ("Final-Recipient: rfc822;a@b.example\nAction: failed\n", &["Failed a@b.example - - - Unspecified"], "no status"),
        ("Final-Recipient: rfc822;a@b.example\nAction: failed\nStatus: five\nDiagnostic-Code: smtp; 550 5.1.1 no\n", &["Failed a@b.example - 550 5.1.1 Address"], "no status, but a reply"),
        ("Action: failed\nStatus: 5.1.1\n", &["Failed - 5.1.1 - - Address"], "no recipient: ours has one"),
        ("Original-Recipient: rfc822;a@b.example\nAction: failed\nStatus: 5.1.1\n", &["Failed - 5.1.1 - - Address"], "as we named it alone"),
        ("Final-Recipient: rfc822;a@b.example\n", &["NoRecipient"], "not a word of what happened"),
        ("Final-Recipient: rfc822;a@b.example\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: 550 5.1.1 no\n", &["Failed a@b.example 5.0.0 550 5.1.1 Address"], "a reply without its type"),
        ("Final-Recipient: rfc822;a@b.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 554 5.7.1 spam\n", &["Failed a@b.example 5.1.1 554 5.7.1 Unspecified"], "two words that differ"),
        ("Final-Recipient: rfc822;a@b.example\nAction: failed\nStatus: 5.7.1\nDiagnostic-Code: smtp; 550 5.1.1 no\n", &["Failed a@b.example 5.7.1 550 5.1.1 Unspecified"], "the same"),
        ("Final-Recipient: rfc822;a@b.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 250 ok\n", &["Failed a@b.example 5.1.1 250 - Unspecified"], "a reply that takes it"),
        ("Final-Recipient: rfc822;a@b.example\nAction: failed\nStatus: 2.0.0\n", &["Failed a@b.example 2.0.0 - - Unspecified"], "failed, with success"),
        ("Final-Recipient: rfc822;a@b.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: SMTP; 550 blocked by list.example\n", &["Failed a@b.example 5.1.1 550 - Unspecified"], "sendmail calls each bare 550 so"),
        ("Final-Recipient: rfc822;a@b.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 no\n", &["Failed a@b.example 5.1.1 550 - Address"], "a bare reply that says nothing else"),
        ("Final-Recipient: rfc822;a@b.example\nAction: expanded\nStatus: 2.1.5\n\nFinal-Recipient: rfc822;c@b.example\nAction: delivered\nStatus: 2.1.5\n", &["Expanded a@b.example 2.1.5 - - Unspecified", "Delivered c@b.example 2.1.5 - - Unspecified"], "no failures"),
        ("", &["NoRecipient"], "nothing"),
        ("\n\n\n", &["NoRecipient"], "nothing but lines"),
        ("rubbish\nmore\n\nFinal-Recipient: rfc822;a@b.example\nrubbish\nAction: failed\nStatus: 5.1.1\n", &["Failed a@b.example 5.1.1 - - Address"], "rubbish in between"),
    ];
    for (groups, expected, why) in rows {
        assert_eq!(shown(&read(&report(groups))), expected, "{why}: {groups}");
    }
}

#[test]
fn reports_in_odd_wrappings() {
    let status = "Final-Recipient: rfc822;a@b.example\nAction: failed\nStatus: 5.1.1\n";
    #[rustfmt::skip]
    let rows = [
        (format!("Content-Type: message/delivery-status\n\n{status}"), true, "alone"),
        (format!("Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\n{status}"), true, "as text, by its multipart"),
        (format!("Content-Type: multipart/mixed; boundary=b\n\n--b\n\n{status}"), false, "as text of any mail"),
        (format!("Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status; charset=utf-8\n\n{status}"), true, "no report-type"),
        (format!("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n{status}"), true, "in another multipart"),
        ("Content-Type: message/delivery-status\nContent-Transfer-Encoding: quoted-printable\n\nFinal-Recipient: rfc822=3Ba@b.example\nAction: fail=\ned\nStatus: 5.1.1\n".to_owned(), true, "quoted-printable"),
        ("Content-Type: message/delivery-status; charset=utf-16be\nContent-Transfer-Encoding: base64\n\nAEYAaQBuAGEAbAAtAFIAZQBjAGkAcABpAGUAbgB0ADoAIAByAGYAYwA4ADIAMgA7AGEAQABiAC4A\nZQB4AGEAbQBwAGwAZQAKAEEAYwB0AGkAbwBuADoAIABmAGEAaQBsAGUAZAAKAFMAdABhAHQAdQBz\nADoAIAA1AC4AMQAuADEACg==\n".to_owned(), true, "UTF-16"),
        (format!("From x@y.example Sun Nov 29\nContent-Type: message/delivery-status\n\n{status}"), true, "with mbox's line before"),
        (format!("Content-Type: multipart/report; boundary=b\n\n--c\nContent-Type: message/delivery-status\n\n{status}"), false, "another boundary"),
        (format!("Content-Type: multipart/report\n\n--c\nContent-Type: message/delivery-status\n\n{status}"), false, "no boundary"),
    ];
    for (mail, is_read, why) in rows {
        let found = read(mail.as_bytes());
        let expected = match is_read {
            true => "Failed a@b.example 5.1.1 - - Address",
            false => "OtherMail",
        };
        assert_eq!(shown(&found), [expected], "{why}");
    }
    assert_eq!(read(b""), Err(NoBounce::NoMail));
    assert_eq!(read(b"\n\n"), Err(NoBounce::NoMail));
    assert_eq!(read(&[0xff; 100]), Err(NoBounce::NoMail));
}

/// A mail that returns a bounce speaks for itself, and not for the one that it returns.
#[test]
fn the_outer_report_counts() {
    let inner = String::from_utf8(fixture("postfix-unknown-user")).unwrap();
    let mail = format!(
        "Content-Type: multipart/report; boundary=o\n\n--o\nContent-Type: message/delivery-status\n\n\
         Final-Recipient: rfc822;out@b.example\nAction: delayed\nStatus: 4.4.1\n\n--o\nContent-Type: message/rfc822\n\n{inner}\n--o--\n"
    );
    assert_eq!(
        shown(&read(mail.as_bytes())),
        ["Delayed out@b.example 4.4.1 - - Route"]
    );
}

#[test]
fn the_likeliest_tags_come_first() {
    let mail = "X-Original-To: one@s.example\nDelivered-To: two@s.example\nTo: \"Three\" <three@s.example>, one@s.example\n\
        Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n\
        Original-Envelope-Id: zero\n\nAction: failed\nStatus: 5.1.1\n--b\nContent-Type: text/rfc822-headers\n\n\
        From: five@s.example\nReturn-Path: <four@s.example>\n--b--\n";
    let tags = read(mail.as_bytes()).unwrap().tags;
    let expected = [
        "zero",
        "one@s.example",
        "two@s.example",
        "three@s.example",
        "four@s.example",
        "five@s.example",
    ];
    assert_eq!(tags, expected);
}

#[test]
fn texts_are_safe_to_print_and_short() {
    let long = "x".repeat(5000);
    let groups = format!(
        "Final-Recipient: rfc822;a\u{1b}[31m@b.example\nAction: failed\nStatus: 5.1.1\n\
         Remote-MTA: dns; mx\u{202e}.example\nDiagnostic-Code: smtp; 550 5.1.1 \u{1b}[2J{long}\n"
    );
    let mail = read(&report(&groups)).unwrap();
    let one = &mail.recipients[0];
    assert_eq!(one.address.as_deref(), Some("a [31m@b.example"));
    assert_eq!(one.remote.as_deref(), Some("mx\\u{202e}.example"));
    assert!(one.reason.starts_with("550 5.1.1 [2Jxxx") && one.reason.len() <= 300);
}

/// What strangers may send is read in bounded time and memory.
#[test]
fn hostile_mails_are_bounded() {
    let recipients =
        "Final-Recipient: rfc822;a@b.example\nAction: failed\nStatus: 5.1.1\n\n".repeat(1000);
    let many = read(&report(&recipients)).unwrap();
    assert_eq!((many.recipients.len(), many.omitted), (MAX_RECIPIENTS, 900));
    let listed = "<a@b.example>:\nno\n\n".repeat(1000);
    let listed =
        read(format!("A: b\n\nHi. This is the deliver program.\n\n{listed}").as_bytes()).unwrap();
    assert_eq!(
        (listed.recipients.len(), listed.omitted),
        (MAX_RECIPIENTS, 900)
    );

    let nested = |head: &str, depth: usize| head.repeat(depth).into_bytes();
    let status = b"Content-Type: message/delivery-status\n\nAction: failed\nStatus: 5.1.1\n";
    let within = |depth| {
        [
            nested("Content-Type: message/rfc822\n\n", depth),
            status.to_vec(),
        ]
        .concat()
    };
    assert!(
        read(&within(entity::MAX_DEPTH)).is_ok(),
        "as deep as is read"
    );
    assert_eq!(
        read(&within(entity::MAX_DEPTH + 1)),
        Err(NoBounce::TooNested)
    );

    #[rustfmt::skip]
    let rows = [
        (nested("Content-Type: message/rfc822\n\n", 1 << 15), "mails within mails"),
        (nested("Content-Type: multipart/mixed; boundary=b\n\n--b\n", 1 << 15), "multiparts within multiparts, of one boundary"),
        ((0..40_000).flat_map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n").into_bytes()).collect(), "each of its own"),
        ([b"Content-Type: multipart/mixed; boundary=b\n\n".to_vec(), nested("--b\n\n", 1 << 17)].concat(), "parts without number"),
        ([b"Content-Type: multipart/mixed; boundary=b\n\n".to_vec(), nested("--b\nContent-Type: multipart/mixed; boundary=c\n\n", 1 << 14)].concat(), "parts that never come"),
        (nested("A:\n", 1 << 18), "fields without number"),
        ([b"A: b\n".to_vec(), nested(" x\n", 1 << 18)].concat(), "one fold after another"),
        ([b"To: ".to_vec(), nested("a@b.example, (", 1 << 16)].concat(), "comments"),
        ([b"Content-Type: text/plain; ".to_vec(), nested("a*0=b; ", 1 << 16)].concat(), "parameters"),
        (nested("=", 1 << 20), "one line"),
        ([b"A: b\n\nThe mail system\n<a@b.example>:\n".to_vec(), nested("x\n", 1 << 19)].concat(), "a reason without an end"),
        ([b"A: b\n\nThe mail system\n".to_vec(), nested("a@b.example\n", 1 << 16)].concat(), "recipients of a text"),
        (report(&"a:b\n".repeat(1 << 18)), "fields of a report"),
        (report(&"\n".repeat(1 << 20)), "empty lines of a report"),
        (report(&"Status: 5.1.1\n".repeat(1 << 16)), "statuses"),
        (vec![b'\n'; 1 << 21], "nothing"),
    ];
    for (mail, why) in rows {
        let begin = Instant::now();
        let _ = read(&mail);
        let took = begin.elapsed();
        assert!(took < Duration::from_secs(5), "{why}: {took:?}");
    }
}
