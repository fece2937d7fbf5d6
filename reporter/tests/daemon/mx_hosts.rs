//! `mx_reports`: whoever runs a MX host with a TLSA policy gets one report on all sessions there.

use std::{path::Path, sync::Arc, time::Duration};

use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::domain::Domain;
use tlsrptd_reporter::lookup::{LookupResult, from_texts};

use crate::environment::{
    TestEnvironment, counted, dane, each_engine, folder, record, run, settings, stored,
    stored::{ReportRow, lines, or_dash},
};
use crate::{DAY, HOUR, NOW, YESTERDAY_ONLY};

const HOST: &str = "mx.hoster.example";

fn with(folder: &Path, options: &[&str]) -> Reportd {
    let own = [NOW, "--loop_guard=no"];
    let is_set = options
        .iter()
        .any(|option| option.starts_with("--mx_reports"));
    let more = (!is_set).then_some("--mx_reports=yes");
    let all: Vec<&str> = own.iter().chain(options).copied().chain(more).collect();
    settings(folder, &all)
}

/// Only these names have a record, each the one beside it.
fn records(of: &'static [(&str, &str)]) -> crate::environment::Lookup {
    Box::new(move |domain: &Domain| {
        let found = of.iter().find(|(name, _)| *name == domain.as_str());
        Some(match found {
            Some((_, "")) => from_texts(&[record(domain.as_str())]),
            Some((_, uri)) => from_texts(&[format!("v=TLSRPTv1;rua={uri}")]),
            None => LookupResult::OptedOut("no such name in DNS".to_owned()),
        })
    })
}

fn text(row: &ReportRow) -> String {
    let kind = if row.is_on_mx_host { "MX" } else { "domain" };
    format!(
        "{kind} {}|{}|{}|{}|{}",
        row.domain,
        row.uniqid,
        row.sessions,
        row.deliveries,
        or_dash(&row.reason)
            .split(':')
            .take(2)
            .collect::<Vec<_>>()
            .join(":")
    )
}

fn reports(settings: &Reportd) -> Vec<String> {
    lines(&stored(settings).reports, text)
}

/// Three domains have their mail there: one without a record, one whose own record names the host's destination, one with
/// a destination of its own; the host's name is a domain itself.
#[each_engine]
async fn what_no_destination_of_the_host_has_is_reported_on_the_host() {
    let folder = folder();
    let settings = with(folder.path(), &[YESTERDAY_ONLY, "--late_interval=600"]);
    let mut environment = TestEnvironment::new("2026-11-20T12:00:00Z");
    environment.gather = Box::new(|_, _| {
        Ok(vec![
            dane("none.example", HOST, 10, 1),
            dane("same.example", HOST, 200, 2),
            dane("own.example", HOST, 3000, 3),
            dane("own.example.net", "mx2.hoster.example", 7, 0),
            dane(HOST, HOST, 40_000, 4),
            counted("plain.example", 500_000),
        ])
    });
    environment.lookup = records(&[
        (
            "same.example",
            "mailto:own@same.example,mailto:TLS@Hoster.example",
        ),
        ("own.example", "mailto:own@own.example"),
        (HOST, "mailto:tls@hoster.example"),
    ]);
    let environment = Arc::new(environment);
    run(&settings, &environment, None, HOUR / 4).await.unwrap();
    // The day grows.
    environment.added.lock().unwrap().insert(
        "2026-11-19".to_owned(),
        vec![vec![dane("none.example", HOST, 5, 0)]],
    );
    run(&settings, &environment, None, HOUR * 4).await.unwrap();
    let want = [
        "domain mx.hoster.example|1|40000|1|-",
        "MX mx.hoster.example|2|3010|1|-",
        "MX mx.hoster.example|3|5|1|-",
        "domain none.example|1|10|0|opted out: no such name in DNS",
        "domain none.example|2|5|0|opted out: no such name in DNS",
        "domain own.example|1|3000|1|-",
        "domain own.example.net|1|7|0|opted out: no such name in DNS",
        "domain plain.example|1|500000|0|opted out: no such name in DNS",
        "domain same.example|1|200|2|-",
    ];
    assert_eq!(reports(&settings), want);
    let seen = environment.seen.lock().unwrap();
    let mut on_host: Vec<_> = seen.iter().filter(|seen| seen.domain == HOST).collect();
    on_host.sort_by_key(|seen| seen.bytes.1);
    assert_eq!(on_host.len(), 3, "its own, and two on it as a MX host");
    let ids = ["_idx1-", "_idx2-", "_idx3-"];
    for (seen, id) in on_host.iter().zip(ids) {
        assert_eq!(seen.uri, "mailto:tls@hoster.example");
        let json = &seen.bytes.0;
        assert!(json.contains(id), "each has its report-id: {json}");
        for name in ["none.example", "own.example", "same.example"] {
            assert!(
                !json.contains(name),
                "whose mail it was is nobody's: {json}"
            );
        }
    }
    let json: serde_json::Value = serde_json::from_str(&on_host[1].bytes.0).unwrap();
    let want = serde_json::json!([{
        "policy": { "policy-type": "tlsa", "policy-string": ["3 1 1 AA"], "policy-domain": HOST },
        "summary": { "total-successful-session-count": 3006, "total-failure-session-count": 4 },
        "failure-details": [{
            "result-type": "certificate-not-trusted",
            "receiving-mx-hostname": HOST,
            "receiving-ip": "192.0.2.1",
            "failed-session-count": 4,
        }],
    }]);
    assert_eq!(json["policies"], want);
    let totals = crate::environment::totals(&settings.dbname).pop().unwrap();
    assert_eq!(
        (
            totals.domains,
            totals.sessions,
            totals.reports,
            totals.without,
            totals.deliveries
        ),
        (6, 543_222, 3, 4, 6),
        "sessions count once, and deliveries are those of all reports"
    );
    assert_eq!((totals.ended("sent"), totals.waiting()), (6, 0));
    assert_eq!(
        crate::environment::contradiction(&settings.dbname, &totals),
        None
    );
}

