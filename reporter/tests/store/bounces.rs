//! Mails that came back: each ends its delivery once, and nothing else changes.

use tlsrptd_config::reportd::Reportd;
use tlsrptd_reporter::{
    model::{
        BounceBlame, BounceKey, BounceKind, BounceResult, BounceTag, Decision, Delivery,
        DeliveryStatus, Destination, NamedBy,
    },
    store::{
        AttemptEnd, Disposition, NewBounce, OperatorAccess, OperatorStore, Store, open_for_operator,
    },
};

use crate::{
    at, claim, claim_room, day, decision,
    environment::{Engine, each_engine, folder, settings, stored, totals},
    later, open,
};

const URI: &str = "mailto:tls@a.example";

struct Scene {
    settings: Reportd,
    store: Box<dyn Store>,
    operator: Box<dyn OperatorStore>,
    delivery: Delivery,
    key: BounceKey,
}

impl Scene {
    /// One report, in hand.
    fn new(folder: &std::path::Path) -> Scene {
        let settings = settings(folder, &[]);
        let mut store = open(&settings);
        let now = at("21T01:00:00");
        let mut decided = decision("a.example", &["mailto:b@a.example"], now);
        if let Decision::Report(report) = &mut decided.decision {
            // It is the first in hand.
            let to = Destination::new(URI, NamedBy::Record);
            report.destinations.push((to, at("21T00:59:59")));
        }
        store.store_decisions(day(), &[decided], now).unwrap();
        let delivery = claim(&mut *store, now, 1).remove(0);
        let operator = open_for_operator(&settings, OperatorAccess::Write).unwrap();
        let key = operator.known_bounce_key().unwrap().unwrap();
        Scene {
            settings,
            store,
            operator,
            delivery,
            key,
        }
    }

    fn end(&mut self, disposition: Disposition) {
        let end = AttemptEnd {
            disposition,
            ..later(&self.delivery, at("21T01:00:00"))
        };
        self.store.record(&[end], at("21T01:00:01")).unwrap();
    }

    fn sent(&mut self) {
        self.end(Disposition::Final {
            status: DeliveryStatus::Sent,
            reason: "250 ok".to_owned(),
        });
    }

    fn tag(&self) -> BounceTag {
        self.key.tag_of(&self.delivery)
    }

    fn come(&mut self, tag: BounceTag, kind: BounceKind, text: &str) -> bool {
        let bounce = NewBounce {
            tag,
            kind,
            blame: BounceBlame::Address,
            text: text.to_owned(),
        };
        self.operator
            .add_bounce(&bounce, at("21T02:00:00"))
            .unwrap()
    }

    fn apply(&mut self) -> Vec<BounceResult> {
        let applied = self.store.apply_bounces(at("21T02:00:01")).unwrap().applied;
        applied.iter().map(|bounce| bounce.result).collect()
    }

    /// How the delivery stands, and the day's outcomes.
    fn state(&self) -> (String, String) {
        let stored = stored(&self.settings);
        let row = stored.deliveries.iter().find(|row| row.uri == URI).unwrap();
        let outcomes = totals(&self.settings.dbname).remove(0).outcomes;
        let outcomes = outcomes
            .iter()
            .map(|of| format!("{} {}", of.deliveries, of.status));
        (
            row.status().to_owned(),
            outcomes.collect::<Vec<_>>().join(", "),
        )
    }
}

#[each_engine]
fn a_delivery_ends_once_however_often_it_comes_back() {
    let folder = folder();
    let mut scene = Scene::new(folder.path());
    scene.sent();
    assert_eq!(scene.state(), ("sent".to_owned(), "1 sent".to_owned()));
    let tag = scene.tag();
    assert!(scene.come(tag, BounceKind::Failed, "550 no"));
    let refused = ("refused".to_owned(), "1 refused".to_owned());
    assert_eq!(scene.apply(), [BounceResult::Refused]);
    assert_eq!(scene.state(), refused);
    for _ in 0..1000 {
        assert!(!scene.come(tag, BounceKind::Failed, "551 another word"));
    }
    assert_eq!(scene.apply(), []);
    assert_eq!(scene.state(), refused);
    let running = scene.operator.running_totals().unwrap();
    let bounces: Vec<_> = running
        .bounces
        .iter()
        .map(|of| (of.result.as_str(), of.mails))
        .collect();
    assert_eq!(bounces, [("refused", 1), ("repeated", 1000)]);
    let carriers = running
        .deliveries
        .iter()
        .map(|of| (of.status.as_str(), of.deliveries));
    assert_eq!(
        carriers.collect::<Vec<_>>(),
        [("sent", 1)],
        "what the relay did, it did"
    );
}

