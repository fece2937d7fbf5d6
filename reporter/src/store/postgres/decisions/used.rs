//! Answers whose counts are in a report, or have a reason why not.
//!
//! Such a row is removed. What has to be known of it for good is one number in the row of its report: that of the fetch job
//! that brought it. So an answer that comes again is not reported again, whatever became of the row.

use std::collections::{BTreeSet, HashMap};

use tlsrptd_fleet::{Fault, PgDay, Shard, Transaction, stored_text};
use tlsrptd_proto::day::Day;

use super::super::answers::{UNDECIDED, shard_of_domain};
use crate::model::DecidedDomain;

/// A row that says more than that it was used (what came late, or under another name) stays for that, without its counts.
const USE: &str = "WITH used AS (SELECT * FROM unnest($2::smallint[], $3::text[], $4::text[]) AS u(shard, domain, command)), \
    removed AS (DELETE FROM answer a USING used u WHERE a.day = $1 AND a.shard = u.shard AND a.domain = u.domain \
    AND a.command = u.command AND a.reason IS NULL AND a.state <> 'late' RETURNING a.domain, a.job), \
    emptied AS (UPDATE answer a SET data = '', state = CASE a.state WHEN 'aside' THEN 'fetched' ELSE a.state END \
    FROM used u WHERE a.day = $1 AND a.shard = u.shard AND a.domain = u.domain AND a.command = u.command \
    AND (a.reason IS NOT NULL OR a.state = 'late')) \
    SELECT domain, job FROM removed ORDER BY domain, job";

/// A row that cannot be used says why. What came late is not looked at once more.
const SPOIL: &str = "UPDATE answer a SET reason = u.reason, state = CASE a.state WHEN 'late' THEN 'late' ELSE 'unusable' END, \
    data = CASE a.state WHEN 'late' THEN '' ELSE a.data END \
    FROM unnest($2::smallint[], $3::text[], $4::text[], $5::text[]) AS u(shard, domain, command, reason) \
    WHERE a.day = $1 AND a.shard = u.shard AND a.domain = u.domain AND a.command = u.command";

/// A decision that says nothing of its rows ends them all the same.
fn pass_rows() -> String {
    format!(
        "UPDATE answer a SET state = CASE a.state WHEN 'late' THEN 'late' ELSE 'unusable' END, \
         data = CASE a.state WHEN 'late' THEN '' ELSE a.data END FROM unnest($2::smallint[], $3::text[]) AS u(shard, domain) \
         WHERE a.day = $1 AND a.shard = u.shard AND a.domain = u.domain AND {UNDECIDED}"
    )
}

/// Removes the rows that were used. Gives the numbers of their jobs by domain, as `report.jobs` has them.
pub(super) fn remove(
    tx: &Transaction<'_>,
    day: Day,
    decisions: &[DecidedDomain],
) -> Result<HashMap<String, String>, Fault> {
    let (mut shards, mut domains, mut commands) = (Vec::new(), Vec::new(), Vec::new());
    for decided in decisions {
        let shard: Shard = shard_of_domain(&decided.domain);
        for command in &decided.rows.used {
            shards.push(shard);
            domains.push(decided.domain.as_str());
            commands.push(command.as_str());
        }
    }
    if domains.is_empty() {
        return Ok(HashMap::new());
    }
    let mut jobs: HashMap<String, BTreeSet<i32>> = HashMap::new();
    for row in tx.query(USE, &[&PgDay(day), &shards, &domains, &commands])? {
        jobs.entry(row.try_get(0)?)
            .or_default()
            .insert(row.try_get(1)?);
    }
    let text = |jobs: BTreeSet<i32>| {
        let jobs: Vec<String> = jobs.iter().map(i32::to_string).collect();
        jobs.join(",")
    };
    Ok(jobs
        .into_iter()
        .map(|(domain, jobs)| (domain, text(jobs)))
        .collect())
}

/// Notes why rows could not be used.
pub(super) fn spoil(
    tx: &Transaction<'_>,
    day: Day,
    decisions: &[DecidedDomain],
) -> Result<(), Fault> {
    let (mut shards, mut domains) = (Vec::new(), Vec::new());
    let (mut commands, mut reasons) = (Vec::new(), Vec::new());
    for decided in decisions {
        for (command, reason) in &decided.rows.bad {
            shards.push(shard_of_domain(&decided.domain));
            domains.push(decided.domain.as_str());
            commands.push(command.as_str());
            reasons.push(stored_text(reason));
        }
    }
    if domains.is_empty() {
        return Ok(());
    }
    tx.execute(
        SPOIL,
        &[&PgDay(day), &shards, &domains, &commands, &reasons],
    )
    .map(drop)
}

/// Ends the rows of decisions that name none: nobody would look at them otherwise than in vain, again and again.
pub(super) fn pass(
    tx: &Transaction<'_>,
    day: Day,
    decisions: &[DecidedDomain],
) -> Result<(), Fault> {
    let silent = decisions.iter();
    let silent = silent.filter(|of| of.rows.used.is_empty() && of.rows.bad.is_empty());
    let domains: Vec<&str> = silent.map(|decided| decided.domain.as_str()).collect();
    let shards: Vec<Shard> = domains.iter().map(|name| shard_of_domain(name)).collect();
    match domains.is_empty() {
        true => Ok(()),
        false => tx
            .execute(&pass_rows(), &[&PgDay(day), &shards, &domains])
            .map(drop),
    }
}
