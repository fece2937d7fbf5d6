//! What collectors have answered: one row a collector, day and domain, in the shard of the domain.
//!
//! A collector is asked by one member, and its answer has domains of all shards: the step is fenced by the job's shard, and
//! their owners find the rows when the day is gathered.

use std::{borrow::Cow, collections::BTreeMap};

use jiff::Timestamp;
use tlsrptd_fleet::{PgDay, Shard, shard_of, stored_text};
use tlsrptd_proto::domain::Domain;

use super::{
    PostgresStore,
    jobs::{number, shard_of_job},
    unreadable,
};
use crate::{
    model::{FetchJob, Fetched},
    store::{ReportData, Step, StoreError},
};

/// Rows whose counts are in no report yet; those that are used are removed or emptied. What comes late waits for the end of its
/// job: another member may be asking while this one composes, and a part of additions would be told again when it is given up.
pub(super) const UNDECIDED: &str = "(a.state IN ('fetched', 'aside') OR a.state = 'late' AND NOT EXISTS \
    (SELECT 1 FROM fetch_job w WHERE w.day = a.day AND w.job = a.job AND NOT w.decided AND w.closed IS NULL)) AND a.data <> ''";

/// Characters of a domain that an index takes. What is longer is no domain name, and gets no report.
const LONGEST_NAME: usize = 300;

/// Stores rows of job `$2`, and tells how many are late. A domain that is in a report with this job's counts came before, unless
/// the collector tells what was added (`$5`).
const STORE: &str = "WITH came AS (SELECT c.shard, c.domain, c.data, \
    EXISTS (SELECT 1 FROM report r WHERE r.day = $1 AND r.domain = c.domain AND NOT r.mx) AS is_reported, \
    EXISTS (SELECT 1 FROM report r WHERE r.day = $1 AND r.domain = c.domain AND NOT r.mx \
    AND $2::int::text = ANY(string_to_array(r.jobs, ','))) AS is_used \
    FROM unnest($6::smallint[], $7::text[], $8::text[]) AS c(shard, domain, data)), \
    unlisted AS (DELETE FROM answer a USING came c WHERE c.is_used AND NOT $5 AND a.day = $1 AND a.shard = c.shard \
    AND a.domain = c.domain AND a.job = $2 AND a.data IS NULL), \
    stored AS (INSERT INTO answer AS a(day, shard, domain, job, command, state, data) \
    SELECT $1, c.shard, c.domain, $2, $3, \
    CASE WHEN $5 OR c.is_reported THEN 'late' WHEN $4 THEN 'aside' ELSE 'fetched' END, c.data \
    FROM came c WHERE $5 OR NOT c.is_used ORDER BY c.shard, c.domain \
    ON CONFLICT (day, shard, domain, job, spelling) DO UPDATE SET data = excluded.data, state = excluded.state, reason = NULL \
    WHERE $5 OR excluded.state <> 'late' OR a.data IS NULL RETURNING a.state) \
    SELECT count(*) FROM stored WHERE state = 'late'";

/// Whether another collector of the day is waited for.
const OTHERS_WAIT: &str = "SELECT 1 FROM fetch_job WHERE day = $1 AND job <> $2 AND NOT decided AND closed IS NULL LIMIT 1";

/// Whether the counts of domain `d` and job `$2` are in no report.
const IS_UNUSED: &str = "NOT EXISTS (SELECT 1 FROM report r WHERE r.day = $1 AND r.domain = d.domain \
    AND $2::int::text = ANY(string_to_array(r.jobs, ',')))";

impl ReportData for PostgresStore {
    fn store_rows(
        &mut self,
        job: &FetchJob,
        rows: &[Fetched],
        _: Timestamp,
    ) -> Result<usize, StoreError> {
        // One domain twice in one statement is an error; the last word counts.
        let rows: BTreeMap<Cow<'_, str>, Cow<'_, str>> = rows
            .iter()
            .map(|row| (stored_name(&row.domain), stored_text(&row.data)))
            .collect();
        let shards: Vec<Shard> = rows.keys().map(|name| shard_of_domain(name)).collect();
        let (domains, data): (Vec<&str>, Vec<&str>) = rows
            .iter()
            .map(|(domain, data)| (domain.as_ref(), data.as_ref()))
            .unzip();
        let (day, index, adds) = (PgDay(job.day), number(job.index), job.seen.is_some());
        let late = self.transact(Step::RowsStored, &[shard_of_job(&job.command)], |tx| {
            let others = tx.query_opt(OTHERS_WAIT, &[&day, &index])?.is_some();
            let stored = tx.query_opt(
                STORE,
                &[
                    &day,
                    &index,
                    &job.command,
                    &others,
                    &adds,
                    &shards,
                    &domains,
                    &data,
                ],
            )?;
            stored.map_or(Ok(0), |row| Ok(row.try_get::<_, i64>(0)?))
        })?;
        Ok(usize::try_from(late).unwrap_or(0))
    }

