//! Who is named by the records of others, a day: each member counts in rows of its own, in the transaction of its decisions.
//!
//! When the day is decided, what only all members together make many is added up, in rows of nobody; so those of a day that are
//! told are found by an index, among a million others. Strangers may name whom they like, so the rows of most names go on the next
//! day; what many name is remembered as long as the history.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tlsrptd_fleet::{Fault, PgDay, Row, Session, Transaction};
use tlsrptd_proto::day::Day;

use super::{
    PostgresStore,
    answers::stored_name,
    history::{count, integer},
    unreadable,
};
use crate::{
    model::{DecidedDomain, NAMED_DAYS, NamedBefore, NamedDestination, OwnerSketch},
    store::StoreError,
};

/// The condition of the index, as it stands there.
const TOLD: &str = "(left_out > 0 OR domains >= 20)";
/// Destinations of a day that are looked at.
const LOOKED_AT: i64 = 100;
/// Rows that go in one transaction.
const CLEANED_AT_ONCE: i64 = 10_000;

const ADD: &str = "INSERT INTO named AS n(day, name, member, domains, owners, sessions, deliveries, left_out) \
    SELECT $1, a.name, $2, a.domains, a.owners, a.sessions, a.deliveries, a.left_out \
    FROM unnest($3::text[], $4::bigint[], $5::bytea[], $6::bigint[], $7::bigint[], $8::bigint[]) \
    AS a(name, domains, owners, sessions, deliveries, left_out) \
    ON CONFLICT (day, name, member) DO UPDATE SET domains = n.domains + excluded.domains, owners = excluded.owners, \
    sessions = least(n.sessions, 9223372036854775807 - excluded.sessions) + excluded.sessions, \
    deliveries = n.deliveries + excluded.deliveries, left_out = n.left_out + excluded.left_out";

/// Names that only several rows together make many.
const MANY_TOGETHER: &str = "SELECT name FROM named WHERE day = $1 AND name <> '' GROUP BY name \
    HAVING count(*) > 1 AND (sum(domains) >= 20 OR sum(left_out) > 0)";

/// What is added to one name.
#[derive(Debug, Default)]
struct MemberNamed {
    domains: u64,
    owners: OwnerSketch,
    sessions: u64,
    deliveries: u64,
    left_out: u64,
}

/// Adds decisions to the numbers of whom their records name.
pub(super) fn add<'a>(
    tx: &Transaction<'_>,
    member: i64,
    day: Day,
    decisions: impl Iterator<Item = &'a DecidedDomain>,
) -> Result<(), Fault> {
    let mut additions: BTreeMap<String, MemberNamed> = BTreeMap::new();
    for decided in decisions {
        for part in &decided.named {
            let of = additions
                .entry(stored_name(&part.name).into_owned())
                .or_default();
            // What came late is of a domain that counts already.
            of.domains += u64::from(decided.uniqid == 1);
            of.owners.add(&decided.domain);
            of.sessions = of.sessions.saturating_add(decided.rows.sessions);
            of.deliveries += part.deliveries;
            of.left_out += part.left_out;
        }
    }
    if additions.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = additions.keys().map(String::as_str).collect();
    let known = tx.query(
        "SELECT name, owners FROM named WHERE day = $1 AND member = $2 AND name = ANY($3)",
        &[&PgDay(day), &member, &names],
    )?;
    for row in known {
        let (name, owners): (&str, &[u8]) = (row.try_get(0)?, row.try_get(1)?);
        if let Some(of) = additions.get_mut(name) {
            of.owners.merge(&OwnerSketch::from_bytes(owners));
        }
    }
    write(tx, member, day, &additions)
}

fn write(
    tx: &Transaction<'_>,
    member: i64,
    day: Day,
    additions: &BTreeMap<String, MemberNamed>,
) -> Result<(), Fault> {
    let names: Vec<&str> = additions.keys().map(String::as_str).collect();
    let owners: Vec<Vec<u8>> = additions.values().map(|of| of.owners.to_bytes()).collect();
    let numbers = |of: fn(&MemberNamed) -> u64| -> Vec<i64> {
        additions
            .values()
            .map(|addition| integer(of(addition)))
            .collect()
    };
    tx.execute(
        ADD,
        &[
            &PgDay(day),
            &member,
            &names,
            &numbers(|of| of.domains),
            &owners,
            &numbers(|of| of.sessions),
            &numbers(|of| of.deliveries),
            &numbers(|of| of.left_out),
        ],
    )
    .map(drop)
}

