//! From a fleet into a new file.

use std::path::Path;

use tlsrptd_config::reportd::Reportd;
use tlsrptd_fleet::{Fault, PgDay, Row, ToSql, Transaction, schema};
use tlsrptd_proto::day::Day;

use super::{
    QuietFleet, listed, members_at_work, refused, shown,
    tables::{MovedTable, TABLES},
};
use crate::store::{
    MovedRows, StoreError,
    postgres::open::bounce_key,
    sqlite::{MovedRow, SqliteStore},
};

/// The numbers of a day's reports in the file, behind those of the days before.
const NUMBERS: &str = "WITH n AS (SELECT r_id, $2::bigint + row_number() OVER (ORDER BY r_id) AS n FROM report WHERE day = $1::text::date) ";

/// What adds a row to the file.
type Insert<'i> = dyn FnMut(&str, MovedRow, &[usize]) -> Result<(), StoreError> + 'i;

/// Brings everything into a file that is not there yet.
pub(in crate::store) fn export(settings: &Reportd, file: &Path) -> Result<MovedRows, StoreError> {
    let fleet = QuietFleet::open(settings)?;
    let address = fleet.place.address.to_string();
    if file.exists() {
        return Err(refused(
            &address,
            format!("{} is there already (allowed: a new file)", shown(file)),
        ));
    }
    let fault = |fault| fleet.fault(fault);
    let transaction = fleet.db.begin().map_err(fault)?;
    let members = members_at_work(&transaction).map_err(fault)?;
    if !members.is_empty() {
        return Err(refused(
            &address,
            format!("members are at work: stop {}", members.join(", ")),
        ));
    }
    if let Some(why) = undecided(&transaction).map_err(fault)? {
        return Err(refused(&address, why));
    }
    // Members that start from now on are refused, whatever becomes of the rest.
    let note = format!("was moved into {}", shown(file));
    transaction
        .execute("UPDATE meta SET moved = $1", &[&note])
        .map_err(fault)?;
    let installation = schema::installation(&fleet.db).map_err(fault)?;
    let key = bounce_key(&fleet.db).map_err(fault)?;
    // In a file beside it: whoever finds the file finds all of it.
    let beside = file.with_extension("moving");
    let mut store = SqliteStore::open(&beside, false, None)?;
    let (mut days, mut rows) = (0, 0);
    store.fill(&installation, &key, |insert| {
        (days, rows) = move_all(&transaction, insert, &fleet)?;
        Ok(())
    })?;
    Box::new(store).close()?;
    transaction.commit().map_err(fault)?;
    std::fs::rename(&beside, file).map_err(|error| {
        refused(
            &shown(file),
            format!(
                "it stands in {}, and cannot be renamed: {error}",
                shown(&beside)
            ),
        )
    })?;
    Ok(MovedRows::Now { days, rows })
}

/// Why it is too early.
fn undecided(transaction: &Transaction<'_>) -> Result<Option<String>, Fault> {
    let days = |sql: &str| -> Result<Vec<Day>, Fault> {
        let rows = transaction.query(sql, &[])?;
        rows.iter()
            .map(|row| Ok(row.try_get::<_, PgDay>(0)?.0))
            .collect()
    };
    let open = days(
        "SELECT day FROM day WHERE state = 'closed' OR state = 'open' AND day < (clock_timestamp() AT TIME ZONE 'UTC')::date \
         UNION SELECT day FROM fetch_job WHERE NOT decided ORDER BY 1",
    )?;
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
