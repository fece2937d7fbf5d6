//! Today's file was removed or replaced while we had it open.

use std::{fs, os::unix::fs::PermissionsExt, sync::Arc};

use rusqlite::Connection;
use tlsrptd_config::paths;
use tracing::{error, warn};

use super::{
    Sqlite,
    error::{SqliteError, file_error, sql},
    file,
};
use crate::store::{Flushed, Store};

impl Sqlite {
    /// See [`Store::recover_replaced_file`].
    pub(super) fn begin_file_anew(&mut self, saved: &mut Vec<Flushed>) -> Result<u64, SqliteError> {
        if self.identity.is_none() || self.identity == file::identity(&self.path) {
            return Ok(0);
        }
        let gate = Arc::clone(&self.gate);
        let _closed = gate.close();
        let removed = !self.path.exists();
        let gone = self.identity.take();
        if removed && self.db.is_some() && self.uncertain.is_none() {
            // Without its name the file lives on while it is open: commit to it, and copy it to where it was.
            while self.uncommitted() > 0 {
                let committed = self.commit_pending();
                saved.push(committed.inspect_err(|_| self.identity = gone)?);
            }
        }
        match self.db.take() {
            Some(db) if file::empty_wal(&db).is_ok() && removed => {
                self.copy(db).inspect_err(|_| self.identity = gone)?;
                warn!(path = %self.path.display(), "somebody removed today's file; it is written anew");
            }
            _ => {
                error!(path = %self.path.display(), "today's file is another one; what was counted before is not in it");
            }
        }
        self.uncertain = None;
        let lost = self.pending_counts.discard();
        self.reached.clear();
        self.shares = None;
        self.number = 0;
        self.reopen().map(|()| lost)
    }

    /// Copies what a connection without a file name holds to where the file was.
    fn copy(&self, db: Connection) -> Result<(), SqliteError> {
        let new = paths::beside(&self.path, ".new");
        db.execute("VACUUM INTO ?1", [new.to_string_lossy()])
            .map_err(sql(&self.path, "write it anew"))?;
        // Closed first, lest its WAL be taken for the new file's.
        drop(db);
        fs::set_permissions(&new, fs::Permissions::from_mode(0o640))
            .and_then(|()| fs::rename(&new, &self.path))
            .map_err(file_error(&self.path, "write it anew"))
    }
}
