//! The names and tables of a day's file, which are sys4's.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::day::Day;

/// Sessions, by day, domain, TXT record and policy.
pub const CREATE_FINALRESULTS: &str = "CREATE TABLE finalresults(day, domain, tlsrptrecord, policy, cntrtotal, cntrfailure, its datetime default CURRENT_TIMESTAMP,PRIMARY KEY(day, domain, tlsrptrecord, policy))";
/// Failures of those sessions, by reason.
pub const CREATE_FAILURES: &str = "CREATE TABLE failures(day, domain, tlsrptrecord, policy, reason, cntr, PRIMARY KEY(day, domain, tlsrptrecord, policy, reason))";
/// The days that the file holds whole.
pub const CREATE_DAYSTATUS: &str = "CREATE TABLE daystatus(daycomplete, its datetime default CURRENT_TIMESTAMP, PRIMARY KEY(daycomplete))";
/// What the file is.
pub const CREATE_DBVERSION: &str = "CREATE TABLE dbversion(version, installdate, purpose)";
/// All tables, in sys4's order.
pub const CREATE: [&str; 4] = [
    CREATE_FINALRESULTS,
    CREATE_FAILURES,
    CREATE_DAYSTATUS,
    CREATE_DBVERSION,
];

/// `dbversion.version`.
pub const VERSION: i64 = 1;
/// `dbversion.purpose`.
pub const PURPOSE: &str = "TLSRPT-Collectd-DB-devel-2024-10-28";
/// Fills `dbversion`; the parameters are version and purpose.
pub const INSERT_DBVERSION: &str = "INSERT INTO dbversion(version, installdate, purpose) VALUES(?, strftime('%Y-%m-%d %H-%M-%f','now'), ?)";

/// Where yesterday's file stands, beside today's.
pub fn yesterday(path: &Path) -> PathBuf {
    with_suffix(path, "yesterday")
}

/// Where an older closed day's file stands.
pub fn kept(path: &Path, day: Day) -> PathBuf {
    with_suffix(path, &day.to_string())
}

/// Where the number stands under which the collector's counts are shipped to a fleet: a file that is there where that was once begun.
pub fn incarnation(path: &Path) -> PathBuf {
    let folder = path.parent().unwrap_or(Path::new("")).join("shipper");
    folder.join(with_suffix(
        Path::new(path.file_name().unwrap_or_default()),
        "incarnation",
    ))
}

/// The day of a file name beside today's file, when it is that of a kept day.
pub fn kept_day(path: &Path, candidate: &Path) -> Option<Day> {
    let name = path.file_name()?.to_str()?;
    let suffix = candidate
        .file_name()?
        .to_str()?
        .strip_prefix(name)?
        .strip_prefix('.')?;
    Day::parse(suffix).ok()
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_beside_each_other() {
        let path = Path::new("/var/lib/tlsrpt/collectd.sqlite");
        let day = Day::parse("2026-11-21").unwrap();
        assert_eq!(
            yesterday(path),
            Path::new("/var/lib/tlsrpt/collectd.sqlite.yesterday")
        );
        assert_eq!(
            kept(path, day),
            Path::new("/var/lib/tlsrpt/collectd.sqlite.2026-11-21")
        );
        let rows = [
            ("collectd.sqlite.2026-11-21", Some(day), "a kept day"),
            (
                "collectd.sqlite.yesterday",
                None,
                "yesterday has its own name",
            ),
            ("collectd.sqlite", None, "today"),
            (
                "collectd.sqlite.2026-11-21-wal",
                None,
                "what SQLite leaves after a kill",
            ),
            ("other.sqlite.2026-11-21", None, "another file's day"),
            ("collectd.sqlite2026-11-21", None, "no dot between"),
        ];
        for (name, expected, reason) in rows {
            assert_eq!(
                kept_day(path, &path.with_file_name(name)),
                expected,
                "{reason}"
            );
        }
    }
}
