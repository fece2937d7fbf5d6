//! What is remembered of what was done.

use jiff::Timestamp;
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::{failure::ResultType, policy::PolicyType};
use tlsrptd_reporter::{
    model::{CountedDetails, CountedFailure, DecidedDomain, Decision, DeliveryStatus, Destination},
    store::{
        AttemptEnd, Disposition, FailureQuestion, FailureRow, KeptReport, OperatorAccess,
        OperatorStore, ReportContents, Store, open_for_operator,
    },
};

use crate::{
    at, claim, day, decision,
    environment::{contradiction, folder, settings, totals},
    later, open, report,
};

fn reader(settings: &Reportd) -> Box<dyn OperatorStore> {
    open_for_operator(settings, OperatorAccess::Read).unwrap()
}

fn failure(mx: &str, sessions: u64) -> CountedFailure {
    CountedFailure {
        mx: mx.to_owned(),
        address: String::new(),
        policy: PolicyType::Sts,
        result: ResultType::CertificateExpired,
        reason: String::new(),
        sessions,
    }
}

/// A domain with these failures.
fn failing(domain: &str, failures: &[(&str, u64)]) -> DecidedDomain {
    let mut decided = report(domain, "{}", Vec::new());
    let failed: u64 = failures.iter().map(|(_, sessions)| sessions).sum();
    decided.rows.sessions = failed + 1;
    decided.rows.failed = failed;
    decided.rows.details = CountedDetails {
        by_policy: [(PolicyType::Sts, (failed + 1, failed))].into(),
        by_result: [(ResultType::CertificateExpired, failed)].into(),
        failures: failures.iter().map(|(mx, n)| failure(mx, *n)).collect(),
        folded: 0,
    };
    decided
}

fn question(limit: usize) -> FailureQuestion {
    FailureQuestion {
        from: day(),
        to: day(),
        domain: None,
        new_since: None,
        limit,
    }
}

fn texts(rows: &[FailureRow]) -> Vec<String> {
    let text = |row: &FailureRow| {
        let domain = row.domain.as_deref().unwrap_or("*");
        format!(
            "{domain} {} {}",
            row.mx.as_deref().unwrap_or("-"),
            row.sessions
        )
    };
    rows.iter().map(text).collect()
}

fn ended(claimed: &tlsrptd_reporter::model::Delivery, status: DeliveryStatus) -> AttemptEnd {
    AttemptEnd {
        disposition: Disposition::Final {
            status,
            reason: String::new(),
        },
        gzip: Some(format!("gzip of {}", claimed.domain()).into_bytes().into()),
        ..later(claimed, at("21T00:00:00"))
    }
}

#[test]
fn totals_of_a_day() {
    let folder = folder();
    let settings = settings(folder.path(), &[]);
    let mut store = open(&settings);
    let now = at("21T00:00:00");
    let mut two = decision(
        "a.example",
        &["mailto:r@a.example", "https://a.example/"],
        now,
    );
    two.rows.details.by_policy = [(PolicyType::Tlsa, (1, 0))].into();
    if let Decision::Report(report) = &mut two.decision {
        let to = Destination::new(
            "mailto:s@a.example",
            tlsrptd_reporter::model::NamedBy::Record,
        );
        // The second is the same delivery as the first.
        report.destinations.push(report.destinations[0].clone());
        report.suppressed.push((to, "asked us to".to_owned()));
    }
    let mut none = failing("b.example", &[("mx.b.example", 2)]);
    none.decision = Decision::NoReport("no record: the MTA saw none".to_owned());
    store.store_decisions(day(), &[two, none], now).unwrap();
    let claimed = claim(&mut *store, now, 10);
    assert_eq!(claimed.len(), 2);
    store.record(&[later(&claimed[0], now)], now).unwrap();
    let seen = &totals(&settings.dbname)[0];
    assert_eq!((seen.waiting(), seen.ended("suppressed")), (2, 1));
    for _ in 0..2 {
        // Whoever tells it again changes nothing.
        let ends = [
            ended(&claimed[0], DeliveryStatus::Sent),
            ended(&claimed[1], DeliveryStatus::TimedOut),
        ];
        store.record(&ends, now).unwrap();
    }
    // What came late is of a domain that is known.
    let mut late = failing("b.example", &[("mx.b.example", 3)]);
    late.uniqid = 2;
    store.close_day(day(), &[late], now).unwrap();
    let all = totals(&settings.dbname);
    assert_eq!(all.len(), 1);
    let seen = &all[0];
    assert_eq!((seen.domains, seen.sessions, seen.failed), (2, 8, 5));
    assert_eq!((seen.reports, seen.without), (2, 1));
    assert_eq!(seen.without_reasons[0].reason, "no record");
    assert_eq!(seen.without_reasons[0].sessions, 3);
    let policies: Vec<_> = seen
        .by_policy
        .iter()
        .map(|of| (&*of.policy_type, of.sessions, of.failed))
        .collect();
    assert_eq!(policies, [("sts", 7, 5), ("tlsa", 1, 0)]);
    assert_eq!(
        (&*seen.by_result[0].result_type, seen.by_result[0].sessions),
        ("certificate-expired", 5)
    );
    let ends = ["sent", "timedout", "suppressed", "refused"].map(|status| seen.ended(status));
    assert_eq!(
        (seen.deliveries, ends, seen.waiting()),
        (3, [1, 1, 1, 0], 0)
    );
    assert_eq!(contradiction(&settings.dbname, seen), None);
    assert_eq!(
        texts(&reader(&settings).failures(&question(10)).unwrap()),
        ["b.example mx.b.example 5"]
    );
    assert_eq!(
        store.totals(day(), day()).unwrap(),
        all,
        "the reporter itself reads the same"
    );
    // Nothing is known of a day that nobody worked on.
    assert!(
        reader(&settings)
            .totals(day().next(), day().ahead(9))
            .unwrap()
            .is_empty()
    );
    assert_eq!(reader(&settings).first_day().unwrap(), Some(day()));
}

