//! The database alone.
#![allow(clippy::unwrap_used)]

mod environment;

use std::path::Path;

use environment::{counted, folder};
use jiff::Timestamp;
use rusqlite::Connection;
use tlsrptd_proto::day::Day;
use tlsrptd_reporter::{
    model::{
        CountedRows, DecidedDomain, Decision, Delivery, DeliveryStatus, Destination, NamedBy,
        NewReport,
    },
    store::{AttemptEnd, Claimed, CollectorCommand, Disposition, FetchJob, StatusCounts, Store},
};

fn at(text: &str) -> Timestamp {
    format!("2026-11-{text}Z").parse().unwrap()
}

fn day() -> Day {
    Day::parse("2026-11-20").unwrap()
}

fn open(folder: &Path) -> Store {
    Store::open(&folder.join("db"), false, None).unwrap()
}

fn sql(folder: &Path, text: &str) -> Connection {
    let db = Connection::open(folder.join("db")).unwrap();
    db.execute_batch(text).unwrap();
    db
}

fn jobs(state: &mut Store, commands: &[&str]) -> Vec<FetchJob> {
    let jobs: Vec<CollectorCommand> = (1..)
        .zip(commands)
        .map(|(index, command)| CollectorCommand {
            index,
            command: (*command).to_owned(),
        })
        .collect();
    state.make_jobs(&[day()], &jobs, at("21T00:00:00")).unwrap();
    state.due_jobs(at("21T00:00:00")).unwrap()
}

fn decision(domain: &str, uris: &[&str], due: Timestamp) -> DecidedDomain {
    let destination = |uri: &&str| (Destination::new(*uri, NamedBy::Record), due);
    report(domain, "{}", uris.iter().map(destination).collect())
}

fn report(domain: &str, json: &str, destinations: Vec<(Destination, Timestamp)>) -> DecidedDomain {
    let (json, suppressed) = (json.to_owned(), Vec::new());
    let rows = CountedRows {
        sessions: 1,
        ..CountedRows::default()
    };
    DecidedDomain {
        domain: domain.into(),
        uniqid: 1,
        rows,
        decision: Decision::Report(NewReport {
            json,
            destinations,
            suppressed,
        }),
    }
}

fn claim(state: &mut Store, now: Timestamp, limit: usize) -> Vec<Delivery> {
    claim_room(state, now, limit, 2)
}

fn claim_room(state: &mut Store, now: Timestamp, limit: usize, room: usize) -> Vec<Delivery> {
    let claims = state.claim(now, limit, |_| room).unwrap();
    let delivery = |claimed| match claimed {
        Claimed::Delivery(delivery) => delivery,
        Claimed::Corrupt(row) => panic!("{row:?}"),
    };
    claims.into_iter().map(delivery).collect()
}

fn later(claimed: &Delivery, at: Timestamp) -> AttemptEnd {
    AttemptEnd {
        r_id: claimed.r_id,
        destination: claimed.destination.clone(),
        disposition: Disposition::Retry {
            at,
            begins: None,
            reason: "451".into(),
        },
    }
}

/// A delivery may wait in hand for others.
#[test]
fn the_retry_window_begins_with_the_first_attempt() {
    let folder = folder();
    let mut state = open(folder.path());
    let (taken, begun) = (at("21T00:00:00"), at("21T02:00:00"));
    state
        .store_decisions(
            day(),
            &[decision("a.example", &["mailto:a@a.example"], taken)],
            taken,
        )
        .unwrap();
    let first = claim(&mut state, taken, 1);
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
        state.record(&[failed(begins)], begun).unwrap();
        let again = claim(&mut state, at("21T03:00:00"), 1);
        assert_eq!((again[0].first, again[0].begins_window), (begun, false));
    }
}

