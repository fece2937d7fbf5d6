//! A collector's life: its files, signals, storages, and how it ends when it cannot begin.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use nix::sys::signal::Signal;
use nix::unistd::geteuid;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::wait::until_true;

use super::{TXT, assert_whole, stats};

#[test]
fn the_pid_file_is_there_as_long_as_it_runs() {
    let lab = Lab::new();
    let pid = lab.file("pid");
    let program = lab.collectd().set("pidfilename", pid.display());
    let config = program.config_path();
    let collectd = lab.start_ready(&program);
    until_true("the pid file", || {
        fs::read_to_string(&pid).is_ok_and(|text| text.trim() == collectd.pid().to_string())
    });
    let log = collectd.stop().success().stderr;
    assert!(!pid.exists());
    let setting = format!("sockettimeout = 1 (file {}:4)", config.display());
    assert!(
        log.contains(&setting),
        "each setting and its origin:\n{log}"
    );
}

#[test]
fn the_log_file_is_opened_again_on_sighup() {
    let lab = Lab::new();
    let log = lab.file("log");
    let collectd = lab.start_ready(&lab.collectd().set("logfilename", log.display()));
    let text = || fs::read_to_string(&log).unwrap_or_default();
    until_true("the first lines", || text().contains("setup finished"));
    fs::rename(&log, lab.file("log.1")).unwrap();
    collectd.signal(Signal::SIGHUP);
    until_true("a new log file", || log.exists());
    lab.mta().send(b"no datagram");
    until_true("a line in the new file", || {
        text().contains("malformed datagram")
    });
    let stderr = collectd.stop().success().stderr;
    let old = fs::read_to_string(lab.file("log.1")).unwrap();
    assert!(
        !old.contains("malformed") && stderr.contains("malformed"),
        "stderr goes on, the old file does not"
    );
    assert_eq!(
        fs::metadata(&log).unwrap().permissions().mode() & 0o137,
        0,
        "a log tells who mails whom"
    );
    assert_eq!(
        stderr.lines().count(),
        old.lines().count() + text().lines().count(),
        "the same lines in both"
    );
}

#[test]
fn a_day_closed_twice_by_hand_is_added_up() {
    let lab = Lab::new();
    let collectd = lab.start_collectd();
    for round in 0..3 {
        lab.mta().send_all([
            mta::failure("a.test", TXT, 203),
            mta::success("a.test", TXT),
            mta::success(&format!("d{round}.test"), TXT),
        ]);
        lab.close_day(&collectd, 3);
    }
    let closed = lab.closed_db();
    let closed = lab.day_file(&closed);
    let day = lab.day();
    let row = |domain: &str, total, failed| (domain.to_owned(), total, failed);
    assert_eq!(
        closed.domains(),
        [
            row("a.test", 6, 3),
            row("d0.test", 1, 0),
            row("d1.test", 1, 0),
            row("d2.test", 1, 0)
        ]
    );
    assert_eq!(closed.days(), [(day.clone(), 9)]);
    assert_eq!(closed.failed(), 3);
    assert_eq!(closed.complete, [day], "closed once");
    let today = lab.day_file(&lab.collectd_db());
    assert!(today.results.is_empty(), "today begins anew");
    collectd.stop().success();
}

#[test]
fn every_storage_gets_everything() {
    let lab = Lab::new();
    let (second, stats_file) = (lab.file("second.sqlite"), lab.file("stats"));
    let storages = format!(
        "sqlite://{},dummy:?log, sqlite://{},dummy:",
        lab.collectd_db().display(),
        second.display()
    );
    let collectd = lab
        .collectd()
        .set("storage", storages)
        .set("stats_file", stats_file.display());
    let collectd = lab.start_ready(&collectd);
    let datagrams = [
        mta::several_policies("a.test", TXT),
        mta::failure("b.test", TXT, 203),
        mta::failure("b.test", TXT, 203),
    ];
    lab.mta().send_all(&datagrams);
    lab.wait_for_sessions(&second, 5);
    lab.close_day(&collectd, 5);
    let second_closed = lab.file("second.sqlite.yesterday");
    lab.wait_for_sessions(&second_closed, 5);
    let day = lab.day_file(&lab.closed_db());
    assert!(!day.results.is_empty() && !day.failures.is_empty());
    assert_eq!(day.complete.len(), 1);
    assert_eq!(day, lab.day_file(&second_closed));
    let log = collectd.stop().success().stderr;
    assert!(
        log.contains("b.test"),
        "dummy:?log says what it drops:\n{log}"
    );
    assert_eq!(stats(&stats_file)["counted"], 3, "once, not once a storage");
}

