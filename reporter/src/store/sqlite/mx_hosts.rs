//! Sessions at MX hosts, added up while the domains of a day are decided on one by one, until the host is decided on.
//!
//! What a domain adds was in its collectors' rows, which are emptied in the same transaction: the file does not grow by it.
//! Of one host so many policies and failures are told apart; behind them the counters stay exact.

use rusqlite::{Connection, Transaction, named_params};
use tlsrptd_proto::{
    counts::{PolicyCounts, ReportCounts},
    day::Day,
    domain::Domain,
    failure::{Failure, FailureKey},
    policy::{Policy, PolicyKey},
};

use super::{SqliteStore, decisions::integer};
use crate::{
    model::{DecidedDomain, Destination, MxHost, MxHostDay, NamedBy},
    store::mx_bounds::MxKinds,
};

/// A host and where its report goes; how many policies, and rows in all, it has in the other table; sessions that are told
/// in domains' reports already. Of the sessions: those of a policy stand at no failure.
pub(super) const TABLES: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS tlsrptd_mx_hosts(day TEXT, host TEXT, destinations TEXT, policies INTEGER, kinds INTEGER, \
     told INTEGER, PRIMARY KEY(day, host)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS tlsrptd_mx_sessions(day TEXT, host TEXT, policy TEXT, failure TEXT, sessions INTEGER, \
     failed INTEGER, PRIMARY KEY(day, host, policy, failure)) WITHOUT ROWID",
];

impl SqliteStore {
    /// From now on mails on MX hosts are looked for when a domain is guarded against loops.
    pub fn report_on_mx_hosts(&mut self) {
        self.mx_reports = true;
    }
}

/// Adds what a decided domain has.
pub(super) fn add(
    tx: &Transaction<'_>,
    day: &str,
    decided: &DecidedDomain,
) -> rusqlite::Result<()> {
    for share in &decided.rows.mx_shares {
        let report = decided.decision.report();
        let is_told = report.is_some_and(|report| share.host.gets(report));
        let told = if is_told { share.counts.sessions() } else { 0 };
        note_host(tx, day, &share.host, told)?;
        if !is_told {
            HostSum::find(tx, day, &share.host.name)?.add(&share.counts)?;
        }
    }
    Ok(())
}

fn note_host(tx: &Transaction<'_>, day: &str, host: &MxHost, told: u64) -> rusqlite::Result<()> {
    let destinations = host.destinations.iter();
    let destinations: Vec<[&str; 2]> = destinations
        .map(|to| [to.uri(), to.named_by.as_str()])
        .collect();
    tx.prepare_cached(
        "INSERT INTO tlsrptd_mx_hosts(day, host, destinations, policies, kinds, told) VALUES(?1, ?2, ?3, 0, 0, ?4) \
         ON CONFLICT(day, host) DO UPDATE SET told = min(told, 9223372036854775807 - ?4) + ?4",
    )?
    .execute((
        day,
        host.name.as_str(),
        serde_json::json!(destinations).to_string(),
        integer(told),
    ))
    .map(drop)
}

/// The sum of one host.
struct HostSum<'a> {
    tx: &'a Transaction<'a>,
    day: &'a str,
    host: &'a Domain,
    kinds: MxKinds,
}

impl<'a> HostSum<'a> {
    fn find(
        tx: &'a Transaction<'_>,
        day: &'a str,
        host: &'a Domain,
    ) -> rusqlite::Result<HostSum<'a>> {
        let mut select = tx.prepare_cached(
            "SELECT policies, kinds FROM tlsrptd_mx_hosts WHERE day = ?1 AND host = ?2",
        )?;
        let kinds = select.query_row((day, host.as_str()), |row| {
            Ok(MxKinds {
                policies: row.get(0)?,
                kinds: row.get(1)?,
            })
        })?;
        Ok(HostSum {
            tx,
            day,
            host,
            kinds,
        })
    }

    fn add(mut self, counts: &ReportCounts) -> rusqlite::Result<()> {
        let before = self.kinds;
        for (policy, counted) in counts.records.values().flatten() {
            let policy = self.add_policy(policy, counted)?;
            for (failure, sessions) in &counted.failures {
                self.add_failure(&policy, failure, *sessions)?;
            }
        }
        if self.kinds == before {
            return Ok(());
        }
        self.tx
            .prepare_cached(
                "UPDATE tlsrptd_mx_hosts SET policies = ?3, kinds = ?4 WHERE day = ?1 AND host = ?2",
            )?
            .execute((
                self.day,
                self.host.as_str(),
                self.kinds.policies,
                self.kinds.kinds,
            ))
            .map(drop)
    }

    /// Gives the policy under which its failures are counted.
    fn add_policy(
        &mut self,
        policy: &Policy,
        counted: &PolicyCounts<Failure>,
    ) -> rusqlite::Result<PolicyKey> {
        let (key, total, failed) = (PolicyKey::from(policy), counted.total, counted.failed);
        if self.is_there(&key, "", total, failed)? {
            return Ok(key);
        }
        let key = match self.kinds.take_policy() {
            true => key,
            false => PolicyKey::from(&Policy::folded(policy.kind, self.host)),
        };
        self.put(&key, "", total, failed)?;
        Ok(key)
    }

    fn add_failure(
        &mut self,
        policy: &PolicyKey,
        failure: &Failure,
        sessions: u64,
    ) -> rusqlite::Result<()> {
        let key = FailureKey::from(failure);
        if self.is_there(policy, key.as_str(), sessions, 0)? {
            return Ok(());
        }
        match self.kinds.take_failure() {
            true => self.put(policy, key.as_str(), sessions, 0),
            false => self.put(policy, key.folded().as_str(), sessions, 0),
        }
    }

    /// Adds to a row, if there is one.
    fn is_there(
        &self,
        policy: &PolicyKey,
        failure: &str,
        sessions: u64,
        failed: u64,
    ) -> rusqlite::Result<bool> {
        let mut update = self.tx.prepare_cached(
            "UPDATE tlsrptd_mx_sessions SET sessions = min(sessions, 9223372036854775807 - :sessions) + :sessions, \
             failed = min(failed, 9223372036854775807 - :failed) + :failed \
             WHERE day = :day AND host = :host AND policy = :policy AND failure = :failure",
        )?;
        let rows = update.execute(named_params! {
            ":day": self.day, ":host": self.host.as_str(), ":policy": policy.as_str(), ":failure": failure,
            ":sessions": integer(sessions), ":failed": integer(failed),
        })?;
        Ok(rows > 0)
    }

    /// Adds to a row, or makes it.
    fn put(
        &self,
        policy: &PolicyKey,
        failure: &str,
        sessions: u64,
        failed: u64,
    ) -> rusqlite::Result<()> {
        if self.is_there(policy, failure, sessions, failed)? {
            return Ok(());
        }
        self.tx
            .prepare_cached(
                "INSERT INTO tlsrptd_mx_sessions(day, host, policy, failure, sessions, failed) \
                 VALUES(:day, :host, :policy, :failure, :sessions, :failed)",
            )?
            .execute(named_params! {
                ":day": self.day, ":host": self.host.as_str(), ":policy": policy.as_str(), ":failure": failure,
                ":sessions": integer(sessions), ":failed": integer(failed),
            })
            .map(drop)
    }
}

