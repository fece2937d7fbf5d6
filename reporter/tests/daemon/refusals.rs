//! Destinations that refuse reports day after day are suspended, on a virtual clock.

use std::{sync::Arc, time::Duration};

use tlsrptd_config::reportd::Reportd;
use tlsrptd_reporter::{
    deliver::Outcome,
    lookup::from_texts,
    model::SuppressionTarget,
    store::{OperatorAccess, open_for_operator},
};

use crate::{
    DAY, NOW, YESTERDAY_ONLY,
    environment::{
        TestEnvironment, counted, each_engine, folder, lines, or_dash, retry, run, sent, settings,
        stored,
    },
};

pub const OPTIONS: &[&str] = &[YESTERDAY_ONLY, NOW, "--keep_days=100"];

fn suppressed(settings: &Reportd) -> Vec<String> {
    lines(&stored(settings).suppressed, |row| {
        let (until, times) = (or_dash(&row.until), row.times);
        format!(
            "{}|{}|{until}|{}|{times}|{}",
            row.target, row.domain, row.by, row.reason
        )
    })
}

fn refused() -> Outcome {
    Outcome::Refused {
        reason: "403 no".into(),
    }
}

/// Each domain's reports go where its record says: `{d}` is the domain.
pub fn environment(begin: &str, domains: &[(&'static str, &'static str)]) -> TestEnvironment {
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

/// Why there is no report, whether it is stored, and the number of its deliveries.
pub fn report(settings: &Reportd, day: &str, domain: &str) -> String {
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
pub fn asked(environment: &TestEnvironment, uri: &str) -> Vec<String> {
    let seen = environment.seen.lock().unwrap();
    let of = seen.iter().filter(|seen| seen.uri == uri);
    of.map(|seen| seen.at.to_string()[5..10].to_owned())
        .collect()
}

#[each_engine]
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

#[each_engine]
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
#[each_engine]
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
    // One pair is taken off the list, then all that is left of the place.
    let mut operator = open_for_operator(&settings, OperatorAccess::Write).unwrap();
    let target = SuppressionTarget::parse(shared).unwrap();
    assert_eq!(
        operator
            .unsuppress(&target, Some("customer.example"))
            .unwrap(),
        0
    );
    assert_eq!(
        operator
            .unsuppress(&target, Some("stranger.example"))
            .unwrap(),
        1
    );
    let target = SuppressionTarget::parse("in@saas.example").unwrap();
    assert_eq!(operator.unsuppress(&target, None).unwrap(), 1);
    assert!(stored(&settings).refusals.is_empty());
}

#[each_engine]
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
