//! Collectors' rows whose counts are in a report, or have a reason why not.
//!
//! Such a row is removed. What has to be known of it for good is one number in the row of its report: that of the fetch job
//! that brought it. So an answer that comes again is not reported again, whatever became of the row. sys4, should it ask
//! again, finds the report.

use rusqlite::{OptionalExtension as _, Transaction};

/// A row that says more than that it was used (what came late, under another name) stays for that, without its counts. Not
/// NULL: for sys4 that is a row whose details are still to be fetched.
const EMPTY: &str = "UPDATE reportdata SET data = '', tlsrptd_data = NULL, status = coalesce(status, 'fetched') \
    WHERE day = ?1 AND domain = ?2 AND fetcher = ?3";
const REMOVE: &str = "DELETE FROM reportdata WHERE day = ?1 AND domain = ?2 AND fetcher = ?3 \
    AND tlsrptd_reason IS NULL AND status IS NOT 'late' AND typeof(fetcherindex) = 'integer' RETURNING fetcherindex";

/// Whether this row of `reports` has the counts of the fetch job with that number.
pub(super) fn has_counts_of(job: &str) -> String {
    format!("instr(',' || tlsrptd_jobs || ',', ',' || {job} || ',') > 0")
}

/// Removes the rows of these collectors. Gives the numbers of their jobs, as `reports.tlsrptd_jobs` has them.
pub(super) fn remove(
    tx: &Transaction<'_>,
    day: &str,
    domain: &str,
    collectors: &[String],
) -> rusqlite::Result<Option<String>> {
    let mut remove = tx.prepare_cached(REMOVE)?;
    let mut jobs = Vec::with_capacity(collectors.len());
    for collector in collectors {
        let row = [day, domain, collector];
        let job: Option<i64> = remove.query_row(row, |row| row.get(0)).optional()?;
        match job {
            Some(job) => jobs.push(job.to_string()),
            None => drop(tx.prepare_cached(EMPTY)?.execute(row)?),
        }
    }
    Ok((!jobs.is_empty()).then(|| jobs.join(",")))
}
