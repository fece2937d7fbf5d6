//! The installation of a reporter that this file belongs to.

use rusqlite::{Connection, OptionalExtension as _, types::Value};
use tlsrptd_proto::report::InstallationId;

/// One row.
pub(super) const TABLE: &str = "CREATE TABLE IF NOT EXISTS tlsrptd_installation(id TEXT)";

/// The installation that the file belongs to; a new one when it names none, as with sys4's files.
pub(super) fn of(db: &Connection) -> rusqlite::Result<InstallationId> {
    if let Some(known) = known(db)? {
        return Ok(known);
    }
    // 64 random bits: two hosts of one organisation do not get the same.
    let made: String = db.query_row("SELECT lower(hex(randomblob(8)))", [], |row| row.get(0))?;
    InstallationId::parse(&made).ok_or(rusqlite::Error::InvalidQuery)
}

/// The installation that the file belongs to, if it names one.
pub(super) fn known(db: &Connection) -> rusqlite::Result<Option<InstallationId>> {
    let known = db.table_exists(None, "tlsrptd_installation")?.then(|| {
        db.query_row("SELECT id FROM tlsrptd_installation", [], |row| {
            row.get::<_, Value>(0)
        })
        .optional()
    });
    Ok(match known.transpose()?.flatten() {
        Some(Value::Text(text)) => InstallationId::parse(&text),
        _ => None,
    })
}

/// Writes it into the file, unless a valid one is there.
pub(super) fn keep(db: &Connection, id: &InstallationId) -> rusqlite::Result<()> {
    let id = [id.as_str()];
    db.execute("DELETE FROM tlsrptd_installation WHERE id IS NOT ?1", id)?;
    let is_missing = "NOT EXISTS (SELECT 1 FROM tlsrptd_installation)";
    db.execute(
        &format!("INSERT INTO tlsrptd_installation(id) SELECT ?1 WHERE {is_missing}"),
        id,
    )
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::schema;

    #[test]
    fn a_file_is_one_installation_and_each_another() {
        let db = Connection::open_in_memory().unwrap();
        let made = of(&db).unwrap();
        assert_ne!(made, of(&db).unwrap(), "nothing is kept yet");
        schema::create(&db).unwrap();
        schema::extend(&db, &made).unwrap();
        assert_eq!(of(&db).unwrap(), made);
        for (sql, why) in [
            ("DELETE FROM tlsrptd_installation", "nothing"),
            ("UPDATE tlsrptd_installation SET id = 'no id!'", "unusable"),
            ("UPDATE tlsrptd_installation SET id = NULL", "no text"),
        ] {
            db.execute_batch(sql).unwrap();
            let new = of(&db).unwrap();
            schema::extend(&db, &new).unwrap();
            assert_eq!(of(&db).unwrap(), new, "{why}: a new one, kept");
            assert_ne!(new, made, "{why}");
        }
        let rows = "SELECT count(*) FROM tlsrptd_installation";
        let rows: i64 = db.query_row(rows, [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 1);
    }
}
