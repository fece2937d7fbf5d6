//! A database that is not as one would have it: the page says what is wrong, and goes on.

use std::{
    fs,
    os::unix::net::UnixListener,
    time::{Duration, Instant},
};

use nix::{sys::stat::Mode, unistd::mkfifo};
use rusqlite::Connection;
use tlsrptd_tests::harness::statusd::Statusd;
use tlsrptd_tests::harness::wait::until_true;

use super::QuietSite;

/// With one of these words in the line.
fn says(page: &Statusd, words: &str) {
    until_true(&format!("{words:?} at /health"), || {
        let health = page.get("/health");
        health.status == 503 && health.body.contains(words)
    });
    // What is read for an answer is kept for refresh_interval, by each for itself.
    until_true(&format!("{words:?} in the answers"), || {
        let status = page.get("/api/v1/status");
        status.status == 503
            && status.body.contains(words)
            && status.body.contains("\"severity\":\"unknown\"")
    });
    for target in ["/", "/api/v1/history", "/api/v1/why?domain=a.example"] {
        until_true(&format!("{words:?} at {target}"), || {
            page.get(target).body.contains(words)
        });
    }
    assert_eq!(
        page.get("/metrics").status,
        200,
        "metrics tell what there is"
    );
}

fn is_well(page: &Statusd) {
    until_true("ok at /health", || page.get("/health").body == "ok\n");
}

#[test]
fn what_is_wrong_is_said_and_passes() {
    let site = QuietSite::new();
    let database = site.lab.reportd_db();
    let page = Statusd::start(&site.statusd());
    is_well(&page);

    let away = site.lab.file("away.sqlite");
    fs::rename(&database, &away).unwrap();
    says(&page, "there is no database");
    fs::write(&database, "no database\n".repeat(1000)).unwrap();
    says(&page, "file is not a database");
    fs::remove_file(&database).unwrap();
    let other = Connection::open(&database).unwrap();
    other.execute_batch("CREATE TABLE something(a)").unwrap();
    drop(other);
    says(&page, "is not a database of tlsrpt-reportd");
    fs::remove_file(&database).unwrap();
    fs::create_dir(&database).unwrap();
    says(&page, "cannot read the database");
    says(&page, "it is a directory");
    fs::remove_dir(&database).unwrap();
    // Whoever opened it would wait for a writer.
    mkfifo(&database, Mode::S_IRWXU).unwrap();
    says(&page, "it is no file");
    fs::remove_file(&database).unwrap();
    fs::rename(&away, &database).unwrap();
    is_well(&page);

    let locked = Connection::open(&database).unwrap();
    locked.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let asked = Instant::now();
    says(&page, "database is locked");
    assert!(
        asked.elapsed() < Duration::from_secs(60),
        "{:?}",
        asked.elapsed()
    );
    drop(locked);
    is_well(&page);
    page.running.stop().success();
}

#[test]
fn a_reporter_that_stops_is_missed() {
    let site = QuietSite::new();
    let page = Statusd::start(&site.statusd());
    until_true("the finding", || {
        let check = page.get("/health?check");
        check.status == 503
            && check
                .body
                .starts_with("critical: tlsrpt-reportd does not answer")
    });
    assert_eq!(page.get("/health").body, "ok\n", "the database can be read");
    let reportd = site.start();
    // What else is to be said depends on the hour: its collector never answers, and from noon on that is critical.
    until_true("the reporter", || {
        let check = page.get("/health?check");
        !check.body.contains("tlsrpt-reportd does not answer")
    });
    drop(reportd);
}

/// They take connections, and say nothing: the monitoring has its answers all the same.
#[test]
fn daemons_that_hang() {
    let site = QuietSite::new();
    let hang = |name| UnixListener::bind(site.lab.file(name)).unwrap();
    let _hanging = [hang("reportd.observe"), hang("collectd.observe")];
    let program = site.statusd().set("refresh_interval", 5);
    let page = Statusd::start(&program);
    let soon = Duration::from_millis(3500);
    for _ in 0..2 {
        let asked = Instant::now();
        let metrics = page.get("/metrics");
        assert_eq!(metrics.status, 200);
        let took = asked.elapsed();
        assert!(took < soon, "they are asked at the same time: {took:?}");
        assert!(metrics.body.contains("_up"), "{metrics:?}");
        let asked = Instant::now();
        for target in ["/health?check", "/api/v1/status", "/"] {
            assert_ne!(page.get(target).body, "", "{target}");
        }
        let took = asked.elapsed();
        assert!(took < Duration::from_secs(1), "of the same look: {took:?}");
        std::thread::sleep(Duration::from_secs(5));
    }

    let page = Statusd::start(&program.set("refresh_interval", 1));
    for _ in 0..3 {
        std::thread::sleep(Duration::from_secs(1));
        let asked = Instant::now();
        assert_eq!(page.get("/health").body, "ok\n");
        let took = asked.elapsed();
        assert!(
            took < Duration::from_secs(1),
            "no daemon is asked: {took:?}"
        );
    }
    // One that is younger than the look took is young enough for the next.
    page.get("/metrics");
    let asked = Instant::now();
    page.get("/api/v1/status");
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(1), "of the same look: {took:?}");
}

/// A reader that never pauses keeps the reporter neither from its start nor from leaving the database whole.
#[test]
fn a_reporter_starts_and_stops_beside_it() {
    let site = QuietSite::new();
    let page = Statusd::start(&site.statusd());
    std::thread::scope(|scope| {
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let page = &page;
        let asking = scope.spawn(move || {
            let mut asked = 0;
            while stopped.try_recv().is_err() {
                for days in 1..20 {
                    page.get(&format!("/api/v1/history?days={days}"));
                    asked += 1;
                }
            }
            asked
        });
        for _ in 0..3 {
            site.start().stop().success();
            assert!(
                !site.lab.file("reportd.sqlite-wal").exists(),
                "its journal stays"
            );
        }
        stop.send(()).unwrap();
        assert!(asking.join().unwrap() > 20);
    });
}
