//! Removes what is older than `keep_days`.

use rusqlite::Transaction;
use tlsrptd_proto::day::Day;

use super::{bounces, days, history, mails, mx_hosts, named, requests, suppressed};

/// Rows that go in one transaction: so few that deliveries do not wait.
const CLEANED_AT_ONCE: usize = 10_000;

/// Whether a row of this table may go: until its day is decided, its sessions are in no report.
fn is_decided(table: &str) -> String {
    format!("NOT EXISTS (SELECT 1 FROM fetchjobs j WHERE j.day = {table}.day AND j.status IS NULL)")
}

/// See [`Upkeep::clean`](crate::store::Upkeep::clean).
pub(super) fn clean(tx: &Transaction<'_>, oldest: Day) -> rusqlite::Result<bool> {
    let day = oldest.to_string();
    days::record_decided(tx, &day)?;
    let data = format!(
        "DELETE FROM reportdata WHERE rowid IN (SELECT rowid FROM reportdata WHERE day < ?1 AND {} LIMIT {CLEANED_AT_ONCE})",
        is_decided("reportdata")
    );
    // All data first: data without a report looks like data that is not reported yet.
    if tx.execute(&data, [&day])? > 0 {
        return Ok(true);
    }
    let done = "day < ?1 AND NOT EXISTS (SELECT 1 FROM destinations d WHERE d.d_r_id = r_id AND d.status IS NULL)";
    let old_reports = format!(
        "SELECT r_id FROM reports WHERE {done} AND {} LIMIT {CLEANED_AT_ONCE}",
        is_decided("reports")
    );
    // A report goes when no destination is pending; its destinations go with it.
    tx.execute(
        "CREATE TEMP TABLE IF NOT EXISTS old(r_id INTEGER PRIMARY KEY)",
        [],
    )?;
    let removed = tx.execute(&format!("INSERT INTO old {old_reports}"), [&day])?;
    history::clean_kept(tx)?;
    bounces::clean(tx, &day)?;
    tx.execute(
        "DELETE FROM destinations WHERE d_r_id IN (SELECT r_id FROM old)",
        [],
    )?;
    tx.execute(
        "DELETE FROM reports WHERE r_id IN (SELECT r_id FROM old)",
        [],
    )?;
    tx.execute("DELETE FROM old", [])?;
    tx.execute(
        &format!(
            "DELETE FROM fetchjobs WHERE day < ?1 AND {}",
            is_decided("fetchjobs")
        ),
        [&day],
    )?;
    mails::clean(tx, oldest)?;
    if removed == 0 {
        suppressed::clean(tx, &day)?;
        requests::clean(tx, &day)?;
        mx_hosts::clean(tx, &day, is_decided)?;
    }
    Ok(named::clean_few(tx)? || removed > 0)
}
