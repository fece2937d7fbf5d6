//! A disk that fails under load, while the day runs and when it ends.

use std::fs;
use std::path::PathBuf;

use nix::sys::signal::Signal;
use rusqlite::Connection;
use tlsrptd_tests::harness::day::DayFile;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::load::Load;
use tlsrptd_tests::harness::program::Running;
use tlsrptd_tests::harness::shim::{Fault, Shim};
use tlsrptd_tests::harness::wait::until_true;

use super::{check_law, times};

/// A collector under load.
struct Site {
    lab: Lab,
    stats: PathBuf,
    collectd: Running,
    load: Load,
}

impl Site {
    fn start(lab: Lab, shim: Option<&Shim>) -> Site {
        let stats = lab.file("stats");
        let mut collectd = lab
            .collectd()
            .set("stats_file", stats.display())
            // The load fills the queue: a debug build on a busy machine is to empty it within the time for a stop.
            .set("max_queued_datagrams", 5_000);
        if let Some(shim) = shim {
            collectd = shim.under(collectd);
        }
        let collectd = lab.start_ready(&collectd);
        let load = Load::start(&lab.socket());
        load.wait_for_more(1_000);
        Site {
            lab,
            stats,
            collectd,
            load,
        }
    }

    /// The load goes on a while, then everything ends orderly, and the law holds. Gives the log.
    fn end(self, what: &str) -> String {
        self.load.wait_for_more(1_000);
        let accepted = self.load.stop().count();
        let log = self.collectd.stop().success().stderr;
        check_law(&self.lab, &self.stats, accepted, what);
        log
    }

    fn closed(&self) -> bool {
        self.collectd.log().contains("day closed day=")
            && self.lab.closed_db().is_file()
            && lab_has_sessions(&self.lab)
    }
}

fn lab_has_sessions(lab: &Lab) -> bool {
    DayFile::read(&lab.closed_db()).is_some_and(|day| !day.results.is_empty())
}

#[test]
fn a_lock_of_another_process() {
    let mut site = Site::start(Lab::new(), None);
    for _ in 0..times(1, 20) {
        let lock = Connection::open(site.lab.collectd_db()).unwrap();
        lock.busy_timeout(std::time::Duration::from_secs(30))
            .unwrap();
        lock.execute_batch("BEGIN IMMEDIATE").unwrap();
        site.collectd
            .wait_for_log("cannot commit, counts stay in memory");
        site.load.wait_for_more(1_000);
        lock.execute_batch("ROLLBACK").unwrap();
    }
    site.end("locked by another process");
}

#[test]
fn a_disk_that_takes_nothing_for_a_while() {
    for (fault, what) in [
        (Fault::Full, "a full disk"),
        (Fault::ReadOnly, "a disk that can only be read"),
    ] {
        let lab = Lab::new();
        let Some(shim) = Shim::or_skip(lab.folder()) else {
            return;
        };
        let mut site = Site::start(lab, Some(&shim));
        for _ in 0..times(1, 20) {
            shim.set(fault);
            site.collectd
                .wait_for_log("cannot commit, counts stay in memory");
            site.load.wait_for_more(1_000);
            shim.set(Fault::None);
            site.load.wait_for_more(1_000);
        }
        site.end(what);
    }
}

#[test]
fn a_disk_that_takes_nothing_when_the_day_ends() {
    for (fault, what) in [
        (Fault::Full, "full when the day ends"),
        (Fault::ReadOnly, "read-only when the day ends"),
    ] {
        let lab = Lab::new();
        let Some(shim) = Shim::or_skip(lab.folder()) else {
            return;
        };
        let mut site = Site::start(lab, Some(&shim));
        shim.set(fault);
        site.collectd.signal(Signal::SIGUSR2);
        site.collectd.wait_for_log("to be tried again");
        site.load.wait_for_more(1_000);
        shim.set(Fault::None);
        until_true("the day to be closed", || site.closed());
        site.end(what);
    }
}

#[test]
fn a_directory_where_yesterday_belongs() {
    let mut site = Site::start(Lab::new(), None);
    let yesterday = site.lab.closed_db();
    fs::remove_file(&yesterday).unwrap();
    fs::create_dir(&yesterday).unwrap();
    site.collectd.signal(Signal::SIGUSR2);
    site.collectd.wait_for_log("is not a file; move it away");
    site.load.wait_for_more(1_000);
    fs::remove_dir(&yesterday).unwrap();
    until_true("the day to be closed", || site.closed());
    site.end("a directory where yesterday belongs");
}

#[test]
fn a_file_that_is_gone_when_the_day_ends() {
    let site = Site::start(Lab::new(), None);
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{end}", site.lab.collectd_db().display()));
    }
    site.collectd.signal(Signal::SIGUSR2);
    until_true("the day to be closed", || site.closed());
    let log = site.end("today's file removed when the day ends");
    assert!(log.contains("it is written anew"), "{log}");
}
