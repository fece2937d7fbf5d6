//! How much of `max_day_file_size` is left: strangers decide how many rows there are.
//!
//! Details give way first: the last quarter of the file is for folded policies alone, those of new domains too. When the
//! file is full, what has a row is still counted, and what would need a new one is dropped. How much of what is free one
//! owner of names may use is decided in [`super::shares`].

use rusqlite::{Connection, Result};

/// Bytes of pages in use; free pages inside the file are room.
const USED: &str = "SELECT (page_count - freelist_count) * page_size
    FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
/// A key text stands in its table and in the index of the primary key, and pages are not filled to the last byte.
const COPIES: i64 = 3;
/// Bytes of the other columns of a row.
const REST: i64 = 64;

/// Bytes that rows take, estimated from their number and the length of their key texts.
pub(super) fn cost(rows: i64, bytes: i64) -> i64 {
    let others = rows.saturating_mul(REST);
    bytes.saturating_add(others).saturating_mul(COPIES)
}

/// Measured at the beginning of a transaction, estimated in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct DayFileBudget {
    bound: i64,
    used: i64,
}

impl DayFileBudget {
    pub(super) fn measure(db: &Connection, bound: i64) -> Result<DayFileBudget> {
        let used = db.prepare_cached(USED)?.query_row([], |row| row.get(0))?;
        Ok(DayFileBudget { bound, used })
    }

    /// Takes the bytes of a new row with key texts of that length, and says how many they are.
    pub(super) fn take(&mut self, bytes: usize) -> i64 {
        let row = cost(1, i64::try_from(bytes).unwrap_or(i64::MAX));
        self.used = self.used.saturating_add(row);
        row
    }

    /// Bytes that are free for details.
    pub(super) fn free_for_details(&self) -> i64 {
        (self.bound - self.bound / 4).saturating_sub(self.used)
    }

    /// Bytes that are free for folded policies.
    pub(super) fn free(&self) -> i64 {
        self.bound.saturating_sub(self.used)
    }

    pub(super) fn used(&self) -> u64 {
        self.used.unsigned_abs()
    }

    /// Whether the last quarter has begun.
    pub(super) fn is_tight(&self) -> bool {
        self.used >= self.bound - self.bound / 4
    }

    pub(super) fn is_full(&self) -> bool {
        self.used >= self.bound
    }
}
