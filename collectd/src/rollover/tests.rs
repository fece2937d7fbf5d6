//! The day change, played through with a given clock.

use std::{collections::BTreeMap, fs, path::PathBuf};

use rusqlite::Connection;
use tlsrptd_proto::day::Day;

use super::close_days;
use crate::store::file;

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
            file::mark_complete(&db, day(on)).unwrap();
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
    fn close_days(&self, today: &str, roll: bool) -> Vec<String> {
        let closed = close_days(&self.path(), day(today), roll, KEEP).unwrap();
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

#[test]
fn a_first_start_makes_both_files() {
    let bench = Bench::new();
    assert_eq!(bench.close_days("20", false), ["19"]);
    assert_eq!(
        bench.found(),
        files([("db", " | "), ("db.yesterday", " | 19")])
    );
    assert!(
        bench.close_days("20", false).is_empty(),
        "and then there is nothing to do"
    );
}

#[test]
fn midnights_in_a_row() {
    let bench = Bench::new();
    bench.close_days("20", false);
    bench.put("db", &[("20", 5)], &[]);
    assert_eq!(bench.close_days("21", false), ["20"]);
    assert_eq!(
        bench.found(),
        files([
            ("db", " | "),
            ("db.yesterday", "20:5 | 20"),
            ("db.2026-11-19", " | 19")
        ])
    );
    bench.put("db", &[("21", 6)], &[]);
    assert_eq!(bench.close_days("22", false), ["21"]);
    assert_eq!(
        bench.found(),
        files([
            ("db", " | "),
            ("db.yesterday", "21:6 | 21"),
            ("db.2026-11-19", " | 19"),
            ("db.2026-11-20", "20:5 | 20")
        ])
    );
    assert_eq!(
        bench.close_days("23", false),
        ["22"],
        "an idle day is closed too"
    );
    assert_eq!(bench.found()["db.yesterday"], " | 22");
}

#[test]
fn a_start_after_three_days() {
    let bench = Bench::new();
    bench.put("db", &[("20", 5)], &[]);
    bench.put("db.yesterday", &[("19", 4)], &["19"]);
    assert_eq!(bench.close_days("24", false), ["20", "23"]);
    assert_eq!(
        bench.found(),
        files([
            ("db", " | "),
            ("db.yesterday", " | 23"),
            ("db.2026-11-19", "19:4 | 19"),
            ("db.2026-11-20", "20:5 | 20"),
        ])
    );
}

#[test]
fn two_days_in_one_file() {
    let bench = Bench::new();
    bench.put("db", &[("20", 5), ("21", 6)], &[]);
    assert_eq!(
        bench.close_days("21", false),
        ["20"],
        "sys4 was down over midnight"
    );
    assert_eq!(
        bench.found(),
        files([("db", "21:6 | "), ("db.yesterday", "20:5 | 20")])
    );

    let bench = Bench::new();
    bench.put("db", &[("22", 1)], &[]);
    bench.put("db.yesterday", &[("20", 5), ("21", 6)], &["21"]);
    bench.put("db.2026-11-20", &[("20", 2)], &["20"]);
    assert_eq!(bench.close_days("23", false), ["22"]);
    assert_eq!(
        bench.found(),
        files([
            ("db", " | "),
            ("db.yesterday", "22:1 | 22"),
            ("db.2026-11-20", "20:7 | 20"),
            ("db.2026-11-21", "21:6 | 21"),
        ]),
        "its yesterday held both, and one was kept already"
    );
}

#[test]
fn rolled_over_by_hand_twice() {
    let bench = Bench::new();
    bench.close_days("20", false);
    bench.put("db", &[("20", 5)], &[]);
    assert_eq!(bench.close_days("20", true), ["19"]);
    assert_eq!(
        bench.found(),
        files([("db", " | "), ("db.yesterday", "19:5 | 19")])
    );
    bench.put("db", &[("20", 6)], &[]);
    assert_eq!(bench.close_days("20", true), ["19"]);
    assert_eq!(
        bench.found(),
        files([("db", " | "), ("db.yesterday", "19:11 | 19")]),
        "added, not replaced"
    );
    bench.put("db", &[("20", 7)], &[]);
    assert_eq!(bench.close_days("21", false), ["20"]);
    assert_eq!(
        bench.found(),
        files([
            ("db", " | "),
            ("db.yesterday", "20:7 | 20"),
            ("db.2026-11-19", "19:11 | 19")
        ])
    );
}

#[test]
fn a_clock_that_was_wrong() {
    let bench = Bench::new();
    bench.close_days("20", false);
    bench.put("db", &[("20", 5)], &[]);
    assert_eq!(
        bench.close_days("25", false),
        ["20", "24"],
        "forward by five days"
    );
    bench.put("db", &[("25", 1)], &[]);
    assert_eq!(bench.close_days("20", false), ["19"], "and back");
    assert_eq!(
        bench.found(),
        files([
            ("db", "20:1 | "),
            ("db.yesterday", " | 19"),
            ("db.2026-11-20", "20:5 | "),
        ]),
        "what was counted ahead is today's, and today is not complete"
    );
    assert_eq!(bench.close_days("21", false), ["20"]);
    assert_eq!(
        bench.found(),
        files([
            ("db", " | "),
            ("db.yesterday", "20:6 | 20"),
            ("db.2026-11-19", " | 19")
        ]),
        "one day stands in one file"
    );
    assert_eq!(bench.added("db.yesterday"), ["20 1 1"]);
}

/// Wherever the clock goes, and however often: no session is lost, no day that was told changes without saying so, and
/// no day to come is kept in place of one that was.
#[test]
fn clocks_that_go_astray() {
    for (name, days) in [
        (
            "ahead by years, again and again",
            ["20", "29", "20", "30", "20", "28", "20"],
        ),
        (
            "behind, and back",
            ["20", "13", "20", "12", "20", "11", "20"],
        ),
        ("both", ["20", "29", "11", "20", "11", "29", "20"]),
        ("a day ahead", ["20", "21", "20", "21", "20", "21", "20"]),
        ("a day behind", ["20", "19", "20", "19", "20", "19", "20"]),
    ] {
        let bench = Bench::new();
        let before = ["15", "16", "17", "18", "19"];
        for on in before {
            bench.close_days(on, false);
            bench.count(on);
        }
        let mut total = before.len() as i64;
        for on in days {
            bench.close_days(on, false);
            bench.count(on);
            total += 1;
        }
        bench.close_days("21", false);
        let found = bench.found();
        assert_eq!(bench.total(), total, "{name}: {found:?}");
        assert_eq!(found["db"], " | ", "{name}: nothing stays behind");
        for on in &before[..4] {
            let kept = &found[&format!("db.2026-11-{on}")];
            assert!(
                kept.starts_with(&format!("{on}:1")),
                "{name}: {on}: {found:?}"
            );
        }
        let yesterday = &found["db.yesterday"];
        assert!(
            yesterday.starts_with("20:") && yesterday.ends_with("| 20"),
            "{name}: {found:?}"
        );
        assert_eq!(
            bench.files_of("20"),
            1,
            "{name}: one day stands in one file"
        );
    }
}

#[test]
fn days_to_come_stand_aside() {
    let bench = Bench::new();
    bench.put("db", &[("20", 5)], &[]);
    for old in ["10", "11", "12", "13", "14", "15", "16", "17", "18", "19"] {
        bench.put(&format!("db.2026-11-{old}"), &[(old, 1)], &[old]);
    }
    for ahead in ["24", "25", "26"] {
        bench.put(&format!("db.2026-11-{ahead}"), &[(ahead, 1)], &[ahead]);
    }
    bench.close_days("21", false);
    let found = bench.found();
    assert!(!found.contains_key("db.2026-11-10"), "ten closed days");
    for kept in ["11", "19", "24", "25", "26"] {
        assert!(
            found.contains_key(&format!("db.2026-11-{kept}")),
            "{kept}: {found:?}"
        );
    }
}

#[test]
fn what_is_added_to_a_day_stands_once_more_by_itself() {
    let bench = Bench::new();
    bench.close_days("20", false);
    bench.put("db", &[("20", 5)], &[]);
    bench.close_days("20", true);
    assert_eq!(
        bench.added("db.yesterday"),
        ["19 1 5"],
        "the first start has closed it empty"
    );
    bench.close_days("20", true);
    assert_eq!(bench.added("db.yesterday").len(), 1, "nothing was added");
    bench.put("db", &[("20", 6)], &[]);
    bench.close_days("20", true);
    assert_eq!(bench.added("db.yesterday"), ["19 1 5", "19 2 6"]);
    bench.close_days("21", false);
    bench.close_days("22", false);
    assert_eq!(
        bench.added("db.2026-11-19").len(),
        2,
        "it goes where the day goes"
    );
}

#[test]
fn interrupted_anywhere_it_goes_on() {
    // Between the two renames: yesterday's is moved on, today's is not yet yesterday's.
    let bench = Bench::new();
    bench.put("db", &[("20", 5)], &["20"]);
    bench.put("db.2026-11-19", &[("19", 4)], &["19"]);
    assert_eq!(bench.close_days("21", false), ["20"]);
    assert_eq!(
        bench.found(),
        files([
            ("db", " | "),
            ("db.yesterday", "20:5 | 20"),
            ("db.2026-11-19", "19:4 | 19")
        ])
    );
    // After them: there is no file of today yet.
    fs::remove_file(bench.path()).unwrap();
    assert!(bench.close_days("21", false).is_empty());
    assert_eq!(bench.found()["db.yesterday"], "20:5 | 20");
}

#[test]
fn what_stands_in_the_way() {
    let bench = Bench::new();
    bench.put("db", &[("20", 5), ("21", 1)], &[]);
    fs::create_dir(bench.dir.path().join("db.yesterday")).unwrap();
    let message = close_days(&bench.path(), day("21"), false, KEEP)
        .unwrap_err()
        .to_string();
    assert!(message.contains("is not a file; move it away"), "{message}");
    assert_eq!(
        bench.found(),
        files([("db", "20:5 21:1 | ")]),
        "nothing is lost meanwhile"
    );
    fs::remove_dir(bench.dir.path().join("db.yesterday")).unwrap();
    assert_eq!(bench.close_days("21", false), ["20"]);

    fs::write(
        bench.dir.path().join("db.yesterday"),
        "rubbish ".repeat(1000),
    )
    .unwrap();
    assert_eq!(
        bench.close_days("22", false),
        ["21"],
        "a damaged file does not keep a day from being closed"
    );
    assert!(
        bench.dir.path().join("db.yesterday.damaged").exists(),
        "nor is it deleted"
    );
}

#[test]
fn old_days_are_removed() {
    let bench = Bench::new();
    bench.put("db", &[("20", 5)], &[]);
    let names = [
        "01", "02", "05", "06", "07", "08", "09", "10", "11", "12", "13",
    ];
    for old in names {
        bench.put(&format!("db.2026-11-{old}"), &[(old, 1)], &[old]);
    }
    fs::write(bench.dir.path().join("db.2026-11-01.bak"), "").unwrap();
    bench.close_days("21", false);
    let kept: Vec<String> = bench.found().into_keys().collect();
    let mut want: Vec<String> = names[2..]
        .iter()
        .map(|old| format!("db.2026-11-{old}"))
        .collect();
    want.insert(0, "db".into());
    want.push("db.yesterday".into());
    assert_eq!(kept, want, "ten closed days, by their number");
    assert!(
        bench.dir.path().join("db.2026-11-01.bak").exists(),
        "not a name of ours"
    );
}

#[test]
fn days_without_a_session_cost_no_day_that_has_some() {
    let bench = Bench::new();
    bench.put("db.2026-11-01", &[("01", 1)], &["01"]);
    // As clocks that were ahead leave them.
    for on in 2..=20 {
        let on = format!("{on:02}");
        bench.put(&format!("db.2026-11-{on}"), &[], &[&on]);
    }
    bench.put("db", &[("21", 1)], &[]);
    bench.close_days("22", false);
    let found = bench.found();
    assert!(found.contains_key("db.2026-11-01"), "{found:?}");
    let empty = found.len() - 3;
    assert_eq!(empty, KEEP as usize - 1, "they go in their turn: {found:?}");
}

#[test]
fn a_copy_of_the_day_is_not_added_to_it() {
    type Make = fn(&Bench);
    let rows: [(Make, &str); 4] = [
        (
            |bench| {
                fs::copy(
                    bench.dir.path().join("db.yesterday"),
                    bench.dir.path().join("db.2026-11-20"),
                )
                .unwrap();
            },
            "a copy",
        ),
        (
            |bench| {
                fs::hard_link(
                    bench.dir.path().join("db.yesterday"),
                    bench.dir.path().join("db.2026-11-20"),
                )
                .unwrap()
            },
            "another name",
        ),
        (
            |bench| {
                std::os::unix::fs::symlink("db.yesterday", bench.dir.path().join("db.2026-11-20"))
                    .unwrap()
            },
            "a link",
        ),
        (|_| {}, "none"),
    ];
    for (make, why) in rows {
        let bench = Bench::new();
        bench.put("db", &[("21", 4)], &[]);
        bench.put("db.yesterday", &[("20", 3)], &["20"]);
        make(&bench);
        bench.close_days("22", false);
        let found = bench.found();
        assert_eq!(found["db.2026-11-20"], "20:3 | 20", "{why}: {found:?}");
        assert_eq!(found["db.yesterday"], "21:4 | 21", "{why}: {found:?}");
        let kept = fs::symlink_metadata(bench.dir.path().join("db.2026-11-20")).unwrap();
        assert!(kept.is_file(), "{why}");
    }
}
