//! What gets no reports: by the operator's word while the reporter works, and because it refuses them.
#![allow(clippy::unwrap_used)]

mod environment;

use std::{path::Path, sync::Arc, time::Duration};

use environment::{
    TestEnvironment, counted, folder, lines, or_dash, retry, run, sent, settings, stored,
};
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::day::Day;
use tlsrptd_reporter::{
    deliver::Outcome,
    lookup::from_texts,
    model::SuppressionTarget,
    store::{Store, SuppressionList},
};

const DAY: Duration = Duration::from_secs(86_400);
const OPTIONS: &[&str] = &[
    "--max_report_age=86400",
    "--spread_out_delivery=1",
    "--keep_days=100",
];

fn suppressed(settings: &Reportd) -> Vec<String> {
    lines(&stored(settings).suppressed, |row| {
        let (until, times) = (or_dash(&row.until), row.times);
        format!(
            "{}|{}|{until}|{}|{times}|{}",
            row.target, row.domain, row.by, row.reason
        )
    })
}

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

fn refused() -> Outcome {
    Outcome::Refused {
        reason: "403 no".into(),
    }
}

/// Each domain's reports go where its record says: `{d}` is the domain.
fn environment(begin: &str, domains: &[(&'static str, &'static str)]) -> TestEnvironment {
    let mut environment = TestEnvironment::new(begin);
    let domains = domains.to_vec();
    let names: Vec<_> = domains.iter().map(|(name, _)| *name).collect();
    environment.gather =
        Box::new(move |_, _| Ok(names.iter().map(|name| counted(name, 3)).collect()));
    environment.lookup = Box::new(move |domain| {
        let (_, rua) = domains.iter().find(|(name, _)| *name == domain.as_str())?;
        Some(from_texts(&[format!(
            "v=TLSRPTv1;rua={}",
            rua.replace("{d}", domain.as_str())
        )]))
    });
    environment
}

fn add(settings: &Reportd, target: &str, until: Option<&str>) {
    let mut list = SuppressionList::edit(&settings.dbname).unwrap();
    let target = SuppressionTarget::parse(target).unwrap();
    list.add(&target, until.map(day), "they asked", day("2026-11-21"))
        .unwrap();
}

/// Destinations of what is pending.
fn pending(settings: &Reportd) -> Vec<String> {
    let mut deliveries = stored(settings).deliveries;
    deliveries.retain(|row| row.status.is_none());
    lines(&deliveries, |row| row.uri.clone())
}

/// Why there is no report, whether it is stored, and the number of its deliveries.
fn report(settings: &Reportd, day: &str, domain: &str) -> String {
    let mut reports = stored(settings).reports;
    reports.retain(|row| row.day == day && row.domain == domain);
    lines(&reports, |row| {
        format!(
            "{}|{}|{}",
            or_dash(&row.reason),
            row.has_json,
            row.deliveries
        )
    })
    .join(" ")
}