/// The relay is quick, or the disk was full when its answer came.
#[each_engine]
fn what_comes_back_before_the_outcome_is_recorded_waits_for_it() {
    let folder = folder();
    let mut scene = Scene::new(folder.path());
    let tag = scene.tag();
    scene.come(tag, BounceKind::Failed, "550 no");
    let waits = scene.store.apply_bounces(at("21T02:00:00")).unwrap();
    assert_eq!((waits.applied.len(), waits.waiting), (0, 1));
    scene.sent();
    assert_eq!(scene.apply(), [BounceResult::Refused]);
}

/// A relay that was cut off brings thousands at once; and some may wait for days.
#[each_engine]
fn those_that_wait_hold_back_none_behind_them() {
    let folder = folder();
    let mut scene = Scene::new(folder.path());
    scene.sent();
    let now = at("21T01:00:00");
    let names: Vec<String> = (0..1001)
        .map(|number| format!("d{number}.example"))
        .collect();
    let decided: Vec<_> = names
        .iter()
        .map(|name| decision(name, &[URI], now))
        .collect();
    scene.store.store_decisions(day(), &decided, now).unwrap();
    let mut in_hand = claim_room(&mut *scene.store, now, 2000, 2000);
    in_hand.retain(|delivery| delivery.report.domain.as_str() != "a.example");
    assert_eq!(in_hand.len(), 1001);
    for delivery in &in_hand {
        scene.come(scene.key.tag_of(delivery), BounceKind::Failed, "550 no");
    }
    let tag = scene.tag();
    scene.come(tag, BounceKind::Failed, "550 no");
    let mut apply = || {
        let all = scene.store.apply_bounces(at("21T02:00:00")).unwrap();
        (all.applied.len(), all.waiting, all.has_more)
    };
    // In a fleet others wait for what a transaction holds.
    let at_once = match Engine::current() {
        Engine::Sqlite => 1000,
        Engine::Postgres => 50,
    };
    for round in 0..2 {
        for _ in 0..1001 / at_once {
            assert_eq!(apply(), (0, at_once, true), "from the first on");
        }
        let behind = (1 - round, 1001 % at_once, false);
        assert_eq!(apply(), behind, "behind them");
    }
    assert_eq!(scene.state().0, "refused");
}

#[each_engine]
fn nothing_changes_by_what_is_not_of_this_delivery() {
    let folder = folder();
    let mut scene = Scene::new(folder.path());
    scene.sent();
    let r_id = scene.delivery.r_id;
    let other = BounceKey::new(&[9; 32]).unwrap();
    let of = |key: &BounceKey, r_id, day: &str, domain: &str, uniqid, uri: &str| {
        key.of_delivery(r_id, day, domain, uniqid, uri)
    };
    let key = scene.key.clone();
    for (tag, why) in [
        (
            of(&other, r_id, "2026-11-20", "a.example", 1, URI),
            "forged",
        ),
        (
            of(&key, r_id + 1, "2026-11-20", "a.example", 1, URI),
            "no such row",
        ),
        (
            of(&key, r_id, "2026-10-20", "a.example", 1, URI),
            "the number was another day's",
        ),
        (
            of(&key, r_id, "2026-11-20", "b.example", 1, URI),
            "another domain's",
        ),
        (
            of(&key, r_id, "2026-11-20", "a.example", 2, URI),
            "another report's",
        ),
        (
            of(
                &key,
                r_id,
                "2026-11-20",
                "a.example",
                1,
                "mailto:x@a.example",
            ),
            "another address",
        ),
    ] {
        assert!(scene.come(tag, BounceKind::Failed, "550 no"));
        assert_eq!(scene.apply(), [BounceResult::Gone], "{why}");
        assert_eq!(scene.state().0, "sent", "{why}");
    }
    // The other address of the same report is another delivery, which has not ended.
    let beside = of(
        &key,
        r_id,
        "2026-11-20",
        "a.example",
        1,
        "mailto:b@a.example",
    );
    scene.come(beside, BounceKind::Failed, "550 no");
    assert_eq!(scene.apply(), [], "it waits");
    assert_eq!(scene.state(), ("sent".to_owned(), "1 sent".to_owned()));
}

