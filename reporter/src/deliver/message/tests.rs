//! The mail, octet by octet.

use tlsrptd_proto::domain::Domain;

use super::*;
use crate::deliver::fixtures;

fn compose_to(report: &StoredReport, sender_address: &str) -> String {
    let submitter = Domain::parse("mail.sender.example").unwrap();
    let sender = Sender::parse(sender_address, submitter).unwrap();
    let to = Mailbox::parse("tls-rpt@rcpt.example").unwrap();
    let message = compose(report, &to, &sender, report.created, None, -1).unwrap();
    String::from_utf8(message.bytes(&[])).unwrap()
}

/// Everything but the compressed octets, which are the zlib author's affair.
#[test]
fn golden() {
    let mail = compose_to(&fixtures::report(), "TLS Reports <noreply@sender.example>");
    let golden = include_str!("golden.eml").replace('\n', "\r\n");
    let (before, after) = golden.split_once("@GZIP@\r\n").unwrap();
    assert!(mail.starts_with(before), "{mail}");
    assert!(mail.ends_with(after), "{mail}");
    let encoded = &mail[before.len()..mail.len() - after.len()];
    assert!(encoded.lines().all(|line| line.len() <= 76));
    let gzip = STANDARD.decode(encoded.replace("\r\n", "")).unwrap();
    assert_eq!(gzip, *payload::gzip(&fixtures::report(), -1).unwrap());
}

#[test]
fn a_retry_is_the_same_bytes() {
    let report = fixtures::report();
    let once = compose_to(&report, "a@sender.example");
    assert_eq!(once, compose_to(&report, "a@sender.example"));
}

#[test]
fn names_of_253_octets_fit() {
    let label = "a".repeat(61);
    let name = format!("{label}.{label}.{label}.{label}.abcde");
    assert_eq!(name.len(), 253);
    let domain = Domain::parse(&name).unwrap();
    let json = fixtures::report().json.replace("example.com", &name);
    let mail = compose_to(
        &StoredReport {
            domain,
            json,
            ..fixtures::report()
        },
        "a@sender.example",
    );
    assert!(mail.split("\r\n").all(|line| line.len() <= 998));
    assert!(mail.contains(&format!("\r\nTLS-Report-Domain: {name}\r\n")));
    assert!(mail.contains(&format!(
        " filename=\"mail.sender.example!{name}!1795132800!1795219199!7x0123456789abcdef.json.gz\"\r\n"
    )));
    let unfolded = mail.replace("\r\n ", " ");
    assert!(unfolded.contains(&format!(
        "\r\nSubject: Report Domain: {name} Submitter: mail.sender.example \
         Report-ID: <2026-11-20_idx7-0123456789abcdef_{name}@mail.sender.example>\r\n"
    )));
}

#[test]
fn a_report_that_sys4_made() {
    let json = fixtures::report().json.replace(
        "2026-11-20_idx7-0123456789abcdef",
        "2026-11-20T00:00:00Z_idx7",
    );
    let mail = compose_to(
        &StoredReport {
            json,
            ..fixtures::report()
        },
        "a@sender.example",
    );
    let id = "<2026-11-20T00_00_00Z_idx7_example.com@mail.sender.example>";
    assert!(
        mail.replace("\r\n ", " ")
            .contains(&format!("Report-ID: {id}\r\n")),
        "{mail}"
    );
    assert!(mail.contains("Report-ID:       2026-11-20T00:00:00Z_idx7_example.com\r\n"));
}

#[test]
fn text_that_is_not_ascii_is_encoded() {
    let json = fixtures::report().json.replace("Sender Inc.", "Bücher");
    let mail = compose_to(
        &StoredReport {
            json,
            ..fixtures::report()
        },
        "Bücher <a@sender.example>",
    );
    assert!(mail.is_ascii());
    assert!(mail.contains("\r\nFrom: =?utf-8?B?QsO8Y2hlcg==?= <a@sender.example>\r\n"));
    assert!(mail.contains("Content-Type: text/plain; charset=utf-8\r\n"));
    assert!(mail.contains("Reported by:     B=C3=BCcher\r\n"));
}

#[test]
fn what_is_no_report_is_not_mailed() {
    let report = StoredReport {
        json: "{}".to_owned(),
        ..fixtures::report()
    };
    let sender = Sender::parse("a@x.example", Domain::parse("x.example").unwrap()).unwrap();
    assert!(compose(&report, &sender.address, &sender, report.created, None, -1).is_err());
}
