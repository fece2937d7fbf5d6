//! Domains above and below another that have a row on a day.

use rusqlite::Connection;
use tlsrptd_proto::{day::Day, domain::Domain};

use crate::store::relatives;

/// Those that have a row on that day.
pub(super) fn find(db: &Connection, day: Day, domain: &Domain) -> rusqlite::Result<Vec<String>> {
    let mut select = db.prepare(super::COUNTED)?;
    let mut found = Vec::new();
    for name in relatives::of(domain) {
        if select.exists((day.to_string(), &name))? {
            found.push(name);
        }
    }
    Ok(found)
}
