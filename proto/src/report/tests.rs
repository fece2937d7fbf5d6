use super::*;

fn submitter() -> Submitter {
    Submitter {
        organization_name: "Örg \"Ltd\"".to_owned(),
        contact_info: Mailbox::parse("tls@org.example").unwrap(),
        installation: InstallationId::parse("0123456789abcdef").unwrap(),
    }
}

fn compose(counts: &str) -> Report {
    let domain = Domain::parse("a.example").unwrap();
    let counts = ReportCounts::from_json(counts, &domain).unwrap();
    Report::compose(
        &submitter(),
        Day::parse("2026-11-20").unwrap(),
        &domain,
        counts,
        1,
    )
}

/// Two records, three texts of one TLSA policy, and failures that become one in the report.
const COUNTS: &str = r#"{
    "v=TLSRPTv1; rua=mailto:b@a.example": {
        "{\"policy-type\": 9}": {"cntrtotal": 1, "cntrfailure": 0, "failures": {}},
        "{\"policy-type\": 1, \"policy-domain\": \"mx.a.example\", \"policy-string\": [\"3 1 1 BB\", \"3 1 1 AA\"]}":
            {"cntrtotal": 5, "cntrfailure": 4, "failures": {
                "{\"c\": 203, \"s\": \"192.0.2.1\", \"n\": \"mx.a.example\", \"h\": \"250-mx.a.example\\r\\n250 X\", \"r\": \"2001:DB8::1\"}": 1,
                "{\"c\": 201}": 1,
                "{\"c\": 999}": 1,
                "{\"c\": 205, \"f\": \"why\", \"a\": \"https://a.example/\"}": 1}}},
    "v=TLSRPTv1; rua=mailto:a@a.example": {
        "{\"policy-type\": 2, \"policy-domain\": \"a.example\", \"policy-string\": [\"version: STSv1\", \"mx: *.a.example\"], \"mx-host\": [\"*.a.example\"]}":
            {"cntrtotal": 1, "cntrfailure": 0, "failures": {}},
        "{\"policy-type\": 1, \"policy-domain\": \"mx.a.example\", \"policy-string\": [\"3 1 1 AA\", \"3 1 1 BB\"], \"x\": 1}":
            {"cntrtotal": 2, "cntrfailure": 1, "failures": {"{\"c\": 201, \"y\": 1}": 1}}}}"#;

const REPORT: &str = concat!(
    r#"{"organization-name": "\u00d6rg \"Ltd\"", "#,
    r#""date-range": {"start-datetime": "2026-11-20T00:00:00Z", "end-datetime": "2026-11-20T23:59:59Z"}, "#,
    r#""contact-info": "tls@org.example", "report-id": "2026-11-20_idx1-0123456789abcdef_a.example", "policies": ["#,
    r#"{"policy": {"policy-type": "tlsa", "policy-string": ["3 1 1 AA", "3 1 1 BB"], "policy-domain": "mx.a.example"}, "#,
    r#""summary": {"total-successful-session-count": 2, "total-failure-session-count": 5}, "failure-details": ["#,
    r#"{"result-type": "starttls-not-supported", "failed-session-count": 2}, "#,
    r#"{"result-type": "certificate-not-trusted", "sending-mta-ip": "192.0.2.1", "receiving-mx-hostname": "mx.a.example", "#,
    r#""receiving-mx-helo": "mx.a.example", "receiving-ip": "2001:db8::1", "failed-session-count": 1}, "#,
    r#"{"result-type": "validation-failure", "failed-session-count": 1, "additional-information": "https://a.example/", "#,
    r#""failure-reason-code": "why"}, "#,
    r#"{"result-type": "validation-failure", "failed-session-count": 1, "failure-reason-code": "999"}]}, "#,
    r#"{"policy": {"policy-type": "sts", "policy-string": ["version: STSv1", "mx: *.a.example"], "#,
    r#""policy-domain": "a.example", "mx-host": ["*.a.example"]}, "#,
    r#""summary": {"total-successful-session-count": 1, "total-failure-session-count": 0}}, "#,
    r#"{"policy": {"policy-type": "no-policy-found", "policy-domain": "a.example"}, "#,
    r#""summary": {"total-successful-session-count": 1, "total-failure-session-count": 0}}]}"#,
);

