//! Mails that a relay takes and brings back, on a virtual clock.

use std::{path::Path, sync::Arc, time::Duration};

use tlsrptd_config::reportd::Reportd;
use tlsrptd_reporter::{
    model::{BounceBlame, BounceKind, Delivery},
    store::{NewBounce, OperatorAccess},
};

use crate::{
    DAY,
    environment::{Statements, ask, each_engine, folder, operator, run, sent, settings, stored},
    refusals::{OPTIONS, asked, environment},
};

const URI: &str = "mailto:tls@a.example";

/// As `tlsrptctl bounce` does when the relay brings it back.
fn bring_back(path: &Path, delivery: &Delivery, blame: BounceBlame) {
    let mut store = operator(path, OperatorAccess::Write);
    let key = store.known_bounce_key().unwrap().unwrap();
    let bounce = NewBounce {
        tag: key.tag_of(delivery),
        kind: BounceKind::Failed,
        blame,
        text: "550 5.1.1 no such user".to_owned(),
    };
    for _ in 0..3 {
        store.add_bounce(&bounce, delivery.date).unwrap();
    }
}

/// The suspensions, and the days that are remembered of those that refuse.
fn suspended(settings: &Reportd) -> (Vec<String>, usize) {
    let stored = stored(settings);
    let rows = stored.suppressed.iter();
    let rows = rows.map(|row| {
        let until = row.until.as_deref().unwrap_or_default();
        format!("{until} {} {}", row.times, row.reason)
    });
    (rows.collect(), stored.refusals.len())
}

/// The relay takes each mail. What it brings back counts as a refusal, and what it does not bring back for a week as taken.
#[each_engine]
async fn a_dead_mailbox_behind_a_relay_is_left_alone() {
    let folder = folder();
    let settings = settings(folder.path(), OPTIONS);
    let mut environment = environment("2026-11-21T12:00:00Z", &[("a.example", "mailto:tls@{d}")]);
    let path = settings.dbname.clone();
    environment.receive = Box::new(move |delivery, before| {
        if before < 4 || before == 16 {
            bring_back(&path, delivery, BounceBlame::Address);
        }
        (sent(), Duration::from_millis(20))
    });
    let environment = Arc::new(environment);
    run(&settings, &environment, None, DAY * 3).await.unwrap();
    assert_eq!(asked(&environment, URI), ["11-21", "11-22", "11-23"]);
    let reason = "refused on 3 days, at last: 550 5.1.1 no such user";
    assert_eq!(
        suspended(&settings),
        (vec![format!("2026-11-30 1 {reason}")], 1)
    );
    run(&settings, &environment, None, DAY * 22).await.unwrap();
    assert_eq!(
        asked(&environment, URI)[3..],
        ["12-01", "12-16"],
        "the first after a suspension comes back: longer"
    );
    run(&settings, &environment, None, DAY * 6).await.unwrap();
    let days = asked(&environment, URI);
    assert_eq!(
        days[4..],
        [
            "12-16", "12-17", "12-18", "12-19", "12-20", "12-21", "12-22"
        ]
    );
    let (_, remembered) = suspended(&settings);
    assert_eq!(remembered, 1, "what went out may still come back");
    run(&settings, &environment, None, DAY).await.unwrap();
    assert_eq!(
        suspended(&settings),
        (Vec::new(), 0),
        "none did: it is over for good"
    );
    run(&settings, &environment, None, DAY * 6).await.unwrap();
    assert_eq!(
        suspended(&settings),
        (Vec::new(), 1),
        "one more bounce, and one day of it"
    );
    assert_eq!(asked(&environment, URI).len(), 18, "each day's");
    let stored = stored(&settings);
    let bounced = |day: &str| {
        let mut rows = stored.deliveries.iter();
        let row = rows.find(|row| row.day == day).unwrap();
        format!(
            "{} {}",
            row.status(),
            row.reason.as_deref().unwrap_or_default()
        )
    };
    assert_eq!(
        bounced("2026-11-20"),
        "refused bounced: 550 5.1.1 no such user"
    );
    assert!(bounced("2026-12-20").starts_with("sent"));
}

/// More than are applied in one transaction, and nobody writes to the database afterwards.
#[each_engine]
async fn thousands_that_came_while_no_reporter_ran_are_all_applied() {
    let folder = folder();
    let settings = settings(folder.path(), OPTIONS);
    let environment = environment("2026-11-21T12:00:00Z", &[("a.example", "mailto:tls@{d}")]);
    let environment = Arc::new(environment);
    run(&settings, &environment, None, DAY).await.unwrap();
    let mut store = operator(&settings.dbname, OperatorAccess::Write);
    let key = store.known_bounce_key().unwrap().unwrap();
    for r_id in 1000..2001 {
        let bounce = NewBounce {
            tag: key.of_delivery(r_id, "2026-11-20", "b.example", 1, URI),
            kind: BounceKind::Failed,
            blame: BounceBlame::Address,
            text: "550 5.1.1 no such user".to_owned(),
        };
        store.add_bounce(&bounce, environment.now()).unwrap();
    }
    drop(store);
    run(&settings, &environment, None, DAY / 24).await.unwrap();
    let waiting = Statements {
        sqlite: "SELECT '', count(*) FROM tlsrptd_bounces WHERE applied IS NULL",
        postgres: "SELECT '', count(*) FROM bounce WHERE applied IS NULL",
    };
    assert_eq!(ask(&settings.dbname, &waiting)[0].1, 0);
}

/// A bounce that speaks of us, or of the relay, ends the delivery alone.
#[each_engine]
async fn who_does_not_like_us_is_mailed_on() {
    let folder = folder();
    let settings = settings(folder.path(), OPTIONS);
    let mut environment = environment("2026-11-21T12:00:00Z", &[("a.example", "mailto:tls@{d}")]);
    let path = settings.dbname.clone();
    environment.receive = Box::new(move |delivery, _| {
        bring_back(&path, delivery, BounceBlame::Other);
        (sent(), Duration::from_millis(20))
    });
    let environment = Arc::new(environment);
    run(&settings, &environment, None, DAY * 6).await.unwrap();
    assert_eq!(asked(&environment, URI).len(), 7);
    assert_eq!(suspended(&settings), (Vec::new(), 0));
    let stored = stored(&settings);
    assert!(
        stored
            .deliveries
            .iter()
            .all(|row| row.status() == "refused")
    );
}
