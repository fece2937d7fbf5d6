//! From a fleet into a new file.

use std::path::Path;

use tlsrptd_config::{paths, reportd::Reportd};
use tlsrptd_fleet::{Fault, PgDay, Row, ToSql, Transaction, schema};
use tlsrptd_proto::{day::Day, report::InstallationId};

use super::{
    QuietFleet, listed, members_at_work, refused, shown,
    tables::{MovedTable, TABLES},
    unknown,
};
use crate::store::{
    MovedRows, Store as _, StoreError,
    postgres::{composing::IS_COMPOSED, expected::TODAY, open::bounce_key},
    sqlite::{MovedRow, SqliteStore},
};

/// The numbers of a day's reports in the file, behind those of the days before.
const NUMBERS: &str = "WITH n AS (SELECT r_id, $2::bigint + row_number() OVER (ORDER BY r_id) AS n FROM report WHERE day = $1::text::date) ";

/// What adds a row to the file.
type Insert<'i> = dyn FnMut(&str, MovedRow, &[usize]) -> Result<(), StoreError> + 'i;

/// Brings everything into a file that is not there yet.
///
/// It is filled under another name, beside it: whoever finds the file finds all of it. The fleet's COMMIT says that it is there,
/// and from then on no member starts; its own name comes last. So whatever cuts this short, it either is not noted in the fleet,
/// and is made anew, or it is whole, and lacks its name.
pub(in crate::store) fn export(settings: &Reportd, file: &Path) -> Result<MovedRows, StoreError> {
    let file = &std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let beside = paths::beside(file, ".moving");
    let fleet = QuietFleet::connect(settings)?;
    if let Some(ended) = end_former(&fleet, file, &beside)? {
        return Ok(ended);
    }
    fleet.bring_forward()?;
    let address = fleet.place.address.to_string();
    if file.exists() {
        return Err(refused(
            &address,
            format!("{} is there already (allowed: a new file)", shown(file)),
        ));
    }
    let fault = |fault| fleet.fault(fault);
    let transaction = fleet.db.begin().map_err(fault)?;
    if let Some(why) = too_early(&transaction).map_err(fault)? {
        return Err(refused(&address, why));
    }
    // Members that start from now on are refused, whatever becomes of the rest.
    let noted = transaction
        .execute(
            "UPDATE meta SET moved = $1 WHERE moved IS NULL",
            &[&note_of(file)],
        )
        .map_err(fault)?;
    if noted == 0 {
        let why = "another command has moved it at this moment: run this one again";
        return Err(refused(&address, why));
    }
    let installation = schema::installation(&fleet.db).map_err(fault)?;
    let key = bounce_key(&fleet.db).map_err(fault)?;
    let mut store = empty(&fleet, &beside, &installation)?;
    let (mut days, mut rows) = (0, 0);
    store.fill(&installation, &key, |insert| {
        (days, rows) = move_all(&transaction, insert, &fleet)?;
        Ok(())
    })?;
    store.close()?;
    sync_folder(&beside)?;
    let committed = transaction.commit();
    committed.map_err(|fault| unknown(&address, &fleet.fault(fault)))?;
    name(&beside, file)?;
    Ok(MovedRows::Now { days, rows })
}

/// What the fleet says of itself then.
fn note_of(file: &Path) -> String {
    format!("was moved into {}", shown(file))
}

/// Ends an export that came as far as the fleet's COMMIT. `None`: there was none.
fn end_former(
    fleet: &QuietFleet,
    file: &Path,
    beside: &Path,
) -> Result<Option<MovedRows>, StoreError> {
    let moved = match fleet.db.query_opt("SELECT moved FROM tlsrpt.meta", &[]) {
        Err(fault) if fault.is_unmade() => return Ok(None),
        Err(fault) => return Err(fleet.fault(fault)),
        Ok(row) => row.map(|row| row.try_get::<_, Option<String>>(0)),
    };
    let moved = moved
        .transpose()
        .map_err(|error| fleet.fault(error.into()))?;
    // Moved elsewhere: that is said when it is opened.
    if moved.flatten() != Some(note_of(file)) {
        return Ok(None);
    }
    match (file.exists(), beside.exists()) {
        (true, _) => Ok(Some(MovedRows::Before)),
        (false, true) => {
            name(beside, file)?;
            Ok(Some(MovedRows::Finished))
        }
        (false, false) => Err(refused(
            &fleet.place.address.to_string(),
            format!("it was moved into {}, which is not there", shown(file)),
        )),
    }
}

