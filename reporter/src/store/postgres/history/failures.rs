//! What failed most on a day: at most so many rows, and one a shard for the rest.
//!
//! A domain belongs to one shard, so no two members have a failure in common. Each member bounds the rows of its own shards as the
//! SQLite engine bounds those of all: while there is room every failure gets a row, and afterwards one of more sessions takes the
//! place of the least. So while a day is composed it has at most `history_failures` rows a member; when it is closed, those beyond
//! the option are folded over all of them ([`FailuresOfShards::end_day`]).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tlsrptd_fleet::{Fault, PgDay, Shard, Transaction, shard_of, stored_text};
use tlsrptd_proto::day::Day;

use super::{count, integer};
use crate::{
    model::{CountedDetails, CountedFailure, DecidedDomain},
    store::history_failure::number_of,
};

/// Rows that go in one transaction.
const CLEANED_AT_ONCE: i64 = 10_000;

/// What is folded, or gives way, goes to its shard's row. When all domains fail, their texts must not stay for a year for having
/// come first.
const FOLD: &str = "WITH gone AS (DELETE FROM failing WHERE day = $1 AND failure = ANY($2) AND failure <> 0 \
    RETURNING shard, failure, sessions), \
    texts AS (DELETE FROM failure WHERE id IN (SELECT failure FROM gone) AND first = $1 AND last = $1) \
    INSERT INTO failing AS f(day, shard, failure, sessions) \
    SELECT $1::date, shard, 0, least(sum(sessions), 9223372036854775807)::bigint FROM \
    (SELECT shard, sessions FROM gone UNION ALL SELECT * FROM unnest($3::smallint[], $4::bigint[])) AS more(shard, sessions) \
    GROUP BY shard ORDER BY shard \
    ON CONFLICT (day, shard, failure) DO UPDATE SET \
    sessions = least(f.sessions, 9223372036854775807 - excluded.sessions) + excluded.sessions";

/// Other texts may have this number, once in a million million; and nobody's day may fail for that.
const ADD: &str = "WITH given AS (SELECT * FROM unnest($2::bigint[], $3::smallint[], $4::bigint[], $5::text[], $6::text[], \
    $7::text[], $8::text[], $9::text[], $10::text[]) AS g(id, shard, sessions, domain, mx, address, policy, result, reason)), \
    texts AS (INSERT INTO failure AS t(id, domain, mx, address, policy, result, reason, first, last) \
    SELECT id, domain, mx, address, policy, result, reason, $1::date, $1::date FROM given \
    ON CONFLICT (id) DO UPDATE SET first = least(t.first, $1::date), last = greatest(t.last, $1::date)) \
    INSERT INTO failing AS f(day, shard, failure, sessions) SELECT $1::date, shard, id, sessions FROM given \
    ON CONFLICT (day, shard, failure) DO UPDATE SET \
    sessions = least(f.sessions, 9223372036854775807 - excluded.sessions) + excluded.sessions";

/// The failures of the day that is being composed, of the shards that are this member's.
#[derive(Debug, Default)]
pub(in super::super) struct FailuresOfShards {
    limit: usize,
    shards: Vec<Shard>,
    /// As the table has them. `None`: to be read; so after every transaction that was undone.
    day: Option<DayOfShards>,
}

/// One day of them, the least first.
#[derive(Debug)]
struct DayOfShards {
    day: Day,
    /// Sessions, and the failure's number.
    rows: BTreeSet<(u64, i64)>,
    /// By their number.
    sessions: HashMap<i64, u64>,
}

/// What a transaction changes, as it is not written yet.
#[derive(Default)]
struct FailureChanges<'a> {
    added: BTreeMap<i64, AddedFailure<'a>>,
    removed: Vec<i64>,
    folded: BTreeMap<Shard, u64>,
}

struct AddedFailure<'a> {
    shard: Shard,
    domain: &'a str,
    failure: &'a CountedFailure,
    sessions: u64,
}

impl FailuresOfShards {
    /// No more than this number of failures is remembered of a day.
    pub(in super::super) fn new(limit: usize) -> FailuresOfShards {
        FailuresOfShards {
            limit,
            ..FailuresOfShards::default()
        }
    }

    /// What is in memory may differ from the table, or is not needed any more.
    pub(in super::super) fn forget(&mut self) {
        self.day = None;
    }

    /// These are the member's now.
    pub(super) fn are_of(&mut self, shards: &[Shard]) {
        if self.shards != shards {
            self.shards = shards.to_vec();
            self.forget();
        }
    }

    /// Adds the failures of decided domains to those of their day. Each is given once, however often the step is made.
    pub(in super::super) fn add<'a>(
        &mut self,
        tx: &Transaction<'_>,
        day: Day,
        decisions: impl IntoIterator<Item = &'a DecidedDomain>,
    ) -> Result<(), Fault> {
        let failed = |decided: &&DecidedDomain| !decided.rows.details.by_result.is_empty();
        let mut failed = decisions.into_iter().filter(failed).peekable();
        if failed.peek().is_none() {
            return Ok(());
        }
        let mut open = match self.day.take().filter(|open| open.day == day) {
            Some(open) => open,
            None => DayOfShards::read(tx, day, &self.shards)?,
        };
        let mut changes = FailureChanges::default();
        // The option may have become less.
        while open.rows.len() > self.limit {
            open.fold_least(&mut changes);
        }
        for decided in failed {
            let shard = shard_of(&decided.domain);
            let CountedDetails {
                failures, folded, ..
            } = &decided.rows.details;
            changes.fold(shard, *folded);
            for failure in failures {
                open.add(&mut changes, shard, decided, failure, self.limit);
            }
        }
        changes.write(tx, day)?;
        self.day = Some(open);
        Ok(())
    }

    /// The day is decided, in all shards: its least rows are folded, as far as all members together have too many.
    pub(in super::super) fn end_day(
        &mut self,
        tx: &Transaction<'_>,
        day: Day,
    ) -> Result<(), Fault> {
        let limit = i64::try_from(self.limit).unwrap_or(i64::MAX);
        let beyond = tx.query(
            "SELECT failure FROM failing WHERE day = $1 AND failure <> 0 ORDER BY sessions DESC, failure DESC OFFSET $2",
            &[&PgDay(day), &limit],
        )?;
        if beyond.is_empty() {
            return Ok(());
        }
        self.forget();
        let mut changes = FailureChanges::default();
        for row in beyond {
            changes.removed.push(row.try_get(0)?);
        }
        changes.write(tx, day)
    }
}

