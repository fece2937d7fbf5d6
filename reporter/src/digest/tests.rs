//! Digests as they are read.

use super::*;
use crate::{
    answers::digest::{
        Digest,
        tests::{day, of_rows, row, totals},
    },
    store::{FailureRow, MissingCollector, WithoutReport},
};

const ON: &str = "2026-11-28";
const EXPIRED: &str = "certificate-expired";

fn some() -> Vec<FailureRow> {
    vec![
        row(ON, Some("a.test"), EXPIRED, 5),
        row(ON, Some("b.test"), "sts-policy-fetch-error", 1),
    ]
}

#[test]
fn subjects_say_the_essence() {
    let with = |change: &dyn Fn(&mut Digest)| {
        let mut digest = of_rows(Vec::new(), Some(&[]));
        change(&mut digest);
        subject(&digest)
    };
    let missing = MissingCollector {
        day: day(ON),
        command: "x".to_owned(),
        reason: None,
    };
    let mut folded = some();
    folded.push(row(ON, None, "", 40));
    for (found, want, why) in [
        (
            with(&|_| ()),
            "TLS 2026-11-28: no failures in 100 sessions",
            "all is well",
        ),
        (
            with(&|digest| digest.sessions = 0),
            "TLS 2026-11-28: no sessions",
            "nothing came",
        ),
        (
            with(&|digest| digest.failed = 1),
            "TLS failures 2026-11-28: 1 session",
            "one of which no details were told",
        ),
        (
            subject(&of_rows(some(), None)),
            "TLS failures 2026-11-28: 2 domains, 6 sessions",
            "whether they are new is not known",
        ),
        (
            subject(&of_rows(some(), Some(&["a.test"]))),
            "TLS failures 2026-11-28: 2 domains, 6 sessions; 1 new",
            "one is",
        ),
        (
            subject(&of_rows(folded, Some(&[]))),
            "TLS failures 2026-11-28: more than 2 domains, 46 sessions",
            "the others are folded",
        ),
        (
            with(&|digest| digest.missing.push(missing.clone())),
            "TLS 2026-11-28: no failures in 100 sessions; a collector is missing",
            "so that is not all",
        ),
    ] {
        assert_eq!(found, want, "{why}");
    }
}

#[test]
fn a_text_for_people() {
    let mut digest = of_rows(some(), Some(&["a.test"]));
    digest.reports[1].without_reasons.push(WithoutReport {
        reason: "no record".to_owned(),
        domains: 1,
        sessions: 1,
    });
    digest.missing.push(MissingCollector {
        day: day(ON),
        command: "ssh mx2 tlsrpt-fetcher".to_owned(),
        reason: Some("no answer: connection refused".to_owned()),
    });
    let text = contents(&digest, "Example Mail").text;
    for (part, why) in [
        (
            "TLS of the mail that Example Mail sent, 2026-11-28 (UTC)\n",
            "whose, and when",
        ),
        (
            "100 sessions with 5 domains. 6 of them failed, with 2 domains. 1 of\n",
            "how many",
        ),
        (
            "\n         5  a.test (new)\n            certificate-expired, policy MTA-STS\n            mx.a.test[192.0.2.1]\n",
            "the largest first",
        ),
        ("\n         1  b.test\n", "this one is known"),
        (
            "\n  certificate-expired (6 sessions)\n    The certificate of the MX host had expired when we connected. The\n",
            "what it means",
        ),
        ("\n  - A collector gave no answer", "what to do"),
        (
            "\n  2026-11-28       4       3       2       0       0          0\n",
            "how the reports fared",
        ),
        ("    no record: 1 domain\n", "and why there was none"),
        (
            "  ssh mx2 tlsrpt-fetcher gave no answer for 2026-11-28\n    no answer: connection refused\n",
            "what is missing",
        ),
    ] {
        assert!(text.contains(part), "{why}: {part:?} in\n{text}");
    }
}

/// Whatever strangers write, and however much of it.
#[test]
fn lines_fit_and_nothing_hides() {
    let hostile = "\r\nSubject: x\u{202e}=1+1\u{1b}[31m".repeat(20);
    let mut rows: Vec<FailureRow> = (0..200)
        .map(|number| row(ON, Some(&format!("{number}.{hostile}")), &hostile, 10))
        .collect();
    for row in &mut rows {
        row.mx = Some(hostile.clone());
        row.reason_code = Some(hostile.clone());
    }
    let mut digest = of_rows(rows, Some(&[]));
    digest.by_result[0].result_type.clone_from(&hostile);
    digest.missing = vec![
        MissingCollector {
            day: day(ON),
            command: hostile.clone(),
            reason: Some(hostile.clone()),
        };
        50
    ];
    digest.reports[1].without_reasons.push(WithoutReport {
        reason: hostile.clone(),
        domains: 1,
        sessions: 1,
    });
    let contents = contents(&digest, &hostile);
    let text = &contents.text;
    for line in text.lines() {
        assert!(line.chars().count() <= 72, "{line:?}");
        assert!(!line.starts_with("Subject:"), "{line:?}");
    }
    let hidden = |c: char| c != '\n' && tlsrptd_config::visible::is_hidden(c);
    assert!(!text.contains(hidden));
    assert!(text.contains("And 185 more"), "{text}");
    assert!(text.len() < 20_000, "{}", text.len());
    assert!(
        !contents
            .subject
            .contains(tlsrptd_config::visible::is_hidden)
    );
}

#[test]
fn a_day_without_failures_is_a_short_mail() {
    let digest = of_rows(Vec::new(), Some(&[]));
    let contents = contents(&digest, "Example Mail");
    assert!(contents.text.contains("None of them failed."));
    assert!(contents.text.contains("  No.\n"), "{}", contents.text);
    assert_eq!(contents.csv, "");
    assert_eq!(totals(ON, 1, 0).waiting(), 2);
}
