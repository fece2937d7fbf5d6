//! Reads what is not decided: shard by shard, and within one by domain.
//!
//! How much is read at once is found out by sizes alone; so whatever a row holds, no more is in memory than was asked for.

use std::collections::HashMap;

use tlsrptd_fleet::{Fault, PgDay, Shard};
use tlsrptd_proto::day::Day;

use super::{
    super::{
        PostgresStore,
        answers::{UNDECIDED, shard_of_domain},
        mails, unreadable,
    },
    strays::StrayRows,
};
use crate::{
    model::{CollectorRow, DomainDay},
    store::{FailingDomains, StoreError},
};

/// Rows that are looked through for failures at once: some ten milliseconds.
const LOOKED_AT: usize = 4096;
/// Rows of a domain that are reckoned with: one a collector. Of more, fewer domains are read.
const ROWS_A_DOMAIN: usize = 8;

/// Rows in order, the first so many: PostgreSQL takes the shards one by one in the order of the array, and goes no further than
/// the limit. Whether a row has failures is asked with `$6`: within a text a quote has a backslash before it, so no text says that.
fn next_rows() -> String {
    format!(
        "SELECT n.shard, n.domain, n.size, n.fails, n.job FROM unnest($2::smallint[]) AS s(shard) CROSS JOIN LATERAL ( \
         SELECT a.shard, a.domain, octet_length(a.data) AS size, a.job, \
         CASE WHEN $6 THEN a.data ~ '\"cntrfailure\" ?: ?[1-9]' ELSE true END AS fails FROM answer a \
         WHERE a.day = $1 AND a.shard = s.shard AND a.domain >= CASE WHEN s.shard = $3 THEN $4 ELSE '' END \
         AND NOT (s.shard = $3 AND a.domain = $4) AND {UNDECIDED} ORDER BY a.domain LIMIT $5) n LIMIT $5"
    )
}

fn rows_of_domains() -> String {
    format!(
        "SELECT a.domain, a.command, a.data FROM unnest($2::smallint[], $3::text[]) AS u(shard, domain) \
         JOIN answer a ON a.day = $1 AND a.shard = u.shard AND a.domain = u.domain WHERE {UNDECIDED} ORDER BY a.domain, a.command"
    )
}

/// What is looked through for them.
#[derive(Clone, Copy)]
struct Look<'a> {
    day: Day,
    shards: &'a [Shard],
    /// Domains that come behind this one.
    after: Option<&'a str>,
    /// Rows at most.
    rows: usize,
    asks_for_failures: bool,
}

/// A domain that is not decided.
#[derive(Debug)]
struct NextDomain {
    shard: Shard,
    name: String,
    size: usize,
    fails: bool,
}

/// The next of them.
#[derive(Debug, Default)]
struct NextDomains {
    domains: Vec<NextDomain>,
    /// There may be more rows, of the last domain too.
    is_cut: bool,
    strays: StrayRows,
}

impl PostgresStore {
    /// See [`Decisions::undecided`](crate::store::Decisions::undecided).
    pub(super) fn read_undecided(
        &self,
        day: Day,
        after: Option<&str>,
        limit: usize,
        bytes: usize,
    ) -> Result<Vec<DomainDay>, StoreError> {
        let rows = limit.saturating_mul(ROWS_A_DOMAIN);
        let read = |shards: &[Shard]| {
            let next = self.next_domains(Look {
                day,
                shards,
                after,
                rows,
                asks_for_failures: false,
            })?;
            let chosen = choose(next.domains, limit, bytes);
            self.domain_days(day, &chosen)
        };
        self.all_or_each(day, after, read, Vec::is_empty)
    }

    /// Reads all shards at once; and if that fails one by one, so that those are left which cannot be read.
    fn all_or_each<T: Default>(
        &self,
        day: Day,
        after: Option<&str>,
        read: impl Fn(&[Shard]) -> Result<T, StoreError>,
        is_empty: impl Fn(&T) -> bool,
    ) -> Result<T, StoreError> {
        let shards = self.shards_from(day, after);
        let error = match read(&shards) {
            Err(error @ StoreError::Read { .. }) => error,
            other => return other,
        };
        // Nothing can be read now, or the connection is a new one.
        let connections = self.db.connections();
        if self.db.query("SELECT 1", &[]).is_err() || self.db.connections() != connections {
            return Err(error);
        }
        for shard in shards {
            match read(&[shard]) {
                Ok(found) if is_empty(&found) => {}
                Err(error @ StoreError::Read { .. }) => {
                    let (failures, seconds) = self.left.leave(day, shard, error.may_pass());
                    tracing::error!(%day, shard, failures, seconds, %error, "what is known of domains cannot be read: this part of the day waits, and it is tried again");
                }
                other => return other,
            }
        }
        Ok(T::default())
    }

    /// See [`Decisions::undecided_failing`](crate::store::Decisions::undecided_failing).
    pub(super) fn read_undecided_failing(
        &self,
        day: Day,
        after: Option<&str>,
        limit: usize,
        bytes: usize,
    ) -> Result<FailingDomains, StoreError> {
        let read = |shards: &[Shard]| self.read_failing(day, shards, after, limit, bytes);
        let is_empty = |found: &FailingDomains| found.domains.is_empty() && found.after.is_none();
        self.all_or_each(day, after, read, is_empty)
    }

