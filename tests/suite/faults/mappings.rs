//! A file system without shared memory mappings (9p, some CIFS): SQLite's WAL cannot be had there.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::shim::Shim;

/// Whether the file says that it needs a WAL: bytes 18 and 19 of its header
/// (<https://www.sqlite.org/fileformat2.html#file_format_version_numbers>).
fn needs_wal(path: &Path) -> bool {
    fs::read(path).unwrap()[18..20] != [1, 1]
}

fn leave_in_wal_mode(path: &Path) {
    let db = Connection::open(path).unwrap();
    db.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))
        .unwrap();
    drop(db);
    assert!(needs_wal(path));
}

fn left_beside(path: &Path) -> bool {
    ["-wal", "-shm"]
        .iter()
        .any(|end| fs::exists(format!("{}{end}", path.display())).unwrap())
}

#[test]
fn the_collector_counts_with_a_rollback_journal() {
    let lab = Lab::new();
    let Some(shim) = Shim::or_skip(lab.folder()) else {
        return;
    };
    let start = || {
        let mut collectd = lab.start_ready(&shim.under_without_mappings(lab.collectd()));
        collectd.wait_for_log("has no shared memory mappings");
        collectd
    };
    let db = lab.collectd_db();
    let collectd = start();
    lab.mta().send(&mta::success("a.test", "v=TLSRPTv1;"));
    lab.wait_for_sessions(&db, 1);
    assert!(!needs_wal(&db), "while it counts");
    collectd.kill();
    assert!(!needs_wal(&db), "after a kill any program can open it");
    // As an earlier version left it, or as it comes from another file system.
    leave_in_wal_mode(&db);
    leave_in_wal_mode(&lab.closed_db());
    let collectd = start();
    lab.mta().send(&mta::success("a.test", "v=TLSRPTv1;"));
    lab.wait_for_sessions(&db, 2);
    lab.close_day(&collectd, 2);
    collectd.stop().success();
    for file in [db, lab.closed_db()] {
        assert!(
            !needs_wal(&file) && !left_beside(&file),
            "{}",
            file.display()
        );
    }
}

#[test]
fn the_reporter_works_with_a_rollback_journal() {
    let lab = Lab::new();
    let Some(shim) = Shim::or_skip(lab.folder()) else {
        return;
    };
    let db = lab.reportd_db();
    let start = || {
        let mut reportd = shim.under_without_mappings(lab.reportd()).start();
        reportd.wait_for_log("has no shared memory mappings");
        reportd.wait_for_log("is at work");
        reportd
    };
    start().kill();
    assert!(!needs_wal(&db), "after a kill any program can open it");
    leave_in_wal_mode(&db);
    let reportd = start();
    lab.ctl().arg("status").run().success();
    reportd.stop().success();
    assert!(!needs_wal(&db) && !left_beside(&db));
}
