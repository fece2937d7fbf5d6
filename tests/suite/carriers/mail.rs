//! The mail, header by header (RFC 8460 section 5.3), and its signatures, as others see them.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::ReportMail;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::smtp::{Act, Mail, Smtp, Stage};
use tlsrptd_tests::harness::sys4::Sys4;

use super::message::check;
use super::{by_domain, rua};

/// A name of so many octets.
fn long(octets: usize) -> String {
    let mut name = "test".to_owned();
    while name.len() + 64 <= octets {
        name = format!("{}.{name}", "x".repeat(63));
    }
    match octets - name.len() {
        0 => name,
        rest => format!("{}.{name}", "y".repeat(rest - 1)),
    }
}

/// What reports are about.
fn domains() -> [String; 4] {
    // 242 octets are the most that a record's name leaves room for; 253 the most of a name.
    [
        "short.test".into(),
        "xn--mller-kva.test".into(),
        long(242),
        long(253),
    ]
}

/// Which of them: the address tells.
fn number(address: &str) -> usize {
    let digits = address["to-".len()..].split('@').next();
    digits.unwrap().parse().unwrap()
}

/// One failed and one good session of each domain.
fn site() -> Lab {
    let lab = Lab::new();
    let record = |number: usize| rua(&format!("mailto:to-{number}@reports.test"));
    let domains = domains();
    let datagrams = domains.iter().enumerate().flat_map(|(number, domain)| {
        [
            mta::failure(domain, &record(number), 203),
            mta::success(domain, &record(number)),
        ]
    });
    lab.collect(datagrams.collect::<Vec<_>>());
    lab
}

/// Runs reportd with a database and a relay of its own, and returns the mails.
fn mails(lab: &Lab, name: &str, change: impl Fn(Program) -> Program) -> Vec<Mail> {
    let relay = Smtp::start();
    let database = lab.file(&format!("{name}.sqlite"));
    let program = lab
        .reportd()
        .set("dbname", database.display())
        .set("mail_transport", relay.transport())
        // The longest domain is too long to be asked for.
        .set("resolve_records", "no");
    let reportd = change(program).start();
    let count = domains().len();
    let mails = relay.wait_for_mails(count);
    by_domain(lab, &database, count);
    reportd.stop().success();
    assert_eq!(mails.len(), count, "{name}");
    for mail in &mails {
        let domain = &domains()[number(&mail.to[0])];
        check(lab, &database, domain, mail);
    }
    let ids: BTreeSet<_> = mails
        .iter()
        .map(|mail| ReportMail::parse(&mail.bytes).header("Message-ID"))
        .collect();
    assert_eq!(ids.len(), count, "{name}: each mail has its own Message-ID");
    mails
}

#[test]
fn header_by_header_for_every_sender() {
    let lab = site();
    let long_contact = format!("r@{}", long(252));
    #[rustfmt::skip]
    let table = [
        ("plain", "sender_address", "noreply@sender.example", "noreply@sender.example", "an address alone"),
        ("name", "sender_address", "TLS Reports <noreply@sender.example>", "TLS Reports <noreply@sender.example>", "words"),
        ("quoted", "sender_address", "\"Reports, \\\"X\\\" Inc.\" <noreply@sender.example>", "\"Reports, \\\"X\\\" Inc.\" <noreply@sender.example>", "what must be quoted"),
        ("bare", "sender_address", "Reports, Inc. <noreply@sender.example>", "\"Reports, Inc.\" <noreply@sender.example>", "what the operator should have quoted"),
        ("encoded", "sender_address", "Bücher GmbH <noreply@sender.example>", "Bücher GmbH <noreply@sender.example>", "not ASCII"),
        ("contact", "contact_info", &long_contact, "TLS Reports <noreply@sender.example>", "a submitter as long as a name can be"),
        ("organization", "organization_name", "Bücher GmbH", "TLS Reports <noreply@sender.example>", "not ASCII in the text part"),
    ];
    let mut all = Vec::new();
    for (row, option, value, from, reason) in table {
        // Whatever contact_info is, the key of sender.example signs: a longer name has no room for a selector.
        let change = |program: Program| {
            program
                .set(option, value)
                .set("dkim_domain", Lab::SUBMITTER)
        };
        let mails = mails(&lab, row, change);
        for mail in &mails {
            let found = ReportMail::parse(&mail.bytes).header("From").unwrap();
            assert_eq!(decoded(&found), from, "{row}: {reason}");
            assert_eq!(
                mail.from, "noreply@sender.example",
                "{row}: the envelope's sender"
            );
            assert_eq!(mail.to.len(), 1, "{row}");
        }
        all.push((row, mails));
    }
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    let bytes = all
        .iter()
        .flat_map(|(_, mails)| mails)
        .map(|mail| &mail.bytes);
    for verdicts in sys4.dkim(bytes, &lab.dns.all_txt()) {
        assert_eq!(verdicts, ["ok rsa-sha256", "ok ed25519-sha256"]);
    }
    for (row, mails) in &all {
        if !["encoded", "contact", "organization"].contains(row) {
            continue;
        }
        let parsed = sys4.parsed(mails.iter().map(|mail| &mail.bytes));
        let found: BTreeSet<String> = parsed.as_object().unwrap().keys().cloned().collect();
        assert_eq!(
            found,
            BTreeSet::from(domains()),
            "{row}: parsedmarc reads them"
        );
    }
}

