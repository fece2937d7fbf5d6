//! The report and its mail, field by field.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tlsrptd_tests::harness::mail;

use super::mark::{better, different, kept};
use super::reporter::policy_of;
use super::scene::{Scene, unmarked};
use super::topic::{Topic, case};

pub(super) fn topic() -> Topic {
    long(message(document(Topic::new("Report and mail"))))
}

/// An MTA-STS policy with failures, to a mail address and a URL.
fn day(domain: &str) -> super::reporter::Day {
    let policy = json!({"policy-type": 2, "policy-domain": domain, "policy-string": ["version: STSv1", "mode: enforce"], "mx-host": ["mx.a.test"]});
    let failures = json!({r#"{"c": 203, "s": "192.0.2.1", "n": "mx.a.test", "r": "192.0.2.2"}"#: 2, r#"{"c": 999}"#: 1});
    let counts = json!({"cntrtotal": 5, "cntrfailure": 3, "failures": failures});
    policy_of(
        domain,
        "v=TLSRPTv1; rua=mailto:x@m.test,https://m.test/r",
        &policy,
        counts,
    )
}

#[rustfmt::skip]
fn document(topic: Topic) -> Topic {
    let policies = json!([{
        "policy": {"policy-type": "sts", "policy-domain": "a.test", "policy-string": ["version: STSv1", "mode: enforce"], "mx-host": ["mx.a.test"]},
        "summary": {"total-successful-session-count": 2, "total-failure-session-count": 3},
        "failure-details": [{"result-type": "certificate-not-trusted", "sending-mta-ip": "192.0.2.1", "receiving-mx-hostname": "mx.a.test", "receiving-ip": "192.0.2.2", "failed-session-count": 2}],
    }]);
    let cases = vec![
        case("keys", "contact-info date-range organization-name policies report-id", kept("the JSON's fields")),
        case("organization-name", "Sender Example", kept("")),
        case("contact-info", "tlsrpt@sender.example", kept("")),
        case("date-range", "YESTERDAYT00:00:00Z YESTERDAYT23:59:59Z", kept("")),
        case("policies", sorted_keys(&policies), kept("")),
        case("report-id", "YESTERDAY_idx1-ID_a.test", different("YESTERDAYT00:00:00Z_idx1_a.test", "`report-id` `2026-11-20T00:00:00Z_idx1_example.com`, no valid msg-id", "`2026-11-20_idx1-0f1e2d3c4b5a6978_example.com`, with a random mark of the installation")),
        case("tlsrptrecord", "empty", kept("")),
    ];
    topic.together(cases, |scene| {
        let mut report = posted(scene, "a.test");
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let range = &report["date-range"];
        let range = format!("{} {}", text(&range["start-datetime"]), text(&range["end-datetime"]));
        // What an unknown code becomes is a case of its own.
        if let Some(details) = report["policies"][0]["failure-details"].as_array_mut() {
            details.retain(|detail| detail["result-type"] == "certificate-not-trusted");
        }
        let keys: Vec<&str> = report.as_object().unwrap().keys().map(String::as_str).collect();
        let mut sorted = keys.clone();
        sorted.sort_unstable();
        let day = scene.rows("r.sqlite", "SELECT day FROM reports");
        vec![
            sorted.join(" "),
            text(&report["organization-name"]),
            text(&report["contact-info"]),
            range.replace(&day, "YESTERDAY"),
            sorted_keys(&report["policies"]),
            unmarked(&text(&report["report-id"]).replace(&day, "YESTERDAY")),
            scene.rows("r.sqlite", "SELECT coalesce(tlsrptrecord, 'empty') FROM reports"),
        ]
    })
    .case("result types", "201 starttls-not-supported 202 certificate-host-mismatch 203 certificate-not-trusted 204 certificate-expired 205 validation-failure 301 sts-policy-fetch-error 302 sts-policy-invalid 303 sts-webpki-invalid 304 tlsa-invalid 305 dnssec-invalid 306 dane-required", kept("the eleven result types"), |scene| {
        let codes = [201, 202, 203, 204, 205, 301, 302, 303, 304, 305, 306];
        // Each so often as its number says: so it is known again.
        let failures: serde_json::Map<String, Value> = codes.iter().map(|code| (format!("{{\"c\": {code}}}"), json!(code))).collect();
        let counts = json!({"cntrtotal": 5, "cntrfailure": 3, "failures": failures});
        let policy = json!({"policy-type": 9, "policy-domain": "a.test"});
        scene.report(&scene.reporter(&[policy_of("a.test", "v=TLSRPTv1; rua=https://m.test/r", &policy, counts)]), 1);
        let report = mail::report(&scene.kept("posts").pop().unwrap().0);
        let detail = |detail: &Value| format!("{} {}", detail["failed-session-count"], detail["result-type"].as_str().unwrap_or("none"));
        let mut details: Vec<String> = report["policies"][0]["failure-details"].as_array().unwrap().iter().map(detail).collect();
        details.sort();
        details.join(" ")
    })
    .case("an unknown code", "validation-failure", better("none", "a failure with an unknown code lacks its `result-type`", "is `validation-failure`, the code as its reason"), |scene| {
        let report = posted(scene, "a.test");
        let details = report["policies"][0]["failure-details"].as_array().unwrap().clone();
        let other = details.iter().find(|detail| detail["result-type"] != "certificate-not-trusted");
        other.and_then(|other| other["result-type"].as_str()).unwrap_or("none").to_owned()
    })
}

/// JSON with its keys in order: theirs come in none.
fn sorted_keys(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            let sorted: BTreeMap<&String, String> = object
                .iter()
                .map(|(key, value)| (key, sorted_keys(value)))
                .collect();
            let members: Vec<String> = sorted
                .into_iter()
                .map(|(key, value)| format!("{key}: {value}"))
                .collect();
            format!("{{{}}}", members.join(", "))
        }
        Value::Array(array) => format!(
            "[{}]",
            array.iter().map(sorted_keys).collect::<Vec<_>>().join(", ")
        ),
        value => value.to_string(),
    }
}

