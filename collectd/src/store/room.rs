//! How much of `max_day_file_size` is left: strangers make rows, and the disk is not theirs.
//!
//! Details give way first. In the last quarter of the file a domain that is known gets no more of them: what is new is
//! folded. When the file is full, what has a row is counted as ever, and what would need a new one is let go.

use rusqlite::{Connection, Result};

/// Pages in use; free ones inside the file are room.
const USED: &str = "SELECT (page_count - freelist_count) * page_size
    FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
/// A key text stands in its table and in the index of the primary key, and pages are not filled to the last byte.
const COPIES: i64 = 3;
/// The other columns.
const REST: i64 = 64;

/// Measured at the beginning of a transaction, guessed in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    bound: i64,
    used: i64,
}

impl Room {
    pub(super) fn measure(db: &Connection, bound: i64) -> Result<Room> {
        let used = db.prepare_cached(USED)?.query_row([], |row| row.get(0))?;
        Ok(Room { bound, used })
    }

    /// A row with key texts of that length is made.
    pub(super) fn take(&mut self, bytes: usize) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let row = bytes.saturating_add(REST).saturating_mul(COPIES);
        self.used = self.used.saturating_add(row);
    }

    pub(super) fn used(&self) -> u64 {
        self.used.unsigned_abs()
    }

    /// The last quarter has begun.
    pub(super) fn is_tight(&self) -> bool {
        self.used >= self.bound - self.bound / 4
    }

    pub(super) fn is_full(&self) -> bool {
        self.used >= self.bound
    }
}
