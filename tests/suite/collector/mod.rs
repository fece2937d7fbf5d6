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

/// The numbers in `stats_file`, of the first storage by short names: `received`, `counted`, `dropped`, `dropped{reason}`, and
/// of the others with their place, as in `counted{2}`.
pub(super) fn stats(path: &Path) -> BTreeMap<String, u64> {
    let text = fs::read_to_string(path).unwrap();
    let mut numbers = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, number) = line.rsplit_once(' ').unwrap();
        let number: u64 = number.parse().unwrap();
        let (name, labels) = series
            .trim_end_matches('}')
            .split_once('{')
            .unwrap_or((series, ""));
        let Some(name) = name.strip_prefix("tlsrpt_collectd_") else {
            continue;
        };
        let name = name.trim_end_matches("_total");
        let label = |wanted: &str| {
            let mut pairs = labels.split(',').filter_map(|label| label.split_once('='));
            pairs
                .find(|(name, _)| *name == wanted)
                .map(|(_, value)| value.trim_matches('"'))
        };
        let place = label("storage").filter(|place| *place != "1");
        let detail = label("reason").or(label("kind"));
        let name = label("result")
            .filter(|_| name == "datagrams")
            .unwrap_or(name);
        let key = match (place, detail) {
            (Some(place), None) => format!("{name}{{{place}}}"),
            (Some(_), Some(_)) => continue,
            (None, Some(detail)) => format!("{name}{{{detail}}}"),
            (None, None) => name.to_owned(),
        };
        numbers.insert(key, number);
    }
    numbers
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
