//! The collector under full load, through faults: what the sender's send() accepted is counted, or told of as dropped.
//! And the reporter on a disk that fails, and two sites that report to each other.
//!
//! Each test has a short form here and a long one, which `make soak` runs. Both print what they measured.

mod activation;
mod clock;
mod crash;
mod disk;
mod hostile;
mod loops;
mod mappings;
mod midnight;
mod power;
mod reporter;
mod rollover;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::program::Running;
use tlsrptd_tests::harness::wait::until_true;

use super::collector::stats;

/// How often, or how many: `short` in the suite, `long` for `make soak`.
fn times(short: usize, long: usize) -> usize {
    match std::env::var_os("TLSRPTD_SOAK") {
        Some(_) => long,
        None => short,
    }
}

/// What a database holds, by SQL of our own.
#[derive(Debug, Default, PartialEq, Eq)]
struct Content {
    /// The sum of all counters.
    total: u64,
    /// The domains `dNUMBER.load.test`, by number.
    numbers: BTreeSet<usize>,
}

impl Content {
    /// Reads a database that nobody writes, and asks SQLite whether it is whole.
    fn read(path: &Path) -> Content {
        let db = Connection::open(path).unwrap();
        let whole: String = db
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(whole, "ok", "{}", path.display());
        Content::query(&db)
    }

    /// Reads a database that somebody writes.
    fn look(path: &Path) -> Content {
        let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        db.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
        Content::query(&db)
    }

    fn query(db: &Connection) -> Content {
        // Cut off before the first commit it has no tables.
        let Ok(mut rows) = db.prepare("SELECT domain, cntrtotal FROM finalresults") else {
            return Content::default();
        };
        let mut content = Content::default();
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let domain: String = row.get(0).unwrap();
            content.total += row.get::<_, i64>(1).unwrap().unsigned_abs();
            let number = domain
                .strip_suffix(".load.test")
                .and_then(|name| name.strip_prefix('d'))
                .and_then(|number| number.parse::<usize>().ok());
            content.numbers.extend(number);
        }
        content
    }

    /// The first number that is not there; all before it are, and none after it: what was sent first is counted first.
    fn first_missing(&self) -> usize {
        let missing = self.numbers.len();
        assert!(
            self.numbers.iter().copied().eq(0..missing),
            "something is missing in between"
        );
        missing
    }
}

/// The databases of days: today's, yesterday's, older ones.
fn day_files(lab: &Lab) -> Vec<PathBuf> {
    let beside = ["-wal", "-shm", "-journal"];
    let mut files: Vec<PathBuf> = fs::read_dir(lab.folder())
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            let begins = name.starts_with("collectd.sqlite");
            begins && !beside.iter().any(|end| name.ends_with(end)) && path.is_file()
        })
        .collect();
    files.sort();
    files
}

/// The collector's law, after its orderly end: the left side counted by the sender, the right side read from the files by
/// SQL, and the daemon's own figures compared with both.
fn check_law(lab: &Lab, stats_file: &Path, accepted: u64, what: &str) {
    let mut seen = BTreeSet::new();
    let mut total = 0;
    for file in day_files(lab) {
        let content = Content::read(&file);
        total += content.total;
        for number in content.numbers {
            assert!(seen.insert(number), "{what}: {number} is in two days");
        }
    }
    let stats = stats(stats_file);
    let [received, counted, malformed, dropped] =
        ["received", "counted", "malformed", "dropped"].map(|key| stats[key]);
    println!("{what}: {accepted} accepted, {total} in the files, {dropped} dropped");
    assert_eq!(
        total + malformed + dropped,
        accepted,
        "{what}: what the files hold: {stats:?}"
    );
    assert_eq!(
        (received, counted),
        (accepted, total),
        "{what}: what the daemon says: {stats:?}"
    );
}

/// Stops it in the middle of whatever it is doing, and waits until it stands still. SIGKILL ends it from there.
fn freeze(running: &Running) {
    running.signal(nix::sys::signal::Signal::SIGSTOP);
    let stat = format!("/proc/{}/stat", running.pid());
    until_true("the collector to stand still", || {
        // NUMBER (NAME) STATE ...
        let text = fs::read_to_string(&stat).unwrap();
        text.rsplit(") ")
            .next()
            .is_some_and(|rest| rest.starts_with('T'))
    });
}
