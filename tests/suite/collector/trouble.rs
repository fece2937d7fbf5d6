//! Storages that fail and limits that are reached: counters stay exact, detail is what gives way.

use std::fs;

use nix::sys::signal::Signal;
use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use tlsrptd_tests::harness::day::ResultRow;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;

use super::{TXT, assert_whole, stats};

#[test]
fn a_database_that_is_locked_gets_everything_afterwards() {
    let lab = Lab::new();
    let mut collectd = lab.start_collectd();
    lab.mta().send(&mta::success("before.test", TXT));
    lab.wait_for_sessions(&lab.collectd_db(), 1);
    let lock = Connection::open(lab.collectd_db()).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    // Others, known ones, and some more while commits fail.
    lab.mta()
        .send_all((0..50).map(|number| mta::failure(&format!("d{number}.test"), TXT, 203)));
    lab.mta()
        .send_all(vec![mta::success("before.test", TXT); 50]);
    collectd.wait_for_log("cannot commit, counts stay in memory");
    lab.mta()
        .send_all((0..50).map(|number| mta::failure(&format!("d{number}.test"), TXT, 203)));
    lock.execute_batch("ROLLBACK").unwrap();
    drop(lock);
    lab.wait_for_sessions(&lab.collectd_db(), 151);
    lab.close_day(&collectd, 151);
    let rows = lab.day_file(&lab.closed_db()).results;
    assert_eq!(rows.len(), 51);
    let counts = |row: &ResultRow| (row.total, row.failed);
    assert_eq!(rows[0].domain, "before.test");
    assert_eq!(counts(&rows[0]), (51, 0), "nothing twice, nothing lost");
    assert!(
        rows[1..].iter().all(|row| counts(row) == (2, 2)),
        "{rows:?}"
    );
    collectd.stop().success();
}

#[test]
fn what_a_storage_never_takes_is_told_at_the_end() {
    let lab = Lab::new();
    let stats_file = lab.file("stats");
    let collectd = lab.start_ready(&lab.collectd().set("stats_file", stats_file.display()));
    lab.mta().send(&mta::success("before.test", TXT));
    lab.wait_for_sessions(&lab.collectd_db(), 1);
    let lock = Connection::open(lab.collectd_db()).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    lab.mta()
        .send_all((0..7).map(|number| mta::success(&format!("d{number}.test"), TXT)));
    let ended = collectd.stop();
    assert_eq!(ended.code(), Some(6), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("(7 datagrams are not in it)"),
        "{}",
        ended.stderr
    );
    let stats = stats(&stats_file);
    assert_eq!(
        [
            stats["received"],
            stats["counted"],
            stats["dropped{storage}"]
        ],
        [8, 1, 7]
    );
    assert!(!lab.socket().exists());
}

#[test]
fn a_reader_of_todays_file_keeps_nothing_from_its_end() {
    let lab = Lab::new();
    let mut collectd = lab.start_collectd();
    lab.mta().send(&mta::success("a.test", TXT));
    lab.wait_for_sessions(&lab.collectd_db(), 1);
    collectd.signal(Signal::SIGTERM);
    // An administrator who looks again and again, each time for a moment.
    while collectd.is_running() {
        let reader =
            Connection::open_with_flags(lab.collectd_db(), OpenFlags::SQLITE_OPEN_READ_ONLY);
        let _ = reader.map(|reader| reader.execute_batch("SELECT count(*) FROM finalresults"));
    }
    collectd.wait().success();
    assert_whole(&lab);
}

#[test]
fn a_file_that_somebody_removes_is_made_again() {
    let lab = Lab::new();
    let stats_file = lab.file("stats");
    let collectd = lab.start_ready(&lab.collectd().set("stats_file", stats_file.display()));
    lab.mta().send(&mta::success("gone.test", TXT));
    lab.wait_for_sessions(&lab.collectd_db(), 1);
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{end}", lab.collectd_db().display()));
    }
    lab.mta()
        .send_all((0..10).map(|number| mta::success(&format!("d{number}.test"), TXT)));
    lab.wait_for_sessions(&lab.collectd_db(), 10);
    lab.mta().send_all(vec![mta::success("d0.test", TXT); 5]);
    lab.wait_for_sessions(&lab.collectd_db(), 15);
    let log = collectd.stop().success().stderr;
    assert!(
        log.contains("somebody removed or replaced the file"),
        "{log}"
    );
    let stats = stats(&stats_file);
    assert_eq!(stats["received"], 16);
    assert_eq!(stats["counted"] + stats["dropped"], 16);
}

