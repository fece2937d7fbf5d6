mod failing;

use std::path::Path;

use rusqlite::{Connection, StatementStatus};
use tempfile::TempDir;

use super::*;
use crate::{
    model::{DecidedDomain, Destination, NamedBy},
    store::{DayTotals, Deliveries as _, Disposition, History as _, sqlite::days},
};

fn day(text: &str) -> Day {
    format!("2026-11-{text}").parse().unwrap()
}

fn open(folder: &TempDir) -> SqliteStore {
    SqliteStore::open(&folder.path().join("reportd.sqlite"), false, None).unwrap()
}

fn change(folder: &TempDir, sql: &str) {
    let db = Connection::open(folder.path().join("reportd.sqlite")).unwrap();
    db.execute_batch(sql).unwrap();
}

fn total_of(store: &SqliteStore, of: &str) -> Option<DayTotals> {
    store.totals(day(of), day(of)).unwrap().pop()
}

/// `waiting 1, sent 2`.
fn told(store: &SqliteStore, of: &str) -> String {
    let Some(totals) = total_of(store, of) else {
        return "not known".to_owned();
    };
    let mut parts = vec![format!("waiting {}", totals.waiting())];
    let outcomes = totals.outcomes.iter();
    parts.extend(outcomes.map(|outcome| format!("{} {}", outcome.status, outcome.deliveries)));
    parts.join(", ")
}

/// Three deliveries of ours on the 20th, one of which was sent.
fn three_deliveries(folder: &TempDir) {
    open(folder).close().unwrap();
    change(
        folder,
        "INSERT INTO reports(r_id, day, domain, uniqid, report, tlsrptd_sessions) VALUES(1, '2026-11-20', 'a.example', 1, '{}', 1);
         INSERT INTO destinations(destination, d_r_id, status, tlsrptd_queue) VALUES
             ('mailto:a@a.example', 1, 'sent', 'mailto:'), ('mailto:b@a.example', 1, NULL, 'mailto:'), ('mailto:c@a.example', 1, NULL, 'mailto:');
         INSERT INTO tlsrptd_history_days VALUES('2026-11-20', 1, 1, 0, 1, 0, 3);
         INSERT INTO tlsrptd_history_totals VALUES('2026-11-20', 'delivery', 'sent', 1, 0);",
    );
}

/// sys4's reporter writes its own tables alone.
#[test]
fn what_sys4_has_done_is_in_the_totals_after_the_next_start() {
    let sent = "UPDATE destinations SET status = 'sent' WHERE destination";
    for (sql, want, why) in [
        (String::new(), "waiting 2, sent 1", "it has done nothing"),
        (
            format!("{sent} = 'mailto:b@a.example'"),
            "waiting 1, sent 2",
            "it has sent one",
        ),
        (
            "UPDATE destinations SET status = 'timedout' WHERE status IS NULL".to_owned(),
            "waiting 0, timedout 2, sent 1",
            "it has given both up",
        ),
        (
            "DELETE FROM destinations; DELETE FROM reports".to_owned(),
            "waiting 0, unknown 2, sent 1",
            "and has removed the rows",
        ),
        (
            "INSERT INTO reports(r_id, day, domain, uniqid, report) VALUES(2, '2026-11-20', 'b.example', 1, '{}');
             INSERT INTO destinations(destination, d_r_id) VALUES('mailto:b@b.example', 2)"
                .to_owned(),
            "waiting 3, sent 1",
            "it has made a report of that day",
        ),
        (
            format!(
                "{sent} = 'mailto:b@a.example';
                 INSERT INTO reports(r_id, day, domain, uniqid, report) VALUES(2, '2026-11-20', 'b.example', 1, '{{}}');
                 INSERT INTO destinations(destination, d_r_id) VALUES('mailto:b@b.example', 2)"
            ),
            "waiting 2, sent 2",
            "both",
        ),
        (
            "UPDATE tlsrptd_history_days SET deliveries = 0".to_owned(),
            "waiting 2, sent 1",
            "they were made before anything was remembered",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        three_deliveries(&folder);
        change(&folder, &sql);
        for start in ["the first", "the second"] {
            let mut store = open(&folder);
            store.release().unwrap();
            assert_eq!(told(&store, "20"), want, "{why}, {start} start");
            store.close().unwrap();
        }
    }
}

/// Of a report that sys4 has made on a day that it has decided on, nothing is known but that report.
#[test]
fn a_day_of_sys4s_stays_unknown() {
    let folder = tempfile::tempdir().unwrap();
    three_deliveries(&folder);
    change(
        &folder,
        "DELETE FROM tlsrptd_history_days; DELETE FROM tlsrptd_history_totals",
    );
    let mut store = open(&folder);
    store.release().unwrap();
    assert_eq!(told(&store, "20"), "not known");
    assert_eq!(store.first_day().unwrap(), None);
}

#[test]
fn a_day_without_a_session_is_known() {
    let jobs = |jobs: &[&str]| {
        let jobs = jobs.iter().enumerate();
        let rows = jobs.map(|(index, status)| format!("('2026-11-20', {index}, 'one', {status})"));
        let rows: Vec<String> = rows.collect();
        format!(
            "INSERT INTO fetchjobs(day, fetcherindex, fetcher, status) VALUES {}",
            rows.join(", ")
        )
    };
    for (sql, want, why) in [
        (jobs(&["'ok'", "'ok'"]), "waiting 0", "all have answered"),
        (
            jobs(&["'ok'", "'timedout'"]),
            "not known",
            "one was given up",
        ),
        (
            jobs(&["'removed'", "'ok'"]),
            "not known",
            "one was taken out",
        ),
        (jobs(&["'ok'", "NULL"]), "not known", "one is asked again"),
        (String::new(), "not known", "nobody was asked"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(&folder);
        change(&folder, &sql);
        let noted = store.db.transaction().unwrap();
        day_is_known(&noted, "2026-11-20").unwrap();
        noted.commit().unwrap();
        assert_eq!(told(&store, "20"), want, "{why}");
        // A clock that was ahead has asked for it: the day has not ended.
        let early = store.db.transaction().unwrap();
        days::undo_early(&early, "2026-11-20").unwrap();
        early.commit().unwrap();
        assert_eq!(told(&store, "20"), "not known", "{why}");
    }
}

/// SQLite prepares a statement anew whose plan may depend on a value: that takes longer than all the rest of an outcome.
#[test]
fn an_outcome_prepares_nothing_anew() {
    let folder = tempfile::tempdir().unwrap();
    three_deliveries(&folder);
    let mut store = open(&folder);
    for uri in ["mailto:b@a.example", "mailto:c@a.example"] {
        let end = AttemptEnd {
            r_id: 1,
            destination: Destination::new(uri, NamedBy::Record),
            disposition: Disposition::Final {
                status: DeliveryStatus::Sent,
                reason: String::new(),
            },
            gzip: None,
        };
        store
            .record(&[end], "2026-11-21T00:00:00Z".parse().unwrap())
            .unwrap();
    }
    assert_eq!(told(&store, "20"), "waiting 0, sent 3");
    let statement = store.db.prepare_cached(DAY_OF_OPEN_DELIVERY).unwrap();
    assert!(statement.get_status(StatementStatus::Run) >= 2);
    assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
}
