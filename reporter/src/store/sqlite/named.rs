//! Who is named by the records of others, a day: counted in the transaction of the decisions, so that a restart forgets nothing.
//!
//! Strangers may name whom they like, so the rows of most names go on the next day; what many name is remembered as long as the
//! history.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, named_params};
use tlsrptd_proto::day::Day;

use super::{SqliteStore, decisions::integer};
use crate::{
    model::{DecidedDomain, NAMED_DAYS, NamedBefore, NamedDestination, OwnerSketch},
    store::StoreError,
};

/// The row without a name says that the day is known. `suspect`: see `NamedDestination::suspect_since`.
pub(super) const TABLE: &str = "CREATE TABLE IF NOT EXISTS tlsrptd_named(day TEXT, name TEXT, domains INTEGER, owners BLOB, \
    sessions INTEGER, deliveries INTEGER, left_out INTEGER, suspect TEXT, PRIMARY KEY(day, name)) WITHOUT ROWID";
/// Those of a day that are told: a day may have a million others.
pub(super) const INDEX: &str = "CREATE INDEX IF NOT EXISTS tlsrptd_named_told ON tlsrptd_named(day) WHERE left_out > 0 OR domains >= 20";
/// The condition of the index, as it stands there.
const TOLD: &str = "(left_out > 0 OR domains >= 20)";
/// Destinations of a day that are looked at.
const LOOKED_AT: u32 = 100;
/// Rows that go in one transaction.
const CLEANED_AT_ONCE: u32 = 10_000;

/// What a batch of decisions adds to one name.
#[derive(Debug, Default)]
struct NamedAddition {
    domains: u64,
    owners: OwnerSketch,
    sessions: u64,
    deliveries: u64,
    left_out: u64,
}

/// Adds decisions to the numbers of whom their records name.
pub(super) fn add(
    tx: &Transaction<'_>,
    day: &str,
    decisions: &[DecidedDomain],
) -> rusqlite::Result<()> {
    let mut additions: BTreeMap<&str, NamedAddition> = BTreeMap::new();
    for decided in decisions {
        for part in &decided.named {
            let of = additions.entry(&part.name).or_default();
            // What came late is of a domain that counts already.
            of.domains += u64::from(decided.uniqid == 1);
            of.owners.add(&decided.domain);
            of.sessions = of.sessions.saturating_add(decided.rows.sessions);
            of.deliveries += part.deliveries;
            of.left_out += part.left_out;
        }
    }
    let mut known =
        tx.prepare_cached("SELECT owners FROM tlsrptd_named WHERE day = ?1 AND name = ?2")?;
    let mut upsert = tx.prepare_cached(
        "INSERT INTO tlsrptd_named(day, name, domains, owners, sessions, deliveries, left_out) \
         VALUES(:day, :name, :domains, :owners, :sessions, :deliveries, :left_out) \
         ON CONFLICT(day, name) DO UPDATE SET domains = domains + :domains, owners = :owners, \
         sessions = min(sessions, 9223372036854775807 - :sessions) + :sessions, \
         deliveries = deliveries + :deliveries, left_out = left_out + :left_out",
    )?;
    for (name, mut of) in additions {
        let before: Option<Vec<u8>> = known.query_row([day, name], |row| row.get(0)).optional()?;
        of.owners
            .merge(&OwnerSketch::from_bytes(&before.unwrap_or_default()));
        upsert.execute(named_params! {
            ":day": day, ":name": name, ":domains": integer(of.domains), ":owners": of.owners.to_bytes(),
            ":sessions": integer(of.sessions), ":deliveries": integer(of.deliveries), ":left_out": integer(of.left_out),
        })?;
    }
    Ok(())
}

