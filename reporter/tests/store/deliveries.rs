//! Deliveries: claimed, tried again, bounded.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};
use tlsrptd_reporter::{
    model::{Delivery, Destination, NamedBy},
    store::{AttemptEnd, Disposition, HookVerdict},
};

use crate::{
    at, claim, claim_room, day, decision,
    environment::{each_engine, folder, settings},
    later, open, report,
};

/// A delivery may wait in hand for others.
#[each_engine]
fn the_retry_window_begins_with_the_first_attempt() {
    let folder = folder();
    let settings = settings(folder.path(), &[]);
    let mut store = open(&settings);
    let (taken, begun) = (at("21T00:00:00"), at("21T02:00:00"));
    store
        .store_decisions(
            day(),
            &[decision("a.example", &["mailto:a@a.example"], taken)],
            taken,
        )
        .unwrap();
    let first = claim(&mut *store, taken, 1);
    assert!(first[0].begins_window);
    let failed = |begins| AttemptEnd {
        disposition: Disposition::Retry {
            at: begun,
            begins,
            reason: "451".into(),
        },
        ..later(&first[0], begun)
    };
    for begins in [Some(begun), None] {
        store.record(&[failed(begins)], begun).unwrap();
        let again = claim(&mut *store, at("21T03:00:00"), 1);
        assert_eq!((again[0].first, again[0].begins_window), (begun, false));
    }
}

#[each_engine]
fn deliveries_are_claimed_once_and_queues_take_turns() {
    let folder = folder();
    let settings = settings(folder.path(), &[]);
    let mut store = open(&settings);
    let now = at("21T00:00:00");
    let slow: Vec<String> = (0..50)
        .map(|n| format!("https://slow.example/{n}"))
        .collect();
    let slow: Vec<&str> = slow.iter().map(String::as_str).collect();
    store
        .store_decisions(day(), &[decision("a.example", &slow, now)], now)
        .unwrap();
    store
        .store_decisions(
            day(),
            &[decision("b.example", &["https://quick.example/"], now)],
            now,
        )
        .unwrap();
    let first = claim(&mut *store, now, 10);
    let uris: Vec<&str> = first
        .iter()
        .map(|claimed| claimed.destination.uri())
        .collect();
    assert_eq!(
        uris.iter().filter(|uri| uri.contains("slow")).count(),
        2,
        "two a queue: {uris:?}"
    );
    assert_eq!(
        uris.iter().filter(|uri| uri.contains("quick")).count(),
        1,
        "the other queue is not behind it"
    );
    let more = claim_room(&mut *store, now, 10, 1);
    assert_eq!(more.len(), 1, "one more where there is room for one");
    // A retry whose time is now, and a new delivery that was due before the last look.
    store.record(&[later(&first[0], now)], now).unwrap();
    store
        .store_decisions(
            day(),
            &[decision(
                "c.example",
                &["https://new.example/"],
                at("20T00:00:00"),
            )],
            now,
        )
        .unwrap();
    let again = claim(&mut *store, at("21T00:00:01"), 10);
    assert!(
        again
            .iter()
            .any(|claimed| claimed.destination == first[0].destination && claimed.failures == 1),
        "{again:?}"
    );
    assert!(
        again
            .iter()
            .any(|claimed| claimed.destination.uri().contains("new")),
        "{again:?}"
    );
    drop(store);
    let mut store = open(&settings);
    assert_eq!(
        store.release().unwrap(),
        3 + 1 + again.len() - 1,
        "what was in hand is pending again"
    );
}

#[each_engine]
fn the_clock_is_set_back() {
    let folder = folder();
    let settings = settings(folder.path(), &[]);
    let mut store = open(&settings);
    let (now, back) = (at("21T12:00:00"), at("21T06:00:00"));
    store
        .store_decisions(
            day(),
            &[decision(
                "a.example",
                &["mailto:r@a.example"],
                at("21T11:00:00"),
            )],
            now,
        )
        .unwrap();
    assert!(
        claim(&mut *store, back, 10).is_empty(),
        "not due by that clock"
    );
    assert_eq!(claim(&mut *store, now, 10).len(), 1, "due again");
}

#[each_engine]
fn a_fault_at_claiming_strands_nothing() {
    let folder = folder();
    let settings = settings(folder.path(), &[]);
    let is_full = Arc::new(AtomicBool::new(false));
    let fails = Arc::clone(&is_full);
    let hook = Box::new(move |_, _| match fails.load(SeqCst) {
        true => HookVerdict::Fail,
        false => HookVerdict::Continue,
    });
    let mut store = tlsrptd_reporter::store::open(&settings, Some(hook)).unwrap();
    let now = at("21T00:00:00");
    let due = decision("a.example", &["mailto:r@a.example"], now);
    store.store_decisions(day(), &[due], now).unwrap();
    is_full.store(true, SeqCst);
    store.claim(now, 10.into(), &|_| 2).unwrap_err();
    is_full.store(false, SeqCst);
    assert_eq!(
        claim(&mut *store, at("21T00:00:10"), 10).len(),
        1,
        "due as before"
    );
}

#[each_engine]
fn reports_in_hand_are_bounded_by_bytes_and_held_once() {
    let folder = folder();
    let settings = settings(folder.path(), &[]);
    let mut store = open(&settings);
    let now = at("21T00:00:00");
    let uris = ["https://one.example/", "https://two.example/"];
    let small = decision("small.example", &uris, now);
    store.store_decisions(day(), &[small], now).unwrap();
    let pair = claim(&mut *store, now, 10);
    let held = |claimed: &Delivery| std::sync::Arc::clone(&claimed.report);
    assert!(
        std::sync::Arc::ptr_eq(&held(&pair[0]), &held(&pair[1])),
        "one report, two deliveries"
    );
    for domain in ["a", "b", "c", "d"] {
        let to = uris.map(|uri| (Destination::new(uri, NamedBy::Record), now));
        let json = " ".repeat(24 << 20);
        let large = report(&format!("{domain}.example"), &json, to.into());
        store.store_decisions(day(), &[large], now).unwrap();
    }
    let mut taken = Vec::new();
    loop {
        let claims = store.claim(now, 100.into(), &|_| 100).unwrap();
        assert!(
            claim(&mut *store, now, 100).is_empty() || claims.is_empty(),
            "no room before these are done with"
        );
        taken.push(claims.len());
        if claims.is_empty() {
            break;
        }
    }
    assert_eq!(taken, [2, 2, 2, 2, 0], "the last may go beyond 32 MiB");
}
