//! Digests of days that are written down here.

use super::*;
use crate::store::OutcomeTotals;

pub(crate) fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

/// A row of that day.
pub(crate) fn row(on: &str, domain: Option<&str>, result: &str, sessions: u64) -> FailureRow {
    FailureRow {
        first_day: day(on),
        day: day(on),
        days: 1,
        domain: domain.map(str::to_owned),
        mx: domain.map(|domain| format!("mx.{domain}")),
        address: domain.map(|_| "192.0.2.1".to_owned()),
        policy_type: "sts".to_owned(),
        result_type: result.to_owned(),
        reason_code: None,
        sessions,
    }
}

pub(crate) fn totals(on: &str, sessions: u64, failed: u64) -> DayTotals {
    DayTotals {
        domains: 5,
        sessions,
        failed,
        reports: 4,
        without: 1,
        deliveries: 5,
        by_result: vec![ResultTotals {
            result_type: "certificate-expired".to_owned(),
            sessions: failed,
        }],
        outcomes: vec![OutcomeTotals {
            status: "sent".to_owned(),
            deliveries: 3,
        }],
        ..DayTotals::of(day(on))
    }
}

/// Of the 28th: these rows, of which those of these domains are new.
pub(crate) fn of_rows(rows: Vec<FailureRow>, new: Option<&[&str]>) -> Digest {
    let failed = rows.iter().map(|row| row.sessions).sum();
    let is_new = |row: &&FailureRow, new: &[&str]| {
        row.domain
            .as_deref()
            .is_some_and(|domain| new.contains(&domain))
    };
    let new = new.map(|new| {
        let of_new = rows.iter().filter(|row| is_new(row, new));
        of_new.cloned().collect()
    });
    let found = Found {
        totals: vec![
            totals("2026-11-27", 90, 0),
            totals("2026-11-28", 100, failed),
        ],
        failures: rows,
        new,
        missing: Vec::new(),
        named: Vec::new(),
    };
    Digest::of(DigestPeriod::day(day("2026-11-28")), found)
}

const EXPIRED: &str = "certificate-expired";

#[test]
fn what_is_counted() {
    let on = "2026-11-28";
    let rows = vec![
        row(on, Some("a.test"), EXPIRED, 5),
        row(on, Some("a.test"), "sts-webpki-invalid", 3),
        row(on, Some("b.test"), EXPIRED, 1),
    ];
    let digest = of_rows(rows.clone(), Some(&["b.test"]));
    assert_eq!(
        (digest.sessions, digest.failed),
        (100, 9),
        "the day before is not counted"
    );
    assert_eq!(digest.failing, Counted::Exactly(2), "each domain once");
    let new: Vec<bool> = digest.failures.iter().map(|of| of.is_new).collect();
    assert_eq!(new, [false, false, true]);
    assert!(digest.unknown.is_empty());
    let mut folded = rows;
    folded.push(row(on, None, "", 40));
    let digest = of_rows(folded, None);
    assert_eq!(
        digest.failing,
        Counted::MoreThan(2),
        "nobody knows how many are folded"
    );
    assert_eq!(digest.news, News::Unknown);
}

#[test]
fn a_week_is_summed_and_its_gaps_are_named() {
    let days = ["2026-11-22", "2026-11-23", "2026-11-25", "2026-11-29"];
    let found = Found {
        totals: days.map(|on| totals(on, 10, 2)).to_vec(),
        failures: Vec::new(),
        new: None,
        missing: Vec::new(),
        named: Vec::new(),
    };
    let digest = Digest::of(DigestPeriod::week(day("2026-11-29")), found);
    assert_eq!((digest.sessions, digest.failed), (30, 6));
    assert_eq!(digest.by_result[0].sessions, 6);
    let unknown: Vec<String> = digest.unknown.iter().map(Day::to_string).collect();
    assert_eq!(
        unknown,
        ["2026-11-24", "2026-11-26", "2026-11-27", "2026-11-28"]
    );
    assert_eq!(digest.reports.len(), 4, "the day before too");
}

#[test]
fn what_is_to_be_done() {
    let on = "2026-11-28";
    let many: Vec<String> = (0..12).map(|number| format!("d{number}.test")).collect();
    let rows: Vec<FailureRow> = many
        .iter()
        .map(|name| row(on, Some(name), EXPIRED, 1))
        .collect();
    let all: Vec<&str> = many.iter().map(String::as_str).collect();
    let quiet = || of_rows(Vec::new(), Some(&[]));
    let with = |change: &dyn Fn(&mut Digest)| {
        let mut digest = quiet();
        change(&mut digest);
        advice(&digest)
    };
    let alike = Advice::LookAtUs {
        result_type: EXPIRED.to_owned(),
        domains: 12,
    };
    let missing = MissingCollector {
        day: day(on),
        command: "ssh mx2 tlsrpt-fetcher".to_owned(),
        reason: None,
    };
    let timed_out = OutcomeTotals {
        status: "timedout".to_owned(),
        deliveries: 2,
    };
    for (found, want, why) in [
        (advice(&quiet()), vec![], "all is well"),
        (
            advice(&of_rows(rows.clone(), None)),
            vec![],
            "whether it is new is not known",
        ),
        (
            advice(&of_rows(rows.clone(), Some(&all[..2]))),
            vec![Advice::LookAtNews],
            "two of twelve",
        ),
        (
            advice(&of_rows(rows, Some(&all))),
            vec![alike, Advice::LookAtNews],
            "all at once",
        ),
        (
            with(&|digest| digest.sessions = 0),
            vec![Advice::LookAtTheCollector],
            "Postfix says nothing",
        ),
        (
            with(&|digest| {
                digest.sessions = 0;
                digest.missing.push(missing.clone());
            }),
            vec![Advice::MendCollectors(1)],
            "nobody could tell",
        ),
        (
            with(&|digest| digest.reports[0].outcomes.push(timed_out.clone())),
            vec![Advice::LookAtDeliveries(2)],
            "of the day before",
        ),
    ] {
        assert_eq!(found, want, "{why}");
    }
    assert!(quiet().is_quiet());
    let mut digest = quiet();
    digest.missing.push(missing);
    assert!(!digest.is_quiet(), "what is not gathered may have failed");
}
