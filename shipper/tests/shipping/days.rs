//! Days that end, are closed, grow, and are asked for long after.

use tlsrptd_proto::day::Day;

use crate::harness::{Host, await_that, clock::FakeClock, today};

/// A host at noon, ten days ago by its own clock.
fn host_of_the_past(days: u32) -> Option<(Host, FakeClock, Day)> {
    let mut host = Host::new()?;
    let day = today().back(days);
    let clock = FakeClock::or_skip(host.folder.path(), &format!("{day}T12:00:00Z"))?;
    host.clock = Some(clock.clone());
    Some((host, clock, day))
}

fn done(day: Day) -> String {
    format!("SELECT count(*) FROM shipment WHERE day = '{day}' AND done AND NOT closed")
}

#[test]
fn midnight() {
    let Some((mut host, clock, day)) = host_of_the_past(3) else {
        return;
    };
    host.start_collector();
    host.start_shipper();
    host.count("a.test", 100, 3);
    host.await_counted("today", 100);
    host.await_shipped(day, host.counted("today").unwrap());
    // Seconds before midnight some more, which are less than a tenth.
    clock.jump(&format!("{day}T23:59:50Z"));
    host.count("a.test", 5, 1);
    host.await_counted("today", 105);
    assert_eq!(host.number(&done(day)), 0, "it is not over");
    clock.jump(&format!("{}T00:00:05Z", day.next()));
    host.count("b.test", 2, 0);
    host.await_number(&done(day), 1);
    assert_eq!(host.shipped(day), host.counted(&day.to_string()).unwrap());
    assert_eq!(host.shipped(day).0, 105);
    host.await_shipped(day.next(), (2, 0, 0));
    assert_eq!(host.number(&done(day.next())), 0);
}

#[test]
fn days_without_a_database_are_caught_up() {
    let Some((mut host, clock, day)) = host_of_the_past(5) else {
        return;
    };
    // The shipper's first day is the one of its first start.
    host.ship_to = Some("postgresql://nobody@%2Fnonexistent/none".to_owned());
    host.start_shipper();
    host.await_log("cannot ship: the collector's files keep what it counts meanwhile");
    host.start_collector();
    for n in 0..3 {
        host.count(&format!("d{n}.test"), 10 + n, 1);
        host.await_counted("today", 10 + n);
        let next = day.ahead(u32::try_from(n).unwrap() + 1);
        clock.jump(&format!("{next}T12:00:00Z"));
        await_that("the day is closed", || {
            host.counted(&next.previous().to_string())
                .is_some_and(|sums| sums.0 == 10 + n)
        });
    }
    host.stop_shipper();
    let lines = host.log().matches("cannot ship").count();
    // Its clock went on by three days.
    assert!((1..=4).contains(&lines), "told now and then: {lines}");
    host.ship_to = None;
    host.start_shipper();
    for n in 0..3_u32 {
        host.await_number(&done(day.ahead(n)), 1);
        assert_eq!(host.shipped(day.ahead(n)).0, u64::from(10 + n));
    }
    let sql = format!("SELECT count(*) FROM collector WHERE first_day = '{day}'");
    assert_eq!(host.number(&sql), 1);
}

#[test]
fn a_day_closed_meanwhile() {
    let Some((mut host, clock, day)) = host_of_the_past(3) else {
        return;
    };
    host.start_collector();
    host.start_shipper();
    host.count("a.test", 10, 0);
    host.await_counted("today", 10);
    host.await_shipped(day, (10, 0, 0));
    host.kill_shipper();
    host.count("a.test", 7, 0);
    host.await_counted("today", 17);
    clock.jump(&format!("{}T00:00:05Z", day.next()));
    await_that("the day is closed", || {
        host.counted(&day.to_string()).is_some()
    });
    host.close(day);
    for _ in 0..2 {
        // However often it starts, the number is absolute.
        host.start_shipper();
        let late = format!("SELECT late_sessions FROM shipment WHERE day = '{day}'");
        host.await_number(&late, 7);
        let of_next = format!("SELECT count(*) FROM shipment WHERE day = '{}'", day.next());
        host.await_number(&of_next, 1);
        host.stop_shipper();
    }
    assert_eq!(host.shipped(day), (10, 0, 0), "nothing is added");
    assert_eq!(host.number(&done(day)), 0);
    assert!(host.log().contains("the fleet had closed the day"));
}

#[test]
fn a_day_closed_before_it_was_begun() {
    let Some((mut host, clock, day)) = host_of_the_past(3) else {
        return;
    };
    host.start_collector();
    host.ship_to = Some("postgresql://nobody@%2Fnonexistent/none".to_owned());
    host.start_shipper();
    host.await_log("cannot ship");
    host.stop_shipper();
    host.count("a.test", 4, 0);
    host.await_counted("today", 4);
    clock.jump(&format!("{}T00:00:05Z", day.next()));
    await_that("the day is closed", || {
        host.counted(&day.to_string()).is_some()
    });
    let insert = format!("INSERT INTO day(day, state) VALUES('{day}', 'closed')");
    host.session.query(&insert, &[]).unwrap();
    host.ship_to = None;
    host.start_shipper();
    let late = format!("SELECT late_sessions FROM shipment WHERE day = '{day}' AND closed");
    host.await_number(&late, 4);
}

