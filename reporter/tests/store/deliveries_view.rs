//! The lists of deliveries in the operator's hands: whichever way they are found, they are the same.

use tlsrptd_config::reportd::Reportd;
use tlsrptd_reporter::{
    model::{DecidedDomain, Decision, DeliveryStatus},
    store::{
        AttemptEnd, DeliveryFilter, DeliveryProgress, DeliveryQuestion, DeliveryRow, Disposition,
        Frequency, OperatorAccess, OperatorStore, Store, open_for_operator,
    },
};

use crate::{
    at, claim, claim_room, day, decision,
    environment::{Engine, each_engine, folder, settings},
    jobs, later, open,
    sys4_file::SYS4,
};

/// Six domains: sent, refused, pending, tried, in hand, and one without a report; and one of another day.
fn filled(settings: &Reportd) -> Box<dyn Store> {
    let mut store = open(settings);
    jobs(store.as_mut(), &["one"]);
    let (now, evening) = (at("21T01:00:00"), at("21T20:00:00"));
    let none = DecidedDomain {
        decision: Decision::NoReport("opted out: no record".into()),
        ..decision("none.test", &[], now)
    };
    let decisions = [
        decision("a.test", &["mailto:x@sent.test"], now),
        decision("b.test", &["mailto:x@refused.test"], now),
        decision("c.test", &["mailto:x@pending.test"], evening),
        decision("d.test", &["mailto:x@tried.test"], now),
        none,
    ];
    store.store_decisions(day(), &decisions, now).unwrap();
    let ends: Vec<AttemptEnd> = claim_room(store.as_mut(), now, 10, 10)
        .iter()
        .map(|delivery| {
            let end = |status, reason: &str| AttemptEnd {
                gzip: None,
                r_id: delivery.r_id,
                destination: delivery.destination.clone(),
                disposition: Disposition::Final {
                    status,
                    reason: reason.to_owned(),
                },
            };
            match delivery.domain() {
                "a.test" => end(DeliveryStatus::Sent, "250 Ok"),
                "b.test" => end(DeliveryStatus::Refused, "550 no"),
                _ => later(delivery, at("21T09:00:00")),
            }
        })
        .collect();
    assert_eq!(ends.len(), 3);
    store.record(&ends, at("21T02:00:00")).unwrap();
    let in_hand = [decision("e.test", &["mailto:x@hand.test"], now)];
    store.store_decisions(day(), &in_hand, now).unwrap();
    assert_eq!(claim(store.as_mut(), at("21T03:00:00"), 10).len(), 1);
    let other = [decision("a.test", &["mailto:x@other.test"], evening)];
    store.store_decisions(day().next(), &other, now).unwrap();
    store
}

fn ask(
    operator: &dyn OperatorStore,
    domain: Option<&str>,
    status: DeliveryFilter,
    limit: usize,
) -> Vec<DeliveryRow> {
    let question = DeliveryQuestion {
        day: day(),
        domain: domain.map(str::to_owned),
        status,
        limit,
    };
    operator.deliveries(&question).unwrap()
}

fn domains(rows: &[DeliveryRow]) -> String {
    let names = rows.iter().map(|row| row.domain.trim_end_matches(".test"));
    names.collect::<Vec<_>>().join(" ")
}

#[each_engine]
fn lists_by_domain_and_by_status() {
    let folder = folder();
    let settings = settings(folder.path(), &[]);
    let store = filled(&settings);
    let operator = open_for_operator(&settings, OperatorAccess::Read).unwrap();
    let ended = |word: &str, frequency| DeliveryFilter::Ended(word.to_owned(), frequency);
    use Frequency::{Rare, Usual};
    for (domain, status, limit, want, why) in [
        (None, DeliveryFilter::All, 9, "a b c d e", "by domain"),
        (
            None,
            DeliveryFilter::All,
            2,
            "a b",
            "no more than were asked for",
        ),
        (Some("d.test"), DeliveryFilter::All, 9, "d", "of one domain"),
        (None, ended("sent", Usual), 9, "a", "what went out"),
        (None, ended("sent", Rare), 9, "a", "whichever way"),
        (None, ended("refused", Usual), 9, "b", "what did not"),
        (None, ended("refused", Rare), 9, "b", "by its index"),
        (None, ended("expired", Rare), 9, "", "none of them"),
        (
            None,
            DeliveryFilter::Waiting(Usual),
            9,
            "c d e",
            "with what is in hand",
        ),
        (
            None,
            DeliveryFilter::Waiting(Rare),
            9,
            "c d",
            "the index has no others",
        ),
        (None, DeliveryFilter::Waiting(Rare), 1, "c", "limited"),
        (
            Some("e.test"),
            DeliveryFilter::Waiting(Rare),
            9,
            "e",
            "of one domain all",
        ),
        (
            Some("a.test"),
            ended("refused", Rare),
            9,
            "",
            "of one domain that has none",
        ),
    ] {
        let rows = ask(operator.as_ref(), domain, status, limit);
        assert_eq!(domains(&rows), want, "{why}");
    }
    let rows = ask(operator.as_ref(), None, DeliveryFilter::All, 9);
    let progress: Vec<&DeliveryProgress> = rows.iter().map(|row| &row.progress).collect();
    let over = |status: &str| DeliveryProgress::Ended {
        status: status.to_owned(),
        at: Some(at("21T02:00:00")),
    };
    assert_eq!(
        progress,
        [
            &over("sent"),
            &over("refused"),
            &DeliveryProgress::Waiting {
                next_try: Some(at("21T20:00:00"))
            },
            &DeliveryProgress::Waiting {
                next_try: Some(at("21T09:00:00"))
            },
            &DeliveryProgress::InHand {
                since: Some(at("21T03:00:00"))
            },
        ]
    );
    assert_eq!(rows[1].answer.as_deref(), Some("550 no"));
    assert_eq!(
        (rows[3].failures, rows[3].answer.as_deref()),
        (1, Some("451"))
    );
    drop(store);
}

