//! Midnights, starts after some days, and rotations by hand.

use super::*;

#[test]
fn a_first_start_makes_both_files() {
    let bench = Bench::new();
    assert_eq!(bench.close_days("20"), ["19"]);
    assert_eq!(
        bench.found(),
        files([("db", " | "), ("db.yesterday", " | 19")])
    );
    assert!(
        bench.close_days("20").is_empty(),
        "and then there is nothing to do"
    );
}

#[test]
fn midnights_in_a_row() {
    let bench = Bench::new();
    bench.close_days("20");
    bench.put("db", &[("20", 5)], &[]);
    assert_eq!(bench.close_days("21"), ["20"]);
    assert_eq!(
        bench.found(),
        files([
            ("db", " | "),
            ("db.yesterday", "20:5 | 20"),
            ("db.2026-11-19", " | 19")
        ])
    );
    bench.put("db", &[("21", 6)], &[]);
    assert_eq!(bench.close_days("22"), ["21"]);
    assert_eq!(
        bench.found(),
        files([
            ("db", " | "),
            ("db.yesterday", "21:6 | 21"),
            ("db.2026-11-19", " | 19"),
            ("db.2026-11-20", "20:5 | 20")
        ])
    );
    assert_eq!(bench.close_days("23"), ["22"], "an idle day is closed too");
    assert_eq!(bench.found()["db.yesterday"], " | 22");
}

#[test]
fn a_start_after_three_days() {
    let bench = Bench::new();
    bench.put("db", &[("20", 5)], &[]);
    bench.put("db.yesterday", &[("19", 4)], &["19"]);
    assert_eq!(bench.close_days("24"), ["20", "23"]);
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
        bench.close_days("21"),
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
    assert_eq!(bench.close_days("23"), ["22"]);
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
    bench.close_days("20");
    bench.put("db", &[("20", 5)], &[]);
    assert_eq!(bench.rotate("20"), ["19"]);
    assert_eq!(
        bench.found(),
        files([("db", " | "), ("db.yesterday", "19:5 | 19")])
    );
    bench.put("db", &[("20", 6)], &[]);
    assert_eq!(bench.rotate("20"), ["19"]);
    assert_eq!(
        bench.found(),
        files([("db", " | "), ("db.yesterday", "19:11 | 19")]),
        "added, not replaced"
    );
    bench.put("db", &[("20", 7)], &[]);
    assert_eq!(bench.close_days("21"), ["20"]);
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
fn what_is_added_to_a_day_stands_once_more_by_itself() {
    let bench = Bench::new();
    bench.close_days("20");
    bench.put("db", &[("20", 5)], &[]);
    bench.rotate("20");
    assert_eq!(
        bench.added("db.yesterday"),
        ["19 1 5"],
        "the first start has closed it empty"
    );
    bench.rotate("20");
    assert_eq!(bench.added("db.yesterday").len(), 1, "nothing was added");
    bench.put("db", &[("20", 6)], &[]);
    bench.rotate("20");
    assert_eq!(bench.added("db.yesterday"), ["19 1 5", "19 2 6"]);
    bench.close_days("21");
    bench.close_days("22");
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
    assert_eq!(bench.close_days("21"), ["20"]);
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
    assert!(bench.close_days("21").is_empty());
    assert_eq!(bench.found()["db.yesterday"], "20:5 | 20");
}