#[test]
fn a_report_is_these_bytes() {
    assert_eq!(compose(COUNTS).to_json(), REPORT);
}

#[test]
fn its_id_is_the_left_part_of_a_msg_id() {
    let domain = Domain::parse("_x.a-b.example").unwrap();
    let day = Day::parse("2026-11-20").unwrap();
    let report = Report::compose(&submitter(), day, &domain, ReportCounts::default(), 12);
    assert_eq!(
        report.id,
        "2026-11-20_idx12-0123456789abcdef__x.a-b.example"
    );
    assert_eq!(submitter().domain().as_str(), "org.example");
}

#[test]
fn integers_stay_exact_for_every_reader() {
    let counts = format!(
        r#"{{"t": {{"{{}}": {{"cntrtotal": {}, "cntrfailure": 0}}}}}}"#,
        u64::MAX
    );
    assert!(
        compose(&counts)
            .to_json()
            .contains(r#""total-successful-session-count": 9007199254740991,"#)
    );
    let more_failed = r#"{"t": {"{}": {"cntrtotal": 1, "cntrfailure": 2}}}"#;
    assert!(
        compose(more_failed)
            .to_json()
            .contains(r#""total-successful-session-count": 0,"#),
        "never below zero"
    );
}

#[test]
fn a_summary_adds_up() {
    let summary = Summary::from_json(REPORT).unwrap();
    assert_eq!((summary.sessions, summary.failures), (9, 5));
    let by_type: Vec<_> = summary
        .by_type
        .iter()
        .map(|(word, number)| (word.as_str(), *number))
        .collect();
    assert_eq!(
        by_type,
        [
            ("certificate-not-trusted", 1),
            ("starttls-not-supported", 2),
            ("validation-failure", 2)
        ]
    );
    assert_eq!(
        summary.report_id,
        "2026-11-20_idx1-0123456789abcdef_a.example"
    );
    assert_eq!(summary.contact_info, "tls@org.example");
}

/// A report in sys4's form: other order, empty `failure-details`, colons in the id.
#[test]
fn a_summary_reads_sys4s_report() {
    let report = r#"{"organization-name": "Org", "date-range": {"start-datetime": "2026-11-20T00:00:00Z", "end-datetime": "2026-11-20T23:59:59Z"}, "contact-info": "tls@org.test", "policies": [{"summary": {"total-failure-session-count": 1, "total-successful-session-count": 2}, "policy": {"policy-type": "tlsa", "policy-domain": "mx1.a.test", "policy-string": ["3 1 1 00"]}, "failure-details": [{"receiving-ip": "127.0.0.12", "result-type": "certificate-not-trusted", "failed-session-count": 1}]}, {"summary": {"total-failure-session-count": 0, "total-successful-session-count": 1}, "policy": {"policy-type": "no-policy-found"}, "failure-details": []}], "report-id": "2026-11-20T00:00:00Z_idx1_a.test"}"#;
    let summary = Summary::from_json(report).unwrap();
    assert_eq!(
        (
            summary.sessions,
            summary.failures,
            summary.by_type["certificate-not-trusted"]
        ),
        (4, 1, 1)
    );
    assert_eq!(summary.report_id, "2026-11-20T00:00:00Z_idx1_a.test");
    assert_eq!(
        (summary.start.as_str(), summary.end.as_str()),
        ("2026-11-20T00:00:00Z", "2026-11-20T23:59:59Z")
    );
}

#[test]
fn what_is_no_report_has_no_summary() {
    for text in [
        "",
        "7",
        "[]",
        "{}",
        r#"{"report-id": "x"}"#,
        r#"{"report-id": "", "policies": []}"#,
    ] {
        assert!(Summary::from_json(text).is_err(), "{text}");
    }
}