    fn read_failing(
        &self,
        day: Day,
        shards: &[Shard],
        after: Option<&str>,
        limit: usize,
        bytes: usize,
    ) -> Result<FailingDomains, StoreError> {
        let mut next = self.next_domains(Look {
            day,
            shards,
            after,
            rows: LOOKED_AT,
            asks_for_failures: true,
        })?;
        let mut upto = None;
        if next.is_cut && next.domains.len() > 1 {
            // A row of the last may be beyond.
            next.domains.pop();
        }
        if next.is_cut {
            upto = next.domains.last().map(|last| last.name.clone());
        }
        let failing = next.domains.into_iter().filter(|domain| domain.fails);
        let chosen = choose(failing.collect(), limit, bytes);
        let domains = self.domain_days(day, &chosen)?;
        let size: usize = domains.iter().map(DomainDay::size).sum();
        let after = match domains.last() {
            Some(last) if domains.len() >= limit || size >= bytes => Some(last.domain.clone()),
            _ => upto,
        };
        Ok(FailingDomains { domains, after })
    }

    /// This member's shards of a day, from that of a domain on.
    fn shards_from(&self, day: Day, after: Option<&str>) -> Vec<Shard> {
        let first = after.map_or(0, shard_of_domain);
        let mut shards = self.composed_shards(day);
        shards.retain(|shard| *shard >= first);
        shards
    }

    fn next_domains(&self, look: Look<'_>) -> Result<NextDomains, StoreError> {
        loop {
            let next = self.look_for_domains(look)?;
            if next.strays.is_empty() {
                return Ok(next);
            }
            self.leave_strays(look.day, &next.strays)?;
        }
    }

    fn look_for_domains(&self, look: Look<'_>) -> Result<NextDomains, StoreError> {
        let mut next = NextDomains::default();
        if look.shards.is_empty() {
            return Ok(next);
        }
        let first = look.after.map_or(-1, shard_of_domain);
        let limit = i64::try_from(look.rows).unwrap_or(i64::MAX);
        let what = "undecided domains";
        let found = self.read(
            what,
            &next_rows(),
            &[
                &PgDay(look.day),
                &look.shards,
                &first,
                &look.after.unwrap_or_default(),
                &limit,
                &look.asks_for_failures,
            ],
        )?;
        next.is_cut = found.len() >= look.rows;
        for row in &found {
            let read = || {
                Ok::<_, Fault>(NextDomain {
                    shard: row.try_get(0)?,
                    name: row.try_get(1)?,
                    size: usize::try_from(row.try_get::<_, i32>(2)?).unwrap_or(0),
                    fails: row.try_get(3)?,
                })
            };
            let domain = read().map_err(|fault| unreadable(what, fault))?;
            let job = row.try_get(4);
            let job = job.map_err(|error| unreadable(what, error.into()))?;
            if next.strays.take(domain.shard, &domain.name, job) {
                continue;
            }
            match next.domains.last_mut() {
                Some(last) if last.name == domain.name => {
                    last.size += domain.size;
                    last.fails |= domain.fails;
                }
                _ => next.domains.push(domain),
            }
        }
        Ok(next)
    }

    /// All that is known of these domains.
    fn domain_days(&self, day: Day, chosen: &[NextDomain]) -> Result<Vec<DomainDay>, StoreError> {
        if chosen.is_empty() {
            return Ok(Vec::new());
        }
        self.try_domain_days(day, chosen)
            .map_err(|fault| unreadable("undecided domains", fault))
    }

    fn try_domain_days(&self, day: Day, chosen: &[NextDomain]) -> Result<Vec<DomainDay>, Fault> {
        let shards: Vec<Shard> = chosen.iter().map(|domain| domain.shard).collect();
        let names: Vec<&str> = chosen.iter().map(|domain| domain.name.as_str()).collect();
        let mut rows: HashMap<String, Vec<CollectorRow>> = HashMap::new();
        for row in self
            .db
            .query(&rows_of_domains(), &[&PgDay(day), &shards, &names])?
        {
            rows.entry(row.try_get(0)?).or_default().push(CollectorRow {
                fetcher: row.try_get(1)?,
                data: row.try_get(2)?,
            });
        }
        let mut reports: HashMap<String, i64> = HashMap::new();
        for row in self.db.query(
            "SELECT domain, max(uniqid) FROM report WHERE day = $1 AND domain = ANY($2) GROUP BY domain",
            &[&PgDay(day), &names],
        )? {
            reports.insert(row.try_get(0)?, row.try_get(1)?);
        }
        let guards_hosts = self.guard.is_some() && self.mx_reports;
        let (mut our_mails, mut mx_mails) = (HashMap::new(), HashMap::new());
        if self.guard.is_some() {
            our_mails = mails::sent_to(&self.db, &names, day)?;
        }
        if guards_hosts {
            mx_mails = mails::on_mx_hosts(&self.db, &names, day)?;
        }
        let of = |name: &str| DomainDay {
            domain: name.to_owned(),
            rows: rows.remove(name).unwrap_or_default(),
            our_mails: our_mails.remove(name).unwrap_or_default(),
            mx_mails: mx_mails.remove(name).unwrap_or_default(),
            reports: reports
                .get(name)
                .map_or(0, |most| u64::try_from(*most).unwrap_or(0)),
        };
        let days = names.into_iter().map(of);
        Ok(days.filter(|domain| !domain.rows.is_empty()).collect())
    }
}

/// At most `limit` domains, and none after the one with which `bytes` are reached.
fn choose(domains: Vec<NextDomain>, limit: usize, bytes: usize) -> Vec<NextDomain> {
    let mut room = bytes;
    let has_room = |domain: &NextDomain| {
        let had = room > 0;
        room = room.saturating_sub(domain.size);
        had
    };
    domains
        .into_iter()
        .take(limit)
        .take_while(has_room)
        .collect()
}