#[test]
fn the_most_frequent_failures_stay() {
    let folder = folder();
    let three = settings(folder.path(), &["--history_failures=3"]);
    let mut store = open(&three);
    let now = at("21T00:00:00");
    let top = |limit| texts(&reader(&three).failures(&question(limit)).unwrap());
    let rows: [(&[(&str, u64)], &[&str], &str); 5] = [
        (
            &[("m1", 5), ("m2", 1)],
            &["a.example m1 5", "a.example m2 1"],
            "room for all",
        ),
        (
            &[("m1", 1)],
            &["a.example m1 5", "a.example m2 1", "b.example m1 1"],
            "the last place",
        ),
        (
            &[("m1", 1), ("m2", 1)],
            &[
                "a.example m1 5",
                "a.example m2 1",
                "b.example m1 1",
                "* - 2",
            ],
            "of equals the first stay",
        ),
        (
            &[("m1", 1_000_000)],
            &[
                "d.example m1 1000000",
                "a.example m1 5",
                "b.example m1 1",
                "* - 3",
            ],
            "the last in the alphabet",
        ),
        (
            &[("m1", 2), ("m2", 7)],
            &[
                "d.example m1 1000000",
                "e.example m2 7",
                "a.example m1 5",
                "* - 6",
            ],
            "several",
        ),
    ];
    for ((failures, want, why), letter) in rows.into_iter().zip('a'..) {
        let decided = failing(&format!("{letter}.example"), failures);
        store.store_decisions(day(), &[decided], now).unwrap();
        assert_eq!(top(9), want, "{why}");
        // What is in memory is no more than what is in the table.
        if letter == 'c' {
            store.close().unwrap();
            store = open(&three);
        }
    }
    assert_eq!(
        top(1),
        ["d.example m1 1000000", "* - 6"],
        "beyond the limit, what was folded"
    );
    assert_eq!(
        contradiction(&three.dbname, &totals(&three.dbname)[0]),
        None
    );
    // Late sessions go to the row that there is.
    let mut late = failing("a.example", &[("m1", 3), ("m9", 1)]);
    late.uniqid = 2;
    store.store_decisions(day(), &[late], now).unwrap();
    assert_eq!(
        top(9),
        [
            "d.example m1 1000000",
            "a.example m1 8",
            "e.example m2 7",
            "* - 7"
        ]
    );
    store.close().unwrap();
    // The option became less.
    let one = settings(folder.path(), &["--history_failures=1"]);
    open(&one)
        .store_decisions(day(), &[failing("f.example", &[("m1", 1)])], now)
        .unwrap();
    assert_eq!(top(9), ["d.example m1 1000000", "* - 23"]);
    assert_eq!(contradiction(&one.dbname, &totals(&one.dbname)[0]), None);
}

#[test]
fn failures_of_several_days() {
    let folder = folder();
    let settings = settings(folder.path(), &[]);
    let mut store = open(&settings);
    let now = at("21T00:00:00");
    let days: [&[(&str, u64)]; 3] = [
        &[("a", 1), ("b", 9)],
        &[("b", 1), ("c", 4)],
        &[("a", 3), ("b", 2)],
    ];
    for (at, domains) in days.iter().enumerate() {
        let decided: Vec<_> = domains
            .iter()
            .map(|(name, n)| failing(&format!("{name}.example"), &[("mx", *n)]))
            .collect();
        store
            .close_day(day().ahead(at as u32), &decided, now)
            .unwrap();
    }
    let ask = |from: u32, to: u32, domain: Option<&str>, since: Option<u32>, limit| {
        let question = FailureQuestion {
            from: day().ahead(from),
            to: day().ahead(to),
            domain: domain.map(str::to_owned),
            new_since: since.map(|since| day().ahead(since)),
            limit,
        };
        let rows = reader(&settings).failures(&question).unwrap();
        let text = |row: &FailureRow| {
            let name = row.domain.as_deref().unwrap_or("*");
            format!(
                "{} {} on {} of {} to {}",
                &name[..1],
                row.sessions,
                row.days,
                row.first_day,
                row.day
            )
        };
        rows.iter().map(text).collect::<Vec<_>>()
    };
    let all = [
        "b 12 on 3 of 2026-11-20 to 2026-11-22",
        "a 4 on 2 of 2026-11-20 to 2026-11-22",
        "c 4 on 1 of 2026-11-21 to 2026-11-21",
    ];
    assert_eq!(ask(0, 2, None, None, 9), all);
    assert_eq!(ask(0, 2, None, None, 1), all[..1]);
    assert_eq!(ask(0, 2, Some("a.example"), None, 9), all[1..2]);
    assert!(ask(0, 2, Some("x.example"), None, 9).is_empty());
    assert_eq!(
        ask(2, 2, None, Some(1), 9),
        ["a 3 on 1 of 2026-11-22 to 2026-11-22"],
        "it did not fail the day before"
    );
    assert!(
        ask(2, 2, None, Some(0), 9).is_empty(),
        "all have failed before"
    );
    assert!(ask(0, 2, None, None, 0).is_empty());
}

