//! The report that is sent once more: its row, as long as it has its text or the bytes that were sent.

use std::{io::Read as _, sync::OnceLock};

use flate2::read::GzDecoder;
use hyper::body::Bytes;
use tlsrptd_fleet::{Fault, PgDay, Row, Transaction};
use tlsrptd_proto::report::InstallationId;

use crate::{
    model::{Payload, StoredReport},
    store::{RequestedReport, postgres::claims},
};

/// No report is so large.
const LONGEST_REPORT: u64 = 256 << 20;

/// The report that a request names: number, day and domain stand in three columns from this one on.
pub(super) fn requested(row: &Row, column: usize) -> Result<Option<RequestedReport>, Fault> {
    let r_id: Option<i64> = row.try_get(column)?;
    let day: Option<PgDay> = row.try_get(column + 1)?;
    let domain: Option<String> = row.try_get(column + 2)?;
    let named = day.zip(domain).zip(r_id);
    Ok(named.map(|((PgDay(day), domain), r_id)| RequestedReport { r_id, day, domain }))
}

/// `None`: the row or its text is gone, or cannot be read; or it is another report.
pub(super) fn read(
    tx: &Transaction<'_>,
    report: &RequestedReport,
    installation: &InstallationId,
) -> Result<Option<StoredReport>, Fault> {
    let RequestedReport { r_id, day, domain } = report;
    let row = tx.query_opt(
        "SELECT gzip, domain, uniqid, created, CASE WHEN gzip IS NULL THEN json ELSE '' END FROM report \
         WHERE day = $1 AND r_id = $2 AND domain = $3",
        &[&PgDay(*day), r_id, domain],
    )?;
    let Some(row) = row else {
        return Ok(None);
    };
    let gzip: Option<Vec<u8>> = row.try_get(0)?;
    let stored = claims::stored_report(&row, 1, *day, installation)?;
    Ok(match (stored, gzip) {
        (Some(report), Some(gzip)) => as_sent(report, gzip),
        (stored, _) => stored,
    })
}

/// With the bytes as they were sent.
fn as_sent(report: StoredReport, gzip: Vec<u8>) -> Option<StoredReport> {
    let mut json = String::new();
    let mut reader = GzDecoder::new(gzip.as_slice()).take(LONGEST_REPORT);
    reader.read_to_string(&mut json).ok()?;
    Some(StoredReport {
        json,
        payload: Payload {
            summary: OnceLock::new(),
            gzip: OnceLock::from(Ok(Bytes::from(gzip))),
        },
        ..report
    })
}