fn posted(scene: &Scene, domain: &str) -> Value {
    scene.report(&scene.reporter(&[day(domain)]), 1);
    mail::report(&scene.kept("posts").pop().unwrap().0)
}

/// A header field of a mail, unfolded; `none`.
fn header(mail: &str, name: &str) -> String {
    let head = mail.replace("\r\n", "\n");
    let head = head
        .split("\n\n")
        .next()
        .unwrap_or_default()
        .replace("\n ", " ");
    let value = head
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name}: ")).map(str::to_owned));
    value.unwrap_or_else(|| "none".to_owned())
}

fn mailed(scene: &Scene, domain: &str) -> String {
    let reporter = scene
        .reporter(&[day(domain)])
        .set("sender_address", "TLS Reports <noreply@sender.example>");
    scene.report(&reporter, 1);
    String::from_utf8(scene.kept("mails").pop().unwrap().0).unwrap()
}

#[rustfmt::skip]
fn message(topic: Topic) -> Topic {
    let cases = vec![
        case("Subject", "Report Domain: a.test Submitter: sender.example Report-ID: <ID@sender.example>", kept("the mail's headers and parts, the name of its attachment")),
        case("From", "TLS Reports <noreply@sender.example>", kept("")),
        case("To", "x@m.test", kept("")),
        case("TLS-Report-Domain", "a.test", kept("")),
        case("TLS-Report-Submitter", "sender.example", kept("")),
        case("TLS-Required", "No", kept("")),
        case("MIME-Version", "1.0", kept("")),
        case("Content-Type", "multipart/report; report-type=\"tlsrpt\"", kept("")),
        case("parts", "text/plain application/tlsrpt+gzip attachment sender.example!a.test!BEGIN!END!1xID.json.gz", better("text/plain application/tlsrpt+gzip attachment sender.example!a.test!BEGIN!END!1.json.gz", "two hosts of one organisation give their reports on a domain's day one report-id and one file name: to a receiver the second is a duplicate", "each installation has a mark of its own in both, and in the Message-ID")),
        case("Date", "a date", better("none", "no Date, no Auto-Submitted", "both")),
        case("Auto-Submitted", "auto-generated", better("none", "", "")),
        case("the text", "numbers", better("one line", "", "")),
    ];
    topic.together(cases, |scene| {
        let mail = mailed(scene, "a.test");
        let subject = header(&mail, "Subject");
        let (begin, id) = subject.split_once('<').unwrap_or_default();
        let at = id.split_once('@').unwrap_or_default().1;
        let kind = header(&mail, "Content-Type");
        let date = header(&mail, "Date");
        let text = mail.split("\n\n").nth(2).or_else(|| mail.split("\r\n\r\n").nth(2)).unwrap_or_default();
        vec![
            format!("{begin}<ID@{at}"),
            header(&mail, "From"),
            header(&mail, "To"),
            header(&mail, "TLS-Report-Domain"),
            header(&mail, "TLS-Report-Submitter"),
            header(&mail, "TLS-Required"),
            header(&mail, "MIME-Version"),
            kind.split("; boundary").next().unwrap_or_default().to_owned(),
            unmarked(&parts(&mail)),
            if date == "none" { date } else { "a date".to_owned() },
            header(&mail, "Auto-Submitted"),
            if text.contains("Failed sessions") || mail.contains("Failed sessions") { "numbers" } else { "one line" }.to_owned(),
        ]
    })
}

/// The parts' types, and what the attachment is called, its times as words.
fn parts(mail: &str) -> String {
    let unfolded = mail.replace("\r\n", "\n").replace("\n ", " ");
    let kinds = unfolded
        .lines()
        .filter_map(|line| line.strip_prefix("Content-Type: "))
        .skip(1);
    let kinds: Vec<&str> = kinds
        .map(|kind| kind.split(';').next().unwrap_or_default())
        .collect();
    let name = unfolded
        .lines()
        .find_map(|line| line.strip_prefix("Content-Disposition: "))
        .unwrap_or_default();
    let mut words: Vec<String> = name
        .replace("; filename=", " ")
        .replace('"', "")
        .split('!')
        .map(str::to_owned)
        .collect();
    for (place, word) in [(2, "BEGIN"), (3, "END")] {
        if let Some(number) = words
            .get_mut(place)
            .filter(|number| number.len() == 10 && number.bytes().all(|byte| byte.is_ascii_digit()))
        {
            word.clone_into(number);
        }
    }
    format!("{} {}", kinds.join(" "), words.join("!"))
}

fn long(topic: Topic) -> Topic {
    let says = || "long Subjects become encoded words, long file names come in pieces: simple receivers cannot read them";
    let cases = vec![
        case(
            "a long Subject",
            "plain",
            better("encoded", says(), "folded, not encoded; file names whole"),
        ),
        case(
            "a long file name",
            "whole",
            better("in pieces", says(), "folded, not encoded; file names whole"),
        ),
    ];
    topic.together(cases, |scene| {
        let domain = format!("{}.{}.test", "a".repeat(50), "b".repeat(50));
        let mail = mailed(scene, &domain);
        let subject = if header(&mail, "Subject").contains("=?") {
            "encoded"
        } else {
            "plain"
        };
        let name = if mail.contains("filename*0") {
            "in pieces"
        } else {
            "whole"
        };
        vec![subject.to_owned(), name.to_owned()]
    })
}
