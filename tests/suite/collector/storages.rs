//! Several storages share nothing but the input.

use rusqlite::Connection;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::wait::until_true;

use super::{TXT, assert_whole, stats};

#[test]
fn one_that_is_locked_falls_behind_alone() {
    for (sick, well, why) in [
        ("collectd", "b", "the first is locked"),
        ("b", "collectd", "the second is locked"),
    ] {
        let lab = Lab::new();
        let file = |name: &str| lab.file(&format!("{name}.sqlite"));
        let url = |name: &str| format!("sqlite://{}", file(name).display());
        let stats_file = lab.file("stats");
        let collectd = lab
            .collectd()
            .set("storage", format!("{},{}", url("collectd"), url("b")))
            .set("stats_file", stats_file.display())
            // As few may wait: twice that.
            .set("max_domains_in_memory", 1_000)
            .set("log_level", "warn");
        let mut collectd = lab.start_ready(&collectd);
        lab.mta().send(&mta::success("before.test", TXT));
        lab.wait_for_sessions(&file(sick), 1);
        let lock = Connection::open(file(sick)).unwrap();
        lock.execute_batch("BEGIN IMMEDIATE").unwrap();
        // New ones, more than may wait in memory, in steps that the queue has room for; and known ones.
        let (steps, step) = (4, 2_000);
        let mut sent = 1;
        for begin in (0..steps).map(|number| number * step) {
            let new = begin..begin + step;
            lab.mta()
                .send_all(new.map(|number| wide(&format!("d{number}.test"))));
            lab.mta()
                .send_all(vec![mta::success("before.test", TXT); 7]);
            sent += step + 7;
            lab.wait_for_sessions(&file(well), sent);
        }
        collectd.wait_for_log("cannot commit, counts stay in memory");
        lock.execute_batch("ROLLBACK").unwrap();
        drop(lock);
        collectd.wait_for_log("the storage works again");
        until_true("what waited is written", || {
            lab.day_file(&file(sick)).sessions() > step / 2
        });
        let log = collectd.stop().success().stderr;
        assert_whole(&lab);

        let stats = stats(&stats_file);
        let (total, sent) = (
            |name| lab.day_file(&file(name)).sessions().to_string(),
            sent as u64,
        );
        assert_eq!(total(well), sent.to_string(), "{why}: the other has all");
        let (first, second) = (
            (stats["counted"], stats["dropped"]),
            (stats["counted{2}"], stats["dropped{2}"]),
        );
        let (of_sick, of_well) = if sick == "b" {
            (second, first)
        } else {
            (first, second)
        };
        assert_eq!(of_well, (sent, 0), "{why}");
        assert_eq!(of_sick.0 + of_sick.1, sent, "{why}: {stats:?}");
        assert_eq!(total(sick), of_sick.0.to_string(), "{why}");
        assert!(of_sick.1 > 0, "{why}: more came than may wait");
        let told = format!("reason=storage storage={}", url(sick));
        assert!(log.contains(&told), "{told} in {log}");
        let other = format!("storage={}", url(well));
        assert!(!log.contains(&other), "{log}");
    }
}

#[test]
fn one_that_is_locked_at_the_start_is_opened_later() {
    for (sick, well) in [("collectd", "b"), ("b", "collectd")] {
        let lab = Lab::new();
        let file = |name: &str| lab.file(&format!("{name}.sqlite"));
        let url = |name: &str| format!("sqlite://{}", file(name).display());
        let collectd = lab
            .collectd()
            .set("storage", format!("{},{}", url("collectd"), url("b")))
            .set("sockettimeout", 1)
            .set("log_level", "warn");
        lab.start_ready(&collectd).stop().success();
        let lock = Connection::open(file(sick)).unwrap();
        lock.execute_batch("BEGIN EXCLUSIVE").unwrap();
        let mut collectd = lab.start_ready(&collectd);
        collectd.wait_for_log("a storage cannot be opened yet: the others count");
        lab.mta().send(&mta::success("a.test", TXT));
        lab.wait_for_sessions(&file(well), 1);
        drop(lock);
        collectd.wait_for_log("the storage works again");
        lab.wait_for_sessions(&file(sick), 1);
        collectd.stop().success();
        assert_whole(&lab);
    }
}

/// A session under a policy of about a kilobyte.
fn wide(domain: &str) -> Vec<u8> {
    let long = "x".repeat(1_000);
    format!(
        r#"{{"dpv":"1","d":"{domain}","pr":"{TXT}","policies":[{{"policy-type":2,"policy-domain":"{domain}","policy-string":["{long}"],"t":0,"f":0}}]}}"#
    )
    .into_bytes()
}
