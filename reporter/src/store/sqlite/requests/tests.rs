use std::time::Duration;

use jiff::SignedDuration;
use tempfile::TempDir;
use tlsrptd_proto::day::Day;

use super::*;
use crate::store::{
    Disposition, NewRequest, OperatorAccess, OperatorRequests as _, RequestRow, RequestedReport,
    Upkeep as _, sqlite::ExistingDatabase,
};

fn at(text: &str) -> Timestamp {
    format!("2026-11-{text}Z").parse().unwrap()
}

/// A store with a report on `a.example`, whose number is 1, and the operator beside it.
fn stores() -> (TempDir, SqliteStore, ExistingDatabase) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("reportd.sqlite");
    let store = SqliteStore::open(&path, false, None).unwrap();
    report(&store, "a.example");
    let operator = ExistingDatabase::open(&path, OperatorAccess::Write).unwrap();
    (folder, store, operator)
}

fn report(store: &SqliteStore, domain: &str) {
    let sql = "INSERT OR REPLACE INTO reports(r_id, day, domain, uniqid, report, its) \
               VALUES(1, '2026-11-20', ?1, 1, '{}', '2026-11-21 00:10:00')";
    store.db.execute(sql, [domain]).unwrap();
}

fn ask(operator: &mut ExistingDatabase, now: Timestamp) -> RequestId {
    let request = NewRequest {
        kind: RequestKind::Resend,
        report: Some(RequestedReport {
            r_id: 1,
            day: Day::parse("2026-11-20").unwrap(),
            domain: "a.example".to_owned(),
        }),
        destination: Destination::new("mailto:t@a.example", NamedBy::Record),
        by: "root".to_owned(),
    };
    operator.ask(&[request], now).unwrap().unwrap()[0]
}

/// Of a queue that is throttled, or of an attempt that failed.
fn waits(id: RequestId, disposition: Disposition) -> RequestEnd {
    RequestEnd {
        id,
        r_id: None,
        destination: Destination::new("mailto:t@a.example", NamedBy::Record),
        outcome: RequestOutcome::Delivery(disposition),
        took: Duration::ZERO,
    }
}

fn postponed(until: &str) -> Disposition {
    Disposition::Postpone {
        at: at(until),
        reason: "the queue is throttled".to_owned(),
    }
}

fn one(operator: &ExistingDatabase) -> RequestRow {
    operator.pending_requests().unwrap().remove(0)
}

/// The daemon says what a request waits for, which was taken back meanwhile.
#[test]
fn what_was_taken_back_does_not_come_back() {
    let (_folder, mut store, mut operator) = stores();
    let now = at("21T08:00:00");
    let id = ask(&mut operator, now);
    assert_eq!(store.open_requests().unwrap().len(), 1);
    assert_eq!(operator.withdraw(&[id], now).unwrap(), 1);
    let end = waits(id, postponed("21T09:00:00"));
    store.record_requests(&[end], now).unwrap();
    assert!(store.open_requests().unwrap().is_empty());
    assert!(operator.pending_requests().unwrap().is_empty());
    assert!(store.start_requests(&[id], now).unwrap().is_empty());
    let row = operator.requests(&[id]).unwrap().remove(0);
    assert_eq!(row.state, RequestState::Withdrawn);
}

#[test]
fn nothing_is_taken_back_of_an_attempt_under_way() {
    let (_folder, mut store, mut operator) = stores();
    let now = at("21T08:00:00");
    let id = ask(&mut operator, now);
    assert_eq!(store.start_requests(&[id], now).unwrap().len(), 1);
    assert_eq!(operator.withdraw(&[id], now).unwrap(), 0);
    assert_eq!(one(&operator).state, RequestState::InHand);
}

/// Cleaning removes a report, and its number is given again.
#[test]
fn another_report_under_the_same_number_is_not_sent() {
    let (_folder, mut store, mut operator) = stores();
    let now = at("21T08:00:00");
    let id = ask(&mut operator, now);
    report(&store, "b.example");
    assert!(store.start_requests(&[id], now).unwrap().is_empty());
    let row = operator.requests(&[id]).unwrap().remove(0);
    assert_eq!(row.state, RequestState::Failed);
    assert_eq!(row.answer.as_deref(), Some(GONE));
}

/// Its times follow the clock, as those of a delivery.
#[test]
fn the_retry_window_follows_a_clock_that_moved() {
    let (_folder, mut store, mut operator) = stores();
    let now = at("21T08:00:00");
    let id = ask(&mut operator, now);
    let first = |store: &SqliteStore| -> String {
        let sql = "SELECT first FROM tlsrptd_requests";
        store.db.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    store.start_requests(&[id], now).unwrap();
    let retry = Disposition::Retry {
        at: at("21T09:00:00"),
        begins: Some(now),
        reason: "451 later".to_owned(),
    };
    store.record_requests(&[waits(id, retry)], now).unwrap();
    assert_eq!(first(&store), "2026-11-21 08:00:00+00:00");

    store
        .extend_windows(SignedDuration::from_hours(48))
        .unwrap();
    assert_eq!(
        first(&store),
        "2026-11-23 08:00:00.000000+00:00",
        "nobody was at work"
    );

    store
        .pull_back(at("19T08:00:00"), at("20T08:00:00"))
        .unwrap();
    assert_eq!(
        first(&store),
        "2026-11-19 08:00:00+00:00",
        "the clock was ahead"
    );
    let row = one(&operator);
    assert_eq!(row.next, Some(at("19T08:00:00")));
    assert_eq!(row.asked, Some(at("19T08:00:00")));
}

/// Whoever asked had a clock that was ahead: the time from which on it waits is never in the future for long.
#[test]
fn a_request_waits_from_no_later_than_it_is_known() {
    let (_folder, mut store, mut operator) = stores();
    let id = ask(&mut operator, at("30T08:00:00"));
    let now = at("21T08:00:00");
    store
        .record_requests(&[waits(id, postponed("21T09:00:00"))], now)
        .unwrap();
    assert_eq!(one(&operator).asked, Some(now));
}