/// Each row: what the operator or DNS says, and what becomes of the host.
#[each_engine]
async fn what_keeps_a_report_on_a_host_from_being_made() {
    for (options, failed, uri, want, why) in [
        ("", 0, "mailto:tls@hoster.example", Some("-"), "nothing"),
        (
            "--mx_reports=no",
            1,
            "mailto:tls@hoster.example",
            None,
            "the default",
        ),
        (
            "--min_sessions=20",
            0,
            "mailto:tls@hoster.example",
            Some("MX host: min_sessions"),
            "all domains together are too few",
        ),
        (
            "--min_sessions=15",
            0,
            "mailto:tls@hoster.example",
            Some("-"),
            "each domain has too few, all together do not",
        ),
        (
            "--report_days=failures",
            0,
            "mailto:tls@hoster.example",
            Some("MX host: report_days"),
            "no session failed",
        ),
        (
            "--report_days=failures",
            1,
            "mailto:tls@hoster.example",
            Some("-"),
            "one did, with another domain",
        ),
        (
            "",
            0,
            "mailto:reports@a.example,mailto:reports@b.example",
            Some("MX host: told already"),
            "its destinations have got it all",
        ),
        ("", 0, "nonsense", None, "no usable destination"),
        (
            "--resolve_records=no",
            0,
            "mailto:tls@hoster.example",
            None,
            "its record is not known",
        ),
    ] {
        let folder = folder();
        let options: Vec<&str> = options.split_whitespace().chain([YESTERDAY_ONLY]).collect();
        let settings = with(folder.path(), &options);
        let mut environment = TestEnvironment::new("2026-11-20T12:00:00Z");
        environment.gather = Box::new(move |_, _| {
            Ok(vec![
                dane("a.example", HOST, 10, failed),
                dane("b.example", HOST, 6, 0),
            ])
        });
        let resolves = settings.resolve_records;
        environment.lookup = Box::new(move |domain| {
            let text = match domain.as_str() {
                HOST => format!("v=TLSRPTv1;rua={uri}"),
                other => record(other),
            };
            resolves.then(|| from_texts(&[text]))
        });
        let environment = Arc::new(environment);
        run(&settings, &environment, None, HOUR).await.unwrap();
        let mut rows = stored(&settings).reports;
        rows.retain(|row| row.is_on_mx_host);
        let found: Vec<String> = rows
            .iter()
            .map(|row| text(row).rsplit('|').next().unwrap().to_owned())
            .collect();
        let want: Vec<String> = want.into_iter().map(str::to_owned).collect();
        assert_eq!(found, want, "{why}");
    }
}

/// Its report on it as a MX host has the first number of that name, and is no decision on the domain.
#[each_engine]
async fn a_host_that_is_counted_late_as_a_domain_is_one_domain_more() {
    let folder = folder();
    let settings = with(folder.path(), &[YESTERDAY_ONLY, "--late_interval=600"]);
    let mut environment = TestEnvironment::new("2026-11-20T12:00:00Z");
    environment.gather = Box::new(|_, _| Ok(vec![dane("none.example", HOST, 10, 1)]));
    environment.lookup = records(&[(HOST, "mailto:tls@hoster.example")]);
    let environment = Arc::new(environment);
    run(&settings, &environment, None, HOUR / 4).await.unwrap();
    environment
        .added
        .lock()
        .unwrap()
        .insert("2026-11-19".to_owned(), vec![vec![counted(HOST, 5)]]);
    run(&settings, &environment, None, HOUR * 4).await.unwrap();
    let want = [
        "MX mx.hoster.example|1|10|1|-",
        "domain mx.hoster.example|2|5|1|-",
        "domain none.example|1|10|0|opted out: no such name in DNS",
    ];
    assert_eq!(reports(&settings), want);
    let totals = crate::environment::totals(&settings.dbname).pop().unwrap();
    assert_eq!((totals.domains, totals.sessions), (2, 15));
}

