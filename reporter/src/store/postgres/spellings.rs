//! One domain in two spellings: one report. See `normalize_domains` of the SQLite engine.
//!
//! Rows keep the names that their collectors know until their day is gathered; then the data of each moves to a row of the
//! normalized name, in the same shard. The row of the other spelling stays as a used one: should the collector answer once
//! more, its counts are known.

use jiff::Timestamp;
use tlsrptd_fleet::{Fault, PgDay, PgTime, Shard, Transaction};
use tlsrptd_proto::{day::Day, domain::Domain};

use super::{answers::UNDECIDED, r_id};

/// Not in the form that our collectors write. What is shipped always is.
const IN_OTHER_SPELLING: &str = "a.job <> 0 AND (a.domain ~ '[^-a-z0-9._]' OR a.domain LIKE '%.')";

/// Moves the data of rows (`$2`, `$3`, `$4`, `$5`) to rows of the normalized names (`$6`). The key of a row allows one spelling a
/// collector; the spaces behind the command keep the row's name its own.
const MOVE: &str = "WITH renamed AS (SELECT a.*, u.normalized, \
    coalesce((SELECT max(x.spelling) + 1 FROM answer x WHERE x.day = $1 AND x.shard = a.shard AND x.domain = u.normalized \
    AND x.job = a.job), 0) + row_number() OVER (PARTITION BY u.normalized, a.job ORDER BY a.domain, a.spelling) - 1 AS next \
    FROM unnest($2::smallint[], $3::text[], $4::int[], $5::smallint[], $6::text[]) AS u(shard, domain, job, spelling, normalized) \
    JOIN answer a ON a.day = $1 AND a.shard = u.shard AND a.domain = u.domain AND a.job = u.job AND a.spelling = u.spelling) \
    INSERT INTO answer(day, shard, domain, job, spelling, command, state, data, reason) \
    SELECT $1, shard, normalized, job, next, rtrim(command) || repeat(' ', next::int), \
    CASE WHEN EXISTS (SELECT 1 FROM report r WHERE r.day = $1 AND r.domain = normalized AND NOT r.mx) THEN 'late' \
    WHEN state = 'aside' THEN 'fetched' ELSE state END, data, 'listed as ' || domain FROM renamed";

const LEAVE: &str = "UPDATE answer a SET data = '', state = CASE a.state WHEN 'aside' THEN 'fetched' ELSE a.state END, \
    reason = 'reported as ' || u.normalized \
    FROM unnest($2::smallint[], $3::text[], $4::int[], $5::smallint[], $6::text[]) AS u(shard, domain, job, spelling, normalized) \
    WHERE a.day = $1 AND a.shard = u.shard AND a.domain = u.domain AND a.job = u.job AND a.spelling = u.spelling";

/// Rows in other spellings, column by column.
#[derive(Debug, Default)]
struct SpelledRows {
    shards: Vec<Shard>,
    domains: Vec<String>,
    jobs: Vec<i32>,
    spellings: Vec<i16>,
    normalized: Vec<String>,
}

/// Gives all rows of these shards their normalized names. Invalid names stay as they are, and get no report.
pub(super) fn normalize(
    tx: &Transaction<'_>,
    day: Day,
    shards: &[Shard],
    now: Timestamp,
) -> Result<(), Fault> {
    let rows = find(tx, day, shards)?;
    if rows.domains.is_empty() {
        return Ok(());
    }
    for sql in [MOVE, LEAVE] {
        tx.execute(
            sql,
            &[
                &PgDay(day),
                &rows.shards,
                &rows.domains,
                &rows.jobs,
                &rows.spellings,
                &rows.normalized,
            ],
        )?;
    }
    tx.execute(
        &format!(
            "INSERT INTO report(day, r_id, shard, domain, uniqid, created, reason, sessions) \
             SELECT $1, {next}, u.shard, u.domain, 1, $5, 'reported as ' || u.normalized, 0 \
             FROM (SELECT DISTINCT ON (shard, domain) * FROM unnest($2::smallint[], $3::text[], $4::text[]) \
             AS d(shard, domain, normalized) ORDER BY shard, domain) u \
             WHERE NOT EXISTS (SELECT 1 FROM report r WHERE r.day = $1 AND r.domain = u.domain)",
            next = r_id::NEXT
        ),
        &[
            &PgDay(day),
            &rows.shards,
            &rows.domains,
            &rows.normalized,
            &PgTime(now),
        ],
    )
    .map(drop)
}

fn find(tx: &Transaction<'_>, day: Day, shards: &[Shard]) -> Result<SpelledRows, Fault> {
    let mut rows = SpelledRows::default();
    tx.for_each(
        &format!(
            "SELECT a.shard, a.domain, a.job, a.spelling FROM answer a \
             WHERE a.day = $1 AND a.shard = ANY($2) AND {UNDECIDED} AND {IN_OTHER_SPELLING}"
        ),
        &[&PgDay(day), &shards],
        |row| {
            let domain: String = row.try_get(1)?;
            let normalized = Domain::parse(&domain).map(|name| name.to_string());
            if let Ok(normalized) = normalized
                && normalized != domain
            {
                rows.shards.push(row.try_get(0)?);
                rows.domains.push(domain);
                rows.jobs.push(row.try_get(2)?);
                rows.spellings.push(row.try_get(3)?);
                rows.normalized.push(normalized);
            }
            Ok(())
        },
    )?;
    Ok(rows)
}
