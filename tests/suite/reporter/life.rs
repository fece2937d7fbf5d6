//! The reporter's life as its operator sees it: start, signals, end, and `tlsrptctl` beside it.

use std::fs;
use std::time::Duration;

use nix::sys::signal::Signal;
use rusqlite::Connection;
use tlsrptd_tests::harness::https::Answer;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::smtp::{Act, Stage};
use tlsrptd_tests::harness::stored::DeliveryRow;
use tlsrptd_tests::harness::wait::until_true;

const TXT: &str = "v=TLSRPTv1; rua=mailto:a@reports.test";
const PURPOSE: &str = "TLSRPT-Reportd-DB-devel-2024-10-28";

#[test]
fn a_second_reporter_on_the_same_database_is_told_who_holds_it() {
    let lab = Lab::new();
    let mut first = lab.reportd().start();
    first.wait_for_log("is at work");
    let second = lab.reportd().run();
    assert_eq!(second.code(), Some(8), "{}", second.stderr);
    let holder = format!("is in use by process {}", first.pid());
    assert!(
        second.stderr.contains(&holder),
        "{holder}: {}",
        second.stderr
    );
    first.kill();
    // A lock that a dead process held is none.
    let mut third = lab.reportd().start();
    third.wait_for_log("is at work");
    third.stop().success();
}

/// How the database's file is made, the exit code, a part of the message, and why.
type Row = (fn(&Lab), i32, &'static str, &'static str);

#[rustfmt::skip]
const FILES: &[Row] = &[
    (|lab| versioned(lab, 1, "TLSRPT-Collectd-DB-devel-2024-10-28"), 4, "is not a database of tlsrpt-reportd", "the collector's"),
    (|lab| versioned(lab, 2, PURPOSE), 4, "its version is 2", "another version"),
    (|lab| versioned(lab, 1, "TLSRPT-Reportd-DB-devel-2025-01-01"), 4, "2025-01-01", "another form"),
    (|lab| sql(lab, "CREATE TABLE addressbook(name)"), 4, "it has a table addressbook", "somebody else's"),
    (|lab| sql(lab, "CREATE TABLE dbversion(version, installdate, purpose); CREATE TABLE other(x)"), 4, "dbversion is empty", "a version without a row"),
    (|lab| fs::write(lab.reportd_db(), "no database ".repeat(100)).unwrap(), 3, "file is not a database", "no SQLite file"),
    (|lab| fs::create_dir(lab.reportd_db()).unwrap(), 3, "cannot set up the database", "a directory"),
];

#[test]
fn a_file_that_is_not_the_reporters_is_left_alone() {
    for (make, code, message, why) in FILES {
        let lab = Lab::new();
        make(&lab);
        let before = fs::read(lab.reportd_db()).ok();
        let ended = lab.reportd().run();
        assert_eq!(ended.code(), Some(*code), "{why}: {}", ended.stderr);
        assert!(ended.stderr.contains(message), "{why}: {}", ended.stderr);
        assert_eq!(fs::read(lab.reportd_db()).ok(), before, "{why}: unchanged");
    }
    let lab = Lab::new();
    let ended = lab
        .reportd()
        .set("dbname", "/nonexistent/reportd.sqlite")
        .run();
    assert_eq!(ended.code(), Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("/nonexistent"), "{}", ended.stderr);
}

fn versioned(lab: &Lab, version: u32, purpose: &str) {
    let text = format!(
        "CREATE TABLE dbversion(version, installdate, purpose); INSERT INTO dbversion VALUES({version}, '', '{purpose}')"
    );
    sql(lab, &text);
}

fn sql(lab: &Lab, text: &str) {
    Connection::open(lab.reportd_db())
        .unwrap()
        .execute_batch(text)
        .unwrap();
}

#[test]
fn signals_and_the_pid_file() {
    let lab = Lab::new();
    let (log, pidfile) = (lab.file("reportd.log"), lab.file("reportd.pid"));
    let reportd = lab
        .reportd()
        .set("logfilename", log.display())
        .set("pidfilename", pidfile.display());
    let mut running = reportd.start();
    running.wait_for_log("is at work");
    let pid = fs::read_to_string(&pidfile).unwrap();
    assert_eq!(pid.trim(), running.pid().to_string());
    assert!(fs::read_to_string(&log).unwrap().contains("is at work"));

    running.signal(Signal::SIGUSR2);
    fs::rename(&log, lab.file("reportd.log.1")).unwrap();
    running.signal(Signal::SIGHUP);
    until_true("a new log file", || log.exists());
    assert!(running.is_running(), "SIGUSR2 is for collectors");

    running.stop().success();
    assert!(
        fs::read_to_string(&log).unwrap().contains("has ended"),
        "it writes to the new file"
    );
    assert!(!pidfile.exists(), "the pid file goes with its process");
    let rest: Vec<_> = fs::read_dir(lab.folder())
        .unwrap()
        .flatten()
        .map(|file| file.file_name())
        .collect();
    let journals = rest
        .iter()
        .filter(|name| name.to_string_lossy().starts_with("reportd.sqlite-"));
    assert_eq!(journals.count(), 0, "no journal is left: {rest:?}");
    assert_eq!(
        lab.query(&lab.reportd_db(), "PRAGMA journal_mode"),
        [["delete"]]
    );
    let mut again = reportd.start();
    again.wait_for_log("is at work");
    again.signal(Signal::SIGINT);
    again.wait().success();
}