/// The file that is filled. What an export has left that was cut short is made anew.
fn empty(
    fleet: &QuietFleet,
    beside: &Path,
    installation: &InstallationId,
) -> Result<SqliteStore, StoreError> {
    let store = SqliteStore::open(beside, false, None)?;
    let is_ours = store.installation() == installation;
    let mut has_rows = false;
    store.moved_rows(
        "SELECT 1 FROM reports UNION ALL SELECT 1 FROM tlsrptd_decided UNION ALL SELECT 1 FROM tlsrptd_history_days LIMIT 1",
        1,
        |_| {
            has_rows = true;
            Ok(())
        },
    )?;
    if !is_ours && !has_rows {
        return Ok(store);
    }
    store.close()?;
    let refused = |why: String| refused(&fleet.place.address.to_string(), why);
    if !is_ours {
        return Err(refused(format!(
            "{} has the reports of another installation (allowed: no file of this name)",
            shown(beside)
        )));
    }
    std::fs::remove_file(beside).map_err(|error| {
        refused(format!(
            "{}, the rest of an export that was cut short, cannot be removed: {error}",
            shown(beside)
        ))
    })?;
    SqliteStore::open(beside, false, None)
}

/// Gives it its name.
fn name(beside: &Path, file: &Path) -> Result<(), StoreError> {
    std::fs::rename(beside, file).map_err(|error| {
        refused(
            &shown(file),
            format!(
                "all of it stands in {}, which cannot be renamed: {error}; run the same command again",
                shown(beside)
            ),
        )
    })?;
    // Nobody asks for it; the lock of the file itself has another name.
    let _ = std::fs::remove_file(paths::beside(beside, ".lock"));
    sync_folder(file)
}

/// What is noted in the fleet must outlive the host's power.
fn sync_folder(file: &Path) -> Result<(), StoreError> {
    let folder = paths::directory(file);
    let synced = std::fs::File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| {
        refused(
            &shown(file),
            format!("{} cannot be synced: {error}", shown(folder)),
        )
    })
}

/// Why it is.
fn too_early(transaction: &Transaction<'_>) -> Result<Option<String>, Fault> {
    let members = members_at_work(transaction)?;
    if !members.is_empty() {
        let names = members.join(", ");
        return Ok(Some(format!("members are at work: stop {names}")));
    }
    let days = |sql: &str| -> Result<Vec<Day>, Fault> {
        let rows = transaction.query(sql, &[])?;
        rows.iter()
            .map(|row| Ok(row.try_get::<_, PgDay>(0)?.0))
            .collect()
    };
    let open = days(&format!(
        "SELECT d.day FROM day d WHERE d.state = 'closed' AND NOT {IS_COMPOSED} OR d.state = 'open' AND d.day < {TODAY} \
             UNION SELECT day FROM fetch_job WHERE NOT decided ORDER BY 1"
    ))?;
    Ok((!open.is_empty()).then(|| {
        format!(
            "not all of {} is decided: let a member go on until tlsrptctl fleet shows these days as composed",
            listed(open)
        )
    }))
}

fn move_all(
    transaction: &Transaction<'_>,
    insert: &mut Insert<'_>,
    fleet: &QuietFleet,
) -> Result<(u64, u64), StoreError> {
    let fault = |fault| fleet.fault(fault);
    let days = transaction
        .query(
            "SELECT day, count(*) FROM report GROUP BY day ORDER BY day",
            &[],
        )
        .map_err(fault)?;
    let days = days
        .iter()
        .map(|row| Ok((row.try_get::<_, PgDay>(0)?.0, row.try_get(1)?)));
    let days: Vec<(Day, i64)> = days.collect::<Result<_, Fault>>().map_err(fault)?;
    let mut rows = 0;
    for table in TABLES.iter().filter(|table| !table.into_file.is_empty()) {
        if !table.is_by_day {
            rows += move_table(transaction, table, table.from_fleet, &[], insert, fleet)?;
            continue;
        }
        let (sql, mut before) = (format!("{NUMBERS}{}", table.from_fleet), 0);
        for (day, reports) in &days {
            let day = day.to_string();
            rows += move_table(transaction, table, &sql, &[&day, &before], insert, fleet)?;
            before += reports;
        }
    }
    Ok((days.len() as u64, rows))
}

fn move_table(
    transaction: &Transaction<'_>,
    table: &MovedTable,
    sql: &str,
    parameters: &[&(dyn ToSql + Sync)],
    insert: &mut Insert<'_>,
    fleet: &QuietFleet,
) -> Result<u64, StoreError> {
    let (mut rows, mut failed) = (0, None);
    let read = transaction.for_each(sql, parameters, |row| {
        let stored = insert(table.into_file, values(row)?, table.octets);
        rows += 1;
        stored.map_err(|error| {
            failed = Some(error);
            Fault::Row(format!("{}: not written", table.name))
        })
    });
    match (read, failed) {
        (_, Some(error)) => Err(error),
        (Err(fault), None) => Err(fleet.fault(Fault::Row(format!("{}: {fault}", table.name)))),
        (Ok(()), None) => Ok(rows),
    }
}

fn values(row: &Row) -> Result<MovedRow, Fault> {
    (0..row.len())
        .map(|column| Ok(row.try_get(column)?))
        .collect()
}