/// See [`Decisions::mx_hosts`](crate::store::Decisions::mx_hosts).
pub(super) fn read(
    db: &Connection,
    day: Day,
    limit: usize,
    bytes: usize,
) -> rusqlite::Result<Vec<MxHostDay>> {
    let day = day.to_string();
    let mut hosts = db.prepare_cached(
        "SELECT host, destinations, told, (SELECT coalesce(max(uniqid), 0) FROM reports r WHERE r.day = ?1 AND r.domain = host) \
         FROM tlsrptd_mx_hosts WHERE day = ?1 ORDER BY host LIMIT ?2",
    )?;
    let mut rows = hosts.query((&day, integer(limit as u64)))?;
    let (mut found, mut read) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let (host, told, reports): (String, i64, i64) = (row.get(0)?, row.get(2)?, row.get(3)?);
        let destinations: String = row.get(1)?;
        let (counts, size) = sum(db, &day, &host)?;
        read += size;
        found.push(MxHostDay {
            destinations: parse_destinations(&destinations),
            counts,
            told: told.unsigned_abs(),
            reports: u64::try_from(reports).unwrap_or(0),
            host,
        });
        if read >= bytes {
            break;
        }
    }
    Ok(found)
}

/// The sessions of one host, and the octets of their texts.
fn sum(db: &Connection, day: &str, host: &str) -> rusqlite::Result<(ReportCounts, usize)> {
    let (mut counts, mut size) = (ReportCounts::default(), 0);
    // Nobody else writes here; what is no name has no report.
    let Ok(domain) = Domain::parse(host) else {
        return Ok((counts, size));
    };
    let mut select = db.prepare_cached(
        "SELECT policy, failure, sessions, failed FROM tlsrptd_mx_sessions WHERE day = ?1 AND host = ?2",
    )?;
    let mut rows = select.query([day, host])?;
    let policies = counts.records.entry(String::new()).or_default();
    while let Some(row) = rows.next()? {
        let (policy, failure): (String, String) = (row.get(0)?, row.get(1)?);
        let number = |column| row.get(column).map(i64::unsigned_abs);
        size += policy.len() + failure.len();
        let policy = Policy::read(&policy, &domain).unwrap_or_else(|_| Policy::unknown(&domain));
        let mut more = PolicyCounts::default();
        if failure.is_empty() {
            (more.total, more.failed) = (number(2)?, number(3)?);
        } else {
            let failure = Failure::read(&failure).unwrap_or_else(|_| Failure::unknown());
            more.failures.insert(failure, number(2)?);
        }
        policies.entry(policy).or_default().merge(more);
    }
    Ok((counts, size))
}

fn parse_destinations(text: &str) -> Vec<Destination> {
    let all: Vec<[String; 2]> = serde_json::from_str(text).unwrap_or_default();
    let parse = |[uri, word]: [String; 2]| Destination::new(uri, NamedBy::from_word(Some(&word)));
    all.into_iter().map(parse).collect()
}

/// A host is decided on.
pub(super) fn remove(tx: &Transaction<'_>, day: &str, host: &str) -> rusqlite::Result<()> {
    for table in ["tlsrptd_mx_sessions", "tlsrptd_mx_hosts"] {
        tx.prepare_cached(&format!("DELETE FROM {table} WHERE day = ?1 AND host = ?2"))?
            .execute([day, host])?;
    }
    Ok(())
}

/// Sums of days that nobody composes any more: `mx_reports` was switched off, or sys4's reporter has decided on them.
/// `is_decided` is the condition on a row of such a day.
pub(super) fn clean(
    tx: &Transaction<'_>,
    oldest: &str,
    is_decided: impl Fn(&str) -> String,
) -> rusqlite::Result<()> {
    for table in ["tlsrptd_mx_sessions", "tlsrptd_mx_hosts"] {
        let decided = is_decided(table);
        tx.execute(
            &format!("DELETE FROM {table} WHERE day < ?1 AND {decided}"),
            [oldest],
        )?;
    }
    Ok(())
}
