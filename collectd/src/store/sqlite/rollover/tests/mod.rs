//! The day change, played through with a given clock.

use std::{collections::BTreeMap, fs, path::PathBuf};

use rusqlite::Connection;
use tlsrptd_proto::day::Day;

mod clocks;
mod days;
mod files;

use super::{close_days, last_counted};
use crate::store::{
    TodaysRows,
    sqlite::{contents, file},
};

const KEEP: u32 = 10;

/// A folder with today's file and what stands beside it.
struct Bench {
    dir: tempfile::TempDir,
}

fn day(text: &str) -> Day {
    Day::parse(&format!("2026-11-{text}")).unwrap()
}

impl Bench {
    fn new() -> Bench {
        Bench {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("db")
    }

    /// Puts a session of each day into a file, and marks days as complete.
    fn put(&self, name: &str, sessions: &[(&str, i64)], complete: &[&str]) {
        let path = self.dir.path().join(name);
        let db = file::open_plain(&path).unwrap();
        for (on, n) in sessions {
            let on = day(on).to_string();
            db.execute(
                "INSERT INTO finalresults(day, domain, tlsrptrecord, policy, cntrtotal, cntrfailure) VALUES(?1, 'a.test', 't', 'p', ?2, 1)",
                (&on, n),
            )
            .unwrap();
            db.execute(
                "INSERT INTO failures VALUES(?1, 'a.test', 't', 'p', 'r', ?2)",
                (&on, n),
            )
            .unwrap();
        }
        for on in complete {
            contents::mark_complete(&db, day(on)).unwrap();
        }
        file::close(db, &path).unwrap();
    }

    /// A session more, as the collector counts it.
    fn count(&self, on: &str) {
        let db = file::open_plain(&self.path()).unwrap();
        let on = day(on).to_string();
        for sql in [
            "INSERT INTO finalresults(day, domain, tlsrptrecord, policy, cntrtotal, cntrfailure) VALUES(?1, 'a.test', 't', 'p', 1, 1)
             ON CONFLICT DO UPDATE SET cntrtotal=cntrtotal+1",
            "INSERT INTO failures VALUES(?1, 'a.test', 't', 'p', 'r', 1) ON CONFLICT DO UPDATE SET cntr=cntr+1",
        ] {
            db.execute(sql, [&on]).unwrap();
        }
        file::close(db, &self.path()).unwrap();
    }

    /// Sessions in all files.
    fn total(&self) -> i64 {
        self.sum("SELECT coalesce(sum(cntrtotal), 0) FROM finalresults")
    }

    /// Files that hold sessions of that day.
    fn files_of(&self, on: &str) -> i64 {
        let on = day(on);
        self.sum(&format!(
            "SELECT count(DISTINCT day) FROM finalresults WHERE day = '{on}'"
        ))
    }

    fn sum(&self, sql: &str) -> i64 {
        self.found()
            .keys()
            .map(|name| {
                let db = Connection::open(self.dir.path().join(name)).unwrap();
                db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()
            })
            .sum()
    }

    /// What was added to days of a file after they were closed: day, number and sessions.
    fn added(&self, name: &str) -> Vec<String> {
        let db = Connection::open(self.dir.path().join(name)).unwrap();
        let sql = "SELECT substr(day, 9) || ' ' || number || ' ' || total FROM tlsrptd_added WHERE reason IS NULL ORDER BY 1";
        let mut select = db.prepare(sql).unwrap();
        let rows = select.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    /// Closes, and returns the days that were.
    fn close_days(&self, today: &str) -> Vec<String> {
        self.close_with(today, TodaysRows::Stay)
    }

    /// The same, with today's rows.
    fn rotate(&self, today: &str) -> Vec<String> {
        self.close_with(today, TodaysRows::BecomeYesterdays)
    }

    fn close_with(&self, today: &str, todays_rows: TodaysRows) -> Vec<String> {
        let closed = close_days(&self.path(), day(today), todays_rows, KEEP).unwrap();
        closed
            .iter()
            .map(|closed| closed.day.to_string()[8..].to_owned())
            .collect()
    }

    /// What stands where: file name, then day and sessions, then complete days.
    fn found(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for entry in fs::read_dir(self.dir.path()).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() || entry.metadata().unwrap().len() == 0 {
                continue;
            }
            let db = Connection::open(entry.path()).unwrap();
            let text = |sql: &str| {
                db.query_row(sql, [], |row| row.get::<_, Option<String>>(0))
                    .unwrap()
                    .unwrap_or_default()
            };
            let rows = "SELECT group_concat(t, ' ') FROM (SELECT substr(day, 9)||':'||cntrtotal AS t FROM finalresults ORDER BY day)";
            let failures = "SELECT group_concat(t, ' ') FROM (SELECT substr(day, 9)||':'||cntr AS t FROM failures ORDER BY day)";
            let complete = "SELECT group_concat(t, ' ') FROM (SELECT substr(daycomplete, 9) AS t FROM daystatus ORDER BY daycomplete)";
            assert_eq!(
                text(rows),
                text(failures),
                "sessions and failures stay together"
            );
            assert_eq!(
                text("PRAGMA journal_mode"),
                "delete",
                "a file that is left can be read by anyone"
            );
            found.insert(
                entry.file_name().into_string().unwrap(),
                format!("{} | {}", text(rows), text(complete)),
            );
        }
        found
    }
}

fn files<const N: usize>(files: [(&str, &str); N]) -> BTreeMap<String, String> {
    files
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .into()
}
