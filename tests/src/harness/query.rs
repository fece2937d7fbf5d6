//! A look into a database of SQLite, past all programs.

use std::path::Path;
use std::time::Duration;

/// Rows of an SQL query on a database, each value as text (NULL as an empty one). Waits while it is locked.
pub fn query(database: &Path, sql: &str) -> rusqlite::Result<Vec<Vec<String>>> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let connection = rusqlite::Connection::open_with_flags(database, flags)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    let mut statement = connection.prepare(sql)?;
    let columns = statement.column_count();
    let text = |row: &rusqlite::Row<'_>, column| {
        Ok(match row.get_ref(column)? {
            rusqlite::types::ValueRef::Null => String::new(),
            rusqlite::types::ValueRef::Integer(number) => number.to_string(),
            rusqlite::types::ValueRef::Real(number) => number.to_string(),
            rusqlite::types::ValueRef::Text(text) | rusqlite::types::ValueRef::Blob(text) => {
                String::from_utf8_lossy(text).into_owned()
            }
        })
    };
    let rows = statement.query_map([], |row| {
        (0..columns).map(|column| text(row, column)).collect()
    })?;
    rows.collect()
}
