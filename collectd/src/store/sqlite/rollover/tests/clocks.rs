//! Days that a wrong clock closes.

use super::*;

#[test]
fn a_clock_that_was_wrong() {
    let bench = Bench::new();
    bench.close_days("20");
    bench.put("db", &[("20", 5)], &[]);
    assert_eq!(bench.close_days("25"), ["20", "24"], "forward by five days");
    bench.put("db", &[("25", 1)], &[]);
    assert_eq!(bench.close_days("20"), ["19"], "and back");
    assert_eq!(
        bench.found(),
        files([
            ("db", "20:1 | "),
            ("db.yesterday", " | 19"),
            ("db.2026-11-20", "20:5 | "),
        ]),
        "what was counted ahead is today's, and today is not complete"
    );
    assert_eq!(bench.close_days("21"), ["20"]);
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
            bench.close_days(on);
            bench.count(on);
        }
        let mut total = before.len() as i64;
        for on in days {
            bench.close_days(on);
            bench.count(on);
            total += 1;
        }
        bench.close_days("21");
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
    bench.close_days("21");
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
fn a_day_to_come_is_neither_complete_nor_what_the_time_was() {
    let bench = Bench::new();
    // By a clock that was ahead: one day became yesterday's file, one was moved on.
    bench.put("db", &[("20", 5)], &[]);
    bench.put("db.yesterday", &[("29", 1)], &["29"]);
    bench.put("db.2026-11-28", &[("28", 1)], &["28"]);
    bench.close_days("20");
    let found = bench.found();
    assert_eq!(found["db.2026-11-29"], "29:1 | ", "{found:?}");
    assert_eq!(found["db.2026-11-28"], "28:1 | ", "{found:?}");
    let db = file::open_plain(&bench.path()).unwrap();
    let last = last_counted(&db, &bench.path()).unwrap();
    assert!(last.until <= day("21").start(), "{last:?}");
}
