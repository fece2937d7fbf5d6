//! One domain in two spellings: one report.
//!
//! sys4's collector keeps a name as the MTA gave it, and its fetcher is to be asked by that name: `bücher.example`
//! is another row to it than `xn--bcher-kva.example`. So rows stand as they were listed until their day is gathered; then
//! what each has gets a row of its domain's usual spelling, beside what the same collector, or another one, has of that.
//!
//! Until the day is decided sys4 may go on with this file: it lists and asks anew, by the names that its collectors
//! have. So the row with the other spelling stays, as one that is used, and its name counts as decided.

use jiff::Timestamp;
use rusqlite::{Transaction, named_params};
use tlsrptd_proto::{day::Day, domain::Domain};

use super::{Step, Store, StoreError, text};

/// Answered, not decided, and spelled as no collector of ours does.
const UNUSUAL: &str = "SELECT rowid, domain, fetcher FROM reportdata d WHERE day = ?1 \
    AND typeof(domain) = 'text' AND (domain GLOB '*[^-a-z0-9._]*' OR domain GLOB '*.') \
    AND (data IS NOT NULL AND status IN ('fetched', 'late') OR tlsrptd_data IS NOT NULL) \
    AND NOT EXISTS (SELECT 1 FROM reports r WHERE r.day = d.day AND r.domain = d.domain)";

struct ListedDomain {
    rowid: i64,
    domain: String,
    fetcher: String,
}

impl Store {
    /// Gives all domains of a gathered day their usual spelling. What is no domain stays, to be decided against.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn normalize_domains(&mut self, day: Day, now: Timestamp) -> Result<(), StoreError> {
        let day = day.to_string();
        let unusual: Vec<ListedDomain> = self.read("domains in other spellings", |db| {
            let listed = |row: &rusqlite::Row<'_>| {
                Ok(ListedDomain {
                    rowid: row.get(0)?,
                    domain: row.get(1)?,
                    fetcher: row.get(2)?,
                })
            };
            db.prepare_cached(UNUSUAL)?
                .query_map([&day], listed)?
                .collect()
        })?;
        if unusual.is_empty() {
            return Ok(());
        }
        self.transact(Step::RowsStored, |tx| {
            let its = text::its(now);
            unusual
                .iter()
                .try_for_each(|listed| respell(tx, &day, &its, listed))
        })
    }
}

fn respell(
    tx: &Transaction<'_>,
    day: &str,
    its: &str,
    listed: &ListedDomain,
) -> rusqlite::Result<()> {
    let usual = Domain::parse(&listed.domain).map(|domain| domain.to_string());
    let Some(usual) = usual.ok().filter(|usual| *usual != listed.domain) else {
        return Ok(());
    };
    let others: u32 = tx
        .prepare_cached(
            "SELECT count(*) FROM reportdata WHERE day = ?1 AND domain = ?2 AND rtrim(fetcher) = rtrim(?3)",
        )?
        .query_row([day, &usual, &listed.fetcher], |row| row.get(0))?;
    // A row's key has room for one answer a fetcher. By spaces at its end, which mean nothing to whoever runs it, another
    // one gets a key of its own.
    let fetcher = format!("{}{}", listed.fetcher, " ".repeat(others as usize));
    tx.execute(
        "INSERT INTO reportdata(day, domain, data, fetcher, fetcherindex, retries, status, nexttry, its, tlsrptd_reason) \
         SELECT day, :usual, coalesce(data, tlsrptd_data), :fetcher, fetcherindex, retries, coalesce(status, 'fetched'), \
         nexttry, its, :reason FROM reportdata WHERE rowid = :rowid",
        named_params! {
            ":usual": usual, ":fetcher": fetcher, ":reason": format!("listed as {}", listed.domain),
            ":rowid": listed.rowid,
        },
    )?;
    let reason = format!("reported as {usual}");
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
    // All collectors have answered: nothing of this domain is hidden from sys4 any more, which would report one part.
    tx.execute(
        "UPDATE reportdata SET data = tlsrptd_data, tlsrptd_data = NULL, status = 'fetched' \
         WHERE day = ?1 AND domain = ?2 AND data IS NULL AND tlsrptd_data IS NOT NULL",
        [day, &usual],
    )
    .map(drop)
}
