//! What is left of collectors' rows that were used, and of deliveries that have ended.

use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::domain::Domain;
use tlsrptd_reporter::{
    model::{DeliveryStatus, Destination, FetchJob, NamedBy},
    store::{AttemptEnd, Disposition, OperatorAccess, Store, open_for_operator},
};

use crate::{
    at, claim_room, day, decision,
    environment::{Engine, Statements, ask, counted, each_engine, folder, lines, settings, stored},
    jobs, later, open, report,
};

fn question(settings: &Reportd, sqlite: &str, postgres: &str) -> i64 {
    ask(&settings.dbname, &Statements { sqlite, postgres })[0].1
}

/// Answers of collectors that are still there.
fn answers(settings: &Reportd) -> i64 {
    question(
        settings,
        "SELECT '', count(*) FROM reportdata",
        "SELECT '', count(*) FROM answer",
    )
}

/// One domain of two collectors is decided on, with the counts of these.
fn decided(store: &mut dyn Store, used: &[&str]) -> Vec<FetchJob> {
    let made = jobs(store, &["one", "two"]);
    for job in &made {
        let rows = [counted("a.example", 1)];
        store.store_rows(job, &rows, at("21T00:00:02")).unwrap();
        store.job_answered(job, None, at("21T00:00:02")).unwrap();
    }
    let mut decided = decision("a.example", &[], at("21T06:00:00"));
    decided.rows.used = used.iter().map(|&used| used.to_owned()).collect();
    store
        .close_day(day(), &[decided], at("21T06:00:00"))
        .unwrap();
    made
}

#[each_engine]
fn what_was_used_has_no_row_and_is_known_all_the_same() {
    let folder = folder();
    let settings = settings(folder.path(), &[]);
    let mut store = open(&settings);
    let made = decided(&mut *store, &["one", "two"]);
    assert_eq!(answers(&settings), 0);
    let now = at("21T09:00:00");
    for (job, why) in made.iter().zip(["the first", "the second"]) {
        let again = [counted("a.example", 1)];
        let late = store.store_rows(job, &again, now).unwrap();
        assert_eq!(late, 0, "{why} answers again");
        store
            .store_list(job, &["a.example".to_owned()], now)
            .unwrap();
        store
            .store_unusable(job, "a.example", "too long", now)
            .unwrap();
        assert_eq!(answers(&settings), 0, "{why}: nothing is to be done");
    }
    // A domain that it did not tell before, and what it adds.
    let other = [counted("b.example", 1)];
    store.store_rows(&made[0], &other, now).unwrap();
    let adds = FetchJob {
        seen: Some(0),
        ..made[1].clone()
    };
    let more = [counted("a.example", 3)];
    assert_eq!(store.store_rows(&adds, &more, now).unwrap(), 1);
    let operator = open_for_operator(&settings, OperatorAccess::Read).unwrap();
    let a = Domain::parse("a.example").unwrap();
    let state = operator.domain_day(day(), &a, "a.example").unwrap();
    assert_eq!(
        lines(&state.rows, |row| format!(
            "{} {:?}",
            row.fetcher, row.stage
        )),
        ["one Decided", "two Late"]
    );
    assert_eq!(
        lines(&stored(&settings).data, |row| format!(
            "{} {} {}",
            row.domain,
            row.index,
            row.status()
        )),
        [
            "a.example 1 fetched",
            "a.example 2 late",
            "b.example 1 fetched"
        ]
    );
}

#[each_engine]
fn a_job_whose_rows_were_used_is_not_undone() {
    for (used, left, why) in [
        (&["one", "two"][..], 2, "both brought something"),
        (&["one"][..], 2, "the row of the other is there"),
    ] {
        let folder = folder();
        let settings = settings(folder.path(), &[]);
        let mut store = open(&settings);
        decided(&mut *store, used);
        // The day has not even begun.
        store.undo_early(day()).unwrap();
        let jobs = question(
            &settings,
            "SELECT '', count(*) FROM fetchjobs WHERE tlsrptd_early = 1",
            "SELECT '', count(*) FROM fetch_job WHERE early",
        );
        assert_eq!(jobs, left, "{why}");
        store.close().unwrap();
    }
}