#[each_engine]
fn domains_without_a_report_and_what_waits() {
    let folder = folder();
    let settings = settings(folder.path(), &[]);
    let store = filled(&settings);
    let operator = open_for_operator(&settings, OperatorAccess::Read).unwrap();
    for (domain, limit, number, why) in [
        (None, 9, 1, "all"),
        (None, 0, 0, "limited"),
        (Some("none.test"), 9, 1, "of one domain"),
        (Some("a.test"), 9, 0, "that has one"),
    ] {
        let rows = operator.without_report(day(), domain, limit).unwrap();
        assert_eq!(rows.len(), number, "{why}");
        assert!(
            rows.iter().all(|row| row.reason == "opted out: no record"),
            "{why}"
        );
    }
    let backlog = operator.backlog(at("21T12:00:00")).unwrap();
    assert_eq!(
        (
            backlog.waiting,
            backlog.late,
            backlog.tried,
            backlog.looked_at
        ),
        (3, 1, 1, 3),
        "{backlog:?}"
    );
    assert_eq!(backlog.next_due, Some(at("21T09:00:00")));
    assert_eq!(backlog.reason.unwrap().reason, "451");
    assert_eq!(operator.jobs(day()).unwrap().len(), 1);
    drop(store);
}

/// It knows only SQLite.
#[test]
fn a_file_that_only_sys4_has_worked_on() {
    let folder = Engine::Sqlite.folder();
    let settings = settings(folder.path(), &[]);
    let db = rusqlite::Connection::open(&settings.dbname).unwrap();
    db.execute_batch(SYS4).unwrap();
    db.execute_batch(
        "INSERT INTO reports(r_id, day, domain, uniqid, report) VALUES(1, '2026-11-20', 'a.test', 1, '{}'), (2, '2026-11-20', x'ff', NULL, NULL);
         INSERT INTO destinations(destination, d_r_id, retries, status, nexttry) VALUES('mailto:x@a.test', 1, 0, 'sent', '2026-11-21 01:00:00'), \
         ('https://a.test/', 1, 2, NULL, '2026-11-21 03:00:00.5+00:00'), (5, 2, 'x', 'failed', NULL)",
    )
    .unwrap();
    drop(db);
    let operator = open_for_operator(&settings, OperatorAccess::Read).unwrap();
    let rows = ask(operator.as_ref(), None, DeliveryFilter::All, 9);
    assert_eq!(rows.len(), 3, "{rows:?}");
    let sent = DeliveryProgress::Ended {
        status: "sent".to_owned(),
        at: None,
    };
    assert_eq!(rows[0].progress, sent, "sys4 does not say when");
    for frequency in [Frequency::Rare, Frequency::Usual] {
        let waiting = ask(
            operator.as_ref(),
            None,
            DeliveryFilter::Waiting(frequency),
            9,
        );
        assert_eq!(waiting.len(), 1);
        let failed = DeliveryFilter::Ended("failed".to_owned(), frequency);
        assert_eq!(
            ask(operator.as_ref(), None, failed, 9).len(),
            1,
            "a word of theirs"
        );
    }
    assert!(operator.without_report(day(), None, 9).unwrap().is_empty());
    let backlog = operator.backlog(at("21T12:00:00")).unwrap();
    assert_eq!(
        (backlog.waiting, backlog.late, backlog.looked_at),
        (1, 1, 0)
    );
}

#[each_engine]
fn of_many_that_wait_the_oldest_are_looked_at_and_all_are_counted() {
    let folder = folder();
    let settings = settings(folder.path(), &[]);
    let mut store = open(&settings);
    jobs(store.as_mut(), &["one"]);
    let (now, evening) = (at("21T01:00:00"), at("21T20:00:00"));
    let one =
        |number: u32, due| decision(&format!("d{number}.test"), &["mailto:x@pending.test"], due);
    store.store_decisions(day(), &[one(0, now)], now).unwrap();
    let sent = claim(store.as_mut(), now, 10);
    let end = AttemptEnd {
        gzip: None,
        r_id: sent[0].r_id,
        destination: sent[0].destination.clone(),
        disposition: Disposition::Final {
            status: DeliveryStatus::Sent,
            reason: "250 Ok".to_owned(),
        },
    };
    store.record(&[end], now).unwrap();
    let waiting: Vec<_> = (1..=20_009).map(|number| one(number, evening)).collect();
    store.store_decisions(day(), &waiting, now).unwrap();
    let operator = open_for_operator(&settings, OperatorAccess::Read).unwrap();
    let backlog = operator.backlog(at("21T12:00:00")).unwrap();
    assert_eq!((backlog.waiting, backlog.looked_at), (20_009, 20_000));
    assert_eq!((backlog.late, backlog.next_due), (0, Some(evening)));
    drop(store);
}