#[test]
fn told_to_stop_it_lets_deliveries_end_and_records_them() {
    let lab = Lab::new();
    let url = lab.https.url("/slow");
    lab.dns
        .tlsrpt("slow.test", &format!("v=TLSRPTv1; rua={url}"));
    lab.dns
        .tlsrpt("hang.test", "v=TLSRPTv1; rua=mailto:a@hang.test");
    lab.collect(["slow.test", "hang.test"].map(|domain| mta::success(domain, TXT)));
    let late = Answer::Late(Duration::from_secs(3), 503);
    lab.https.script_times("/slow", late, 1);
    lab.smtp.script_for("a@hang.test", Stage::Rcpt, Act::Hang);
    // One is answered while the reporter waits; the other hangs for longer than it waits.
    let reportd = lab
        .reportd()
        .set("min_wait_delivery", 0)
        .set("max_wait_delivery", 0);
    let running = reportd.start();
    lab.https.wait_for_posts(1);
    lab.wait_for_stored("two in hand", |stored| {
        stored.deliveries.iter().filter(|row| row.in_hand).count() == 2
    });
    let ended = running.stop().success();
    assert!(
        ended.stderr.contains("result=\"retry\"") || ended.stderr.contains("result=retry"),
        "{}",
        ended.stderr
    );
    let stored = lab.stored();
    let to = |scheme| {
        let mut deliveries = stored.deliveries.iter();
        deliveries.find(|row| row.uri.starts_with(scheme)).unwrap()
    };
    let (slow, hang) = (to("https:"), to("mailto:"));
    let is_recorded = (slow.failures, slow.status(), slow.in_hand);
    assert_eq!(is_recorded, (1, "-", false), "its outcome is recorded");
    assert_eq!(hang.status, None, "it will be repeated");
    lab.smtp.heal();
    let running = reportd.start();
    lab.deliveries();
    running.stop().success();
    assert_eq!((lab.https.posts().len(), lab.smtp.mails().len()), (2, 1));
}

#[test]
fn ctl_tells_the_state_while_the_reporter_works() {
    let lab = Lab::new();
    lab.dns
        .tlsrpt("good.test", "v=TLSRPTv1; rua=mailto:a@good.test");
    lab.dns.tlsrpt(
        "wait.test",
        "v=TLSRPTv1; rua=mailto:a@wait.test,mailto:b@wait.test",
    );
    lab.dns
        .tlsrpt("no.test", "v=TLSRPTv1; rua=mailto:a@no.test");
    lab.collect(["good.test", "wait.test", "no.test"].map(|domain| mta::success(domain, TXT)));
    for (address, reply) in [
        ("a@wait.test", "451 4.2.1 later"),
        ("b@wait.test", "451 4.2.1 later"),
        ("a@no.test", "550 5.1.1 never"),
    ] {
        lab.smtp.script_for(address, Stage::Rcpt, Act::reply(reply));
    }
    let reportd = lab.reportd().start();
    lab.wait_for_stored("four outcomes", |stored| {
        let settled = |row: &&DeliveryRow| row.status.is_some() || row.failures > 0;
        stored.deliveries.iter().filter(settled).count() == 4
    });
    let status = lab.ctl().arg("status").run().success().stdout;
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = status.lines().map(words).collect();
    for line in [
        &format!("Last closed day {}: gathered from 1 collector", lab.day()),
        "3 domains, 3 sessions, 0 failed (100% secured)",
        "reports 3 in 4 deliveries",
        "sent 1",
        "waiting 2",
        "refused 1",
        "2 failed before, 2 of them with:",
        "RCPT TO: 451 4.2.1 later",
    ] {
        assert!(lines.iter().any(|shown| shown == line), "{line}: {status}");
    }
    let day = || {
        let told = lab.ctl().arg("status").arg("--json").run().success().stdout;
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        told["last_closed_day"]["totals"].clone()
    };
    let told = day();
    assert_eq!(told["outcomes"]["refused"], 1, "{told}");
    reportd.stop().success();
    assert_eq!(day(), told, "the same after it");
}

