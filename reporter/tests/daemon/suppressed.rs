//! What the operator suppresses while a reporter works and while none does, on a virtual clock.

use std::{sync::Arc, time::Duration};

use tlsrptd_config::reportd::Reportd;
use tlsrptd_reporter::{
    model::SuppressionTarget,
    store::{CommitSide, HookVerdict, OperatorAccess, open_for_operator},
};

use crate::{
    DAY,
    environment::{
        each_engine, folder, lines, make_store, or_dash, retry, run, settings, stored, suppress,
    },
    refusals::{OPTIONS, asked, environment, report},
};

/// Destinations of what is pending.
fn pending(settings: &Reportd) -> Vec<String> {
    let mut deliveries = stored(settings).deliveries;
    deliveries.retain(|row| row.status.is_none());
    lines(&deliveries, |row| row.uri.clone())
}

/// The list holds for what was decided before.
#[each_engine]
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
    suppress(&settings, "a.example", None);
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

#[each_engine]
async fn one_of_two_addresses_is_left_out_and_never_pending() {
    let folder = folder();
    let settings = settings(folder.path(), OPTIONS);
    make_store(&settings);
    suppress(&settings, ".mail.example", None);
    suppress(&settings, "b.example", Some("2026-11-21"));
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
        if side == CommitSide::After {
            seen.lock().unwrap().extend(pending(&path));
        }
        HookVerdict::Continue
    });
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

#[each_engine]
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
        suppress(&settings, "a.example", None);
        tokio::time::sleep(DAY).await;
        let mut operator = open_for_operator(&settings, OperatorAccess::Write).unwrap();
        let target = SuppressionTarget::parse("a.example").unwrap();
        assert_eq!(operator.unsuppress(&target, None).unwrap(), 1);
        assert_eq!(operator.unsuppress(&target, None).unwrap(), 0, "once");
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
