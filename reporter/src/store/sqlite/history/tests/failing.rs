//! What fails, by day.

use super::*;
use crate::store::{
    FailureQuestion,
    history_failure::fixtures::{failing, question, shown},
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
        let decided: Vec<DecidedDomain> = rows.iter().map(failing).collect();
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