#[test]
fn what_is_too_old_is_forgotten() {
    let folder = folder();
    let settings = settings(folder.path(), &[]);
    let mut store = open(&settings);
    for at in 0..3 {
        let decided = [failing("a.example", &[("mx", 1)])];
        store
            .close_day(day().ahead(at), &decided, crate::at("21T00:00:00"))
            .unwrap();
    }
    while store.clean_history(day().ahead(2)).unwrap() {}
    assert_eq!(reader(&settings).first_day().unwrap(), Some(day().ahead(2)));
    let question = FailureQuestion {
        to: day().ahead(9),
        ..question(9)
    };
    assert_eq!(
        texts(&reader(&settings).failures(&question).unwrap()),
        ["a.example mx 1"]
    );
}

/// The reports of these domains, each sent but the last, which the relay never took.
fn send(store: &mut dyn Store, domains: &[String], now: Timestamp) {
    let decided = domains
        .iter()
        .map(|domain| decision(domain, &[&format!("mailto:r@{domain}")], now));
    store
        .store_decisions(day(), &decided.collect::<Vec<_>>(), now)
        .unwrap();
    for domain in domains {
        let claimed = crate::claim_room(store, now, 1, 1);
        assert_eq!(claimed[0].domain(), domain);
        let mut end = ended(&claimed[0], DeliveryStatus::Sent);
        if domain == &domains[domains.len() - 1] {
            end = ended(&claimed[0], DeliveryStatus::Expired);
            end.gzip = None;
        }
        store.record(&[end], now).unwrap();
    }
}

fn kept(settings: &Reportd, domain: &str) -> Option<KeptReport> {
    let mut kept = reader(settings).kept_reports(day(), domain).unwrap();
    assert!(kept.len() < 2);
    kept.pop()
}

#[test]
fn sent_reports_are_kept_as_far_as_there_is_room() {
    let domains: Vec<String> = (0..5).map(|n| format!("d{n}.example")).collect();
    // Each has 18 bytes, the last two.
    for (size, want, why) in [
        ("74", 5, "all"),
        ("73", 4, "the oldest gave way"),
        ("55", 3, "two of them"),
        ("2", 1, "the newest"),
        ("1", 0, "none fits"),
        ("0", 0, "none is to be kept"),
    ] {
        let folder = folder();
        let settings = settings(folder.path(), &[&format!("--max_kept_reports_size={size}")]);
        let mut store = open(&settings);
        let now = at("21T00:00:00");
        send(&mut *store, &domains, now);
        let there: Vec<_> = domains
            .iter()
            .map(|domain| kept(&settings, domain).is_some())
            .collect();
        let newest: Vec<_> = (0..5).map(|at| at >= 5 - want).collect();
        assert_eq!(there, newest, "{size}: {why}");
        if want == 5 {
            let first = kept(&settings, "d0.example").unwrap();
            assert_eq!(
                first.contents,
                ReportContents::Sent(b"gzip of d0.example".to_vec())
            );
            let last = kept(&settings, "d4.example").unwrap();
            assert_eq!(
                last.contents,
                ReportContents::Json("{}".to_owned()),
                "no attempt was made"
            );
        }
        // They go with their reports, and leave room.
        while store.clean(day().next()).unwrap() {}
        assert!(
            domains
                .iter()
                .all(|domain| kept(&settings, domain).is_none()),
            "{size}"
        );
        send(&mut *store, &domains[..2], now);
        assert_eq!(
            kept(&settings, "d1.example").is_some(),
            want > 0,
            "{size}: {why}"
        );
    }
}

#[test]
fn a_report_that_waits_is_there_too() {
    let folder = folder();
    let settings = settings(folder.path(), &[]);
    let mut store = open(&settings);
    let now = at("21T00:00:00");
    store
        .store_decisions(
            day(),
            &[decision("a.example", &["mailto:r@a.example"], now)],
            now,
        )
        .unwrap();
    let there = kept(&settings, "a.example").unwrap();
    assert_eq!(
        (there.uniqid, there.contents.json().unwrap()),
        (1, "{}".to_owned())
    );
    assert_eq!(store.kept_reports(day(), "a.example").unwrap(), [there]);
    assert_eq!(kept(&settings, "b.example"), None);
}
