//! Days before the one that a test, or the demo, has played through: made up from that one, as no test waits for a month.

use std::path::Path;

use rusqlite::{Connection, Transaction};

/// Per cent of the day's sessions, and of its failed ones, by weekday; Monday is the first.
const WEEK: [[u32; 2]; 7] = [
    [112, 90],
    [120, 70],
    [117, 130],
    [109, 100],
    [94, 80],
    [48, 60],
    [41, 50],
];
/// Failed sessions grow and shrink within so many days.
const WAVE: u32 = 11;

/// Puts so many days before the only one of the reporter's history: its rows again, with other numbers, and not every failure on
/// every day. It says nothing of deliveries but their numbers.
///
/// # Panics
/// When the database has no history.
pub fn make_up(database: &Path, days: u32) {
    let mut db = Connection::open(database).expect("a reporter's database");
    let tx = db.transaction().expect("nobody holds it");
    for back in 1..=days {
        one_day(&tx, back).expect("the reporter's history");
    }
    tx.commit().expect("nobody holds it");
}

fn one_day(tx: &Transaction<'_>, back: u32) -> rusqlite::Result<()> {
    let weekday: u32 = tx.query_row(
        "SELECT (strftime('%w', max(day), ?1) + 6) % 7 FROM tlsrptd_history_days",
        [format!("-{back} days")],
        |row| row.get(0),
    )?;
    let [sessions, failed] = WEEK[weekday as usize % 7];
    let failed = failed + 9 * (back % WAVE);
    let last = "(SELECT max(day) FROM tlsrptd_history_days)";
    let day = format!("date(day, '-{back} days')");
    // One failure begins on the last day.
    let begins = format!(
        "(SELECT min(domain || result) FROM tlsrptd_history_failing JOIN tlsrptd_failures ON id = failure \
         WHERE day = {last} AND domain > '')"
    );
    // What failed is part of all.
    let all = format!("max(1, (sessions - failed) * {sessions} / 100)");
    let bad = |column: &str| format!("({column} * {failed} + 50) / 100");
    for sql in [
        format!(
            "INSERT OR REPLACE INTO tlsrptd_history_days SELECT {day}, domains, {all} + {0}, {0}, reports, without, deliveries \
             FROM tlsrptd_history_days WHERE day = {last}",
            bad("failed")
        ),
        format!(
            "INSERT INTO tlsrptd_history_totals SELECT {day}, kind, name, CASE kind \
             WHEN 'policy' THEN (number - failed) * {sessions} / 100 + {0} WHEN 'result' THEN {1} ELSE number END, {0} \
             FROM tlsrptd_history_totals WHERE day = {last}",
            bad("failed"),
            bad("number")
        ),
        format!(
            "INSERT INTO tlsrptd_history_failing SELECT {day}, id, max(1, {}) FROM tlsrptd_history_failing JOIN tlsrptd_failures ON id = failure \
             WHERE day = {last} AND domain || result > {begins} AND {back} < 4 * length(domain) % 37 + length(result) % 5 \
             AND (length(domain) + length(result) + {back}) % 7 > 0",
            bad("sessions")
        ),
        format!(
            "UPDATE tlsrptd_failures SET first = (SELECT min(day) FROM tlsrptd_history_failing WHERE failure = id) \
             WHERE id IN (SELECT failure FROM tlsrptd_history_failing WHERE day = date({last}, '-{back} days'))"
        ),
    ] {
        tx.execute(&sql, [])?;
    }
    Ok(())
}
