//! The database's time, and how its times follow a clock that moved.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension as _, Transaction};
use tlsrptd_proto::day::Day;

use super::{SqliteStore, clean, history, text};
use crate::store::{Step, StoreError, Upkeep};

/// One row: when the reporter was last at work.
pub(super) const TABLE: &str =
    "CREATE TABLE IF NOT EXISTS tlsrptd_clock(id INTEGER PRIMARY KEY, at TEXT)";

impl Upkeep for SqliteStore {
    fn known_time(&self) -> Result<Option<Timestamp>, StoreError> {
        let known = [
            "SELECT max(at) FROM tlsrptd_clock",
            "SELECT max(its) FROM fetchjobs",
            "SELECT its FROM reports ORDER BY r_id DESC LIMIT 1",
        ];
        let mut newest = None;
        for sql in known {
            let at: Option<Option<String>> = self.read("the time", |db| {
                db.query_row(sql, [], |row| row.get(0)).optional()
            })?;
            newest = newest.max(at.flatten().as_deref().and_then(text::instant));
        }
        Ok(newest)
    }

    fn record_time(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.transact(Step::TimeNoted, |tx| {
            tx.prepare_cached("INSERT OR REPLACE INTO tlsrptd_clock(id, at) VALUES(1, ?1)")?
                .execute([text::nexttry(now)])
                .map(drop)
        })
    }

    fn extend_windows(&mut self, by: SignedDuration) -> Result<(), StoreError> {
        self.transact(Step::Released, |tx| extend_windows(tx, by))
    }

    fn pull_back(&mut self, now: Timestamp, latest: Timestamp) -> Result<(), StoreError> {
        let pulled = self.transact(Step::Released, |tx| {
            let (now, latest) = (text::nexttry(now), text::nexttry(latest));
            let mut pulled = 0;
            for sql in [
                "UPDATE destinations SET nexttry = ?1 WHERE status IS NULL AND nexttry > ?2",
                "UPDATE destinations SET tlsrptd_first = ?1 WHERE status IS NULL AND tlsrptd_first > ?2",
                "UPDATE tlsrptd_requests SET nexttry = ?1 WHERE ended IS NULL AND nexttry > ?2",
                "UPDATE tlsrptd_requests SET first = ?1 WHERE ended IS NULL AND first > ?2",
                "UPDATE tlsrptd_requests SET asked = ?1 WHERE ended IS NULL AND asked > ?2",
            ] {
                pulled += tx.execute(sql, (&now, &latest))?;
            }
            // A collector loses nothing when it is asked too soon.
            pulled += tx.execute(
                "UPDATE fetchjobs SET nexttry = ?1 WHERE status IS NULL AND nexttry > ?1",
                [&now],
            )?;
            Ok(pulled)
        })?;
        if pulled > 0 {
            self.pending.read_again();
        }
        Ok(())
    }

    fn clean(&mut self, oldest: Day) -> Result<bool, StoreError> {
        self.transact(Step::Cleaned, |tx| clean::clean(tx, oldest))
    }

    fn clean_history(&mut self, oldest: Day) -> Result<bool, StoreError> {
        self.transact(Step::Cleaned, |tx| history::clean(tx, oldest))
    }
}

fn extend_windows(tx: &Transaction<'_>, by: SignedDuration) -> rusqlite::Result<()> {
    for (table, first, is_open) in [
        ("destinations", "tlsrptd_first", "status IS NULL"),
        ("tlsrptd_requests", "first", "ended IS NULL"),
    ] {
        tx.execute(
            &format!(
                "UPDATE {table} SET {first} = coalesce(strftime('%Y-%m-%d %H:%M:%f', {first}, ?1) || '000+00:00', {first}) \
                 WHERE {is_open} AND {first} IS NOT NULL"
            ),
            [format!("{:+} seconds", by.as_secs())],
        )?;
    }
    Ok(())
}
