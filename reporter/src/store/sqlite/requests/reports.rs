//! The report that is sent once more: its row, as long as it has its text, and then the bytes that are kept.

use std::{io::Read as _, sync::OnceLock};

use flate2::read::GzDecoder;
use hyper::body::Bytes;
use rusqlite::{Connection, OptionalExtension as _, Row, types::Value};
use tlsrptd_proto::{day::Day, report::InstallationId};

use super::{integer, string};
use crate::{
    model::{Payload, StoredReport},
    store::{RequestedReport, sqlite::claims},
};

/// No report is so large.
const LONGEST_REPORT: u64 = 256 << 20;

/// The report that a request names: number, day and domain stand in three columns from this one on.
pub(super) fn requested(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<RequestedReport>> {
    let day = string(row, column + 1)?.and_then(|day| Day::parse(&day).ok());
    let domain = string(row, column + 2)?;
    let r_id = integer(row, column)?;
    Ok(day
        .zip(domain)
        .map(|(day, domain)| RequestedReport { r_id, day, domain }))
}

/// `None`: the row or its text is gone, or cannot be read; or another report has got its number.
pub(super) fn read(
    db: &Connection,
    report: &RequestedReport,
    installation: &InstallationId,
) -> rusqlite::Result<Option<StoredReport>> {
    // In the order of the columns in which a claim reads it.
    let mut select = db.prepare_cached(
        "SELECT NULL, NULL, NULL, NULL, day, domain, uniqid, coalesce(report, ''), its FROM reports \
         WHERE r_id = ?1 AND day = ?2 AND domain = ?3",
    )?;
    let RequestedReport { r_id, day, domain } = report;
    let stored = select.query_row((r_id, day.to_string(), domain), |row| {
        claims::stored_report(row, installation)
    });
    match stored.optional()?.flatten() {
        Some(report) if report.json.is_empty() => Ok(with_kept(db, *r_id, report)?),
        other => Ok(other),
    }
}

/// With the bytes as they were sent.
fn with_kept(
    db: &Connection,
    r_id: i64,
    report: StoredReport,
) -> rusqlite::Result<Option<StoredReport>> {
    if !db.table_exists(None, "tlsrptd_kept_reports")? {
        return Ok(None);
    }
    let kept = db
        .prepare_cached("SELECT contents FROM tlsrptd_kept_reports WHERE r_id = ?1")?
        .query_row([r_id], |row| row.get(0))
        .optional()?;
    let (json, gzip) = match kept {
        Some(Value::Blob(gzip)) => (expanded(&gzip), Some(Ok(Bytes::from(gzip)))),
        // It was never sent.
        Some(Value::Text(json)) => (Some(json), None),
        _ => (None, None),
    };
    Ok(json.map(|json| StoredReport {
        json,
        payload: Payload {
            summary: OnceLock::new(),
            gzip: gzip.map_or_else(OnceLock::new, OnceLock::from),
        },
        ..report
    }))
}

fn expanded(gzip: &[u8]) -> Option<String> {
    let mut json = String::new();
    let mut reader = GzDecoder::new(gzip).take(LONGEST_REPORT);
    reader.read_to_string(&mut json).ok()?;
    Some(json)
}
