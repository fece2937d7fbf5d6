//! The collector and the fetcher, from outside: datagrams in, counts and lines out.

mod away;
mod counts;
mod datagrams;
mod fetching;
mod law;
mod life;
mod observing;
mod script;
mod sharing;
mod sockets;
mod storages;
mod trouble;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tlsrptd_tests::harness::lab::Lab;

const TXT: &str = "v=TLSRPTv1; rua=mailto:a@reports.test";

/// The numbers in `stats_file`: `key` or `key{reason}`.
pub(super) fn stats(path: &Path) -> BTreeMap<String, u64> {
    let text = fs::read_to_string(path).unwrap();
    let number = |line: &str| {
        let (key, number) = line.rsplit_once(' ')?;
        Some((key.to_owned(), number.parse().ok()?))
    };
    text.lines()
        .map(|line| number(line).unwrap_or_else(|| panic!("`{line}` is no number")))
        .collect()
}

/// Asserts that each file of a collector that was stopped is one that any program may open: whole in itself.
fn assert_whole(lab: &Lab) {
    let entries = fs::read_dir(lab.folder()).unwrap().flatten();
    let paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    let beside = |path: &&PathBuf| {
        let path = path.to_string_lossy();
        ["-wal", "-shm", "-journal"]
            .iter()
            .any(|end| path.ends_with(end))
    };
    let left: Vec<&PathBuf> = paths.iter().filter(beside).collect();
    assert!(left.is_empty(), "{left:?}");
    for file in [lab.collectd_db(), lab.closed_db()] {
        let mode = lab.query(&file, "PRAGMA journal_mode");
        assert_eq!(mode, [["delete"]], "{}", file.display());
    }
}