/// The days on which a destination was asked.
fn asked(environment: &TestEnvironment, uri: &str) -> Vec<String> {
    let seen = environment.seen.lock().unwrap();
    let of = seen.iter().filter(|seen| seen.uri == uri);
    of.map(|seen| seen.at.to_string()[5..10].to_owned())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn who_refuses_is_left_alone_for_longer_and_longer_until_it_takes_one() {
    let folder = folder();
    let settings = settings(folder.path(), OPTIONS);
    let url = "https://a.example/tls";
    let mut environment = environment(
        "2026-11-21T12:00:00Z",
        &[
            ("a.example", "https://a.example/tls"),
            ("b.example", "https://b.example/tls"),
        ],
    );
    environment.receive = Box::new(|delivery, before| {
        let refuses = delivery.report.domain.as_str() == "a.example" && !(4..6).contains(&before);
        let outcome = if refuses { refused() } else { sent() };
        (outcome, Duration::from_millis(20))
    });
    let environment = Arc::new(environment);
    run(&settings, &environment, None, DAY * 3).await.unwrap();
    assert_eq!(asked(&environment, url), ["11-21", "11-22", "11-23"]);
    assert_eq!(
        suppressed(&settings),
        [
            "https://a.example/tls|a.example|2026-11-30|refusals|1|refused on 3 days, at last: 403 no"
        ]
    );
    // A new start knows it as well.
    run(&settings, &environment, None, DAY * 22).await.unwrap();
    assert_eq!(
        asked(&environment, url)[3..],
        ["12-01", "12-16"],
        "after seven whole days it refuses once more, after fourteen it takes one"
    );
    assert_eq!(
        report(&settings, "2026-12-02", "a.example"),
        "suppressed: https://a.example/tls for a.example until 2026-12-15: refused on 4 days, at last: 403 no|false|0"
    );
    run(&settings, &environment, None, DAY * 10).await.unwrap();
    assert_eq!(
        asked(&environment, url)[5..],
        ["12-17", "12-18", "12-19", "12-20"],
        "what was before a success is forgotten: three days again"
    );
    assert_eq!(
        suppressed(&settings),
        [
            "https://a.example/tls|a.example|2026-12-27|refusals|1|refused on 3 days, at last: 403 no"
        ]
    );
    assert_eq!(
        asked(&environment, "https://b.example/tls").len(),
        36,
        "the other one got each day's"
    );
}

#[tokio::test(start_paused = true)]
async fn only_the_receivers_own_word_counts() {
    let folder = folder();
    let map = folder.path().join("map");
    std::fs::write(
        &map,
        "operator.example REPLACE https://collector.example/\n",
    )
    .unwrap();
    let map = format!("--http_upload_map={}", map.display());
    let settings = settings(folder.path(), &[OPTIONS, &[&map]].concat());
    let mut environment = environment(
        "2026-11-21T12:00:00Z",
        &[
            ("good.example", "mailto:r@{d}"),
            ("later.example", "https://{d}/"),
            ("mail.example", "mailto:r@{d}"),
            ("operator.example", "https://{d}/"),
            ("post.example", "https://{d}/"),
            ("sometimes.example", "https://{d}/"),
            ("unsendable.example", "https://{d}/"),
        ],
    );
    environment.receive = Box::new(|delivery, before| {
        let outcome = match delivery.report.domain.as_str() {
            "good.example" => sent(),
            "later.example" => retry("503 later"),
            "sometimes.example" if before % 2 == 1 => sent(),
            "unsendable.example" => Outcome::Unsendable {
                reason: "not a global address".into(),
            },
            _ => refused(),
        };
        // The relay has taken a mail of the day before it refuses one.
        let takes = match delivery.report.domain.as_str() {
            "mail.example" => 2_000,
            _ => 20,
        };
        (outcome, Duration::from_millis(takes))
    });
    let environment = Arc::new(environment);
    run(&settings, &environment, None, DAY * 6).await.unwrap();
    assert_eq!(
        lines(&stored(&settings).suppressed, |row| row.target.clone()),
        ["https://post.example/", "mailto:r@mail.example"],
        "not the operator's own, nor who takes one now and then, nor what is our fault"
    );
}

/// A record may name a place that others have named for themselves, and be refused there.
#[tokio::test(start_paused = true)]
async fn a_refusal_counts_for_the_domain_that_was_reported_on() {
    let folder = folder();
    let settings = settings(folder.path(), OPTIONS);
    let shared = "https://saas.example/in";
    let mut environment = environment(
        "2026-11-21T12:00:00Z",
        &[
            ("customer.example", shared),
            ("mail.example", "mailto:in@saas.example"),
            (
                "stranger.example",
                "mailto:in@saas.example,https://saas.example/in",
            ),
        ],
    );
    environment.receive = Box::new(|delivery, _| {
        let outcome = match delivery.report.domain.as_str() {
            "stranger.example" => refused(),
            _ => sent(),
        };
        // Mails of the others are taken before.
        let takes = match delivery.report.domain.as_str() {
            "stranger.example" => 2_000,
            _ => 20,
        };
        (outcome, Duration::from_millis(takes))
    });
    let environment = Arc::new(environment);
    run(&settings, &environment, None, DAY * 6).await.unwrap();
    assert_eq!(
        lines(&stored(&settings).suppressed, |row| format!(
            "{}|{}",
            row.target, row.domain
        )),
        [
            "https://saas.example/in|stranger.example",
            "mailto:in@saas.example|stranger.example"
        ]
    );
    let asked_of = |domain: &str| {
        let seen = environment.seen.lock().unwrap();
        seen.iter().filter(|seen| seen.domain == domain).count()
    };
    assert_eq!(
        ["customer.example", "mail.example", "stranger.example"].map(asked_of),
        [7, 7, 6],
        "each day's; of the stranger three days' to two places"
    );
    // One pair is let go, then all that is left of the place.
    let mut list = SuppressionList::edit(&settings.dbname).unwrap();
    let target = SuppressionTarget::parse(shared).unwrap();
    assert_eq!(list.remove(&target, Some("customer.example")).unwrap(), 0);
    assert_eq!(list.remove(&target, Some("stranger.example")).unwrap(), 1);
    let target = SuppressionTarget::parse("in@saas.example").unwrap();
    assert_eq!(list.remove(&target, None).unwrap(), 1);
    assert!(stored(&settings).refusals.is_empty());
}

/// The list holds for what was decided before.
#[tokio::test(start_paused = true)]
async fn an_entry_that_comes_while_no_reporter_runs_reaches_what_is_pending() {
    let folder = folder();
    let settings = settings(folder.path(), &["--max_report_age=86400"]);
    let mut environment = environment(
        "2026-11-21T00:00:10Z",
        &[
            ("a.example", "https://a.example/,mailto:r@a.example"),
            ("b.example", "https://b.example/"),
        ],
    );
    environment.receive = Box::new(|_, _| (retry("503 later"), Duration::from_millis(20)));
    let environment = Arc::new(environment);
    run(&settings, &environment, None, DAY / 24).await.unwrap();
    assert_eq!(pending(&settings).len(), 3);
    let before = asked(&environment, "https://a.example/").len()
        + asked(&environment, "mailto:r@a.example").len();
    add(&settings, "a.example", None);
    run(&settings, &environment, None, DAY * 2).await.unwrap();
    let mut deliveries = stored(&settings).deliveries;
    deliveries.retain(|row| row.day == "2026-11-20" && row.domain == "a.example");
    assert_eq!(
        lines(&deliveries, |row| format!(
            "{}|{}|{}",
            row.uri,
            row.status(),
            or_dash(&row.reason)
        )),
        [
            "https://a.example/|suppressed|a.example for ever: they asked",
            "mailto:r@a.example|suppressed|a.example for ever: they asked",
        ]
    );
    let after = asked(&environment, "https://a.example/").len()
        + asked(&environment, "mailto:r@a.example").len();
    assert_eq!(after, before, "nobody was asked again");
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_takes_nothing_suspends_nobody() {
    let folder = folder();
    let settings = settings(folder.path(), OPTIONS);
    let mut environment = environment(
        "2026-11-21T12:00:00Z",
        &[("a.example", "mailto:r@{d}"), ("b.example", "mailto:r@{d}")],
    );
    environment.receive = Box::new(|_, _| (refused(), Duration::from_millis(20)));
    let environment = Arc::new(environment);
    run(&settings, &environment, None, DAY * 6).await.unwrap();
    assert_eq!(asked(&environment, "mailto:r@a.example").len(), 7);
    assert!(suppressed(&settings).is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_of_two_addresses_is_left_out_and_never_pending() {
    let folder = folder();
    let settings = settings(folder.path(), OPTIONS);
    Store::open(&settings.dbname, false, None)
        .unwrap()
        .close()
        .unwrap();
    add(&settings, ".mail.example", None);
    add(&settings, "b.example", Some("2026-11-21"));
    let environment = Arc::new(environment(
        "2026-11-21T12:00:00Z",
        &[
            ("a.example", "mailto:r@in.mail.example,https://a.example/"),
            ("b.example", "https://b.example/,mailto:tls@b.example"),
        ],
    ));
    // The state as sys4 would find it at any time: it takes for pending what has no status.
    let state = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (path, seen) = (settings.clone(), Arc::clone(&state));
    let hook = Box::new(move |_, side| {
        if side == tlsrptd_reporter::store::CommitSide::After {
            seen.lock().unwrap().extend(pending(&path));
        }
        tlsrptd_reporter::store::HookVerdict::Continue
    });
    Store::open(&settings.dbname, false, None)
        .unwrap()
        .close()
        .unwrap();
    run(&settings, &environment, Some(hook), DAY).await.unwrap();
    assert_eq!(
        lines(&stored(&settings).deliveries, |row| {
            let reason = or_dash(&row.reason);
            format!(
                "{}|{}|{}|{}|{reason}",
                row.day,
                row.uri,
                row.status(),
                row.failures
            )
        }),
        [
            "2026-11-20|https://a.example/|sent|0|250 taken",
            "2026-11-20|mailto:r@in.mail.example|suppressed|0|.mail.example for ever: they asked",
            "2026-11-21|https://a.example/|sent|0|250 taken",
            "2026-11-21|mailto:r@in.mail.example|suppressed|0|.mail.example for ever: they asked",
            "2026-11-21|https://b.example/|sent|0|250 taken",
            "2026-11-21|mailto:tls@b.example|sent|0|250 taken",
        ],
    );
    assert_eq!(
        lines(&stored(&settings).reports, |row| {
            format!("{}|{}|{}", row.day, row.domain, or_dash(&row.reason))
        }),
        [
            "2026-11-20|a.example|-",
            "2026-11-20|b.example|suppressed: b.example until 2026-11-21: they asked, and 1 more",
            "2026-11-21|a.example|-",
            "2026-11-21|b.example|-",
        ],
        "the entry with a date has no effect after it"
    );
    let pending = state.lock().unwrap().clone();
    assert!(
        pending.iter().any(|uri| uri == "https://a.example/"),
        "{pending:?}"
    );
    assert!(
        !pending.iter().any(|uri| uri.contains("in.mail.example")),
        "{pending:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_comes_and_goes_while_the_reporter_works() {
    let folder = folder();
    let settings = settings(
        folder.path(),
        &["--max_report_age=86400", "--keep_days=100"],
    );
    let environment = Arc::new(environment(
        "2026-11-21T00:00:10Z",
        &[
            ("a.example", "https://a.example/"),
            ("b.example", "https://b.example/"),
        ],
    ));
    let operator = async {
        // The deliveries wait for their time: it is not too late for them.
        tokio::time::sleep(Duration::from_secs(30)).await;
        add(&settings, "a.example", None);
        tokio::time::sleep(DAY).await;
        let mut list = SuppressionList::edit(&settings.dbname).unwrap();
        let target = SuppressionTarget::parse("a.example").unwrap();
        assert_eq!(list.remove(&target, None).unwrap(), 1);
        assert_eq!(list.remove(&target, None).unwrap(), 0, "once");
    };
    let (ran, ()) = tokio::join!(run(&settings, &environment, None, DAY * 5 / 2), operator);
    ran.unwrap();
    let mut deliveries = stored(&settings).deliveries;
    deliveries.retain(|row| row.domain == "a.example");
    assert_eq!(
        lines(&deliveries, |row| format!("{}|{}", row.day, row.status())),
        ["2026-11-20|suppressed", "2026-11-22|sent"]
    );
    assert_eq!(
        report(&settings, "2026-11-21", "a.example"),
        "suppressed: a.example for ever: they asked|false|0"
    );
    assert_eq!(asked(&environment, "https://b.example/").len(), 3);
}

fn journal_mode(path: &Path) -> String {
    let db = rusqlite::Connection::open(path).unwrap();
    db.query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .unwrap()
}

#[test]
fn editing_leaves_the_journal_mode_and_old_entries_are_cleaned_away() {
    let folder = folder();
    let settings = settings(folder.path(), OPTIONS);
    let path = &settings.dbname;
    Store::open(path, false, None).unwrap().close().unwrap();
    for mode in ["wal", "delete"] {
        let db = rusqlite::Connection::open(path).unwrap();
        db.query_row(&format!("PRAGMA journal_mode = {mode}"), [], |_| Ok(()))
            .unwrap();
        drop(db);
        add(&settings, "old.example", Some("2026-11-21"));
        assert_eq!(journal_mode(path), mode);
    }
    add(&settings, "ever.example", None);
    let list = SuppressionList::look(path).unwrap();
    let listed = |today: &str| {
        let rows = list.rows(day(today)).unwrap();
        rows.into_iter().map(|row| row.target).collect::<Vec<_>>()
    };
    assert_eq!(listed("2026-11-21"), ["ever.example", "old.example"]);
    assert_eq!(listed("2026-11-22"), ["ever.example"], "it is over");
    drop(list);
    let db = rusqlite::Connection::open(path).unwrap();
    db.execute_batch(
        "INSERT INTO tlsrptd_refusals VALUES
         ('https://new.example/', 'a.example', 1, '2026-11-20', 0),
         ('https://once.example/', 'a.example', 1, '2026-10-01', 0),
         ('https://tried.example/', 'a.example', 3, '2026-10-01', 1),
         ('https://long-ago.example/', 'a.example', 3, '2026-07-01', 1)",
    )
    .unwrap();
    let mut state = Store::open(path, false, None).unwrap();
    while state.clean(day("2026-11-22")).unwrap() {}
    assert_eq!(
        lines(&stored(&settings).suppressed, |row| row.target.clone()),
        ["ever.example"]
    );
    assert_eq!(
        stored(&settings).refusals,
        ["https://new.example/", "https://tried.example/"],
        "those that may still be suspended, and for longer"
    );
}
