//! A file whose contents are moved into a fleet, or out of one. While it belongs to no reporter its purpose says so, and ours and
//! sys4's programs refuse it.

use std::path::Path;

use rusqlite::{
    Connection, Transaction, TransactionBehavior, params_from_iter, types::Value, types::ValueRef,
};

use super::{SqliteStore, open, schema};
use crate::{model::BounceKey, store::StoreError};
use tlsrptd_proto::report::InstallationId;

/// Values of a row; octets in hexadecimal.
pub(in crate::store) type MovedRow = Vec<Option<String>>;

/// Where its contents went or go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) enum Whereabouts {
    /// They are here, and a reporter may work on them.
    Here,
    /// They are on the way there, or were: a move was cut short.
    Moving(String),
    /// They are there.
    MovedRows(String),
}

const MOVING: &str = "moving to ";
const MOVED: &str = "moved to ";

/// Where the contents of a file are.
///
/// # Errors
/// When it is no database of a reporter.
pub(in crate::store) fn whereabouts(path: &Path) -> Result<Whereabouts, StoreError> {
    let fault = |error| open::fault(path, error);
    let db = Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(fault)?;
    let purpose: String = db
        .query_row("SELECT CAST(purpose AS TEXT) FROM dbversion", [], |row| {
            row.get(0)
        })
        .map_err(fault)?;
    Ok(
        match (purpose.strip_prefix(MOVING), purpose.strip_prefix(MOVED)) {
            (Some(place), _) => Whereabouts::Moving(place.to_owned()),
            (_, Some(place)) => Whereabouts::MovedRows(place.to_owned()),
            _ => Whereabouts::Here,
        },
    )
}

/// Whose contents they are, wherever they are now.
///
/// # Errors
/// When it is no database of a reporter of ours.
pub(in crate::store) fn installation_of(path: &Path) -> Result<Option<InstallationId>, StoreError> {
    let read = || {
        let db = Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        db.query_row("SELECT id FROM tlsrptd_installation", [], |row| {
            row.get::<_, String>(0)
        })
    };
    let id = read().map_err(|error| open::fault(path, error))?;
    Ok(InstallationId::parse(&id))
}

/// Notes where they are. The file has no reporter.
///
/// # Errors
/// When it cannot be written.
pub(in crate::store) fn note(path: &Path, whereabouts: &Whereabouts) -> Result<(), StoreError> {
    let purpose = match whereabouts {
        Whereabouts::Here => schema::PURPOSE.to_owned(),
        Whereabouts::Moving(place) => format!("{MOVING}{place}"),
        Whereabouts::MovedRows(place) => format!("{MOVED}{place}"),
    };
    let write = || {
        let db = Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        db.pragma_update(None, "synchronous", "FULL")?;
        db.execute("UPDATE dbversion SET purpose = ?1", [purpose])
    };
    write().map(drop).map_err(|error| open::fault(path, error))
}

impl SqliteStore {
    /// Gives the rows of a statement, one after the other.
    pub(in crate::store) fn moved_rows(
        &self,
        sql: &str,
        width: usize,
        mut take: impl FnMut(MovedRow) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let fault = |error| open::fault(&self.path, error);
        let mut select = self.db.prepare(sql).map_err(fault)?;
        let mut rows = select.query([]).map_err(fault)?;
        while let Some(row) = rows.next().map_err(fault)? {
            let values: rusqlite::Result<MovedRow> = (0..width)
                .map(|column| Ok(text(row.get_ref(column)?)))
                .collect();
            take(values.map_err(fault)?)?;
        }
        Ok(())
    }

    /// Fills an empty database in one transaction: with this identity, and with what `fill` adds.
    pub(in crate::store) fn fill(
        &mut self,
        installation: &InstallationId,
        key: &BounceKey,
        fill: impl FnOnce(
            &mut dyn FnMut(&str, MovedRow, &[usize]) -> Result<(), StoreError>,
        ) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let path = self.path.clone();
        let fault = |error| open::fault(&path, error);
        let tx = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(fault)?;
        identify(&tx, installation, key).map_err(fault)?;
        fill(&mut |sql, row, octets| insert(&tx, sql, row, octets).map_err(fault))?;
        tx.execute_batch(
            "INSERT OR REPLACE INTO tlsrptd_kept_total(id, bytes) SELECT 1, coalesce(sum(bytes), 0) FROM tlsrptd_kept_reports",
        )
        .map_err(fault)?;
        tx.commit().map_err(fault)
    }
}

fn identify(
    tx: &Transaction<'_>,
    installation: &InstallationId,
    key: &BounceKey,
) -> rusqlite::Result<()> {
    tx.execute(
        "UPDATE tlsrptd_installation SET id = ?1",
        [installation.as_str()],
    )?;
    tx.execute(
        "UPDATE tlsrptd_bounce_key SET key = lower(hex(?1))",
        [key.octets()],
    )
    .map(drop)
}

fn insert(
    tx: &Transaction<'_>,
    sql: &str,
    row: MovedRow,
    octets: &[usize],
) -> rusqlite::Result<()> {
    let values = row
        .into_iter()
        .enumerate()
        .map(|(column, value)| match value {
            None => Value::Null,
            Some(hex) if octets.contains(&column) => Value::Blob(unhex(&hex)),
            Some(text) => Value::Text(text),
        });
    tx.prepare_cached(sql)?
        .execute(params_from_iter(values))
        .map(drop)
}

fn text(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(octets) => Some(octets.iter().map(|octet| format!("{octet:02x}")).collect()),
    }
}

/// As PostgreSQL writes it: nothing else comes here.
fn unhex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let pairs = text.as_bytes().chunks_exact(2);
    pairs
        .filter_map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_go_there_and_come_back() {
        let octets: Vec<u8> = (0..=255).collect();
        let hex = text(ValueRef::Blob(&octets)).unwrap();
        assert_eq!(unhex(&hex), octets);
    }
}
