//! Rows of days that somebody keeps locked, who is in the middle of writing to them: a shipper whose batch takes long, or one that
//! hangs, until the server ends it; or whoever has its password and keeps them locked. No step of a member waits for that: the day
//! is left for a while, and everything else goes on.

use std::{collections::BTreeMap, time::Duration};

use tlsrptd_fleet::{Fault, PgDay, Shard, Transaction, schema};
use tlsrptd_proto::day::Day;
use tokio::time::Instant;

use super::PostgresStore;
use crate::store::{Step, StoreError};

/// Each try waits for a moment, in which nothing else is done: the next one follows so much later.
const TRY_AGAIN: Duration = Duration::from_secs(5);
/// After so many tries it is told: a batch, and a server that ends a session that hangs, take less.
const TOLD_FIRST: u32 = 15;
/// And then once in so many: an hour.
const TOLD_AGAIN: u32 = 720;

/// Who has changed or locked the rows that are to be closed, and has not committed. Of several who share a lock nobody is seen.
const HOLDERS: &str = "SELECT coalesce('the shipper of ' || c.name, 'somebody'), a.pid, coalesce(a.usename, '?')::text, \
    coalesce(a.application_name, '') FROM (SELECT collector, xmax AS by FROM shipment WHERE day = $1 \
    UNION ALL SELECT NULL, xmax FROM day WHERE day = $1) r \
    JOIN pg_locks l ON l.locktype = 'transactionid' AND l.granted AND l.transactionid = r.by \
    JOIN pg_stat_activity a ON a.pid = l.pid LEFT JOIN collector c ON c.id = r.collector \
    WHERE l.pid <> pg_backend_pid() ORDER BY 1, 2 LIMIT 10";

/// If nobody is seen there, as a row is new or another table's: who has written to or locked rows of these tables, and has not committed.
const SUSPECTS: &str = "SELECT DISTINCT 'perhaps', a.pid, coalesce(a.usename, '?')::text, coalesce(a.application_name, '') \
    FROM pg_locks r JOIN pg_locks x ON x.pid = r.pid AND x.locktype = 'transactionid' AND x.granted \
    JOIN pg_stat_activity a ON a.pid = r.pid WHERE r.locktype = 'relation' AND r.granted AND r.mode <> 'AccessShareLock' \
    AND r.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
    AND r.relation IN ('day'::regclass, 'shipment'::regclass, 'collector'::regclass) \
    AND r.pid <> pg_backend_pid() ORDER BY a.pid LIMIT 10";

/// See the module.
#[derive(Debug, Default)]
pub(super) struct HeldDays(BTreeMap<Day, HeldDay>);

#[derive(Debug)]
struct HeldDay {
    by: String,
    since: Instant,
    tries: u32,
    next: Instant,
}

impl HeldDays {
    /// `Some`: it is not tried for so long.
    pub(super) fn left(&self, day: Day) -> Option<Duration> {
        let left = self.0.get(&day)?.left();
        (!left.is_zero()).then_some(left)
    }

    /// Until the first of them is tried again.
    pub(super) fn until_next(&self) -> Option<Duration> {
        let left = self.0.values().map(HeldDay::left);
        left.filter(|left| !left.is_zero()).min()
    }

    /// Those that are not tried now.
    pub(super) fn days(&self) -> Vec<PgDay> {
        let left = self.0.iter().filter(|(_, held)| !held.left().is_zero());
        left.map(|(day, _)| PgDay(*day)).collect()
    }

    /// What came of a try; `None`: its rows are held.
    fn take<T>(&mut self, day: Day, tried: Try<T>) -> Option<T> {
        match tried {
            Try::Done(done) => {
                self.0.remove(&day);
                Some(done)
            }
            Try::Held { by } => {
                self.note(day, by);
                None
            }
        }
    }

    /// What to say of a day that could not be waited for.
    pub(super) fn fault(&self, day: Day) -> Fault {
        let by = self.0.get(&day).map_or("somebody", |held| &held.by);
        Fault::Held {
            day,
            by: by.to_owned(),
        }
    }

    fn note(&mut self, day: Day, by: String) {
        let now = Instant::now();
        let held = self.0.entry(day).or_insert(HeldDay {
            by: String::new(),
            since: now,
            tries: 0,
            next: now,
        });
        held.tries = held.tries.saturating_add(1);
        (held.next, held.by) = (now + TRY_AGAIN, by);
        let seconds = now.duration_since(held.since).as_secs();
        if held.tries % TOLD_AGAIN == TOLD_FIRST {
            tracing::warn!(%day, seconds, by = held.by, "the day waits: its rows are held by a transaction that does not end");
        } else {
            tracing::debug!(%day, seconds, by = held.by, "the day waits: its rows are held");
        }
    }
}

impl HeldDay {
    fn left(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }
}