/// Five domains name the hoster; what the bound leaves out is in the one report on his host, and so is what the operator's
/// archive alone has.
#[each_engine]
async fn neither_a_bound_nor_an_archive_takes_the_report_on_the_host() {
    let folder = folder();
    let map = folder.path().join("archive.map");
    std::fs::write(&map, ". APPEND mailto:archive@own.example\n").unwrap();
    let map = format!("--tlsrpt_record_map={}", map.display());
    let bound = ["--max_reports_per_destination=2", &map];
    let options: Vec<&str> = [YESTERDAY_ONLY].into_iter().chain(bound).collect();
    let settings = with(folder.path(), &options);
    let mut environment = TestEnvironment::new("2026-11-20T12:00:00Z");
    environment.gather = Box::new(|_, _| {
        let sessions = [1, 10, 100, 1000, 10_000].into_iter();
        let names = ["a.test", "b.test", "c.test", "d.test", "own.test"].into_iter();
        Ok(names
            .zip(sessions)
            .map(|(name, sessions)| dane(name, HOST, sessions, 0))
            .collect())
    });
    environment.lookup = Box::new(|domain: &Domain| {
        Some(match domain.as_str() {
            "own.test" => from_texts(&[record(domain.as_str())]),
            _ => from_texts(&["v=TLSRPTv1;rua=mailto:tls@hoster.example".to_owned()]),
        })
    });
    let environment = Arc::new(environment);
    run(&settings, &environment, None, HOUR).await.unwrap();
    let seen = environment.seen.lock().unwrap();
    let to_hoster = seen
        .iter()
        .filter(|seen| seen.uri == "mailto:tls@hoster.example");
    let mut domains: Vec<&str> = to_hoster.map(|seen| seen.domain.as_str()).collect();
    domains.sort_unstable();
    assert_eq!(domains, ["a.test", "b.test", HOST]);
    let all = stored(&settings).reports;
    let on_host = all.iter().find(|row| row.is_on_mx_host).unwrap();
    assert_eq!(on_host.sessions.to_string(), "11100", "of c, d and own");
}

/// A hoster with many hosts: all are reported on, and none twice.
#[each_engine]
async fn many_hosts_of_many_owners() {
    let folder = folder();
    let settings = with(
        folder.path(),
        &[YESTERDAY_ONLY, "--max_concurrent_deliveries=64"],
    );
    let mut environment = TestEnvironment::new("2026-11-20T12:00:00Z");
    environment.hurries = true;
    environment.gather = Box::new(|_, _| {
        let row = |number: usize| {
            let host = format!("mx.h{:03}.example", number % 150);
            dane(&format!("d{number:03}.example"), &host, 1, 0)
        };
        Ok((0..600).map(row).collect())
    });
    environment.lookup = Box::new(|domain| {
        Some(match domain.as_str().starts_with("mx.") {
            true => from_texts(&[format!("v=TLSRPTv1;rua=mailto:tls@{domain}")]),
            false => LookupResult::OptedOut("no such name in DNS".to_owned()),
        })
    });
    let environment = Arc::new(environment);
    run(&settings, &environment, None, HOUR).await.unwrap();
    let mut rows = stored(&settings).reports;
    rows.retain(|row| row.is_on_mx_host);
    assert_eq!(rows.len(), 150);
    assert!(rows.iter().all(|row| (row.uniqid, row.sessions) == (1, 4)));
    let taken = environment.taken();
    assert_eq!(taken.len(), 150);
    assert!(taken.values().all(|seen| seen.len() == 1));
}

/// The host's reports go to a domain with its mail there, and are all that it gets: with the guard they are not reported on
/// for ever.
#[each_engine]
async fn reports_on_a_host_are_not_what_there_is_to_report_of_it() {
    for (guard, least, most) in [("yes", 1, 2), ("no", 9, 11)] {
        let folder = folder();
        let own = [NOW, "--mx_reports=yes", YESTERDAY_ONLY];
        let guard_option = format!("--loop_guard={guard}");
        let options: Vec<&str> = own.into_iter().chain([guard_option.as_str()]).collect();
        let settings = settings(folder.path(), &options);
        let mut environment = TestEnvironment::new("2026-11-10T12:00:00Z");
        environment.gather =
            Box::new(|_, _| Ok(vec![dane("hoster.example", "mx.hoster.example", 1, 0)]));
        environment.lookup = records(&[(HOST, "mailto:tls@hoster.example")]);
        let environment = Arc::new(environment);
        run(
            &settings,
            &environment,
            None,
            DAY * 10 - Duration::from_secs(1),
        )
        .await
        .unwrap();
        let sent = environment.seen.lock().unwrap().len();
        assert!(
            (least..=most).contains(&sent),
            "loop_guard = {guard}: {sent} reports in ten days"
        );
    }
}
