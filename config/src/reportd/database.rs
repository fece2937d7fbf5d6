//! The reporter's database: a file, or a fleet's on PostgreSQL.

use std::path::Path;

use super::Reportd;
use crate::{reader::Reader, value::is_address};

impl Reportd {
    /// The SQLite file; `None`: it is a fleet's.
    pub fn database_file(&self) -> Option<&Path> {
        (!is_address(&self.dbname)).then_some(self.dbname.as_path())
    }

    /// The address of a fleet's; `None`: it is a file.
    pub fn database_address(&self) -> Option<&str> {
        self.dbname.to_str().filter(|_| is_address(&self.dbname))
    }
}

/// sys4 takes a relative path from `/`, where nobody expects it.
pub(super) fn absolute(settings: &mut Reportd, reader: &mut Reader<'_>) {
    let is_absolute = settings.dbname.is_absolute() || is_address(&settings.dbname);
    if !reader.is_set("dbname") || is_absolute {
        return;
    }
    match std::path::absolute(&settings.dbname) {
        Ok(path) => {
            reader.warn(
                "dbname",
                format!(
                    "a relative path, taken as {}; better write it out",
                    path.display()
                ),
            );
            settings.dbname = path;
        }
        Err(error) => {
            let what = format!("a relative path, and the working directory is not known: {error}");
            reader.problem("dbname", what, "an absolute path");
        }
    }
}

/// What belongs to one kind of database alone.
pub(super) fn fleet(settings: &Reportd, reader: &mut Reader<'_>) {
    if !reader.is_set("dbname") {
        return;
    }
    match is_address(&settings.dbname) {
        true if settings.debug_db => reader.warn(
            "debug_db",
            "without effect on PostgreSQL, which logs statements itself: log_statement",
        ),
        false if settings.dbname_password_file.is_some() => reader.warn(
            "dbname_password_file",
            "without effect, because dbname is a file",
        ),
        _ => {}
    }
}