#[each_engine]
fn what_ended_otherwise_stays_as_it_is() {
    let folder = folder();
    let mut scene = Scene::new(folder.path());
    scene.end(Disposition::Final {
        status: DeliveryStatus::TimedOut,
        reason: "451".to_owned(),
    });
    let tag = scene.tag();
    scene.come(tag, BounceKind::Failed, "550 no");
    assert_eq!(scene.apply(), [BounceResult::Ended]);
    assert_eq!(
        scene.state(),
        ("timedout".to_owned(), "1 timedout".to_owned())
    );
}

#[each_engine]
fn a_delay_is_noted_and_is_no_end() {
    let folder = folder();
    let mut scene = Scene::new(folder.path());
    scene.sent();
    let tag = scene.tag();
    assert!(scene.come(tag, BounceKind::Delayed, "451 later"));
    assert_eq!(scene.apply(), [BounceResult::Delayed]);
    assert!(!scene.come(tag, BounceKind::Delayed, "452 still later"));
    assert_eq!(scene.state().0, "sent");
    let question = tlsrptd_reporter::store::DeliveryQuestion {
        day: day(),
        domain: None,
        status: tlsrptd_reporter::store::DeliveryFilter::All,
        limit: 9,
    };
    let rows = scene.operator.deliveries(&question).unwrap();
    let row = rows.iter().find(|row| row.destination == URI).unwrap();
    let latest = Some("250 ok; then delayed: 452 still later");
    assert_eq!(row.answer.as_deref(), latest);
    let domain = tlsrptd_proto::domain::Domain::parse("a.example").unwrap();
    let state = scene
        .operator
        .domain_day(day(), &domain, "a.example")
        .unwrap();
    let mut deliveries = state.reports[0].deliveries.iter();
    let delivery = deliveries.find(|of| of.destination.uri() == URI).unwrap();
    assert_eq!(delivery.reason.as_deref(), latest);
    assert!(scene.come(tag, BounceKind::Failed, "550 no"));
    assert_eq!(scene.apply(), [BounceResult::Refused]);
    let rows = scene.operator.deliveries(&question).unwrap();
    let row = rows.iter().find(|row| row.destination == URI).unwrap();
    assert_eq!(row.answer.as_deref(), Some("bounced: 550 no"));
}

/// Then its number may be given again.
#[each_engine]
fn after_the_row_is_gone_nothing_follows() {
    let folder = folder();
    let mut scene = Scene::new(folder.path());
    let tag = scene.tag();
    scene.sent();
    for delivery in claim(&mut *scene.store, at("21T01:00:00"), 9) {
        scene.delivery = delivery;
        scene.sent();
    }
    scene.come(tag, BounceKind::Delayed, "451 later");
    assert_eq!(scene.apply(), [BounceResult::Delayed]);
    let later = tlsrptd_proto::day::Day::parse("2026-12-20").unwrap();
    while scene.store.clean(later).unwrap() {}
    assert!(
        scene.come(tag, BounceKind::Delayed, "451"),
        "nothing is remembered of it"
    );
    scene.come(tag, BounceKind::Failed, "550 no");
    assert_eq!(scene.apply(), [BounceResult::Gone, BounceResult::Gone]);
    assert_eq!(totals(&scene.settings.dbname)[0].ended("sent"), 2);
}

#[each_engine]
fn the_key_stays_and_is_nobody_elses() {
    let (here, there) = (folder(), folder());
    let key = |folder: &std::path::Path| {
        let store = open(&settings(folder, &[]));
        let key = store.bounce_key().octets().to_vec();
        store.close().unwrap();
        key
    };
    let made = key(here.path());
    assert_eq!(key(here.path()), made);
    assert_ne!(key(there.path()), made);
    if Engine::current() == Engine::Postgres {
        // There the table does not let it be another.
        return;
    }
    let db = rusqlite::Connection::open(here.path().join("reportd.sqlite")).unwrap();
    for sql in [
        "DELETE FROM tlsrptd_bounce_key",
        "INSERT INTO tlsrptd_bounce_key VALUES(NULL)",
        "UPDATE tlsrptd_bounce_key SET key = 'no key'",
    ] {
        db.execute_batch(sql).unwrap();
        let new = key(here.path());
        assert_ne!(new, made, "{sql}");
        assert_eq!(key(here.path()), new, "{sql}: kept");
    }
}