    fn store_unusable(
        &mut self,
        job: &FetchJob,
        domain: &str,
        reason: &str,
        _: Timestamp,
    ) -> Result<(), StoreError> {
        let domain = stored_name(domain);
        self.transact(Step::RowsStored, &[shard_of_job(&job.command)], |tx| {
            tx.execute(
                &format!(
                    "INSERT INTO answer AS a(day, shard, domain, job, command, state, reason) \
                     SELECT $1, $3, d.domain, $2, $5, 'given up', $6 FROM (SELECT $4::text AS domain) d WHERE {IS_UNUSED} \
                     ON CONFLICT (day, shard, domain, job, spelling) DO UPDATE SET state = excluded.state, reason = excluded.reason \
                     WHERE a.data IS NULL"
                ),
                &[
                    &PgDay(job.day),
                    &number(job.index),
                    &shard_of_domain(&domain),
                    &domain,
                    &job.command,
                    &stored_text(reason),
                ],
            )
            .map(drop)
        })
    }

    fn store_list(
        &mut self,
        job: &FetchJob,
        domains: &[String],
        _: Timestamp,
    ) -> Result<(), StoreError> {
        let domains: Vec<Cow<'_, str>> = domains.iter().map(|name| stored_name(name)).collect();
        let shards: Vec<Shard> = domains.iter().map(|name| shard_of_domain(name)).collect();
        self.transact(Step::ListStored, &[shard_of_job(&job.command)], |tx| {
            tx.execute(
                &format!(
                    "INSERT INTO answer(day, shard, domain, job, command, state) SELECT $1, d.shard, d.domain, $2, $3, 'listed' \
                     FROM unnest($4::smallint[], $5::text[]) AS d(shard, domain) WHERE {IS_UNUSED} \
                     ORDER BY d.shard, d.domain ON CONFLICT DO NOTHING"
                ),
                &[
                    &PgDay(job.day),
                    &number(job.index),
                    &job.command,
                    &shards,
                    &domains,
                ],
            )
            .map(drop)
        })
    }

    fn list_ended(&mut self, job: &FetchJob) -> Result<(), StoreError> {
        self.transact(Step::ListStored, &[shard_of_job(&job.command)], |tx| {
            tx.execute(
                "UPDATE fetch_job SET listed = true, failures = 0 WHERE day = $1 AND job = $2",
                &[&PgDay(job.day), &number(job.index)],
            )
            .map(drop)
        })
    }

    fn unfetched(
        &self,
        job: &FetchJob,
        after: &str,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        let what = "missing details";
        let rows = self.read(
            what,
            "SELECT domain FROM answer WHERE day = $1 AND job = $2 AND domain > $3 AND data IS NULL AND state = 'listed' \
             ORDER BY domain LIMIT $4",
            &[
                &PgDay(job.day),
                &number(job.index),
                &stored_text(after),
                &i64::from(limit),
            ],
        )?;
        let domains = rows.iter().map(|row| row.try_get(0));
        domains
            .collect::<Result<_, _>>()
            .map_err(|error| unreadable(what, error.into()))
    }
}

/// A domain as the tables have it, whatever somebody has sent as one.
pub(super) fn stored_name(domain: &str) -> Cow<'_, str> {
    let cut = domain.char_indices().nth(LONGEST_NAME);
    stored_text(cut.map_or(domain, |(at, _)| &domain[..at]))
}

/// The shard of a domain, in whatever spelling: all of them are in one.
pub(super) fn shard_of_domain(stored: &str) -> Shard {
    match Domain::parse(stored) {
        Ok(domain) => shard_of(domain.as_str()),
        Err(_) => shard_of(stored),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_in_any_form_has_one_shard() {
        let shard = shard_of("xn--bcher-kva.example");
        for name in ["bücher.example", "XN--BCHER-KVA.Example", "bücher.example."] {
            assert_eq!(shard_of_domain(name), shard, "{name}");
        }
        let long = "ä".repeat(5000) + "\0";
        let stored = stored_name(&long);
        assert_eq!(stored.chars().count(), LONGEST_NAME);
        assert_eq!(shard_of_domain(&stored), shard_of(&stored));
        assert_eq!(stored_name("a\0b"), "a\u{fffd}b");
    }
}