/// What sys4 left in the list, after ours had used the counts of that collector. (It knows only SQLite.)
#[test]
fn what_is_listed_again_is_not_asked_for_for_ever() {
    let folder = Engine::Sqlite.folder();
    let settings = settings(folder.path(), &[]);
    let mut store = open(&settings);
    let made = decided(&mut *store, &["one", "two"]);
    let db = rusqlite::Connection::open(&settings.dbname).unwrap();
    let listed = "INSERT INTO reportdata(day, domain, fetcher, fetcherindex, retries) VALUES('2026-11-20', 'a.example', 'one', 1, 0)";
    db.execute(listed, []).unwrap();
    let now = at("21T09:00:00");
    assert_eq!(store.unfetched(&made[0], "", 9).unwrap(), ["a.example"]);
    store
        .store_rows(&made[0], &[counted("a.example", 1)], now)
        .unwrap();
    assert!(store.unfetched(&made[0], "", 9).unwrap().is_empty());
}

/// Octets that a domain takes once all is sent, whatever the order; the operator's answers have the times all the same.
#[each_engine]
fn what_is_sent_takes_little_room() {
    const DOMAINS: i64 = 1000;
    let folder = folder();
    let settings = settings(
        folder.path(),
        &["--max_kept_reports_size=0", "--loop_guard=no"],
    );
    let mut store = open(&settings);
    let now = at("21T00:00:00.25");
    let json = "x".repeat(1300);
    let decisions: Vec<_> = (0..DOMAINS)
        .map(|number| {
            let domain = format!("d{number:09}.example");
            let to = Destination::new(format!("mailto:tlsrpt@{domain}"), NamedBy::Record);
            report(&domain, &json, vec![(to, now)])
        })
        .collect();
    store.store_decisions(day(), &decisions, now).unwrap();
    let most = DOMAINS as usize;
    let mut claims = claim_room(&mut *store, now, most, most);
    assert_eq!(claims.len(), most);
    claims.sort_by_key(|claimed| claimed.r_id % DOMAINS * 7919 % DOMAINS);
    for ended in claims.chunks(50) {
        let sent = |claimed| AttemptEnd {
            disposition: Disposition::Final {
                status: DeliveryStatus::Sent,
                reason: "250 2.0.0 taken".to_owned(),
            },
            ..later(claimed, now)
        };
        let ends: Vec<_> = ended.iter().map(sent).collect();
        store.record(&ends, at("21T00:00:00.75")).unwrap();
    }
    let used = question(
        &settings,
        "SELECT '', sum(pgsize) FROM dbstat WHERE aggregate = TRUE AND name IN \
         (SELECT name FROM sqlite_master WHERE tbl_name IN ('reports', 'destinations'))",
        // Its rows have headers, and stay until autovacuum comes: a day's partitions go as a whole.
        "SELECT '', 0::bigint",
    );
    assert!(used / DOMAINS < 320, "{} octets a domain", used / DOMAINS);
    let operator = open_for_operator(&settings, OperatorAccess::Read).unwrap();
    let domain = Domain::parse("d000000007.example").unwrap();
    let state = operator
        .domain_day(day(), &domain, domain.as_str())
        .unwrap();
    let delivery = &state.reports[0].deliveries[0];
    let want = match Engine::current() {
        // In whole seconds.
        Engine::Sqlite => [at("21T00:00:00"), at("21T00:00:00")],
        Engine::Postgres => [now, at("21T00:00:00.75")],
    };
    assert_eq!(
        (delivery.first, delivery.next),
        (Some(want[0]), Some(want[1]))
    );
}