impl DayOfShards {
    fn read(tx: &Transaction<'_>, day: Day, shards: &[Shard]) -> Result<DayOfShards, Fault> {
        let mut read = DayOfShards {
            day,
            rows: BTreeSet::new(),
            sessions: HashMap::new(),
        };
        let sql = "SELECT failure, sessions FROM failing WHERE day = $1 AND shard = ANY($2) AND failure <> 0";
        for row in tx.query(sql, &[&PgDay(day), &shards])? {
            read.set(row.try_get(0)?, count(row.try_get(1)?));
        }
        Ok(read)
    }

    fn set(&mut self, id: i64, sessions: u64) {
        if let Some(before) = self.sessions.insert(id, sessions) {
            self.rows.remove(&(before, id));
        }
        self.rows.insert((sessions, id));
    }

    fn add<'a>(
        &mut self,
        changes: &mut FailureChanges<'a>,
        shard: Shard,
        decided: &'a DecidedDomain,
        failure: &'a CountedFailure,
        limit: usize,
    ) {
        let id = number_of(&decided.domain, failure);
        let before = self.sessions.get(&id).copied();
        if before.is_none() && self.rows.len() >= limit {
            let least = self.rows.first();
            if least.is_none_or(|(least, _)| failure.sessions <= *least) {
                changes.fold(shard, failure.sessions);
                return;
            }
            self.fold_least(changes);
        }
        // What came late goes to the row that there is.
        self.set(id, before.unwrap_or(0).saturating_add(failure.sessions));
        let added = changes.added.entry(id).or_insert(AddedFailure {
            shard,
            domain: &decided.domain,
            failure,
            sessions: 0,
        });
        added.sessions = added.sessions.saturating_add(failure.sessions);
    }

    /// The row of the fewest sessions gives way.
    fn fold_least(&mut self, changes: &mut FailureChanges<'_>) {
        let Some((_, id)) = self.rows.pop_first() else {
            return;
        };
        self.sessions.remove(&id);
        if let Some(added) = changes.added.remove(&id) {
            changes.fold(added.shard, added.sessions);
        }
        changes.removed.push(id);
    }
}

impl FailureChanges<'_> {
    fn fold(&mut self, shard: Shard, sessions: u64) {
        if sessions > 0 {
            let folded = self.folded.entry(shard).or_default();
            *folded = folded.saturating_add(sessions);
        }
    }

    fn write(self, tx: &Transaction<'_>, day: Day) -> Result<(), Fault> {
        if !self.removed.is_empty() || !self.folded.is_empty() {
            let shards: Vec<Shard> = self.folded.keys().copied().collect();
            let sessions: Vec<i64> = self.folded.values().copied().map(integer).collect();
            tx.execute(FOLD, &[&PgDay(day), &self.removed, &shards, &sessions])?;
        }
        if self.added.is_empty() {
            return Ok(());
        }
        let ids: Vec<i64> = self.added.keys().copied().collect();
        let shards: Vec<Shard> = self.added.values().map(|of| of.shard).collect();
        let sessions: Vec<i64> = self.added.values().map(|of| integer(of.sessions)).collect();
        let texts = |text: fn(&AddedFailure<'_>) -> String| -> Vec<String> {
            self.added.values().map(text).collect()
        };
        tx.execute(
            ADD,
            &[
                &PgDay(day),
                &ids,
                &shards,
                &sessions,
                &texts(|of| stored_text(of.domain).into_owned()),
                &texts(|of| stored_text(&of.failure.mx).into_owned()),
                &texts(|of| stored_text(&of.failure.address).into_owned()),
                &texts(|of| of.failure.policy.as_str().to_owned()),
                &texts(|of| of.failure.result.as_str().to_owned()),
                &texts(|of| stored_text(&of.failure.reason).into_owned()),
            ],
        )
        .map(drop)
    }
}

/// Removes a part of what is older, and says whether there is more.
pub(super) fn clean(tx: &Transaction<'_>, oldest: Day) -> Result<bool, Fault> {
    let rows = tx.execute(
        "DELETE FROM failing WHERE (day, shard, failure) IN \
         (SELECT day, shard, failure FROM failing WHERE day < $1 ORDER BY day LIMIT $2)",
        &[&PgDay(oldest), &CLEANED_AT_ONCE],
    )?;
    if rows > 0 {
        return Ok(true);
    }
    let texts = tx.execute(
        "DELETE FROM failure WHERE id IN (SELECT id FROM failure WHERE last < $1 ORDER BY last LIMIT $2)",
        &[&PgDay(oldest), &CLEANED_AT_ONCE],
    )?;
    Ok(texts > 0)
}
