//! What was added to a day after it was closed: told once more, by itself.

use std::{collections::BTreeMap, rc::Rc};

use rusqlite::Connection;
use tlsrptd_proto::day::Day;

use super::{
    super::error::{SqliteError, sql},
    ClosedFile,
};

/// Views in the place of the file's tables, for this connection alone: whoever reads a day reads its additions then.
const VIEWS: &str = "CREATE TEMP VIEW finalresults AS SELECT rowid AS rowid, day, domain, tlsrptrecord, policy, total AS cntrtotal, failed AS cntrfailure
        FROM main.tlsrptd_added WHERE reason IS NULL AND number > (SELECT number FROM temp.tlsrptd_since);
    CREATE TEMP VIEW failures AS SELECT rowid AS rowid, day, domain, tlsrptrecord, policy, reason, total AS cntr
        FROM main.tlsrptd_added WHERE reason IS NOT NULL AND number > (SELECT number FROM temp.tlsrptd_since);";

/// The days that grew, and how often.
pub(super) fn growth(files: &[Rc<ClosedFile>]) -> Result<BTreeMap<Day, u64>, SqliteError> {
    let mut growth = BTreeMap::new();
    for file in files {
        for (day, additions) in additions(file)? {
            let most = growth.entry(day).or_default();
            *most = additions.max(*most);
        }
    }
    Ok(growth)
}

/// The files that were added to, each seen as only what was added after so many additions.
pub(super) fn views(
    files: Vec<Rc<ClosedFile>>,
    since: u64,
) -> Result<Vec<Rc<ClosedFile>>, SqliteError> {
    let mut added = Vec::new();
    for file in files {
        if has_table(&file.db, "tlsrptd_added").map_err(sql(&file.path, "read it"))? {
            let since = i64::try_from(since).unwrap_or(i64::MAX);
            let look = || {
                file.db.execute_batch(
                    "PRAGMA temp_store = MEMORY; CREATE TEMP TABLE tlsrptd_since(number INTEGER)",
                )?;
                file.db
                    .execute("INSERT INTO temp.tlsrptd_since VALUES(?1)", [since])?;
                file.db.execute_batch(VIEWS)
            };
            look().map_err(sql(&file.path, "look at its additions"))?;
            added.push(file);
        }
    }
    Ok(added)
}

fn additions(file: &ClosedFile) -> Result<Vec<(Day, u64)>, SqliteError> {
    let read = || {
        if !has_table(&file.db, "tlsrptd_closed")? {
            return Ok(Vec::new());
        }
        let mut select = file
            .db
            .prepare("SELECT day, additions FROM main.tlsrptd_closed WHERE additions > 0")?;
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<rusqlite::Result<Vec<(String, i64)>>>()
    };
    let rows = read().map_err(sql(&file.path, "read which days grew"))?;
    let known = rows.into_iter().filter_map(|(day, additions)| {
        Some((Day::parse(&day).ok()?, u64::try_from(additions).ok()?))
    });
    Ok(known.collect())
}

fn has_table(db: &Connection, name: &str) -> rusqlite::Result<bool> {
    db.prepare("SELECT 1 FROM main.sqlite_master WHERE type = 'table' AND name = ?1")?
        .exists([name])
}
