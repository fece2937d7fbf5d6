//! All that holds of every report mail, whatever it is about (RFC 8460 sections 3 and 5.3): one failed session of two.

use std::path::Path;

use jiff::Timestamp;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mail::ReportMail;
use tlsrptd_tests::harness::smtp::Mail;

/// The header, the parts, what is signed.
pub(super) fn check(lab: &Lab, database: &Path, domain: &str, mail: &Mail) {
    let parsed = ReportMail::parse(&mail.bytes);
    let text = String::from_utf8_lossy(&mail.bytes);
    assert!(
        text.lines().all(|line| line.len() <= 998),
        "RFC 5322 section 2.1.1: {domain}"
    );
    let header = |name: &str| {
        parsed
            .header(name)
            .unwrap_or_else(|| panic!("{domain}: no {name}"))
    };
    let report = parsed.report();
    let contact = report["contact-info"].as_str().unwrap();
    let submitter = contact.rsplit_once('@').unwrap().1;
    let id = report["report-id"].as_str().unwrap();

    let mut names = parsed.header_names();
    names.sort_unstable();
    #[rustfmt::skip]
    assert_eq!(names, [
        "Auto-Submitted", "Content-Type", "DKIM-Signature", "DKIM-Signature", "Date", "From", "MIME-Version", "Message-ID",
        "Subject", "TLS-Report-Domain", "TLS-Report-Submitter", "TLS-Required", "To",
    ]);
    assert_eq!(
        header("Subject"),
        format!("Report Domain: {domain} Submitter: {submitter} Report-ID: <{id}@{submitter}>")
    );
    assert_eq!(header("To"), mail.to[0]);
    assert_eq!(header("Auto-Submitted"), "auto-generated");
    assert_eq!(header("TLS-Required"), "No");
    assert_eq!(header("TLS-Report-Domain"), domain);
    assert_eq!(header("TLS-Report-Submitter"), submitter);
    assert_eq!(header("MIME-Version"), "1.0");
    let date = jiff::fmt::rfc2822::parse(&header("Date"))
        .unwrap()
        .timestamp();
    let sql = format!("SELECT strftime('%s', its) FROM reports WHERE domain = '{domain}'");
    assert_eq!(
        date.as_second().to_string(),
        lab.query(database, &sql)[0][0],
        "when the report was made"
    );
    let message_id = header("Message-ID");
    let left = message_id
        .strip_prefix('<')
        .and_then(|id| id.strip_suffix(&format!("@{submitter}>")))
        .unwrap();
    let atom = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    assert!(
        left.starts_with(id) && left.chars().all(atom),
        "{message_id}"
    );
    check_parts(lab, &parsed, &text, domain, submitter);
    for signature in parsed.headers("DKIM-Signature") {
        check_signed(&signature);
    }
}

fn check_parts(lab: &Lab, parsed: &ReportMail, text: &str, domain: &str, submitter: &str) {
    let kind = parsed.header("Content-Type").unwrap();
    assert!(
        kind.starts_with("multipart/report; ") && kind.contains("report-type=\"tlsrpt\""),
        "{kind}"
    );
    let part = |name: &str| parsed.part_header(1, name).unwrap();
    assert_eq!(part("Content-Type"), "application/tlsrpt+gzip");
    assert_eq!(part("Content-Transfer-Encoding"), "base64");
    assert!(part("Content-Disposition").starts_with("attachment"));
    let begin: Timestamp = format!("{}T00:00:00Z", lab.day()).parse().unwrap();
    let (begin, end) = (begin.as_second(), begin.as_second() + 86_399);
    let start = format!("filename=\"{submitter}!{domain}!{begin}!{end}!");
    let line = text
        .lines()
        .find(|line| line.contains(&start))
        .expect("the name in one piece, unencoded");
    let (_, unique) = line.split_once(&start).unwrap();
    let unique = unique.strip_suffix(".json.gz\"").unwrap();
    assert!(
        !unique.is_empty() && unique.chars().all(|c| c.is_ascii_alphanumeric()),
        "{line}"
    );

    let (people, report) = (parsed.text(), parsed.report());
    let line = |label: &str| {
        let value = people.lines().find_map(|line| line.strip_prefix(label));
        value
            .unwrap_or_else(|| panic!("no {label} in {people}"))
            .trim()
            .to_owned()
    };
    assert_eq!(line("Domain:"), domain);
    assert_eq!(line("Day:"), format!("{} (UTC)", lab.day()));
    assert_eq!(
        (line("Sessions:"), line("Failed sessions:")),
        ("2".into(), "1".into())
    );
    assert!(
        people.contains("certificate-not-trusted: 1"),
        "failures by their type: {people}"
    );
    assert_eq!(line("Contact:"), report["contact-info"].as_str().unwrap());
    assert_eq!(
        line("Reported by:"),
        report["organization-name"].as_str().unwrap()
    );
}

/// RFC 8460 section 3: what is signed, and how.
fn check_signed(signature: &str) {
    let tag = |name: &str| {
        let mut tags = signature.split(';').filter_map(|tag| tag.split_once('='));
        let found = tags.find(|(found, _)| found.trim() == name);
        found.map(|(_, value)| value.split_whitespace().collect::<String>())
    };
    assert_eq!(tag("l"), None, "the whole body");
    assert_eq!(tag("d").as_deref(), Some(Lab::SUBMITTER));
    let signed = tag("h").unwrap().to_ascii_lowercase();
    let signed: Vec<&str> = signed.split(':').collect();
    let names = [
        "from",
        "to",
        "subject",
        "date",
        "message-id",
        "content-type",
        "mime-version",
        "auto-submitted",
        "tls-required",
        "tls-report-domain",
        "tls-report-submitter",
    ];
    for name in names {
        let times = signed.iter().filter(|found| **found == name).count();
        assert_eq!(
            times, 2,
            "{name} is signed, and that there is no other: {signed:?}"
        );
    }
}
