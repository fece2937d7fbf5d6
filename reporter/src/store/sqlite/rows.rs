//! What collectors have answered: one row a collector, day and domain.
//!
//! While other collectors of the day have not answered, rows are set aside, in a column of ours, and listed for sys4: it
//! reports what is fetched at once, and would lose what the others have to say. It asks for them again, and what it has
//! fetched then counts.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, named_params};

use super::{SqliteStore, text, used};
use crate::{
    model::{FetchJob, Fetched},
    store::{ReportData, Step, StoreError},
};

/// Whether another collector of the day is waited for.
const OTHERS_WAIT: &str = "SELECT 1 FROM fetchjobs WHERE day = ?1 AND fetcherindex <> ?2 AND status IS NULL \
    AND tlsrptd_closed IS NULL";

/// Whether the counts of this domain and job (`:day`, `:domain`, `:index`) are in no report.
fn is_unused() -> String {
    let used = used::has_counts_of(":index");
    format!("NOT EXISTS (SELECT 1 FROM reports WHERE day = :day AND domain = :domain AND {used})")
}

impl ReportData for SqliteStore {
    fn store_rows(
        &mut self,
        job: &FetchJob,
        rows: &[Fetched],
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        self.transact(Step::RowsStored, |tx| {
            let mut reported = tx.prepare_cached(&format!(
                "SELECT coalesce(max({}), 0) FROM reports WHERE day = ?1 AND domain = ?2 AND tlsrptd_mx IS NULL \
                 HAVING count(*) > 0",
                used::has_counts_of("?3")
            ))?;
            let mut unlist = tx.prepare_cached(
                "DELETE FROM reportdata WHERE day = ?1 AND domain = ?2 AND fetcher = ?3 AND coalesce(data, tlsrptd_data) IS NULL",
            )?;
            let mut upsert = tx.prepare_cached(
                "INSERT INTO reportdata(day, domain, data, tlsrptd_data, fetcher, fetcherindex, retries, status, \
                 nexttry, its) \
                 VALUES(:day, :domain, :data, :aside, :fetcher, :index, 0, :status, :now, :its) \
                 ON CONFLICT(day, domain, fetcher) DO UPDATE SET data = excluded.data, \
                 tlsrptd_data = excluded.tlsrptd_data, status = excluded.status, tlsrptd_reason = NULL \
                 WHERE :adds OR excluded.status IS NOT 'late' \
                 OR coalesce(reportdata.data, reportdata.tlsrptd_data) IS NULL",
            )?;
            let adds = job.seen.is_some();
            let (day, at, its) = (job.day.to_string(), text::nexttry(now), text::its(now));
            let others: bool = tx.prepare_cached(OTHERS_WAIT)?.exists((&day, job.index))?;
            let mut late = 0;
            for row in rows {
                let reported: Option<bool> =
                    reported.query_row((&day, &row.domain, job.index), |row| row.get(0)).optional()?;
                if reported == Some(true) && !adds {
                    // sys4 may have listed it again.
                    unlist.execute([&day, &row.domain, &job.command])?;
                    continue;
                }
                let is_late = adds || reported.is_some();
                let (data, aside, status) = match (is_late, others) {
                    (true, _) => (Some(&row.data), None, Some("late")),
                    (false, true) => (None, Some(&row.data), None),
                    (false, false) => (Some(&row.data), None, Some("fetched")),
                };
                let stored = upsert.execute(named_params! {
                    ":day": day, ":domain": row.domain, ":data": data, ":aside": aside, ":fetcher": job.command,
                    ":index": job.index, ":status": status, ":now": at, ":its": its, ":adds": adds,
                })?;
                late += if is_late { stored } else { 0 };
            }
            Ok(late)
        })
    }

    fn store_unusable(
        &mut self,
        job: &FetchJob,
        domain: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.transact(Step::RowsStored, |tx| {
            tx.prepare_cached(&format!(
                "INSERT INTO reportdata(day, domain, data, fetcher, fetcherindex, retries, status, nexttry, its, \
                 tlsrptd_reason) SELECT :day, :domain, NULL, :fetcher, :index, 0, 'timedout', :now, :its, :reason \
                 WHERE {} ON CONFLICT(day, domain, fetcher) DO UPDATE SET status = excluded.status, \
                 tlsrptd_reason = excluded.tlsrptd_reason \
                 WHERE coalesce(reportdata.data, reportdata.tlsrptd_data) IS NULL",
                is_unused()
            ))?
            .execute(named_params! {
                ":day": job.day.to_string(), ":domain": domain, ":fetcher": job.command, ":index": job.index,
                ":now": text::nexttry(now), ":its": text::its(now), ":reason": reason,
            })
            .map(drop)
        })
    }

    fn store_list(
        &mut self,
        job: &FetchJob,
        domains: &[String],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.transact(Step::ListStored, |tx| {
            let mut insert = tx.prepare_cached(&format!(
                "INSERT OR IGNORE INTO reportdata(day, domain, data, fetcher, fetcherindex, retries, status, nexttry, its) \
                 SELECT :day, :domain, NULL, :fetcher, :index, 0, NULL, :now, :its WHERE {}",
                is_unused()
            ))?;
            let (day, at, its) = (job.day.to_string(), text::nexttry(now), text::its(now));
            for domain in domains {
                insert.execute(named_params! {
                    ":day": day, ":domain": domain, ":fetcher": job.command, ":index": job.index,
                    ":now": at, ":its": its,
                })?;
            }
            Ok(())
        })
    }

    fn list_ended(&mut self, job: &FetchJob) -> Result<(), StoreError> {
        self.transact(Step::ListStored, |tx| {
            tx.execute(
                "UPDATE fetchjobs SET tlsrptd_listed = 1, retries = 0 WHERE day = ?1 AND fetcherindex = ?2",
                (job.day.to_string(), job.index),
            )
            .map(drop)
        })
    }

    fn unfetched(
        &self,
        job: &FetchJob,
        after: &str,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        self.read("missing details", |db| {
            db.prepare_cached(
                "SELECT domain FROM reportdata WHERE day = ?1 AND fetcherindex = ?2 AND domain > ?3 \
                 AND data IS NULL AND tlsrptd_data IS NULL AND status IS NULL ORDER BY domain LIMIT ?4",
            )?
            .query_map((job.day.to_string(), job.index, after, limit), |row| row.get(0))?
            .collect()
        })
    }
}
