//! What a day's file says of its days.

use std::{collections::BTreeSet, path::Path};

use rusqlite::Connection;
use tlsrptd_proto::day::Day;

use super::error::{SqliteError, sql};

/// The days of the rows. Rows whose day is not a date belong nowhere, and stay where they are.
pub(super) fn days(db: &Connection, path: &Path) -> Result<BTreeSet<Day>, SqliteError> {
    // A search for the next day each, by the primary key: as many steps as there are days.
    let next = |table: &str, after: &str| {
        db.query_row(
            &format!("SELECT min(day) FROM {table} WHERE day > ?1"),
            [after],
            |row| row.get::<_, Option<String>>(0),
        )
    };
    let mut found = BTreeSet::new();
    for table in ["finalresults", "failures"] {
        let mut last = String::new();
        while let Some(day) = next(table, &last).map_err(sql(path, "read its days"))? {
            found.extend(Day::parse(&day));
            last = day;
        }
    }
    Ok(found)
}

/// The newest day that the file says is complete.
pub(super) fn newest_complete(
    db: &Connection,
    path: &Path,
    before: Option<Day>,
) -> Result<Option<Day>, SqliteError> {
    let before = before.map_or("9999-99-99".to_owned(), |day| day.to_string());
    let day: Option<String> = db
        .query_row(
            "SELECT max(daycomplete) FROM daystatus WHERE daycomplete < ?1",
            [before],
            |row| row.get(0),
        )
        .map_err(sql(path, "read which days are complete"))?;
    Ok(day.and_then(|day| Day::parse(&day).ok()))
}

/// Whether there is a session of any day.
pub(super) fn has_sessions(db: &Connection) -> rusqlite::Result<bool> {
    let exists = "SELECT EXISTS(SELECT 1 FROM finalresults)";
    db.query_row(exists, [], |row| row.get(0))
}

/// Whether a file holds all that another one says of a day, or of some of its domains: the other one is a copy of it,
/// perhaps from before it was added to. Rows that came about by themselves are not of the same second.
pub(super) fn holds_rows_of(
    db: &Connection,
    path: &Path,
    other: &Path,
    day: Day,
    only: Option<[&str; 2]>,
) -> Result<bool, SqliteError> {
    db.execute("ATTACH DATABASE ?1 AS other", [other.to_string_lossy()])
        .map_err(sql(other, "open it"))?;
    let day = day.to_string();
    let lacks_a_row = match only {
        None => db.query_row(&lacks_a_row(""), [day], |row| row.get::<_, bool>(0)),
        Some([name, normal]) => db.query_row(
            &lacks_a_row("AND theirs.domain IN (?2, ?3)"),
            [&*day, name, normal],
            |row| row.get(0),
        ),
    }
    .map_err(sql(path, "compare it"));
    let detached = db
        .execute_batch("DETACH DATABASE other")
        .map_err(sql(other, "close it"));
    let lacks_a_row = lacks_a_row?;
    detached.map(|()| !lacks_a_row)
}

fn lacks_a_row(only: &str) -> String {
    format!(
        "SELECT EXISTS(SELECT 1 FROM other.finalresults AS theirs
         LEFT JOIN main.finalresults AS ours
         ON ours.day=theirs.day AND ours.domain=theirs.domain AND ours.tlsrptrecord=theirs.tlsrptrecord
            AND ours.policy=theirs.policy
         WHERE theirs.day=?1 {only}
            AND (ours.day IS NULL OR ours.its IS NOT theirs.its OR ours.cntrtotal<theirs.cntrtotal))"
    )
}

/// Notes that a day is complete.
pub(super) fn mark_complete(db: &Connection, day: Day) -> rusqlite::Result<usize> {
    db.execute(
        "INSERT OR IGNORE INTO daystatus(daycomplete) VALUES(?1)",
        [day.to_string()],
    )
}
