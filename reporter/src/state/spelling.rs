//! One domain in two spellings: one report.
//!
//! The peer's collector keeps a name as the MTA gave it, and its fetcher is to be asked by that name: `bücher.example`
//! is another row to it than `xn--bcher-kva.example`. So rows stand as they were listed until their day is gathered; then
//! each gets its domain's usual spelling, beside what the same collector, or another one, has of that.

use rusqlite::{Transaction, named_params};
use tlsrptd_proto::{day::Day, domain::Domain};

use super::{State, StateError, Step};

/// Answered, not decided, and spelled as no collector of ours does.
const UNUSUAL: &str = "SELECT rowid, domain, fetcher FROM reportdata d WHERE day = ?1 \
    AND typeof(domain) = 'text' AND (domain GLOB '*[^-a-z0-9._]*' OR domain GLOB '*.') \
    AND (data IS NOT NULL AND status IN ('fetched', 'late') OR tlsrptd_data IS NOT NULL) \
    AND NOT EXISTS (SELECT 1 FROM reports r WHERE r.day = d.day AND r.domain = d.domain)";

struct Listed {
    rowid: i64,
    domain: String,
    fetcher: String,
}

impl State {
    /// Gives all domains of a gathered day their usual spelling. What is no domain stays, to be decided against.
    pub fn spell_usually(&mut self, day: Day) -> Result<(), StateError> {
        let day = day.to_string();
        let unusual: Vec<Listed> = self.read("domains in other spellings", |db| {
            let listed = |row: &rusqlite::Row<'_>| {
                Ok(Listed {
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
            unusual
                .iter()
                .try_for_each(|listed| rename(tx, &day, listed))
        })
    }
}

fn rename(tx: &Transaction<'_>, day: &str, listed: &Listed) -> rusqlite::Result<()> {
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
        "UPDATE reportdata SET domain = :usual, fetcher = :fetcher, tlsrptd_reason = :reason WHERE rowid = :rowid",
        named_params! {
            ":usual": usual, ":fetcher": fetcher, ":reason": format!("listed as {}", listed.domain),
            ":rowid": listed.rowid,
        },
    )
    .map(drop)
}
