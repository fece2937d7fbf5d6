//! The collector and the fetcher, from outside: datagrams in, counts and lines out.

mod away;
mod counts;
mod datagrams;
mod fetching;
mod law;
mod life;
mod script;
mod sharing;
mod sockets;
mod trouble;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const TXT: &str = "v=TLSRPTv1; rua=mailto:a@reports.test";

/// The numbers in `stats_file`: `key` or `key{reason}`.
fn stats(path: &Path) -> BTreeMap<String, u64> {
    let text = fs::read_to_string(path).unwrap();
    let number = |line: &str| {
        let (key, number) = line.rsplit_once(' ')?;
        Some((key.to_owned(), number.parse().ok()?))
    };
    text.lines()
        .map(|line| number(line).unwrap_or_else(|| panic!("`{line}` is no number")))
        .collect()
}
