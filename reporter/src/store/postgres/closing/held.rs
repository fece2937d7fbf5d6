//! Days that cannot be closed, because somebody is in the middle of writing to them: a shipper whose batch takes long, or one
//! that hangs, until the server ends it; or whoever has its password and keeps the rows locked.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use tlsrptd_fleet::{Fault, PgDay, Transaction};
use tlsrptd_proto::day::Day;

/// Each try waits for a moment, in which nothing else is done: the next one follows so much later.
const TRY_AGAIN: SignedDuration = SignedDuration::from_secs(5);
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

/// See the module.
#[derive(Debug, Default)]
pub(super) struct HeldDays(BTreeMap<Day, HeldDay>);

#[derive(Debug)]
struct HeldDay {
    since: Timestamp,
    tries: u32,
    next: Timestamp,
}

impl HeldDays {
    /// `Some`: it is not tried before then.
    pub(super) fn until(&self, day: Day, now: Timestamp) -> Option<Timestamp> {
        let next = self.0.get(&day)?.next;
        // By a clock that was set back it would be long.
        let left = next.duration_since(now);
        (left.is_positive() && left <= TRY_AGAIN).then_some(next)
    }

    /// It was closed.
    pub(super) fn forget(&mut self, day: Day) {
        self.0.remove(&day);
    }

    /// It could not be closed. Gives when it is tried again.
    pub(super) fn note(&mut self, day: Day, by: &str, now: Timestamp) -> Timestamp {
        let held = self.0.entry(day).or_insert(HeldDay {
            since: now,
            tries: 0,
            next: now,
        });
        held.tries = held.tries.saturating_add(1);
        held.next = now.saturating_add(TRY_AGAIN).unwrap_or(now);
        let seconds = now.duration_since(held.since).as_secs();
        if held.tries % TOLD_AGAIN == TOLD_FIRST {
            tracing::warn!(%day, seconds, by, "the day cannot be closed: its rows are held by a transaction that does not end");
        } else {
            tracing::debug!(%day, seconds, by, "the day cannot be closed yet");
        }
        held.next
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
    tx.batch("SET LOCAL lock_timeout = '200ms'; SAVEPOINT unheld")?;
    match work() {
        Err(fault) if fault.is_locked() => {
            tx.batch("ROLLBACK TO SAVEPOINT unheld")?;
            let by = holder(tx, day)?;
            Ok(Try::Held { by })
        }
        other => Ok(Try::Done(other?)),
    }
}

/// Who holds the rows of a day, for a log line.
fn holder(tx: &Transaction<'_>, day: Day) -> Result<String, Fault> {
    let mut holders = Vec::new();
    for row in tx.query(HOLDERS, &[&PgDay(day)])? {
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

    #[test]
    fn is_not_tried_at_once_again() {
        let (mut held, day) = (HeldDays::default(), Day::parse("2024-11-28").unwrap());
        let now: Timestamp = "2024-11-29T06:00:00Z".parse().unwrap();
        let after = |seconds| now + SignedDuration::from_secs(seconds);
        assert_eq!(held.until(day, now), None, "nothing holds it");
        assert_eq!(held.note(day, "somebody", now), after(5));
        for (at, until, why) in [
            (0, Some(after(5)), "at once"),
            (4, Some(after(5)), "soon"),
            (5, None, "it is time"),
            (-3600, None, "the clock was set back"),
        ] {
            assert_eq!(held.until(day, after(at)), until, "{why}");
        }
        held.forget(day);
        assert_eq!(held.until(day, after(1)), None, "it was closed");
    }
}