/// The day is decided. Gives who was named so that somebody has to look at it; each only once a day.
pub(super) fn end_day(tx: &Transaction<'_>, day: Day) -> Result<Vec<NamedDestination>, Fault> {
    add_up(tx, day)?;
    tx.execute(
        "INSERT INTO named(day, name, member) VALUES($1, '', 0) ON CONFLICT DO NOTHING",
        &[&PgDay(day)],
    )?;
    let told = in_order(tx.query(&of_day(), &[&PgDay(day), &LOOKED_AT])?, day)?;
    let names: Vec<&str> = told.iter().map(|named| named.name.as_str()).collect();
    let mut before = named_before(tx, day, &names)?;
    let is_known = before.remove("").is_some();
    let mut found = Vec::new();
    for mut named in told {
        if named.suspect_since.is_some() {
            continue;
        }
        let known = NamedBefore {
            is_known,
            domains: before.remove(&named.name).unwrap_or_default(),
        };
        if named.looks_made_up(&known) {
            let since = known.domains.last().map_or(day, |(first, _)| *first);
            named.suspect_since = Some(since);
            found.push(named);
        }
    }
    let names: Vec<&str> = found.iter().map(|named| named.name.as_str()).collect();
    let since: Vec<Option<PgDay>> = found
        .iter()
        .map(|named| named.suspect_since.map(PgDay))
        .collect();
    tx.execute(
        "UPDATE named n SET suspect = s.since FROM unnest($2::text[], $3::date[]) AS s(name, since) \
         WHERE n.day = $1 AND n.name = s.name",
        &[&PgDay(day), &names, &since],
    )?;
    Ok(found)
}

/// Rows that are many only together become one of nobody.
fn add_up(tx: &Transaction<'_>, day: Day) -> Result<(), Fault> {
    let names = tx.query(MANY_TOGETHER, &[&PgDay(day)])?;
    let names: Vec<String> = names
        .iter()
        .map(|row| row.try_get(0))
        .collect::<Result<_, _>>()?;
    if names.is_empty() {
        return Ok(());
    }
    let rows = tx.query(
        "DELETE FROM named WHERE day = $1 AND name = ANY($2) \
         RETURNING name, domains, owners, sessions, deliveries, left_out, suspect",
        &[&PgDay(day), &names],
    )?;
    let mut sums: BTreeMap<String, MemberNamed> = BTreeMap::new();
    let mut suspects: BTreeMap<String, PgDay> = BTreeMap::new();
    for row in rows {
        let name: String = row.try_get(0)?;
        if let Some(since) = row.try_get(6)? {
            suspects.insert(name.clone(), since);
        }
        sums.entry(name).or_default().take(&row)?;
    }
    write(tx, 0, day, &sums)?;
    let (names, since): (Vec<String>, Vec<PgDay>) = suspects.into_iter().unzip();
    tx.execute(
        "UPDATE named n SET suspect = s.since FROM unnest($2::text[], $3::date[]) AS s(name, since) \
         WHERE n.day = $1 AND n.name = s.name",
        &[&PgDay(day), &names, &since],
    )
    .map(drop)
}

impl MemberNamed {
    /// Adds a row: behind the name `domains`, `owners`, `sessions`, `deliveries`, `left_out`.
    fn take(&mut self, row: &Row) -> Result<(), Fault> {
        let number = |at| row.try_get(at).map(count);
        self.domains = self.domains.saturating_add(number(1)?);
        self.owners
            .merge(&OwnerSketch::from_bytes(row.try_get::<_, &[u8]>(2)?));
        self.sessions = self.sessions.saturating_add(number(3)?);
        self.deliveries = self.deliveries.saturating_add(number(4)?);
        self.left_out = self.left_out.saturating_add(number(5)?);
        Ok(())
    }
}

/// All rows of the names of a day that are told.
fn of_day() -> String {
    format!(
        "WITH told AS (SELECT DISTINCT name FROM named WHERE day = $1 AND {TOLD}), \
         most AS (SELECT name, sum(domains) AS domains FROM named WHERE day = $1 AND name IN (SELECT name FROM told) \
         GROUP BY name ORDER BY 2 DESC, name LIMIT $2) \
         SELECT n.name, n.domains, n.owners, n.sessions, n.deliveries, n.left_out, n.suspect \
         FROM named n JOIN most ON most.name = n.name WHERE n.day = $1"
    )
}

