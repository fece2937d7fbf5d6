//! The end of a member's part of a day; of the last part, the end of the day.

use jiff::Timestamp;
use tlsrptd_fleet::{Fault, PgDay, Row, SHARDS, Shard, ToSql, Transaction};
use tlsrptd_proto::day::Day;

use super::{
    super::{
        PostgresStore,
        answers::UNDECIDED,
        composing, fold,
        history::{self, FailuresOfShards},
        named, unreadable,
    },
    write,
};
use crate::{
    model::{DecidedDomain, NamedDestination, ReportSubject},
    store::{Step, StoreError},
};

/// Of these shards, those with domains that are not decided.
fn with_undecided() -> String {
    format!(
        "SELECT s.shard FROM unnest($2::smallint[]) AS s(shard) \
         WHERE EXISTS (SELECT 1 FROM answer a WHERE a.day = $1 AND a.shard = s.shard AND {UNDECIDED})"
    )
}

/// Each domain of these shards is decided.
const MARK_DECIDED: &str = "UPDATE compose SET decided = true WHERE day = $1 AND shard = ANY($2) AND folded AND NOT decided";

/// When all shards are decided, those are done that have no MX host to be reported on; with `$3` these shards, whatever they have.
const MARK_DONE: &str = "UPDATE compose c SET done = true WHERE c.day = $1 AND c.decided AND NOT c.done \
    AND (SELECT count(*) FROM compose o WHERE o.day = $1 AND o.decided) = $4 \
    AND ($3 AND c.shard = ANY($2) OR NOT EXISTS (SELECT 1 FROM mx_host h WHERE h.day = $1 AND h.shard = c.shard))";

/// What was listed and did not come, unless its job still waits.
const GIVE_UP_LISTED: &str = "UPDATE answer a SET state = 'given up' WHERE a.day = $1 AND a.data IS NULL AND a.state = 'listed' \
    AND NOT EXISTS (SELECT 1 FROM fetch_job j WHERE j.day = $1 AND j.job = a.job AND NOT j.decided AND j.closed IS NULL)";

impl PostgresStore {
    /// See [`Decisions::close_day`](crate::store::Decisions::close_day): this member's shards, and with the last of all the day.
    pub(super) fn close_shards(
        &mut self,
        day: Day,
        decisions: &[DecidedDomain],
        now: Timestamp,
    ) -> Result<Vec<NamedDestination>, StoreError> {
        self.make_partitions(day, Step::DayDecided)?;
        let (member, leaves_mx_hosts) = (self.member.id(), !self.mx_reports);
        let composed = self.composed_shards(day);
        let mut shards = [write::shards_of(decisions), composed.clone()].concat();
        shards.sort_unstable();
        shards.dedup();
        let closed = self.transact_with_failures(Step::DayDecided, &shards, |tx, failures| {
            // Members that end their parts at the same time come one after the other: one of them is the last.
            composing::lock(tx, day)?;
            let stored = write::store(tx, member, day, decisions, ReportSubject::Domain, now)?;
            failures.add(tx, day, stored.of(decisions))?;
            let is_last = mark(tx, day, &composed, leaves_mx_hosts)?;
            let named = match is_last {
                true => end_day(tx, member, day, failures)?,
                false => Vec::new(),
            };
            Ok((stored, named))
        });
        let (stored, named) = closed?;
        self.failures.forget();
        self.composed = None;
        self.schedule_deliveries(&stored);
        Ok(named)
    }

    /// Whether MX hosts are decided on: when all domains of all shards are.
    pub(super) fn is_time_for_mx_hosts(&self, day: Day) -> Result<bool, StoreError> {
        let mine = self.composed_shards(day);
        are_domains_decided(|sql, values| self.db.query(sql, values), day, &mine)
            .map_err(|fault| unreadable("undecided shards", fault))
    }
}

/// Whether all domains of the day are decided on: those of the shards that are `mine`, whether or not they are marked yet.
pub(super) fn are_domains_decided(
    query: impl Fn(&str, &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Fault>,
    day: Day,
    mine: &[Shard],
) -> Result<bool, Fault> {
    let others: Vec<Shard> = (0..SHARDS).filter(|shard| !mine.contains(shard)).collect();
    let rows = query(
        &format!(
            "SELECT (SELECT count(*) FROM compose WHERE day = $1 AND shard = ANY($3) AND decided), \
             (SELECT count(*) FROM compose WHERE day = $1 AND shard = ANY($2) AND folded), \
             (SELECT count(*) FROM ({}) u)",
            with_undecided()
        ),
        &[&PgDay(day), &mine, &others],
    )?;
    let Some(row) = rows.first() else {
        return Ok(false);
    };
    let [decided, folded, undecided]: [i64; 3] =
        [row.try_get(0)?, row.try_get(1)?, row.try_get(2)?];
    let are_all = |found: i64, of: usize| usize::try_from(found) == Ok(of);
    Ok(are_all(decided, others.len()) && are_all(folded, mine.len()) && undecided == 0)
}

/// Marks what is decided. Gives whether the day is, with it.
fn mark(
    tx: &Transaction<'_>,
    day: Day,
    shards: &[Shard],
    leaves_mx_hosts: bool,
) -> Result<bool, Fault> {
    let of_day = PgDay(day);
    fold::mark_without_counts(tx, day, shards)?;
    let mut decided = shards.to_vec();
    // What came in the middle, or was taken over, is composed when the day begins again.
    for row in tx.query(&with_undecided(), &[&of_day, &shards])? {
        let open: Shard = row.try_get(0)?;
        decided.retain(|shard| *shard != open);
    }
    tx.execute(MARK_DECIDED, &[&of_day, &decided])?;
    let all = i64::from(SHARDS);
    tx.execute(MARK_DONE, &[&of_day, &decided, &leaves_mx_hosts, &all])?;
    let done = tx.query_opt(
        "SELECT count(*) FROM compose WHERE day = $1 AND done",
        &[&of_day],
    )?;
    let done: i64 = done.map_or(Ok(0), |row| row.try_get(0))?;
    Ok(done == all)
}

/// The day is decided.
fn end_day(
    tx: &Transaction<'_>,
    member: i64,
    day: Day,
    failures: &mut FailuresOfShards,
) -> Result<Vec<NamedDestination>, Fault> {
    let of_day = PgDay(day);
    if !composing::end(tx, day)? {
        // The same step was made before.
        return Ok(Vec::new());
    }
    tx.execute(GIVE_UP_LISTED, &[&of_day])?;
    tx.execute(
        "UPDATE fetch_job SET decided = true WHERE day = $1 AND NOT decided AND closed IS NOT NULL",
        &[&of_day],
    )?;
    let all_answered = tx.query_opt(
        "SELECT 1 FROM fetch_job WHERE day = $1 HAVING bool_and(decided AND outcome = 'answered')",
        &[&of_day],
    )?;
    if all_answered.is_some() {
        history::day_is_known(tx, member, day)?;
    }
    failures.end_day(tx, day)?;
    tx.execute(
        "INSERT INTO decided(day) VALUES($1) ON CONFLICT DO NOTHING",
        &[&of_day],
    )?;
    named::end_day(tx, day)
}
