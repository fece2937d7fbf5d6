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
const SAYS_NO_MORE: &str = "SELECT rowid, fetcherindex FROM reportdata WHERE day = ?1 AND domain = ?2 AND fetcher = ?3 \
    AND tlsrptd_reason IS NULL AND status IS NOT 'late' AND typeof(fetcherindex) = 'integer'";
/// Not one statement with RETURNING, for which SQLite makes a table and a journal: that costs twice as much as both.
const REMOVE: &str = "DELETE FROM reportdata WHERE rowid = ?1";

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
    let mut says_no_more = tx.prepare_cached(SAYS_NO_MORE)?;
    let mut remove = tx.prepare_cached(REMOVE)?;
    let mut jobs = Vec::with_capacity(collectors.len());
    for collector in collectors {
        let row = [day, domain, collector];
        let found = says_no_more.query_row(row, |row| Ok((row.get(0)?, row.get(1)?)));
        match found.optional()? {
            Some((rowid, job)) => {
                let (rowid, job): (i64, i64) = (rowid, job);
                remove.execute([rowid])?;
                jobs.push(job.to_string());
            }
            None => drop(tx.prepare_cached(EMPTY)?.execute(row)?),
        }
    }
    Ok((!jobs.is_empty()).then(|| jobs.join(",")))
}