/// The day is decided. Gives who was named so that somebody has to look at it; each only once a day.
pub(super) fn end_day(tx: &Transaction<'_>, day: Day) -> rusqlite::Result<Vec<NamedDestination>> {
    tx.execute(
        "INSERT OR IGNORE INTO tlsrptd_named(day, name) VALUES(?1, '')",
        [day.to_string()],
    )?;
    let (first, last) = (day.back(NAMED_DAYS).to_string(), day.previous().to_string());
    let is_known = tx
        .prepare_cached(
            "SELECT 1 FROM tlsrptd_named WHERE day BETWEEN ?1 AND ?2 AND name = '' LIMIT 1",
        )?
        .exists([&first, &last])?;
    let mut before =
        tx.prepare_cached("SELECT domains FROM tlsrptd_named WHERE day = ?1 AND name = ?2")?;
    let mut suspect =
        tx.prepare_cached("UPDATE tlsrptd_named SET suspect = ?3 WHERE day = ?1 AND name = ?2")?;
    let mut found = Vec::new();
    for mut named in of_day(tx, day)? {
        if named.suspect_since.is_some() {
            continue;
        }
        let mut known = NamedBefore {
            is_known,
            domains: Vec::new(),
        };
        for day in (1..=NAMED_DAYS).map(|back| day.back(back)) {
            let of = before
                .query_row([&day.to_string(), &named.name], |row| row.get(0))
                .optional()?;
            known.domains.extend(of.map(|of| (day, count(of))));
        }
        if named.looks_made_up(&known) {
            let since = known.domains.last().map_or(day, |(first, _)| *first);
            suspect.execute([&day.to_string(), &named.name, &since.to_string()])?;
            named.suspect_since = Some(since);
            found.push(named);
        }
    }
    Ok(found)
}

fn of_day(db: &Connection, day: Day) -> rusqlite::Result<Vec<NamedDestination>> {
    db.prepare_cached(&format!(
        "SELECT name, domains, owners, sessions, deliveries, left_out, suspect FROM tlsrptd_named \
         INDEXED BY tlsrptd_named_told WHERE day = ?1 AND {TOLD} ORDER BY domains DESC, name LIMIT {LOOKED_AT}"
    ))?
    .query_map([day.to_string()], |row| named(row, day))?
    .collect()
}

fn named(row: &Row<'_>, day: Day) -> rusqlite::Result<NamedDestination> {
    let owners: Vec<u8> = row.get(2)?;
    let number = |at| row.get(at).map(count);
    Ok(NamedDestination {
        day,
        name: row.get(0)?,
        domains: number(1)?,
        owners: OwnerSketch::from_bytes(&owners).number(),
        sessions: number(3)?,
        deliveries: number(4)?,
        left_out: number(5)?,
        suspect_since: row
            .get::<_, Option<String>>(6)?
            .and_then(|day| Day::parse(&day).ok()),
    })
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// See [`History::named`](crate::store::History::named).
pub(super) fn read(db: &Connection, from: Day, to: Day) -> rusqlite::Result<Vec<NamedDestination>> {
    if !db.table_exists(None, "tlsrptd_named")? {
        return Ok(Vec::new());
    }
    let mut day = from;
    let mut all = Vec::new();
    while day <= to {
        all.extend(of_day(db, day)?);
        day = day.next();
    }
    Ok(all)
}

/// See [`Decisions::deliveries_to`](crate::store::Decisions::deliveries_to).
pub(super) fn deliveries_to(
    store: &SqliteStore,
    day: Day,
    names: &[String],
) -> Result<HashMap<String, u64>, StoreError> {
    store.read("the reports of a destination", |db| {
        let mut select =
            db.prepare_cached("SELECT deliveries FROM tlsrptd_named WHERE day = ?1 AND name = ?2")?;
        let mut found = HashMap::new();
        for name in names {
            let made = select
                .query_row([&day.to_string(), name], |row| row.get(0))
                .optional()?;
            found.extend(made.map(|made| (name.clone(), count(made))));
        }
        Ok(found)
    })
}

/// Removes what few name, of all days but the two that were decided last; says whether there is more.
pub(super) fn clean_few(tx: &Transaction<'_>) -> rusqlite::Result<bool> {
    let before: Option<String> = tx
        .query_row(
            "SELECT day FROM tlsrptd_decided ORDER BY day DESC LIMIT 1 OFFSET 1",
            [],
            |row| row.get(0),
        )
        .optional()?;
    let removed = tx.execute(
        &format!(
            "DELETE FROM tlsrptd_named WHERE (day, name) IN (SELECT day, name FROM tlsrptd_named \
             WHERE day < ?1 AND name <> '' AND NOT {TOLD} LIMIT {CLEANED_AT_ONCE})"
        ),
        [before],
    )?;
    Ok(removed > 0)
}

/// Removes what is older than the history.
pub(super) fn clean(tx: &Transaction<'_>, oldest: &str) -> rusqlite::Result<()> {
    tx.execute("DELETE FROM tlsrptd_named WHERE day < ?1", [oldest])
        .map(drop)
}
