//! One domain in two spellings: one report.
//!
//! sys4's collector keeps a name as the MTA gave it, and its fetcher is asked by that name: `bücher.example` and
//! `xn--bcher-kva.example` are different rows to it. So rows keep their names until their day is gathered; then the data of
//! each moves to a row of the normalized name, beside the data that this or another collector has under that name.
//!
//! Until the day is decided sys4 may continue with this file: it lists and asks again, by the names that its collectors
//! have. So the row with the other spelling stays as a used one, and its name counts as decided.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, named_params};
use tlsrptd_proto::{day::Day, domain::Domain};

use super::text;

/// Answered, not decided, and not in the form that our collectors write.
const NOT_NORMALIZED: &str = "SELECT rowid, domain, fetcher FROM reportdata d WHERE day = ?1 \
    AND typeof(domain) = 'text' AND (domain GLOB '*[^-a-z0-9._]*' OR domain GLOB '*.') \
    AND (status = 'late' AND data <> '' OR (data IS NOT NULL AND status = 'fetched' OR tlsrptd_data IS NOT NULL) \
    AND NOT EXISTS (SELECT 1 FROM reports r WHERE r.day = d.day AND r.domain = d.domain AND r.tlsrptd_mx IS NULL))";

/// A row whose domain is not normalized.
pub(super) struct ListedDomain {
    rowid: i64,
    domain: String,
    fetcher: String,
}

pub(super) fn find(db: &Connection, day: Day) -> rusqlite::Result<Vec<ListedDomain>> {
    db.prepare_cached(NOT_NORMALIZED)?
        .query_map([day.to_string()], |row| {
            Ok(ListedDomain {
                rowid: row.get(0)?,
                domain: row.get(1)?,
                fetcher: row.get(2)?,
            })
        })?
        .collect()
}

/// Moves the data of these rows to rows of the normalized names. Invalid names stay as they are, and get no report.
pub(super) fn rename(
    tx: &Transaction<'_>,
    day: Day,
    listed: &[ListedDomain],
    now: Timestamp,
) -> rusqlite::Result<()> {
    let (day, its) = (day.to_string(), text::its(now));
    listed
        .iter()
        .try_for_each(|listed| rename_one(tx, &day, &its, listed))
}

fn rename_one(
    tx: &Transaction<'_>,
    day: &str,
    its: &str,
    listed: &ListedDomain,
) -> rusqlite::Result<()> {
    let normalized = Domain::parse(&listed.domain).map(|domain| domain.to_string());
    let Some(normalized) = normalized.ok().filter(|name| *name != listed.domain) else {
        return Ok(());
    };
    let others: u32 = tx
        .prepare_cached(
            "SELECT count(*) FROM reportdata WHERE day = ?1 AND domain = ?2 AND rtrim(fetcher) = rtrim(?3)",
        )?
        .query_row([day, &normalized, &listed.fetcher], |row| row.get(0))?;
    // The key of a row allows one answer a fetcher. Trailing spaces, which do not change the command, make another key.
    let fetcher = format!("{}{}", listed.fetcher, " ".repeat(others as usize));
    tx.execute(
        "INSERT INTO reportdata(day, domain, data, fetcher, fetcherindex, retries, status, nexttry, its, tlsrptd_reason) \
         SELECT day, :normalized, coalesce(data, tlsrptd_data), :fetcher, fetcherindex, retries, \
         CASE WHEN EXISTS (SELECT 1 FROM reports r WHERE r.day = reportdata.day AND r.domain = :normalized \
         AND r.tlsrptd_mx IS NULL) THEN 'late' \
         ELSE coalesce(status, 'fetched') END, \
         nexttry, its, :reason FROM reportdata WHERE rowid = :rowid",
        named_params! {
            ":normalized": normalized, ":fetcher": fetcher, ":reason": format!("listed as {}", listed.domain),
            ":rowid": listed.rowid,
        },
    )?;
    let reason = format!("reported as {normalized}");
    tx.execute(
        "UPDATE reportdata SET data = '', tlsrptd_data = NULL, status = coalesce(status, 'fetched'), \
         tlsrptd_reason = ?2 WHERE rowid = ?1",
        (listed.rowid, &reason),
    )?;
    tx.execute(
        "INSERT INTO reports(day, domain, uniqid, its, tlsrptd_reason, tlsrptd_sessions) \
         SELECT ?1, ?2, 1, ?3, ?4, 0 WHERE NOT EXISTS (SELECT 1 FROM reports WHERE day = ?1 AND domain = ?2)",
        [day, &listed.domain, its, &reason],
    )?;
    // All collectors have answered: no part of this domain may stay hidden from sys4, which would report the other part.
    tx.execute(
        "UPDATE reportdata SET data = tlsrptd_data, tlsrptd_data = NULL, status = 'fetched' \
         WHERE day = ?1 AND domain = ?2 AND data IS NULL AND tlsrptd_data IS NOT NULL",
        [day, &normalized],
    )
    .map(drop)
}
