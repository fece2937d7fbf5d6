//! The suppression list in the operator's hands.

use std::path::Path;

use tlsrptd_proto::day::Day;
use tlsrptd_reporter::store::{OperatorAccess, open_for_operator};

use crate::{
    environment::{
        Engine, Statements, change, each_engine, folder, lines, make_store, settings, stored,
        suppress,
    },
    open,
};

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

/// Of one that may be suspended still, one that is long over, and two that were suspended before.
const REFUSALS: [(&str, u32, &str, u32); 4] = [
    ("https://new.example/", 1, "2026-11-20", 0),
    ("https://once.example/", 1, "2026-10-01", 0),
    ("https://tried.example/", 3, "2026-10-01", 1),
    ("https://long-ago.example/", 3, "2026-07-01", 1),
];

fn journal_mode(path: &Path) -> String {
    let db = rusqlite::Connection::open(path).unwrap();
    db.query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .unwrap()
}

/// Of SQLite: sys4 wants its own.
#[test]
fn editing_leaves_the_journal_mode() {
    let folder = Engine::Sqlite.folder();
    let settings = settings(folder.path(), &[]);
    let path = &settings.dbname;
    make_store(&settings);
    for mode in ["wal", "delete"] {
        let db = rusqlite::Connection::open(path).unwrap();
        db.query_row(&format!("PRAGMA journal_mode = {mode}"), [], |_| Ok(()))
            .unwrap();
        drop(db);
        suppress(&settings, "old.example", Some("2026-11-21"));
        assert_eq!(journal_mode(path), mode);
    }
}

#[each_engine]
fn old_entries_are_cleaned_away() {
    let folder = folder();
    let settings = settings(folder.path(), &[]);
    make_store(&settings);
    for _ in 0..2 {
        suppress(&settings, "old.example", Some("2026-11-21"));
    }
    suppress(&settings, "ever.example", None);
    let operator = open_for_operator(&settings, OperatorAccess::Read).unwrap();
    let listed = |today: &str| {
        let rows = operator.suppressed(day(today)).unwrap();
        rows.into_iter().map(|row| row.target).collect::<Vec<_>>()
    };
    assert_eq!(listed("2026-11-21"), ["ever.example", "old.example"]);
    assert_eq!(listed("2026-11-22"), ["ever.example"], "it is over");
    drop(operator);
    for (target, days, last, times) in REFUSALS {
        let row = format!("'{target}', 'a.example', {days}, '{last}', {times}");
        let hash = tlsrptd_fleet::text_hash(target);
        let refusal = Statements {
            sqlite: &format!(
                "INSERT INTO tlsrptd_refusals(target, domain, days, last, times) VALUES({row})"
            ),
            postgres: &format!(
                "INSERT INTO refusal(target_hash, target, domain, days, last, times) VALUES('{hash}', {row})"
            ),
        };
        change(&settings.dbname, &refusal);
    }
    let mut store = open(&settings);
    while store.clean(day("2026-11-22")).unwrap() {}
    assert_eq!(
        lines(&stored(&settings).suppressed, |row| row.target.clone()),
        ["ever.example"]
    );
    assert_eq!(
        stored(&settings).refusals,
        ["https://new.example/", "https://tried.example/"],
        "those that may still be suspended, and for longer"
    );
}