#[test]
fn dummy_storages_alone_are_enough_to_run() {
    let lab = Lab::new();
    let stats_file = lab.file("stats");
    let collectd = lab
        .collectd()
        .set("storage", "dummy:")
        .set("stats_file", stats_file.display());
    let collectd = lab.start_ready(&collectd);
    lab.mta()
        .send_all([mta::success("a.test", TXT), b"no datagram".to_vec()]);
    collectd.signal(Signal::SIGUSR2);
    let log = collectd.stop().success().stderr;
    assert!(
        !log.contains("a.test"),
        "without ?log nothing is said of it"
    );
    let stats = stats(&stats_file);
    assert_eq!(
        [stats["received"], stats["counted"], stats["malformed"]],
        [2, 1, 1]
    );
    assert!(!lab.collectd_db().exists());
}

/// What spoils a file of a good collector.
const SPOILED: [(&str, &str, i32, &str); 4] = [
    (
        "purpose",
        "UPDATE dbversion SET purpose = 'TLSRPT-Reportd-DB-devel-2024-10-28'",
        4,
        "the reporter's database",
    ),
    (
        "version",
        "UPDATE dbversion SET version = 2",
        4,
        "a later version",
    ),
    (
        "other",
        "DROP TABLE dbversion",
        4,
        "a database of another program",
    ),
    (
        "unnamed",
        "DELETE FROM dbversion",
        4,
        "a database that does not say what it is",
    ),
];

#[test]
fn a_database_that_cannot_be_used_ends_the_start() {
    let lab = Lab::new();
    lab.start_collectd().stop().success();
    let mut table = Vec::new();
    for (name, sql, code, reason) in SPOILED {
        let path = lab.file(&format!("{name}.sqlite"));
        fs::copy(lab.collectd_db(), &path).unwrap();
        rusqlite::Connection::open(&path)
            .unwrap()
            .execute_batch(sql)
            .unwrap();
        table.push((path, code, reason));
    }
    fs::write(
        lab.file("text.sqlite"),
        "this is no database at all, though long enough to be taken for one ".repeat(20),
    )
    .unwrap();
    fs::create_dir(lab.file("directory.sqlite")).unwrap();
    fs::create_dir(lab.file("closed")).unwrap();
    fs::set_permissions(lab.file("closed"), fs::Permissions::from_mode(0o555)).unwrap();
    table.push((lab.file("missing/c.sqlite"), 3, "the directory is missing"));
    table.push((lab.file("text.sqlite"), 3, "no database"));
    table.push((lab.file("directory.sqlite"), 3, "a directory"));
    if !geteuid().is_root() {
        // Root may write everywhere.
        table.push((
            lab.file("closed/c.sqlite"),
            3,
            "a directory that may not be written",
        ));
    }
    for (path, code, reason) in table {
        let before = fs::read(&path).ok();
        let ended = lab
            .collectd()
            .set("storage", format!("sqlite://{}", path.display()))
            .run();
        assert_eq!(ended.code(), Some(code), "{reason}\n{}", ended.stderr);
        let named =
            |line: &str| line.contains(" ERROR ") && line.contains(&path.display().to_string());
        assert!(
            ended.stderr.lines().any(named),
            "{reason}\n{}",
            ended.stderr
        );
        assert!(!lab.socket().exists(), "{reason}: no socket is left behind");
        assert_eq!(
            fs::read(&path).ok(),
            before,
            "{reason}: what is not ours stays as it is"
        );
    }
}

#[test]
fn whole_files_are_left_behind() {
    let lab = Lab::new();
    let collectd = lab.start_collectd();
    for _ in 0..2 {
        lab.mta().send(&mta::success("a.test", TXT));
        lab.close_day(&collectd, 1);
    }
    lab.mta().send(&mta::success("a.test", TXT));
    lab.wait_for_sessions(&lab.collectd_db(), 1);
    assert!(
        lab.file("collectd.sqlite-wal").exists(),
        "while it runs, commits go into a WAL"
    );
    assert!(
        !lab.file("collectd.sqlite.yesterday-wal").exists(),
        "a closed day is whole at once"
    );
    collectd.stop().success();
    assert_whole(&lab);
    // After a kill the next one puts it in order.
    let collectd = lab.start_collectd();
    lab.mta().send(&mta::success("a.test", TXT));
    lab.wait_for_sessions(&lab.collectd_db(), 2);
    collectd.kill();
    assert!(lab.file("collectd.sqlite-wal").exists());
    lab.start_collectd().stop().success();
    assert_whole(&lab);
    lab.wait_for_sessions(&lab.collectd_db(), 2);
}

#[test]
fn files_tell_no_stranger_who_mails_whom() {
    let lab = Lab::new();
    lab.collect([mta::success("a.test", TXT)]);
    for path in [lab.collectd_db(), lab.closed_db()] {
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode & 0o137, 0, "{} has mode {mode:o}", path.display());
    }
}
