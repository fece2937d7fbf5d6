//! The options of `tlsrpt-reportd` about itself and its collectors.

use std::fs;
use std::time::Duration;

use serde_json::json;
use tlsrptd_tests::harness::clock::FakeClock;
use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::wait::within;

use super::super::reporter::session;
use super::effect::{Effect, Of};
use super::site::{MAIL, Site, is, quiet};

const OF_THE_DAY: &str = "FROM fetchjobs WHERE day = date('now', '-1 day')";

pub(super) fn effects() -> Vec<Effect> {
    [process(), fetchers(), waits()]
        .into_iter()
        .flatten()
        .collect()
}

#[rustfmt::skip]
fn process() -> Vec<Effect> {
    let of = Of("tlsrpt-reportd");
    vec![
        of.set("pidfilename", "{folder}/kept/pid", ["no", "yes"], leaves_a_file),
        of.set("logfilename", "{folder}/kept/log", ["no", "yes"], leaves_a_file),
        of.set("observation_socket", "{folder}/kept/observe", ["no", "yes"], leaves_a_file),
        of.set("log_level", "info", ["no", "yes"], |site, reporter| is(site.report(&reporter).stop().stderr.contains(" INFO "))),
        of.set("log_sent_interval", "300", ["yes", "no"], |site, reporter| {
            is(site.report(&reporter.set("log_level", "info")).stop().stderr.contains("result=sent"))
        }),
        of.set("debug_db", "1", ["no", "yes"], |site, reporter| {
            is(site.report(&reporter.set("log_level", "debug")).stop().stderr.contains("INSERT INTO"))
        }),
        of.turn("dbname", ["{folder}/r.sqlite", "{folder}/other.sqlite"], ["no", "yes"], |site, reporter| {
            let mut running = reporter.start();
            running.wait_for_log("setup finished");
            is(site.scene.file("other.sqlite").exists())
        }),
        of.set("dbname_password_file", "{folder}/none", ["not reached", "not read"], |_, reporter| unreached(&reporter)),
        of.set("interval_main_loop", "1", ["no", "yes"], |site, reporter| {
            let asked = is(reporter.setting("interval_main_loop").is_some());
            let Some(clock) = FakeClock::or_skip(site.scene.folder(), "2026-03-01T12:00:00Z") else {
                return asked;
            };
            let running = site.report(&reporter.clock(&clock));
            quiet(&running);
            // Nobody wakes it when the clock is set: it sees the new day when it looks around.
            clock.jump("2026-03-02T12:00:00Z");
            let seen = || Some(site.value("SELECT count(*) FROM fetchjobs WHERE day = '2026-03-01'")).filter(|count| count != "0");
            is(within(Duration::from_secs(6), seen).is_some())
        }),
        of.set("late_interval", "1", ["no", "yes"], |site, reporter| {
            let asked = site.scene.file("asked");
            let script = format!(
                "#!/bin/sh\necho \"$*\" >>{}\necho 'TLSRPTD FETCHER v1 day stream'\ndate -u '+%F %T'\ndate -u -d yesterday +%F\necho '. 0'\n",
                asked.display()
            );
            site.scene.write("grows.sh", &script);
            let fetcher = format!("sh {}", site.scene.file("grows.sh").display());
            let _running = reporter.set("fetchers", fetcher).start();
            let again = || fs::read_to_string(&asked).unwrap_or_default().lines().any(|words| words == "1999-01-01 .").then_some(());
            is(within(Duration::from_secs(5), again).is_some())
        }),
        of.set("clock_confirmation", "0", ["no", "yes"], |site, reporter| {
            let asked = reporter.setting("clock_confirmation").is_some();
            let Some(clock) = FakeClock::or_skip(site.scene.folder(), "2026-03-01T12:00:00Z") else {
                return is(asked);
            };
            let reporter = reporter.set("interval_main_loop", 1).clock(&clock);
            let reporter = if asked { reporter } else { reporter.unset("clock_confirmation") };
            let _running = site.report(&reporter);
            clock.jump("2026-03-02T12:00:00Z");
            let seen = || Some(site.value("SELECT count(*) FROM fetchjobs WHERE day = '2026-03-01'")).filter(|count| count != "0");
            is(within(Duration::from_secs(4), seen).is_some())
        }),
        of.set("keep_days", "2", ["1", "0"], |site, reporter| {
            site.report(&reporter).stop();
            let change = rusqlite::Connection::open(site.scene.file("r.sqlite")).unwrap();
            for table in ["fetchjobs", "reportdata", "reports"] {
                change.execute_batch(&format!("UPDATE {table} SET day = date('now', '-5 days') WHERE day = date('now', '-1 day')")).unwrap();
            }
            // What was decided is known for good, unless somebody takes that away too.
            change.execute_batch("DELETE FROM tlsrptd_decided").unwrap();
            drop(change);
            let _running = reporter.start();
            // The day is asked for again: what is to be cleaned away then is gone.
            site.scene.wait_for("r.sqlite", "SELECT count(*) FROM reports WHERE day = date('now', '-1 day')", "1");
            let old = || site.value("SELECT count(*) FROM reports WHERE day = date('now', '-5 days')");
            within(Duration::from_secs(2), || Some(old()).filter(|count| count == "0")).unwrap_or_else(old)
        }),
        of.set("history_days", "2", ["1", "0"], |site, reporter| {
            site.report(&reporter).stop();
            let change = rusqlite::Connection::open(site.scene.file("r.sqlite")).unwrap();
            change.execute_batch("UPDATE tlsrptd_history_days SET day = date('now', '-5 days') WHERE day = date('now', '-1 day')").unwrap();
            drop(change);
            let _running = reporter.start();
            let old = || site.value("SELECT count(*) FROM tlsrptd_history_days WHERE day = date('now', '-5 days')");
            within(Duration::from_secs(2), || Some(old()).filter(|count| count == "0")).unwrap_or_else(old)
        }),
        of.set("history_failures", "1", ["mx1 1, mx2 3", "mx2 3, rest 1"], |site, reporter| {
            let failures = json!({r#"{"c": 203, "n": "mx1"}"#: 1, r#"{"c": 203, "n": "mx2"}"#: 3});
            let counts = json!({"cntrtotal": 4, "cntrfailure": 4, "failures": failures});
            let day = ("a.test".to_owned(), json!({MAIL: {r#"{"policy-type": 9, "policy-domain": "a.test"}"#: counts}}));
            site.report(&reporter.set("fetchers", site.day(&[day])));
            let rows = "SELECT coalesce(mx, 'rest') || ' ' || sessions AS text FROM tlsrptd_history_failing LEFT JOIN tlsrptd_failures ON id = failure ORDER BY text";
            site.value(&format!("SELECT group_concat(text, ', ') FROM ({rows})"))
        }),
        of.set("max_kept_reports_size", "0", ["1", "0"], |site, reporter| {
            site.report(&reporter);
            site.value("SELECT count(*) FROM tlsrptd_kept_reports")
        }),
    ]
}

fn leaves_a_file(site: &Site, reporter: Program) -> String {
    let _running = site.report(&reporter);
    is(fs::read_dir(site.scene.file("kept"))
        .unwrap()
        .next()
        .is_some())
}

#[rustfmt::skip]
fn fetchers() -> Vec<Effect> {
    let of = Of("tlsrpt-reportd");
    vec![
        of.turn("fetchers", ["sh {folder}/one.sh", "sh {folder}/two.sh"], ["one.test", "two.test"], |site, reporter| {
            for name in ["one", "two"] {
                site.dns.tlsrpt(&format!("{name}.test"), MAIL);
                site.scene.fetcher(name, &[session(&format!("{name}.test"), MAIL)]);
            }
            site.report(&reporter);
            site.value("SELECT domain FROM reports")
        }),
        of.set("fetch_deadline", "1", ["pending", "timedout"], |site, reporter| {
            let _running = reporter.set("fetchers", "/bin/false").start();
            let sql = format!("SELECT status {OF_THE_DAY}");
            let given_up = || site.scene.rows_or_none("r.sqlite", &sql).filter(|status| !status.is_empty());
            within(Duration::from_secs(6), given_up).unwrap_or_else(|| "pending".to_owned())
        }),
        of.set("max_answer_size", "1048576", ["ok", "timedout"], |site, reporter| {
            let many = "echo 'TLSRPTD FETCHER v1 day stream'; date -u '+%F %T'; date -u -d yesterday +%F; i=10000; \
                while [ $i -lt 15000 ]; do echo \"{\\\"d\\\": \\\"d$i.test\\\", \\\"policies\\\": {}}\"; i=$((i + 1)); done; echo '. 5000'\n";
            let many = site.scene.write("many.sh", many);
            let _running = reporter.set("fetchers", format!("sh {many}")).start();
            let sql = format!("SELECT status {OF_THE_DAY}");
            let ended = || site.scene.rows_or_none("r.sqlite", &sql).filter(|status| !status.is_empty());
            within(Duration::from_secs(30), ended).unwrap_or_else(|| "pending".to_owned())
        }),
        of.set("max_collectd_timediff", "7200", ["yes", "no"], |site, reporter| {
            let late = "echo 'TLSRPT FETCHER v1devel-c domain list'; date -u -d '-1 hour' '+%F %T'; date -u -d yesterday +%F; echo .\n";
            let late = site.scene.write("late.sh", late);
            let mut running = reporter.set("fetchers", format!("sh {late}")).start();
            running.wait_for_log("finished");
            site.scene.wait_for("r.sqlite", "SELECT count(*) > 0 AND count(*) = count(status) FROM fetchjobs", "1");
            is(running.log().contains(" WARN ") && running.log().contains("clock"))
        }),
        of.set("max_report_age", "86400", ["3", "1"], |site, reporter| {
            site.report(&reporter);
            site.value("SELECT count(*) FROM fetchjobs")
        }),
    ]
}

/// How long it is until a job that failed so often is tried again, or that it is not.
fn again(site: &Site, reporter: Program, failures: i64, listed: bool) -> String {
    let script = if listed {
        let list = site.day(&[session("a.test", MAIL)]);
        site.scene.write(
            "details.sh",
            format!("case \"$2\" in .) echo '{{\"d\": \".\", \"policies\": {{}}}}';; ?*) exit 1;; *) {list} $1;; esac\n"),
        )
    } else {
        site.scene.write("failing.sh", "exit 1\n")
    };
    let reporter = reporter.set("fetchers", format!("sh {script}"));
    let running = reporter.start();
    site.scene.wait_for(
        "r.sqlite",
        &format!("SELECT retries > 0 OR status IS NOT NULL {OF_THE_DAY}"),
        "1",
    );
    running.stop();
    if failures > 1 {
        let change = rusqlite::Connection::open(site.scene.file("r.sqlite")).unwrap();
        let sql = format!(
            "UPDATE fetchjobs SET retries = {}, nexttry = '2020-01-01 00:00:00+00:00'",
            failures - 1
        );
        change.execute_batch(&sql).unwrap();
        drop(change);
        let _running = reporter.start();
        site.scene.wait_for(
            "r.sqlite",
            &format!("SELECT retries >= {failures} {OF_THE_DAY}"),
            "1",
        );
    }
    site.value(&format!("SELECT CASE WHEN status IS NOT NULL THEN status WHEN nexttry > datetime('now', '+1000 seconds') THEN 'late' \
        WHEN nexttry > datetime('now', '+40 seconds') THEN 'later' ELSE 'soon' END {OF_THE_DAY}"))
}

#[rustfmt::skip]
fn waits() -> Vec<Effect> {
    let of = Of("tlsrpt-reportd");
    vec![
        of.set("max_retries_domainlist", "0", ["soon", "timedout"], |site, reporter| again(site, reporter, 1, false)),
        of.set("min_wait_domainlist", "200", ["soon", "later"], |site, reporter| again(site, reporter, 1, false)),
        // After the fourth failure: 30 s, three times doubled.
        of.set("max_wait_domainlist", "30", ["later", "soon"], |site, reporter| again(site, reporter, 4, false)),
        of.set("max_retries_domaindetails", "0", ["soon", "timedout"], |site, reporter| again(site, reporter, 1, true)),
        of.set("min_wait_domaindetails", "200", ["soon", "later"], |site, reporter| again(site, reporter, 1, true)),
        of.set("max_wait_domaindetails", "30", ["later", "soon"], |site, reporter| again(site, reporter, 4, true)),
    ]
}

/// What a program says of a database on PostgreSQL that nobody serves.
pub(super) fn unreached(program: &Program) -> String {
    let address = "postgresql://tlsrpt@127.0.0.1:1/tlsrpt?sslmode=disable";
    let ended = program.clone().set("dbname", address).run();
    let told = ended.stderr;
    let said = |part: &str| told.contains(part);
    match (said("Connection refused"), said("dbname_password_file")) {
        (true, false) => "not reached".to_owned(),
        (false, true) if said("cannot be read") => "not read".to_owned(),
        _ => told,
    }
}