#[test]
fn folding_keeps_the_counts() {
    let lab = Lab::new();
    let limits = [
        ("max_policies_per_domain", 5),
        ("max_failures_per_policy", 3),
        ("max_text_length", 256),
        ("max_datagram_size", 4096),
    ];
    let program = limits
        .iter()
        .fold(lab.collectd(), |program, (option, value)| {
            program.set(option, value)
        });
    let stats_file = lab.file("stats");
    let collectd = lab.start_ready(&program.set("stats_file", stats_file.display()));
    for number in 0..40 {
        // Strangers' texts: each another policy, and under one policy each another reason.
        let mut policy = mta::policy(2, "many.test", &[203]);
        policy["policy-string"] = json!([format!("mx: {number}.many.test")]);
        lab.mta().send(&mta::made("many.test", TXT, vec![policy]));
        let mut policy = mta::policy(
            9,
            "reasons.test",
            &[if number % 2 == 0 { 201 } else { 205 }],
        );
        policy["failure-details"][0]["a"] = json!(format!("reason {number}"));
        lab.mta()
            .send(&mta::made("reasons.test", TXT, vec![policy]));
    }
    let mut policy = mta::policy(9, "long.test", &[205]);
    policy["failure-details"][0]["a"] = json!("x".repeat(3000));
    lab.mta().send(&mta::made("long.test", TXT, vec![policy]));
    lab.mta().send(&mta::huge("too-long.test", TXT, 5000));
    lab.close_day(&collectd, 81);
    collectd.stop().success();

    let day = lab.day_file(&lab.closed_db());
    let of = |domain| lab.day_file(&lab.closed_db()).of(domain);
    let (many, reasons, long) = (of("many.test"), of("reasons.test"), of("long.test"));
    for exact in [&many, &reasons] {
        let failed = exact.results.iter().map(|row| row.failed).sum::<i64>();
        assert_eq!((exact.sessions(), failed, exact.failed()), (40, 40, 40));
    }
    let failures = &reasons.failures;
    assert!(failures.len() <= 3 + 2, "the bound, and one entry a code");
    assert!(
        many.results.len() <= 5 + 1,
        "the bound, and one entry a type"
    );
    let folded = r#"{"policy-type": 2, "policy-domain": "many.test"}"#;
    let is_folded = |row: &&ResultRow| row.policy == folded;
    let folded = many.results.iter().filter(is_folded).count();
    assert_eq!(folded, 1, "as sys4 can read it");
    let folded = failures
        .iter()
        .filter(|row| !row.reason.contains("reason "));
    let folded: Vec<&str> = folded.map(|row| row.reason.as_str()).collect();
    let by_code = [r#"{"c": 201}"#, r#"{"c": 205}"#];
    assert_eq!(folded, by_code, "by code, as sys4 can read it");
    let [cut] = &long.failures[..] else {
        panic!("{long:?}");
    };
    let cut: serde_json::Value = serde_json::from_str(&cut.reason).unwrap();
    let length = cut["a"].as_str().unwrap().chars().count();
    assert!(length <= 256, "cut before it is a key: {length}");
    let too_long = of("too-long.test").results;
    assert!(too_long.is_empty(), "longer than a datagram may be");
    for failure in &day.failures {
        let is_its = |row: &ResultRow| {
            (&row.day, &row.domain, &row.record, &row.policy)
                == (
                    &failure.day,
                    &failure.domain,
                    &failure.record,
                    &failure.policy,
                )
        };
        let has_session = day.results.iter().any(is_its);
        assert!(has_session, "a failure without its session: {failure:?}");
    }
    assert_eq!(stats(&stats_file)["malformed{too-long}"], 1);
}