impl PostgresStore {
    /// A step that changes rows of a day which shippers may hold: what of its work needs them is done by [`unless_held`]. `None`:
    /// they are held, or were a moment ago.
    pub(super) fn transact_unless_held<T>(
        &mut self,
        step: Step,
        shards: &[Shard],
        day: Day,
        work: impl FnMut(&Transaction<'_>) -> Result<Try<T>, Fault>,
    ) -> Result<Option<T>, StoreError> {
        if self.held.left(day).is_some() {
            return Ok(None);
        }
        let tried = self.transact(step, shards, work)?;
        Ok(self.held.take(day, tried))
    }

    /// Makes tables of a day, outside of any step: they stay when the step after this fails. Gives whether it did; otherwise the row of
    /// the day is held, or was a moment ago.
    pub(super) fn make_tables(
        &mut self,
        day: Day,
        make: impl Fn(&Transaction<'_>, Day) -> Result<(), Fault>,
    ) -> Result<bool, Fault> {
        if self.held.left(day).is_some() {
            return Ok(false);
        }
        let tx = self.db.begin()?;
        let tried = unless_held(&tx, day, || schema::hold_day(&tx, day))?;
        if matches!(tried, Try::Done(())) {
            make(&tx, day)?;
            tx.commit()?;
        }
        Ok(self.held.take(day, tried).is_some())
    }
}

/// What came of work that waits for nobody.
pub(super) enum Try<T> {
    Done(T),
    /// Nothing of it is done.
    Held {
        /// Who keeps it from being done, as far as can be seen.
        by: String,
    },
}

/// Does the work, unless somebody holds what it needs. Whoever waited here would record nothing and claim nothing.
pub(super) fn unless_held<T>(
    tx: &Transaction<'_>,
    day: Day,
    work: impl FnOnce() -> Result<T, Fault>,
) -> Result<Try<T>, Fault> {
    match tx.unless_locked(work)? {
        Some(done) => Ok(Try::Done(done)),
        None => Ok(Try::Held {
            by: holder(tx, day)?,
        }),
    }
}

/// Who holds the rows of a day, for a log line.
fn holder(tx: &Transaction<'_>, day: Day) -> Result<String, Fault> {
    let mut holders = Vec::new();
    let mut found = tx.query(HOLDERS, &[&PgDay(day)])?;
    if found.is_empty() {
        found = tx.query(SUSPECTS, &[])?;
    }
    for row in found {
        let (who, process): (&str, i32) = (row.try_get(0)?, row.try_get(1)?);
        let (user, program): (&str, &str) = (row.try_get(2)?, row.try_get(3)?);
        holders.push(format!(
            "{who} (process {process} of the server, user {user}, program {program:?})"
        ));
    }
    match holders.is_empty() {
        true => Ok("somebody".to_owned()),
        false => Ok(holders.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use tlsrptd_cluster::{database, skip::or_skip};
    use tlsrptd_fleet::{Address, Session, schema};

    use super::*;

    #[test]
    fn who_holds_a_day() {
        let Some(address) = or_skip(database(), "there is no PostgreSQL here") else {
            return;
        };
        let connect = |program: &str| {
            let address = Address::parse(&address).unwrap().with_program(program);
            Session::connect(address).unwrap()
        };
        let (keeper, shipper) = (connect("tlsrpt-reportd"), connect("tlsrpt-shipper"));
        schema::migrate(&keeper).unwrap();
        let day = Day::parse("2024-11-28").unwrap();
        let made = keeper.begin().unwrap();
        made.batch(
            "INSERT INTO collector(name, incarnation, first_day) VALUES('mx1', gen_random_uuid(), '2024-11-01'), \
             ('mx2', gen_random_uuid(), '2024-11-01'); INSERT INTO day(day) VALUES('2024-11-28'); \
             INSERT INTO shipment(day, collector) VALUES('2024-11-28', 1), ('2024-11-28', 2)",
        )
        .unwrap();
        made.commit().unwrap();
        for (holds, want, why) in [
            ("SELECT 1", "somebody", "nobody does any more"),
            (
                "UPDATE shipment SET batch = 1 WHERE collector = 2",
                "the shipper of mx2 (process ",
                "a batch",
            ),
            (
                "SELECT 1 FROM collector FOR UPDATE",
                "perhaps (process ",
                "a collector",
            ),
            (
                "INSERT INTO day(day) VALUES('2024-11-27')",
                "perhaps (process ",
                "a row that is not there yet",
            ),
            (
                "SELECT 1 FROM day FOR SHARE",
                "somebody (process ",
                "the day itself",
            ),
        ] {
            let batch = shipper.begin().unwrap();
            batch.query(holds, &[]).unwrap();
            let tx = keeper.begin().unwrap();
            let by = holder(&tx, day).unwrap();
            assert!(by.starts_with(want), "{why}: {by}");
            assert_eq!(
                by.contains("\"tlsrpt-shipper\""),
                want != "somebody",
                "{why}: {by}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn is_not_tried_at_once_again() {
        let (mut held, day) = (HeldDays::default(), Day::parse("2024-11-28").unwrap());
        let second = Duration::from_secs(1);
        assert_eq!(held.left(day), None, "nothing holds it");
        held.note(day, "somebody".to_owned());
        assert_eq!(held.left(day), Some(5 * second), "at once");
        tokio::time::advance(4 * second).await;
        assert_eq!(held.left(day), Some(second), "soon");
        assert_eq!(held.until_next(), Some(second));
        assert_eq!(held.days(), [PgDay(day)]);
        tokio::time::advance(second).await;
        assert_eq!(held.left(day), None, "it is time");
        assert!(held.days().is_empty());
        held.note(day, "somebody".to_owned());
        assert_eq!(held.take(day, Try::Done(7)), Some(7));
        assert_eq!(held.left(day), None, "somebody has let it go");
    }
}