/// What a collector adds to a day that it has closed already comes, too.
#[test]
fn a_day_grows_after_it_was_done() {
    let Some((mut host, clock, day)) = host_of_the_past(3) else {
        return;
    };
    host.start_collector();
    host.start_shipper();
    host.count("a.test", 10, 0);
    host.await_counted("today", 10);
    host.await_shipped(day, (10, 0, 0));
    clock.jump(&format!("{}T00:00:05Z", day.next()));
    host.await_number(&done(day), 1);
    host.stop_shipper();
    host.stop_collector();
    // As the collector adds sessions to a day that it has closed (collectd/src/store/sqlite/rollover/move_rows.rs).
    let add = format!(
        r#"import sqlite3
db = sqlite3.connect("{}.yesterday")
db.executescript("""
CREATE TABLE IF NOT EXISTS tlsrptd_closed(day TEXT PRIMARY KEY, additions INTEGER);
CREATE TABLE IF NOT EXISTS tlsrptd_added(day TEXT, domain TEXT, number INTEGER, tlsrptrecord TEXT, policy TEXT,
    reason TEXT, total INTEGER, failed INTEGER);
INSERT OR REPLACE INTO tlsrptd_closed VALUES('{day}', 1);
INSERT INTO tlsrptd_added SELECT day, domain, 1, tlsrptrecord, policy, NULL, 3, 0 FROM finalresults;
UPDATE finalresults SET cntrtotal = cntrtotal + 3;
""")"#,
        host.storage().display()
    );
    let added = std::process::Command::new("python3")
        .args(["-c", &add])
        .status();
    assert!(added.unwrap().success());
    assert_eq!(host.counted(&day.to_string()), Some((13, 0, 0)));
    host.start_collector();
    host.start_shipper();
    host.await_shipped(day, (13, 0, 0));
    host.await_number(&done(day), 1);
}

/// A clock that was ahead for a moment has closed today: its file will be told as a whole, and nothing twice.
#[test]
fn a_day_closed_by_a_clock_that_was_ahead() {
    let Some(mut host) = Host::new() else { return };
    let day = today();
    let at = |time: &str| format!("{day}T{time}Z");
    let Some(clock) = FakeClock::or_skip(host.folder.path(), &at("12:00:00")) else {
        return;
    };
    host.clock = Some(clock.clone());
    host.start_collector();
    host.start_shipper();
    host.count("a.test", 10, 0);
    host.await_counted("today", 10);
    host.await_shipped(day, (10, 0, 0));
    clock.jump(&format!("{}T06:00:00Z", day.next()));
    await_that("today is closed", || {
        host.counted(&day.to_string())
            .is_some_and(|sums| sums.0 == 10)
    });
    clock.jump(&at("12:30:00"));
    await_that("it counts for today again", || {
        host.count("b.test", 1, 0);
        host.shipped(day).0 > 10
    });
    host.stop_shipper();
    assert_eq!(host.number("SELECT count(*) FROM collector"), 1);
    assert_eq!(host.number("SELECT count(*) FROM shipment WHERE done"), 0);
}

#[test]
fn a_day_that_is_to_come() {
    let Some(mut host) = Host::new() else { return };
    let day = today().ahead(2);
    let Some(clock) = FakeClock::or_skip(host.folder.path(), &format!("{day}T12:00:00Z")) else {
        return;
    };
    host.clock = Some(clock);
    host.start_collector();
    host.count("a.test", 1, 0);
    host.start_shipper();
    host.await_log("by the database's clock");
    assert_eq!(host.number("SELECT count(*) FROM shipment"), 0);
}

/// A clock that was ahead when tlsrpt-shipper started first: what it says of the first day is not believed for ever.
#[test]
fn a_clock_that_was_ahead_at_the_first_start() {
    let Some(mut host) = Host::new() else { return };
    let day = today();
    let ahead = format!("{}T12:00:00Z", day.ahead(1000));
    let Some(clock) = FakeClock::or_skip(host.folder.path(), &ahead) else {
        return;
    };
    host.clock = Some(clock.clone());
    host.start_shipper();
    host.await_log("connected");
    let sql = format!(
        "SELECT count(*) FROM collector WHERE first_day <= '{}'",
        day.next()
    );
    assert_eq!(host.number(&sql), 1, "the database's day, at most");
}

/// As long as no reporter makes a day's tables, the collector is not asked again and again.
#[test]
fn a_day_without_tables() {
    let Some(mut host) = Host::new() else { return };
    let asked = host.path("asked");
    let fetcher = host.path("fetcher");
    let script = format!(
        "#!/bin/sh\necho x >>'{}'\nexec '{}' \"$@\"\n",
        asked.display(),
        host.fetcher_program().display()
    );
    std::fs::write(&fetcher, script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&fetcher, mode).unwrap();
    host.fetcher = Some(fetcher);
    host.start_collector();
    host.count("a.test", 10, 0);
    host.await_counted("today", 10);
    host.start_shipper();
    await_that("the day is asked for", || {
        host.number("SELECT count(*) FROM day") == 1
    });
    let times = || std::fs::read_to_string(&asked).unwrap().lines().count();
    let before = times();
    // Within these, the tables are asked for some ten times.
    std::thread::sleep(std::time::Duration::from_secs(10));
    assert!(times() - before <= 1, "{before} and {}", times());
    host.await_shipped(today(), (10, 0, 0));
}