#[rustfmt::skip]
const MAPTESTS: &[(&str, &str, i32, &str, &str)] = &[
    ("a.test", "v=TLSRPTv1; rua=mailto:x@y.test,https://y.test/r", 0, "Before mapping:\n  mailto:x@y.test\n  https://y.test/r\nAfter mapping:\n  mailto:x@y.test\n  https://y.test/r\n", "no line matches"),
    ("b.test", "v=TLSRPTv1; rua=mailto:x@y.test", 0, "Before mapping:\n  mailto:x@y.test\nAfter mapping:\n  mailto:x@y.test\n  directory:/var/reports\n", "APPEND"),
    ("C.test.", "v=TLSRPTv1; rua=mailto:x@y.test", 0, "Before mapping:\n  mailto:x@y.test\nAfter mapping:\n  none: discarded by a map\n", "DISCARD"),
    ("a.test", "v=TLSRPTv1; rua=http://y.test,mailto:x@y.test", 0, "Before mapping:\n  mailto:x@y.test\nAfter mapping:\n  mailto:x@y.test\nLeft out:\n  http://y.test: the scheme is unusable (allowed: mailto, https)\n", "an unusable URI"),
    ("a.test", "v=spf1 -all", 2, "RECORD: not a TLSRPT record", "another record"),
    ("a b", "v=TLSRPTv1; rua=mailto:x@y.test", 2, "DOMAIN: ", "no domain"),
];

#[test]
fn ctl_tells_what_maps_do() {
    let lab = Lab::new();
    fs::write(
        lab.file("map"),
        "b.test APPEND directory:/var/reports\nc.test DISCARD\n",
    )
    .unwrap();
    let ctl = lab
        .ctl()
        .set("tlsrpt_record_map", lab.file("map").display());
    for (domain, record, code, expected, why) in MAPTESTS {
        let ended = ctl.clone().arg("maptest").arg(domain).arg(record).run();
        assert_eq!(ended.code(), Some(*code), "{why}: {}", ended.stderr);
        if *code == 0 {
            assert_eq!(ended.stdout, *expected, "{why}");
        } else {
            assert!(ended.stderr.contains(expected), "{why}: {}", ended.stderr);
        }
    }
    assert!(
        !lab.reportd_db().exists(),
        "a test of maps needs no database"
    );
    let ended = lab.ctl().arg("status").run();
    assert_eq!(ended.code(), Some(3), "no database yet: {}", ended.stderr);
    assert!(!lab.reportd_db().exists(), "asking makes none");
    assert_eq!(
        lab.ctl().arg("stop").run().code(),
        Some(2),
        "no such command"
    );
}

/// A system without CA certificates: only what needs them fails, and says so.
#[test]
fn a_system_without_certificates() {
    let lab = Lab::new();
    let records = [
        ("mail.test", "v=TLSRPTv1; rua=mailto:a@mail.test".to_owned()),
        (
            "web.test",
            format!("v=TLSRPTv1; rua={}", lab.https.url("/r")),
        ),
    ];
    for (domain, record) in &records {
        lab.dns.tlsrpt(domain, record);
    }
    lab.collect(
        records
            .iter()
            .map(|(domain, record)| mta::success(domain, record)),
    );
    let without = |program: Program| {
        program
            .env("SSL_CERT_FILE", "/nonexistent")
            .env("SSL_CERT_DIR", "/nonexistent")
    };
    let database = lab.file("none.sqlite");
    let reportd = without(lab.reportd())
        .unset("https_ca_file")
        .set("dbname", database.display());
    let mut running = reportd.start();
    running.wait_for_log("the system has no CA certificates");
    let statuses =
        "SELECT destination, status, tlsrptd_reason FROM destinations ORDER BY destination";
    let mail_sent =
        "SELECT count(*) FROM destinations WHERE status = 'sent' AND destination LIKE 'mailto:%'";
    lab.wait_for_query(&database, mail_sent, "1");
    let why = "SELECT count(*) FROM destinations WHERE tlsrptd_reason LIKE '%CA certificates%'";
    lab.wait_for_query(&database, why, "1");
    let log = running.stop().success().stderr;
    assert_eq!(
        log.matches("WARN HTTPS cannot be set up").count(),
        1,
        "once: {log}"
    );
    assert!(
        lab.https.posts().is_empty(),
        "{:?}",
        lab.query(&database, statuses)
    );
    // With the operator's own certificates nothing is missing.
    let running = without(lab.reportd()).start();
    lab.deliveries();
    running.stop().success();
    assert_eq!(lab.https.posts().len(), 1);
}
