//! Moves rows to another file, and remembers what was added to a day after it was closed.
//!
//! A reporter that has fetched a closed day does not fetch it again when rows are added to it later. So each addition has a
//! number, and its rows stand once more in a table of ours beside the day: a fetcher can tell them alone.

use std::path::Path;

use rusqlite::{Connection, Transaction};
use tlsrptd_proto::day::Day;

use super::super::{
    contents,
    error::{SqliteError, sql},
    file,
};

/// Why rows are moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    /// Their day is closed: what its file holds already may be reported already.
    Close,
    /// They stand in the wrong closed file.
    Sort,
}

/// Days that were closed, with the number of additions since; and what was added, sessions (without `reason`) and
/// failures. sys4's programs ignore both tables.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS tlsrptd_closed(day TEXT PRIMARY KEY, additions INTEGER);
    CREATE TABLE IF NOT EXISTS tlsrptd_added(day TEXT, domain TEXT, number INTEGER, tlsrptrecord TEXT, policy TEXT,
        reason TEXT, total INTEGER, failed INTEGER);
    CREATE INDEX IF NOT EXISTS tlsrptd_added_by_domain ON tlsrptd_added(day, domain, number);";

/// Moves a day's rows to another file, made when it is not there: in both files or in none.
pub(super) fn move_day(
    db: &Connection,
    path: &Path,
    day: Day,
    target: &Path,
    kind: Move,
) -> Result<(), SqliteError> {
    if target.is_dir() {
        return Err(SqliteError::NotAFile(target.into()));
    }
    let made = file::open_plain(target)?;
    let prepared = made.execute_batch(TABLES);
    file::close(made, target)?;
    prepared.map_err(sql(target, "set it up"))?;
    let text = day.to_string();
    let attached = target.to_string_lossy();
    db.execute("ATTACH DATABASE ?1 AS target", [&*attached])
        .map_err(sql(target, "open it"))?;
    let copy = || {
        let transaction = db.unchecked_transaction()?;
        if kind == Move::Close {
            record_addition(&transaction, &text)?;
        }
        transaction.execute(&copy_sessions("target", "?1"), [&text])?;
        transaction.execute(&copy_failures("target", "?1"), [&text])?;
        transaction.execute(
            "INSERT OR IGNORE INTO target.daystatus(daycomplete) VALUES(?1)",
            [&text],
        )?;
        delete(&transaction, &text)?;
        transaction.commit()
    };
    let copied = copy().map_err(sql(path, "move a day out of it"));
    let detached = db
        .execute_batch("DETACH DATABASE target")
        .map_err(sql(target, "close it"));
    copied.and(detached)
}

/// Notes that a file that is about to be renamed holds a whole day.
pub(super) fn close_in_place(db: &Connection, day: Day) -> rusqlite::Result<()> {
    db.execute_batch(TABLES)?;
    db.execute(
        "INSERT OR IGNORE INTO tlsrptd_closed(day, additions) VALUES(?1, 0)",
        [day.to_string()],
    )?;
    contents::mark_complete(db, day).map(drop)
}

/// Takes from a closed file that `today` or a day to come is complete. That such a day was told is remembered.
pub(super) fn reopen_days(path: &Path, today: Day) -> Result<(), SqliteError> {
    if !path.is_file() {
        return Ok(());
    }
    let db = file::open_plain(path)?;
    let today = today.to_string();
    let reopen = || {
        let complete = db
            .prepare("SELECT 1 FROM daystatus WHERE daycomplete >= ?1")?
            .exists([&today])?;
        if !complete {
            return Ok(());
        }
        db.execute_batch(TABLES)?;
        let transaction = db.unchecked_transaction()?;
        transaction.execute(
            "INSERT OR IGNORE INTO tlsrptd_closed(day, additions)
             SELECT daycomplete, 0 FROM daystatus WHERE daycomplete >= ?1",
            [&today],
        )?;
        transaction.execute("DELETE FROM daystatus WHERE daycomplete >= ?1", [&today])?;
        transaction.commit()
    };
    let reopened = reopen().map_err(sql(path, "open a day again"));
    reopened.and(file::close(db, path))
}

/// When the target was closed before: what comes now is an addition.
fn record_addition(transaction: &Transaction<'_>, day: &str) -> rusqlite::Result<()> {
    let was_closed = "SELECT 1 FROM target.daystatus WHERE daycomplete = ?1 \
        UNION ALL SELECT 1 FROM target.tlsrptd_closed WHERE day = ?1";
    let was_closed = transaction.prepare(was_closed)?.exists([day])?;
    let has_rows = "SELECT 1 FROM main.finalresults WHERE day = ?1";
    let has_rows = transaction.prepare(has_rows)?.exists([day])?;
    transaction.execute(
        "INSERT OR IGNORE INTO target.tlsrptd_closed(day, additions) VALUES(?1, 0)",
        [day],
    )?;
    if !was_closed || !has_rows {
        return Ok(());
    }
    transaction.execute(
        "UPDATE target.tlsrptd_closed SET additions = additions + 1 WHERE day = ?1",
        [day],
    )?;
    let number = "(SELECT additions FROM target.tlsrptd_closed WHERE day = ?1)";
    transaction.execute(
        &format!(
            "INSERT INTO target.tlsrptd_added SELECT day, domain, {number}, tlsrptrecord, policy, NULL, cntrtotal, \
             cntrfailure FROM main.finalresults WHERE day = ?1"
        ),
        [day],
    )?;
    transaction
        .execute(
            &format!(
                "INSERT INTO target.tlsrptd_added SELECT day, domain, {number}, tlsrptrecord, policy, reason, cntr, 0 \
                 FROM main.failures WHERE day = ?1"
            ),
            [day],
        )
        .map(drop)
}

/// Gives the rows of a day another day, in one file.
pub(super) fn relabel(db: &Connection, from: Day, to: Day) -> rusqlite::Result<()> {
    let days = (from.to_string(), to.to_string());
    let transaction = db.unchecked_transaction()?;
    transaction.execute(&copy_sessions("main", "?2"), (&days.0, &days.1))?;
    transaction.execute(&copy_failures("main", "?2"), (&days.0, &days.1))?;
    delete(&transaction, &days.0)?;
    transaction.commit()
}

fn copy_sessions(target: &str, day: &str) -> String {
    format!(
        "INSERT INTO {target}.finalresults(day, domain, tlsrptrecord, policy, cntrtotal, cntrfailure, its)
         SELECT {day}, domain, tlsrptrecord, policy, cntrtotal, cntrfailure, its FROM main.finalresults WHERE day=?1
         ON CONFLICT(day, domain, tlsrptrecord, policy) DO UPDATE
         SET cntrtotal=cntrtotal+excluded.cntrtotal, cntrfailure=cntrfailure+excluded.cntrfailure"
    )
}

fn copy_failures(target: &str, day: &str) -> String {
    format!(
        "INSERT INTO {target}.failures(day, domain, tlsrptrecord, policy, reason, cntr)
         SELECT {day}, domain, tlsrptrecord, policy, reason, cntr FROM main.failures WHERE day=?1
         ON CONFLICT(day, domain, tlsrptrecord, policy, reason) DO UPDATE SET cntr=cntr+excluded.cntr"
    )
}

fn delete(db: &Connection, day: &str) -> rusqlite::Result<()> {
    db.execute("DELETE FROM main.finalresults WHERE day=?1", [day])?;
    db.execute("DELETE FROM main.failures WHERE day=?1", [day])?;
    Ok(())
}
