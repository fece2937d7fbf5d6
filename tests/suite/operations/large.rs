//! The questions at a hundred thousand domains a day: right, and in the memory that six domains take. How long they take at a
//! million, `tlsrptd-bench reporter --answers --million` says.

use std::process::Command;

use rusqlite::Connection;
use serde_json::Value;
use tlsrptd_tests::harness::skip;

use super::site::Morning;

/// Domains beside those of the site: half of them got their report, the others wait.
const DOMAINS: u64 = 100_000;
/// Failing ones among them.
const FAILING: u64 = 9_000;
/// More than six domains take. As many rows in memory would take several times that.
const MORE_KIB: i64 = 12 << 10;

/// Runs a command, and says on the last line of standard error how much memory it had at most, in KiB.
const MEASURED: &str = "import resource, subprocess, sys
ended = subprocess.run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(ended.returncode)";

/// The answer as JSON, and the memory that it took.
fn ask(morning: &Morning, words: &[&str]) -> (Value, i64) {
    let ended = morning
        .ctl(words)
        .arg("--json")
        .under(&["python3", "-c", MEASURED])
        .run();
    let memory = ended
        .stderr
        .lines()
        .last()
        .and_then(|line| line.parse().ok());
    let answer = serde_json::from_str(&ended.stdout);
    let answer = answer.unwrap_or_else(|error| panic!("{words:?}: {error}: {ended:?}"));
    (answer, memory.unwrap_or_else(|| panic!("{ended:?}")))
}

/// The names of a table's columns, but these.
fn columns(db: &Connection, table: &str, but: &[&str]) -> String {
    let mut names = db
        .prepare("SELECT name FROM pragma_table_info(?1)")
        .unwrap();
    let names = names
        .query_map([table], |row| row.get::<_, String>(0))
        .unwrap();
    let names = names.map(Result::unwrap);
    let names = names.filter(|name| !but.contains(&name.as_str()));
    names.collect::<Vec<_>>().join(", ")
}

/// More domains of the same day, as `example.com` and `example.net` by turns; the first of them fail as `example.org`.
fn grow(morning: &Morning) {
    let mut db = Connection::open(morning.lab.reportd_db()).unwrap();
    let tx = db.transaction().unwrap();
    let number = format!(
        "WITH RECURSIVE n(n) AS (VALUES(1) UNION ALL SELECT n + 1 FROM n WHERE n < {DOMAINS})"
    );
    let of = |domain: &str| {
        let sql = "SELECT r_id FROM reports WHERE domain = ?1";
        tx.query_row(sql, [domain], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    let (sent, waits) = (of("example.com"), of("example.net"));
    let others = columns(&tx, "reports", &["r_id", "domain"]);
    let ours = columns(&tx, "destinations", &["destination", "d_r_id"]);
    let ours_of_t = ours.replace(", ", ", t.");
    let failures = columns(&tx, "tlsrptd_failures", &["id", "domain"]);
    let half = DOMAINS / 2;
    for sql in [
        format!(
            "{number} INSERT INTO reports(domain, {others}) SELECT printf('d%06d.example', n), {others} \
             FROM n CROSS JOIN reports WHERE r_id = CASE n % 2 WHEN 0 THEN {sent} ELSE {waits} END"
        ),
        format!(
            "INSERT INTO destinations(destination, d_r_id, {ours}) \
             SELECT 'mailto:tlsrpt@' || r.domain, r.r_id, t.{ours_of_t} FROM reports r \
             CROSS JOIN destinations t ON t.d_r_id = CASE WHEN r.report IS NULL THEN {sent} ELSE {waits} END \
             WHERE r.domain LIKE 'd______.example'"
        ),
        format!(
            "{number} INSERT INTO tlsrptd_failures(id, domain, {failures}) \
             SELECT n, printf('d%06d.example', n), {failures} FROM n CROSS JOIN \
             (SELECT * FROM tlsrptd_failures WHERE domain = 'example.org' LIMIT 1) WHERE n <= {FAILING}"
        ),
        format!(
            "{number} INSERT INTO tlsrptd_history_failing(day, failure, sessions) \
             SELECT day, n, sessions FROM n CROSS JOIN (SELECT day, sessions FROM tlsrptd_history_failing \
             JOIN tlsrptd_failures ON id = failure WHERE domain = 'example.org' LIMIT 1) WHERE n <= {FAILING}"
        ),
        format!(
            "UPDATE tlsrptd_history_days SET domains = domains + {DOMAINS}, sessions = sessions + {DOMAINS}, \
             reports = reports + {DOMAINS}, deliveries = deliveries + {DOMAINS}"
        ),
        format!("UPDATE tlsrptd_history_totals SET number = number + {half} WHERE name = 'sent'"),
    ] {
        tx.execute(&sql, [])
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    tx.commit().unwrap();
}

#[test]
fn as_right_and_as_small_as_for_six_domains() {
    let python = Command::new("python3").arg("--version").output();
    if skip::or_skip(python.ok(), "python3 is missing").is_none() {
        return;
    }
    let mut morning = Morning::new();
    morning.stop();
    let questions: &[&[&str]] = &[
        &["deliveries"],
        &["deliveries", "--status", "waiting"],
        &["deliveries", "--status", "refused"],
        &["deliveries", "--domain", "example.com"],
        &["show", "example.com"],
        &["why", "example.net"],
        &["failures", "--days", "7", "--explain"],
        &["failures", "--new"],
        &["history"],
        &["status"],
        &["suppress", "list"],
    ];
    let before: Vec<(Value, i64)> = questions.iter().map(|words| ask(&morning, words)).collect();
    grow(&morning);
    for (words, (small, least)) in questions.iter().zip(before) {
        let (large, most) = ask(&morning, words);
        assert!(
            most <= least + MORE_KIB,
            "{words:?} took {most} KiB, and {least} for six domains"
        );
        right(words, &small, &large);
    }
}

/// What a question about one domain says stays as it is; what counts, counts all; lists have an end, and say so.
fn right(words: &[&str], small: &Value, large: &Value) {
    let rows = |answer: &Value, list: &str| answer[list].as_array().unwrap().len();
    match words {
        ["deliveries"] | ["deliveries", "--status", "waiting"] => {
            let totals = &large["totals"];
            let counted = [
                &totals["domains"],
                &totals["waiting"],
                &totals["outcomes"]["sent"],
            ];
            let half = DOMAINS / 2;
            assert_eq!(
                counted,
                [DOMAINS + 6, half + 1, half + 2]
                    .map(Value::from)
                    .each_ref()
            );
            assert!(
                (1..DOMAINS as usize / 2).contains(&rows(large, "deliveries")),
                "{words:?}"
            );
            assert_eq!(large["more"], true, "{words:?}");
        }
        ["failures", ..] => {
            assert!(rows(large, "failures") < FAILING as usize, "{words:?}");
        }
        ["history"] => {
            assert_eq!(large["days"][0]["domains"], DOMAINS + 6);
        }
        ["status"] => {}
        ["deliveries", "--status" | "--domain", _] => {
            assert_eq!(large["deliveries"], small["deliveries"], "{words:?}");
        }
        _ => assert_eq!(large, small, "{words:?}"),
    }
}