/// One a name, those of the most domains first.
fn in_order(rows: Vec<Row>, day: Day) -> Result<Vec<NamedDestination>, Fault> {
    let mut sums: BTreeMap<String, (MemberNamed, Option<PgDay>)> = BTreeMap::new();
    for row in rows {
        let (sum, suspect) = sums.entry(row.try_get(0)?).or_default();
        sum.take(&row)?;
        *suspect = row.try_get::<_, Option<PgDay>>(6)?.or(*suspect);
    }
    let named = |(name, (sum, suspect)): (String, (MemberNamed, Option<PgDay>))| NamedDestination {
        day,
        name,
        domains: sum.domains,
        owners: sum.owners.number(),
        sessions: sum.sessions,
        deliveries: sum.deliveries,
        left_out: sum.left_out,
        suspect_since: suspect.map(|since| since.0),
    };
    let mut all: Vec<NamedDestination> = sums.into_iter().map(named).collect();
    all.sort_by_key(|of| std::cmp::Reverse(of.domains));
    Ok(all)
}

/// By how many domains these were named on the days before, the last day first; and whether any of the days is known, under ''.
fn named_before(
    tx: &Transaction<'_>,
    day: Day,
    names: &[&str],
) -> Result<HashMap<String, Vec<(Day, u64)>>, Fault> {
    let names: BTreeSet<&str> = names.iter().copied().chain([""]).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let rows = tx.query(
        "SELECT name, day, sum(domains)::bigint FROM named WHERE day BETWEEN $1 AND $2 AND name = ANY($3) \
         GROUP BY name, day ORDER BY name, day DESC",
        &[&PgDay(day.back(NAMED_DAYS)), &PgDay(day.previous()), &names],
    )?;
    let mut before: HashMap<String, Vec<(Day, u64)>> = HashMap::new();
    for row in rows {
        let (of, domains): (PgDay, i64) = (row.try_get(1)?, row.try_get(2)?);
        before
            .entry(row.try_get(0)?)
            .or_default()
            .push((of.0, count(domains)));
    }
    Ok(before)
}

/// See [`History::named`](crate::store::History::named).
pub(super) fn read(db: &Session, from: Day, to: Day) -> Result<Vec<NamedDestination>, StoreError> {
    let what = "who is named";
    let mut day = from;
    let mut all = Vec::new();
    while day <= to {
        let rows = db.query(&of_day(), &[&PgDay(day), &LOOKED_AT]);
        let found = rows.and_then(|rows| in_order(rows, day));
        all.extend(found.map_err(|fault| unreadable(what, fault))?);
        day = day.next();
    }
    Ok(all)
}

/// See [`Decisions::deliveries_to`](crate::store::Decisions::deliveries_to).
pub(super) fn deliveries_to(
    store: &PostgresStore,
    day: Day,
    names: &[String],
) -> Result<HashMap<String, u64>, StoreError> {
    let what = "the reports of a destination";
    let rows = store.read(
        what,
        "SELECT name, sum(deliveries)::bigint FROM named WHERE day = $1 AND name = ANY($2) GROUP BY name",
        &[&PgDay(day), &names],
    )?;
    let made = |row: &Row| Ok::<_, Fault>((row.try_get(0)?, count(row.try_get(1)?)));
    rows.iter()
        .map(made)
        .collect::<Result<_, _>>()
        .map_err(|fault| unreadable(what, fault))
}

/// Removes what few name, of all days but the two that were decided last; says whether there is more.
pub(super) fn clean_few(tx: &Transaction<'_>) -> Result<bool, Fault> {
    let removed = tx.execute(
        &format!(
            "DELETE FROM named WHERE (day, name, member) IN (SELECT day, name, member FROM named \
             WHERE day < (SELECT day FROM decided ORDER BY day DESC LIMIT 1 OFFSET 1) AND name <> '' AND NOT {TOLD} LIMIT $1)"
        ),
        &[&CLEANED_AT_ONCE],
    )?;
    Ok(removed > 0)
}

/// Removes what is older than the history.
pub(super) fn clean(tx: &Transaction<'_>, oldest: Day) -> Result<(), Fault> {
    tx.execute("DELETE FROM named WHERE day < $1", &[&PgDay(oldest)])
        .map(drop)
}
