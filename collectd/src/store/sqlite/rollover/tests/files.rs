//! What stands beside the files: in the way, too many, or a copy.

use super::*;

#[test]
fn what_stands_in_the_way() {
    let bench = Bench::new();
    bench.put("db", &[("20", 5), ("21", 1)], &[]);
    fs::create_dir(bench.dir.path().join("db.yesterday")).unwrap();
    let message = close_days(&bench.path(), day("21"), TodaysRows::Stay, KEEP)
        .unwrap_err()
        .to_string();
    assert!(message.contains("is not a file; move it away"), "{message}");
    assert_eq!(
        bench.found(),
        files([("db", "20:5 21:1 | ")]),
        "nothing is lost meanwhile"
    );
    fs::remove_dir(bench.dir.path().join("db.yesterday")).unwrap();
    assert_eq!(bench.close_days("21"), ["20"]);

    fs::write(
        bench.dir.path().join("db.yesterday"),
        "rubbish ".repeat(1000),
    )
    .unwrap();
    assert_eq!(
        bench.close_days("22"),
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
    bench.close_days("21");
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
    bench.close_days("22");
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
        bench.close_days("22");
        let found = bench.found();
        assert_eq!(found["db.2026-11-20"], "20:3 | 20", "{why}: {found:?}");
        assert_eq!(found["db.yesterday"], "21:4 | 21", "{why}: {found:?}");
        let kept = fs::symlink_metadata(bench.dir.path().join("db.2026-11-20")).unwrap();
        assert!(kept.is_file(), "{why}");
    }
}
