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

mod failing {
    use tlsrptd_proto::{failure::ResultType, policy::PolicyType};

    use super::*;
    use crate::{
        model::{CountedFailure, Decision},
        store::{FailureQuestion, FailureRow},
    };

    /// A day, and what failed on it: domain, MX, sessions.
    type FailedOn<'a> = (&'a str, &'a [(&'a str, &'a str, u64)]);

    fn store(limit: usize, days: &[FailedOn<'_>]) -> (TempDir, SqliteStore) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(&folder);
        store.limit_history(limit, 0);
        let mut failures = std::mem::take(&mut store.failures);
        for (name, rows) in days {
            let tx = store.db.transaction().unwrap();
            let mut addition = Addition::default();
            let decided: Vec<DecidedDomain> = rows.iter().map(|row| decided(*row)).collect();
            let name = day(name).to_string();
            for decided in &decided {
                addition.first(&name);
                addition.decided(&name, decided, 0);
            }
            addition.write(&tx).unwrap();
            failures.add(&tx, &name, &decided).unwrap();
            tx.commit().unwrap();
        }
        store.failures = failures;
        (folder, store)
    }

    fn decided((domain, mx, sessions): (&str, &str, u64)) -> DecidedDomain {
        let mut decided = DecidedDomain {
            domain: domain.to_owned(),
            uniqid: 1,
            decision: Decision::NoReport("no record: x".to_owned()),
            rows: Default::default(),
            named: Vec::new(),
        };
        let result = ResultType::StarttlsNotSupported;
        decided.rows.details.by_result.insert(result, sessions);
        decided.rows.details.failures.push(CountedFailure {
            mx: mx.to_owned(),
            address: String::new(),
            policy: PolicyType::Tlsa,
            result,
            reason: String::new(),
            sessions,
        });
        decided
    }

    fn question(from: &str, to: &str) -> FailureQuestion {
        FailureQuestion {
            from: day(from),
            to: day(to),
            domain: None,
            new_since: None,
            limit: 10,
        }
    }

    /// `b.example mx 5 on 2 from 20 to 21`.
    fn shown(rows: Vec<FailureRow>) -> Vec<String> {
        let rows = rows.into_iter();
        rows.map(|row| {
            let (first, last) = (row.first_day.to_string(), row.day.to_string());
            let (domain, mx) = (row.domain.unwrap_or_default(), row.mx.unwrap_or_default());
            format!(
                "{domain} {mx} {} on {} from {} to {}",
                row.sessions,
                row.days,
                &first[8..],
                &last[8..]
            )
        })
        .collect()
    }

    /// When all domains fail, those of the fewest sessions are folded, and leave no text behind.
    #[test]
    fn what_is_folded_leaves_nothing() {
        let (_folder, mut store) = store(
            2,
            &[
                ("20", &[("a.example", "mx", 1)]),
                (
                    "21",
                    &[
                        ("a.example", "mx", 1),
                        ("b.example", "mx", 2),
                        ("c.example", "mx", 3),
                        ("d.example", "mx", 4),
                    ],
                ),
            ],
        );
        let rows = store.failures(&question("21", "21")).unwrap();
        assert_eq!(
            shown(rows),
            [
                "d.example mx 4 on 1 from 21 to 21",
                "c.example mx 3 on 1 from 21 to 21",
                "  3 on 1 from 21 to 21",
            ]
        );
        let texts = |store: &SqliteStore| -> i64 {
            let sql = "SELECT count(*) FROM tlsrptd_failures";
            store.db.query_row(sql, [], |row| row.get(0)).unwrap()
        };
        assert_eq!(texts(&store), 3, "a.example failed on another day too");
        let tx = store.db.transaction().unwrap();
        while clean(&tx, day("22")).unwrap() {}
        tx.commit().unwrap();
        assert_eq!(texts(&store), 0);
        assert!(store.failures(&question("20", "21")).unwrap().is_empty());
    }

    /// The owner of a domain makes as many MX hosts as they like: to ask for it takes no longer than to read the days that
    /// are asked for, and few hosts take less.
    #[test]
    fn what_one_domain_may_cost_is_bounded() {
        const DAYS: u32 = 30;
        const ROWS_A_DAY: u64 = 400;
        let steps = |hosts: &str, last: &str| {
            let (folder, mut store) = store(1, &[("29", &[("z.example", "mx", 1)])]);
            let db = Connection::open(folder.path().join("reportd.sqlite")).unwrap();
            db.execute_batch(&format!(
                "CREATE TEMP TABLE d AS WITH RECURSIVE n(n) AS (VALUES(0) UNION ALL SELECT n + 1 FROM n WHERE n < 89)
                     SELECT n, date('2026-11-29', '-' || n || ' days') AS day FROM n;
                 CREATE TEMP TABLE h AS WITH RECURSIVE n(n) AS (VALUES(1) UNION ALL SELECT n + 1 FROM n WHERE n < {ROWS_A_DAY}) SELECT n FROM n;
                 INSERT OR IGNORE INTO tlsrptd_history_days SELECT day, 1, 1, 1, 0, 0, 0 FROM d;
                 INSERT INTO tlsrptd_failures(id, domain, mx, policy, result, first, last)
                     SELECT DISTINCT {hosts}, 'a.example', {hosts}, 'sts', 'x', {last} FROM d, h;
                 INSERT INTO tlsrptd_history_failing SELECT DISTINCT day, {hosts}, 1 FROM d, h;"
            ))
            .unwrap();
            let steps = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
            let counted = std::sync::Arc::clone(&steps);
            store
                .db
                .progress_handler(
                    1,
                    Some(move || {
                        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        false
                    }),
                )
                .unwrap();
            let found = store
                .failures_by_day(&["a.example"; 15], day("29").back(DAYS - 1), day("29"))
                .unwrap();
            assert_eq!(found.len(), DAYS as usize, "{hosts}");
            (
                found[0].sessions,
                steps.load(std::sync::atomic::Ordering::Relaxed),
            )
        };
        let always = "'2026-08-31', '2026-11-29'";
        for (hosts, last, sessions, a_row, why) in [
            ("1 + n.n % 2", always, 2, 1, "two hosts on every day"),
            (
                "h.n",
                always,
                ROWS_A_DAY,
                20,
                "as many hosts as a day has rows",
            ),
            (
                "1000 * d.n + h.n",
                "d.day, d.day",
                ROWS_A_DAY,
                40,
                "and others each day",
            ),
        ] {
            let (found, steps) = steps(&hosts.replace("n.n", "h.n"), last);
            assert_eq!(found, sessions, "{why}");
            let most = a_row * u64::from(DAYS) * ROWS_A_DAY;
            assert!(steps < most, "{why}: {steps} steps of at most {most}");
        }
    }

    /// More failures than are added up at a time.
    #[test]
    fn each_part_of_all_failures_is_read() {
        let (folder, store) = store(
            1,
            &[
                ("20", &[("a.example", "mx", 1)]),
                ("21", &[("a.example", "mx", 1)]),
            ],
        );
        fill(&folder.path().join("reportd.sqlite"), 250_000);
        let question = FailureQuestion {
            limit: usize::MAX,
            ..question("20", "21")
        };
        let rows = store.failures(&question).unwrap();
        assert_eq!(rows.len(), 250_001);
        let sum: u64 = rows.iter().map(|row| row.sessions).sum();
        assert_eq!(sum, 2 + 2 * 250_000);
        assert!(rows.iter().all(|row| row.days == 2));
        let first = FailureQuestion {
            limit: 3,
            ..question
        };
        assert_eq!(store.failures(&first).unwrap().len(), 3);
    }

    fn fill(path: &Path, number: u32) {
        let mut db = Connection::open(path).unwrap();
        let tx = db.transaction().unwrap();
        // Spread as hashes are.
        let ids = format!(
            "WITH RECURSIVE n(n) AS (VALUES(1) UNION ALL SELECT n + 1 FROM n WHERE n < {number}) \
             SELECT n * (9223372036854775807 / ({number} + 1)) AS id, n FROM n"
        );
        tx.execute_batch(&format!(
            "INSERT INTO tlsrptd_failures(id, domain, policy, result) SELECT id, 'd' || n || '.example', 'sts', 'x' FROM ({ids});
             INSERT INTO tlsrptd_history_failing SELECT '2026-11-20', id, 1 FROM ({ids});
             INSERT INTO tlsrptd_history_failing SELECT '2026-11-21', id, 1 FROM ({ids});"
        ))
        .unwrap();
        tx.commit().unwrap();
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