#[test]
fn a_job_from_waiting_to_decided() {
    let folder = folder();
    let mut state = open(folder.path());
    let made = jobs(&mut state, &["one", "two"]);
    assert_eq!(made.len(), 2);
    assert_eq!(jobs(&mut state, &["one", "two"]).len(), 2, "made once");
    state
        .job_failed(&made[0], at("21T00:00:30"), "not ready")
        .unwrap();
    assert_eq!(
        state.due_jobs(at("21T00:00:10")).unwrap().len(),
        1,
        "the other one"
    );
    assert_eq!(
        state.next_job(at("21T00:00:10")).unwrap(),
        Some(at("21T00:00:30"))
    );
    assert_eq!(state.due_jobs(at("21T00:00:30")).unwrap()[0].failures, 1);
    state
        .store_rows(&made[0], &[counted("a.example", 1)], at("21T00:00:31"))
        .unwrap();
    state
        .store_rows(&made[0], &[counted("a.example", 5)], at("21T00:00:31"))
        .unwrap();
    state
        .job_answered(&made[0], None, at("21T00:00:31"))
        .unwrap();
    assert!(
        state.gathered_days().unwrap().is_empty(),
        "the other one is waited for"
    );
    state
        .job_given_up(&made[1], at("21T06:00:00"), "deadline")
        .unwrap();
    assert_eq!(state.gathered_days().unwrap().len(), 1);
    let found = state.undecided(day(), None, 10, 1 << 20).unwrap();
    assert_eq!(found.len(), 1);
    assert!(
        found[0].rows[0]
            .data
            .as_deref()
            .unwrap()
            .contains("\"cntrtotal\": 5"),
        "replaced, not added"
    );
    let status = "SELECT group_concat(coalesce(status, '-')) FROM fetchjobs";
    let query = |sql_text: &str| -> String {
        sql(folder.path(), "")
            .query_row(sql_text, [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(
        query(status),
        "-,-",
        "for sys4 there is work until the last report is stored"
    );
    state
        .close_day(
            day(),
            &[decision("a.example", &[], at("21T06:00:00"))],
            at("21T06:00:00"),
        )
        .unwrap();
    assert_eq!(query(status), "ok,timedout");
    assert_eq!(
        state
            .store_rows(
                &made[1],
                &[counted("a.example", 9), counted("b.example", 1)],
                at("21T09:00:00")
            )
            .unwrap(),
        1
    );
    assert_eq!(
        query("SELECT group_concat(domain || status, ' ') FROM reportdata"),
        "a.examplefetched a.examplelate b.examplefetched"
    );
}

#[test]
fn a_command_that_is_corrected_in_place_takes_its_job_over() {
    let folder = folder();
    let mut state = open(folder.path());
    assert_eq!(jobs(&mut state, &["tpyo", "two"])[0].command, "tpyo");
    assert_eq!(jobs(&mut state, &["typo", "two"])[0].command, "typo");
    let job = jobs(&mut state, &["typo", "two"]).remove(0);
    state
        .store_rows(&job, &[counted("a.example", 1)], at("21T00:00:00"))
        .unwrap();
    assert_eq!(
        jobs(&mut state, &["other", "two"])[0].command,
        "other",
        "what it brought has its new name"
    );
    let rows = sql(folder.path(), "");
    let fetcher = rows.query_row("SELECT fetcher FROM reportdata", [], |row| row.get(0));
    assert_eq!(fetcher, Ok("other".to_owned()));
}

#[test]
fn deliveries_are_claimed_once_and_queues_take_turns() {
    let folder = folder();
    let mut state = open(folder.path());
    let now = at("21T00:00:00");
    let slow: Vec<String> = (0..50)
        .map(|n| format!("https://slow.example/{n}"))
        .collect();
    let slow: Vec<&str> = slow.iter().map(String::as_str).collect();
    state
        .store_decisions(day(), &[decision("a.example", &slow, now)], now)
        .unwrap();
    state
        .store_decisions(
            day(),
            &[decision("b.example", &["https://quick.example/"], now)],
            now,
        )
        .unwrap();
    let first = claim(&mut state, now, 10);
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
    let more = claim_room(&mut state, now, 10, 1);
    assert_eq!(more.len(), 1, "one more where there is room for one");
    // A retry whose time is now, and a new delivery that was due before the last look.
    state.record(&[later(&first[0], now)], now).unwrap();
    state
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
    let again = claim(&mut state, at("21T00:00:01"), 10);
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
    drop(state);
    let mut state = open(folder.path());
    assert_eq!(
        state.release().unwrap(),
        3 + 1 + again.len() - 1,
        "what was in hand is pending again"
    );
}

#[test]
fn the_clock_is_set_back() {
    let folder = folder();
    let mut state = open(folder.path());
    let (now, back) = (at("21T12:00:00"), at("21T06:00:00"));
    state
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
        claim(&mut state, back, 10).is_empty(),
        "not due by that clock"
    );
    assert_eq!(claim(&mut state, now, 10).len(), 1, "due again");
}

#[test]
fn what_is_old_goes_but_nothing_pending() {
    let folder = folder();
    let mut state = open(folder.path());
    let job = jobs(&mut state, &["one"]).remove(0);
    let now = at("21T00:00:00");
    state
        .store_rows(
            &job,
            &[counted("a.example", 1), counted("b.example", 1)],
            now,
        )
        .unwrap();
    state.job_answered(&job, None, now).unwrap();
    let decisions = [
        decision("a.example", &["mailto:r@a.example"], now),
        decision("b.example", &["mailto:r@b.example"], now),
    ];
    state.close_day(day(), &decisions, now).unwrap();
    let sent = |claimed: &Delivery| AttemptEnd {
        disposition: Disposition::Final {
            status: DeliveryStatus::Sent,
            reason: String::new(),
        },
        ..later(claimed, now)
    };
    let claimed = claim(&mut state, now, 1);
    state.record(&[sent(&claimed[0])], now).unwrap();
    while state.clean(day().next()).unwrap() {}
    let counts = StatusCounts::read(&folder.path().join("db")).unwrap();
    assert!(counts.jobs.is_empty() && counts.data.is_empty());
    assert_eq!(counts.destinations.len(), 1, "the pending one stays");
    assert_eq!(counts.destinations[0].status, None);
}

#[test]
fn domains_are_read_within_a_bound_of_bytes() {
    let folder = folder();
    let mut state = open(folder.path());
    let made = jobs(&mut state, &["one", "two"]);
    let now = at("21T00:00:00");
    for job in &made {
        let rows = ["a.example", "b.example", "c.example"].map(|domain| counted(domain, 1));
        state.store_rows(job, &rows, now).unwrap();
    }
    let size = 2 * counted("a.example", 1).data.len();
    for (bytes, want, why) in [
        (1, 1, "one is always read, and whole"),
        (size, 1, "no room"),
        (size + 1, 2, "the one that begins in the room"),
        (1 << 20, 3, "room for all"),
    ] {
        let found = state.undecided(day(), None, 10, bytes).unwrap();
        assert_eq!(found.len(), want, "{why}");
        assert!(found.iter().all(|domain| domain.size() == size), "{why}");
    }
}

#[test]
fn what_is_sent_is_not_kept() {
    const DOMAINS: usize = 400;
    let folder = folder();
    let mut state = open(folder.path());
    let job = jobs(&mut state, &["one"]).remove(0);
    let now = at("21T00:00:00");
    let domains: Vec<String> = (0..DOMAINS).map(|n| format!("d{n}.example")).collect();
    let rows: Vec<_> = domains.iter().map(|domain| counted(domain, 1)).collect();
    state.store_rows(&job, &rows, now).unwrap();
    let decisions: Vec<DecidedDomain> = (domains.iter().zip(0..))
        .map(|(domain, number)| {
            // One in ten has nowhere to go, one in ten a row that nobody could read.
            let uris: &[&str] = match number % 10 {
                0 => &[],
                _ => &["mailto:a@x.example", "mailto:b@x.example"],
            };
            let to = |uri: &&str| (Destination::new(*uri, NamedBy::Record), now);
            let destinations = uris.iter().map(to).collect();
            let mut decided = report(domain, &" ".repeat(1000), destinations);
            if number % 10 != 1 {
                decided.rows.used.push("one".to_owned());
            }
            decided
        })
        .collect();
    state.store_decisions(day(), &decisions, now).unwrap();
    let query = |text: &str| -> i64 {
        sql(folder.path(), "")
            .query_row(text, [], |row| row.get(0))
            .unwrap()
    };
    let with_data =
        "SELECT count(*) FROM reportdata WHERE data <> '' AND domain LIKE 'd%1.example'";
    assert_eq!(query(with_data), 40, "what was not used stays");
    assert_eq!(
        query("SELECT sum(data = '') FROM reportdata"),
        360,
        "not NULL, or sys4 asks for it"
    );
    // Everything once, then half of it again.
    let full = "SELECT count(*) FROM reports WHERE report IS NOT NULL AND tlsrptd_reason IS NULL";
    let pages = || {
        query("SELECT page_count FROM pragma_page_count")
            - query("SELECT freelist_count FROM pragma_freelist_count")
    };
    let (all, pages_before) = (query(full), pages());
    let mut claims = claim_room(&mut state, now, 2 * DOMAINS, 2 * DOMAINS);
    assert_eq!(claims.len(), 2 * 360);
    // As due times are: in no order.
    claims.sort_by_key(|claimed| {
        (
            claimed.destination.uri().to_owned(),
            claimed.r_id * 7919 % 400,
        )
    });
    let sent = |claimed: &Delivery| AttemptEnd {
        disposition: Disposition::Final {
            status: DeliveryStatus::Sent,
            reason: String::new(),
        },
        ..later(claimed, now)
    };
    for (group, want, why) in [
        (&claims[..360], all, "the second destination is pending"),
        (&claims[360..], all - 360, "nothing pending"),
    ] {
        state
            .record(&group.iter().map(sent).collect::<Vec<_>>(), now)
            .unwrap();
        assert_eq!(query(full), want, "{why}");
    }
    assert_eq!(
        query(
            "SELECT count(*) FROM reports WHERE tlsrptd_sessions = 1 AND its = '2026-11-21 00:00:00'"
        ),
        400
    );
    // Three reports a page before; what an UPDATE makes shorter frees no page.
    assert!(
        pages() < pages_before - 360 / 4,
        "{} pages of {pages_before} are in use",
        pages()
    );
}

#[test]
fn a_domain_that_is_too_large_is_done_with() {
    let folder = folder();
    let mut state = open(folder.path());
    let job = jobs(&mut state, &["one"]).remove(0);
    let now = at("21T00:00:00");
    state
        .store_list(&job, &["large.example".to_owned()], now)
        .unwrap();
    state
        .store_unusable(&job, "large.example", "too long", now)
        .unwrap();
    assert!(state.unfetched(&job, "", 10).unwrap().is_empty());
    state.job_answered(&job, None, now).unwrap();
    state.close_day(day(), &[], now).unwrap();
    let reopened = state.reopen_given_up(&[day()].into(), &[], now).unwrap();
    assert!(reopened.is_empty());
    let row = |db: &Connection| {
        db.query_row(
            "SELECT status || ' ' || tlsrptd_reason FROM reportdata",
            [],
            |row| row.get::<_, String>(0),
        )
    };
    let db = sql(folder.path(), "");
    assert_eq!(row(&db).unwrap(), "timedout too long", "its job is done");
    state
        .store_rows(&job, &[counted("large.example", 1)], now)
        .unwrap();
    assert_eq!(
        state.undecided(day(), None, 10, 1 << 20).unwrap().len(),
        1,
        "unless it comes after all"
    );
}

#[test]
fn a_fault_at_claiming_strands_nothing() {
    let folder = folder();
    let mut state = open(folder.path());
    let now = at("21T00:00:00");
    let due = decision("a.example", &["mailto:r@a.example"], now);
    state.store_decisions(day(), &[due], now).unwrap();
    let other = sql(
        folder.path(),
        "CREATE TRIGGER fault BEFORE UPDATE ON destinations BEGIN SELECT RAISE(FAIL, 'disk full'); END",
    );
    state.claim(now, 10, |_| 2).unwrap_err();
    other.execute_batch("DROP TRIGGER fault").unwrap();
    assert_eq!(
        claim(&mut state, at("21T00:00:10"), 10).len(),
        1,
        "due as before"
    );
}

#[test]
fn reports_in_hand_are_bounded_by_bytes_and_held_once() {
    let folder = folder();
    let mut state = open(folder.path());
    let now = at("21T00:00:00");
    let uris = ["https://one.example/", "https://two.example/"];
    let small = decision("small.example", &uris, now);
    state.store_decisions(day(), &[small], now).unwrap();
    let pair = claim(&mut state, now, 10);
    let stored = |claimed: &Delivery| std::sync::Arc::clone(&claimed.report);
    assert!(
        std::sync::Arc::ptr_eq(&stored(&pair[0]), &stored(&pair[1])),
        "one report, two deliveries"
    );
    for domain in ["a", "b", "c", "d"] {
        let to = |uri: &str| (Destination::new(uri, NamedBy::Record), now);
        let json = " ".repeat(24 << 20);
        let large = report(&format!("{domain}.example"), &json, uris.map(to).to_vec());
        state.store_decisions(day(), &[large], now).unwrap();
    }
    let mut taken = Vec::new();
    loop {
        let claims = state.claim(now, 100, |_| 100).unwrap();
        assert!(
            claim(&mut state, now, 100).is_empty() || claims.is_empty(),
            "no room before these are done with"
        );
        taken.push(claims.len());
        if claims.is_empty() {
            break;
        }
    }
    assert_eq!(taken, [2, 2, 2, 2, 0], "the last may go beyond 32 MiB");
}

/// A mail counts against the domain that it was sent to when that domain's own record, or the operator, has named it.
#[test]
fn whose_mails_count_for_the_loop_guard() {
    let folder = folder();
    let mut state = open(folder.path());
    let now = at("21T00:00:00");
    state.guard_loops(Some("postmaster@Copies.example"));
    let central = Destination::new("mailto:all@central.example", NamedBy::Operator);
    let by_map = report("mapped.example", "{}", vec![(central, now)]);
    let decisions = [
        decision(
            "a.example",
            &["mailto:r@A.example", "mailto:x@neighbour.example"],
            now,
        ),
        decision("copies.example", &["mailto:r@copies.example"], now),
        decision("b.example", &["https://b.example/"], now),
        by_map,
    ];
    state.store_decisions(day(), &decisions, now).unwrap();
    let sent = |claimed: &Delivery| AttemptEnd {
        r_id: claimed.r_id,
        destination: claimed.destination.clone(),
        disposition: Disposition::Final {
            status: DeliveryStatus::Sent,
            reason: String::new(),
        },
    };
    let mut deliveries = 0;
    loop {
        let ends: Vec<_> = claim(&mut state, now, 100).iter().map(sent).collect();
        if ends.is_empty() {
            break;
        }
        deliveries += ends.len();
        state.record(&ends, now).unwrap();
    }
    assert_eq!(deliveries, 5);
    let db = sql(folder.path(), "");
    let mails = |domain: &str| {
        db.query_row(
            "SELECT coalesce(sum(mails), 0) FROM tlsrptd_mails WHERE domain = ?1",
            [domain],
            |row| row.get::<_, i64>(0),
        )
    };
    for (domain, want, why) in [
        ("a.example", 1, "its own record names it"),
        ("neighbour.example", 0, "another one's record does"),
        (
            "copies.example",
            4,
            "three copies, and one mail that needs no second session for it",
        ),
        ("central.example", 1, "the operator's map"),
        ("b.example", 0, "no mail"),
        ("", 4, "all that the relay took"),
    ] {
        assert_eq!(mails(domain).unwrap(), want, "{why}");
    }
    // They stay as long as the guard needs them, however short a time reports are kept.
    let recorded = "SELECT count(*) FROM tlsrptd_mails WHERE domain = 'a.example'";
    for (oldest, left) in [("2026-11-27", 1), ("2026-11-28", 1), ("2026-11-29", 0)] {
        while state.clean(Day::parse(oldest).unwrap()).unwrap() {}
        let found = db.query_row(recorded, [], |row| row.get::<_, i64>(0));
        assert_eq!(found, Ok(left), "{oldest}");
    }
}

#[test]
fn status_before_there_is_a_database() {
    let folder = folder();
    let path = folder.path().join("db");
    let read = || StatusCounts::read(&path).unwrap_err().to_string();
    assert!(read().contains("there is no database"), "{}", read());
    std::fs::write(&path, "").unwrap();
    assert!(read().contains("there is no database"), "{}", read());
}