/// RFC 2047, base64 words alone: each decoded by itself, the space between two is none.
fn decoded(value: &str) -> String {
    let mut out = String::new();
    let mut after_word = false;
    for word in value.split(' ') {
        let encoded = word
            .strip_prefix("=?utf-8?B?")
            .and_then(|word| word.strip_suffix("?="));
        let joined = out.is_empty() || (after_word && encoded.is_some());
        if !joined {
            out.push(' ');
        }
        after_word = encoded.is_some();
        match encoded {
            Some(encoded) => {
                out.push_str(&String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap())
            }
            None => out.push_str(word),
        }
    }
    out
}

#[test]
fn the_sender_is_the_contact_unless_set() {
    let lab = site();
    for mail in mails(&lab, "unset", |program| program.unset("sender_address")) {
        let from = ReportMail::parse(&mail.bytes).header("From");
        assert_eq!(
            (from.as_deref(), mail.from.as_str()),
            (Some("tlsrpt@sender.example"), "tlsrpt@sender.example")
        );
    }
}

#[test]
fn without_keys_signing_is_left_to_the_mta() {
    let lab = Lab::new();
    super::fill(&lab, [("a.test", rua("mailto:to-0@reports.test"))]);
    let reportd = lab.reportd().unset("dkim_keys").start();
    let mails = lab.smtp.wait_for_mails(1);
    by_domain(&lab, &lab.reportd_db(), 1);
    let log = reportd.stop().success().stderr;
    let signed = ReportMail::parse(&mails[0].bytes).header("DKIM-Signature");
    assert_eq!(signed, None);
    assert!(log.contains("the MTA has to sign"), "said at start");
}

#[test]
fn a_blind_copy_is_in_the_envelope_only() {
    let lab = site();
    for mail in mails(&lab, "copied", |program| {
        program.set("bcc_address", "archive@sender.example")
    }) {
        assert_eq!(mail.to[1..], ["archive@sender.example"]);
        assert!(!String::from_utf8_lossy(&mail.bytes).contains("archive"));
    }
}

#[test]
fn a_copy_that_is_refused_does_not_stop_the_report() {
    let lab = Lab::new();
    let refused = Act::reply("550 5.1.1 nobody here");
    lab.smtp
        .script_for("archive@sender.example", Stage::Rcpt, refused);
    super::fill(&lab, [("a.test", rua("mailto:to-0@reports.test"))]);
    let reportd = lab
        .reportd()
        .set("bcc_address", "archive@sender.example")
        .start();
    let found = by_domain(&lab, &lab.reportd_db(), 1);
    reportd.stop().success();
    assert_eq!(found["a.test"].result(), "sent", "{found:?}");
    assert_eq!(lab.smtp.mails()[0].to, ["to-0@reports.test"]);
}

#[test]
fn a_changed_mail_does_not_verify() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    let lab = site();
    let mails = mails(&lab, "changed", |program| program);
    let original = String::from_utf8(mails[0].bytes.clone()).unwrap();
    #[rustfmt::skip]
    let table = [
        ("TLS-Report-Domain: ", "TLS-Report-Domain: x", "the domain"),
        ("TLS-Report-Submitter: ", "TLS-Report-Submitter: x", "the submitter"),
        ("TLS-Required: No", "TLS-Required: Yes", "the way it may go"),
        ("Date: ", "Subject: another\r\nDate: ", "a second Subject in front"),
        ("MIME-Version: ", "Reply-To: x@elsewhere.test\r\nMIME-Version: ", "where answers go"),
        ("Sessions: ", "Sessions: 9", "the body"),
        ("--\r\n", "--\r\nmore\r\n", "more at the end of the body"),
    ];
    let changed = |(from, to, reason): &(&str, &str, &str)| {
        let at = original
            .rfind(from)
            .unwrap_or_else(|| panic!("{reason}: no {from:?}"));
        format!("{}{to}{}", &original[..at], &original[at + from.len()..])
    };
    let verdicts = sys4.dkim(table.iter().map(changed), &lab.dns.all_txt());
    for (verdicts, (.., reason)) in verdicts.iter().zip(table) {
        assert_eq!(verdicts.len(), 2, "{reason}");
        assert!(
            verdicts.iter().all(|verdict| !verdict.starts_with("ok")),
            "{reason}: {verdicts:?}"
        );
    }
    // Each key signs on its own.
    let verdicts = sys4.dkim([&original], &lab.dns.all_txt()[..]);
    assert_eq!(verdicts, [["ok rsa-sha256", "ok ed25519-sha256"]]);
    let without_rsa: Vec<_> = lab
        .dns
        .all_txt()
        .into_iter()
        .filter(|(name, _)| !name.starts_with("rsa."))
        .collect();
    let verdicts = sys4.dkim([&original], &without_rsa);
    assert!(
        !verdicts[0][0].starts_with("ok") && verdicts[0][1] == "ok ed25519-sha256",
        "{verdicts:?}"
    );
}
