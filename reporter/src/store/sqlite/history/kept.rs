//! Reports whose last delivery has ended: their bytes, until all of them together are too large or they are too old.

use rusqlite::{OptionalExtension as _, Transaction};

/// In the order of their ends: the oldest have the lowest numbers. `contents` is the gzip as it was sent, or a text: the
/// JSON of a report of which no attempt was made.
pub(super) const TABLE: &str = "CREATE TABLE IF NOT EXISTS tlsrptd_kept_reports(id INTEGER PRIMARY KEY, r_id INTEGER, \
    bytes INTEGER, contents)";
/// Each report once.
pub(super) const INDEX: &str =
    "CREATE UNIQUE INDEX IF NOT EXISTS tlsrptd_kept ON tlsrptd_kept_reports(r_id)";
/// One row: the bytes of all of them, so that nobody adds them up.
pub(super) const TOTAL: &str =
    "CREATE TABLE IF NOT EXISTS tlsrptd_kept_total(id INTEGER PRIMARY KEY, bytes INTEGER)";

/// Reports that one transaction lets go.
const MOST_AT_ONCE: usize = 10_000;
/// What the option has by default.
const DEFAULT_LIMIT: u64 = 512 << 20;

/// How much of them is kept.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct KeptReports {
    limit: i64,
}

impl Default for KeptReports {
    fn default() -> KeptReports {
        KeptReports::new(DEFAULT_LIMIT)
    }
}

/// What a transaction keeps.
#[derive(Debug)]
pub(in super::super) struct Keeping {
    limit: i64,
    added: i64,
}

impl KeptReports {
    pub(super) fn new(limit: u64) -> KeptReports {
        KeptReports {
            limit: i64::try_from(limit).unwrap_or(i64::MAX),
        }
    }

    pub(in super::super) fn begin(self) -> Keeping {
        Keeping {
            limit: self.limit,
            added: 0,
        }
    }
}

impl Keeping {
    /// Keeps a report whose JSON is about to be discarded: as it was sent, if it was.
    pub(in super::super) fn keep(
        &mut self,
        tx: &Transaction<'_>,
        r_id: i64,
        gzip: Option<&[u8]>,
    ) -> rusqlite::Result<()> {
        // A number may be given again when its report was removed, by sys4 too: what stands there is the earlier one.
        let earlier: Option<i64> = tx
            .prepare_cached("SELECT bytes FROM tlsrptd_kept_reports WHERE r_id = ?1")?
            .query_row([r_id], |row| row.get(0))
            .optional()?;
        if let Some(bytes) = earlier {
            tx.prepare_cached("DELETE FROM tlsrptd_kept_reports WHERE r_id = ?1")?
                .execute([r_id])?;
            self.added -= bytes;
        }
        if self.limit == 0 {
            return Ok(());
        }
        let bytes: i64 = match gzip {
            Some(gzip) => i64::try_from(gzip.len()).unwrap_or(i64::MAX),
            None => tx
                .prepare_cached("SELECT length(CAST(report AS BLOB)) FROM reports WHERE r_id = ?1")?
                .query_row([r_id], |row| row.get(0))?,
        };
        // It would push out all others, and then itself.
        if bytes > self.limit {
            return Ok(());
        }
        match gzip {
            Some(gzip) => tx
                .prepare_cached(
                    "INSERT INTO tlsrptd_kept_reports(r_id, bytes, contents) VALUES(?1, ?2, ?3)",
                )?
                .execute((r_id, bytes, gzip))?,
            None => tx
                .prepare_cached(
                    "INSERT INTO tlsrptd_kept_reports(r_id, bytes, contents) \
                     SELECT r_id, ?2, report FROM reports WHERE r_id = ?1",
                )?
                .execute((r_id, bytes))?,
        };
        self.added += bytes;
        Ok(())
    }

