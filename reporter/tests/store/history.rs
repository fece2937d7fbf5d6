//! What is remembered of what was done.

use jiff::Timestamp;
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::{failure::ResultType, policy::PolicyType};
use tlsrptd_reporter::{
    model::{CountedDetails, CountedFailure, DecidedDomain, Decision, DeliveryStatus, Destination},
    store::{
        AttemptEnd, CarrierTotals, Disposition, FailureQuestion, FailureRow, KeptReport,
        OperatorAccess, OperatorStore, ReportContents, Store, open_for_operator,
    },
};

use crate::{
    at, claim, day, decision,
    environment::{contradiction, each_engine, folder, settings, totals},
    later, open, report,
};

pub(crate) fn reader(settings: &Reportd) -> Box<dyn OperatorStore> {
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
pub(crate) fn failing(domain: &str, failures: &[(&str, u64)]) -> DecidedDomain {
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

pub(crate) fn question(limit: usize) -> FailureQuestion {
    FailureQuestion {
        from: day(),
        to: day(),
        domain: None,
        new_since: None,
        limit,
    }
}

pub(crate) fn texts(rows: &[FailureRow]) -> Vec<String> {
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

#[each_engine]
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
    assert_eq!(claim(&mut *store, now, 10).len(), 1, "the other attempt");
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
    let running = reader(&settings).running_totals().unwrap();
    assert_eq!(running.deliveries, deliveries_that_ended());
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

/// By carrier.
fn deliveries_that_ended() -> [CarrierTotals; 3] {
    [
        ("https", "timedout"),
        ("mail", "sent"),
        ("mail", "suppressed"),
    ]
    .map(|(carrier, status)| CarrierTotals {
        carrier: carrier.to_owned(),
        status: status.to_owned(),
        deliveries: 1,
    })
}

/// Counters of a monitoring system never fall, whatever is forgotten.
#[each_engine]
fn the_sums_of_all_days_stay() {
    let folder = folder();
    let settings = settings(folder.path(), &[]);
    let mut store = open(&settings);
    let huge = i64::MAX.unsigned_abs() - 1;
    for (at, sessions) in [(0, 1), (1, 2), (2, huge), (3, 3)] {
        let decided = [failing("a.example", &[("mx", sessions)])];
        let now = crate::at("21T00:00:00");
        store.close_day(day().ahead(at), &decided, now).unwrap();
    }
    let sums = || reader(&settings).running_totals().unwrap();
    let before = sums();
    assert_eq!(
        before.by_result[0].sessions,
        huge + 6,
        "no integer of SQLite holds that"
    );
    let mut last = before.by_result[0].sessions;
    for oldest in [0, 1, 1, 2] {
        while store.clean_history(day().ahead(oldest)).unwrap() {}
        assert_eq!(sums(), before, "days before {oldest} are forgotten");
    }
    let decided = [failing("b.example", &[("mx", 5), ("mx2", 4)])];
    store
        .close_day(day().ahead(4), &decided, crate::at("25T00:00:00"))
        .unwrap();
    let after = sums().by_result[0].sessions;
    assert_eq!(after, last + 9);
    last = after;
    while store.clean_history(day().ahead(9)).unwrap() {}
    let sums = sums().by_result[0].sessions;
    assert!(sums >= i64::MAX.unsigned_abs() && sums <= last, "{sums}");
    assert_eq!(reader(&settings).first_day().unwrap(), None);
}

#[each_engine]
fn the_domain_that_failed_most() {
    let folder = folder();
    let settings = settings(folder.path(), &[]);
    let mut store = open(&settings);
    let decided = [
        failing("a.example", &[("mx1", 3), ("mx2", 4)]),
        failing("b.example", &[("mx", 6)]),
    ];
    store
        .close_day(day(), &decided, crate::at("21T00:00:00"))
        .unwrap();
    let most = reader(&settings).most_failed(day()).unwrap();
    let most: Vec<_> = most
        .iter()
        .map(|of| (of.result_type.as_str(), of.sessions))
        .collect();
    assert_eq!(most, [("certificate-expired", 7)], "of both MX hosts");
    assert_eq!(reader(&settings).most_failed(day().next()).unwrap(), []);
}

#[each_engine]
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

#[each_engine]
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

#[each_engine]
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
