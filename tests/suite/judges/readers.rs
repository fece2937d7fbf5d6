//! Readers of reports find all that is in ours: counts, policies and their strings, each failure, names, dates.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::library;
use tlsrptd_tests::harness::mail::ReportMail;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::smtp::Mail;
use tlsrptd_tests::harness::sys4::Sys4;

/// A day with everything that a report can hold, and the mails about it.
fn mailed() -> (Lab, Vec<Vec<u8>>, Vec<Mail>) {
    let txt = "v=TLSRPTv1; rua=mailto:a@reports.test";
    let mut datagrams: Vec<Vec<u8>> = mta::recorded()
        .into_iter()
        .map(|(_, bytes)| bytes)
        .collect();
    datagrams.extend([
        mta::several_policies("several.test", txt),
        mta::several_policies("several.test", txt),
        mta::failure("unknown-code.test", txt, 299),
    ]);
    let lab = Lab::new();
    let domains: BTreeMap<String, usize> = datagrams
        .iter()
        .map(|datagram| (mta::domain_of(datagram), 0))
        .collect();
    for domain in domains.keys() {
        lab.dns.tlsrpt(
            domain,
            &format!("v=TLSRPTv1; rua=mailto:tlsrpt@{domain}.example.com"),
        );
    }
    lab.collect(&datagrams);
    let reportd = lab.reportd().start();
    let mails = lab.smtp.wait_for_mails(domains.len());
    reportd.stop().success();
    (lab, datagrams, mails)
}

/// That a reader's findings are those that the datagrams demand, and the names and dates those of the site.
fn assert_all_found(lab: &Lab, expected: &Value, mails: &[Mail], found: &[Value]) {
    assert_eq!(found.len(), mails.len());
    let mut policies = BTreeMap::new();
    for (mail, report) in mails.iter().zip(found) {
        let sent = ReportMail::parse(&mail.bytes);
        let domain = sent.header("TLS-Report-Domain").unwrap();
        assert_eq!(report["organization_name"], "Sender Example", "{domain}");
        assert_eq!(report["contact_info"], "tlsrpt@sender.example", "{domain}");
        let day = lab.day();
        assert_eq!(report["begin_date"], format!("{day}T00:00:00Z"), "{domain}");
        assert_eq!(report["end_date"], format!("{day}T23:59:59Z"), "{domain}");
        assert_eq!(report["report_id"], sent.report()["report-id"], "{domain}");
        policies.insert(domain, report["policies"].clone());
    }
    let expected: BTreeMap<_, _> = expected.as_object().unwrap().iter().collect();
    assert!(policies.keys().eq(expected.keys().copied()));
    for (domain, expected) in expected {
        let pretty = |policies: &Value| format!("{policies:#}");
        assert_eq!(pretty(&policies[domain]), pretty(expected), "{domain}");
    }
}

#[test]
fn each_finds_all_that_is_in_a_mail() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    let (lab, datagrams, mails) = mailed();
    let expected = sys4.expected(&datagrams);
    for reader in ["parsedmarc", "email-report-checker"] {
        let found = sys4.read(reader, mails.iter().map(|mail| &mail.bytes));
        assert_all_found(&lab, &expected, &mails, &found);
    }
    let read = |mail: &Mail| common(&library::report(&mail.bytes));
    let found: Vec<Value> = mails.iter().map(read).collect();
    assert_all_found(&lab, &expected, &mails, &found);
}

/// What mail-auth has read, in the form of parse_reports.py.
fn common(report: &Value) -> Value {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let policies = list(&report["policies"]).into_iter().map(|entry| {
        let mut policy = renamed(&entry["policy"]);
        policy.extend(renamed(&entry["summary"]));
        let details = list(&entry["failure-details"]);
        let details = details.iter().map(|detail| renamed(detail).into());
        policy.insert("failure_details".to_owned(), sorted(details.collect()));
        policy.into()
    });
    let mut whole = renamed(report);
    whole.extend(renamed(&report["date-range"]));
    whole.insert("policies".to_owned(), sorted(policies.collect()));
    whole.into()
}

/// The texts, numbers and lists of texts of an object under parsedmarc's names, less what is empty.
fn renamed(object: &Value) -> Map<String, Value> {
    let mut out = Map::new();
    for (name, value) in object.as_object().into_iter().flatten() {
        let name = match name.as_str() {
            "start-datetime" => "begin_date".to_owned(),
            "end-datetime" => "end_date".to_owned(),
            "policy-string" => "policy_strings".to_owned(),
            "additional-information" => "additional_info_uri".to_owned(),
            "total-successful-session-count" => "successful_session_count".to_owned(),
            "total-failure-session-count" => "failed_session_count".to_owned(),
            other => other.replace('-', "_"),
        };
        if !value.is_null() && !value.is_object() && *value != json!([]) {
            out.insert(name, value.clone());
        }
    }
    out
}

/// In the order of their texts, as expect.py and parse_reports.py sort: by JSON with sorted names.
fn sorted(mut entries: Vec<Value>) -> Value {
    for entry in &mut entries {
        entry.sort_all_objects();
    }
    entries.sort_by_key(python_json);
    entries.into()
}

/// `json.dumps(value, sort_keys=True)` of texts, numbers, lists and objects whose names are sorted.
fn python_json(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(python_json).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let field =
                |(name, value): (&String, &Value)| format!("{name:?}: {}", python_json(value));
            let fields: Vec<String> = fields.iter().map(field).collect();
            format!("{{{}}}", fields.join(", "))
        }
        other => other.to_string(),
    }
}