    /// Lets the oldest go, as far as all together are too large.
    pub(in super::super) fn end(self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        let before = total(tx)?;
        let mut sum = before.saturating_add(self.added);
        let mut oldest =
            tx.prepare_cached("SELECT id, bytes FROM tlsrptd_kept_reports ORDER BY id LIMIT 1")?;
        let mut delete = tx.prepare_cached("DELETE FROM tlsrptd_kept_reports WHERE id = ?1")?;
        // A limit that was lowered is reached in steps: no transaction holds up deliveries.
        for _ in 0..MOST_AT_ONCE {
            if sum <= self.limit {
                break;
            }
            let row: Option<(i64, i64)> = oldest
                .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let Some((id, bytes)) = row else {
                sum = 0;
                break;
            };
            delete.execute([id])?;
            sum -= bytes;
        }
        match sum == before {
            true => Ok(()),
            false => set_total(tx, sum),
        }
    }
}

/// Those of the reports in the table `old` go with them.
pub(in super::super) fn clean(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    let old = "r_id IN (SELECT r_id FROM old)";
    let bytes = format!("SELECT coalesce(sum(bytes), 0) FROM tlsrptd_kept_reports WHERE {old}");
    let bytes: i64 = tx.query_row(&bytes, [], |row| row.get(0))?;
    tx.execute(&format!("DELETE FROM tlsrptd_kept_reports WHERE {old}"), [])?;
    match bytes {
        0 => Ok(()),
        bytes => set_total(tx, total(tx)? - bytes),
    }
}

fn total(tx: &Transaction<'_>) -> rusqlite::Result<i64> {
    let total = tx
        .prepare_cached("SELECT bytes FROM tlsrptd_kept_total WHERE id = 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(total.unwrap_or(0))
}

fn set_total(tx: &Transaction<'_>, bytes: i64) -> rusqlite::Result<()> {
    tx.prepare_cached("INSERT OR REPLACE INTO tlsrptd_kept_total(id, bytes) VALUES(1, ?1)")?
        .execute([bytes.max(0)])
        .map(drop)
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
    use rusqlite::Connection;

    use super::*;
    use crate::store::sqlite::{installation, schema};

    /// Whatever is kept, pushed out, cleaned, or kept under a number that another report had: what is told is what there is.
    #[test]
    fn the_total_is_the_sum_after_any_steps() {
        for seed in 0..50 {
            let mut db = Connection::open_in_memory().unwrap();
            schema::create(&db).unwrap();
            schema::extend(&db, &installation::of(&db).unwrap()).unwrap();
            db.execute_batch("CREATE TEMP TABLE old(r_id INTEGER PRIMARY KEY)")
                .unwrap();
            for r_id in 1..9_u8 {
                let report = "x".repeat(usize::from(r_id) * 7);
                db.execute(
                    "INSERT INTO reports(r_id, report) VALUES(?1, ?2)",
                    (r_id, report),
                )
                .unwrap();
            }
            let mut rng = StdRng::seed_from_u64(seed);
            for step in 0..200 {
                let tx = db.transaction().unwrap();
                let what = rng.random_range(0..4);
                if what == 0 {
                    let old = [rng.random_range(1..9)];
                    tx.execute("INSERT INTO old VALUES(?1)", old).unwrap();
                    clean(&tx).unwrap();
                    tx.execute("DELETE FROM old", []).unwrap();
                } else {
                    let limit = [0, 30, 200, 10_000][rng.random_range(0..4)];
                    let mut keeping = KeptReports::new(limit).begin();
                    for _ in 0..what {
                        let gzip = vec![0; rng.random_range(0..60)];
                        let gzip = rng.random_bool(0.7).then_some(gzip);
                        keeping
                            .keep(&tx, rng.random_range(1..9), gzip.as_deref())
                            .unwrap();
                    }
                    keeping.end(&tx).unwrap();
                }
                let sum = "SELECT coalesce(sum(length(CAST(contents AS BLOB))), 0) FROM tlsrptd_kept_reports";
                let sum: i64 = tx.query_row(sum, [], |row| row.get(0)).unwrap();
                assert_eq!(total(&tx).unwrap(), sum, "seed {seed}, step {step}");
                tx.commit().unwrap();
            }
        }
    }
}
