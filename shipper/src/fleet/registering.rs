//! Who ships: a row of `collector` for each number, and what it is called.

use std::{cell::Cell, time::Duration};

use tlsrptd_fleet::{Address, Fault, KeyHash, PgDay, Row, Session, schema, stored_text};
use tlsrptd_proto::day::Day;

use super::Fleet;
use crate::numbers::FormerNumber;

/// What another shipper writes is there soon. Who holds it for longer hangs, or wants to be in the way.
const LONGEST_LOCK: Duration = Duration::from_secs(5);

/// What is read of a row. Its name may be another one: it has changed; or this is a copy of a host that bears that name.
const STANDING: &str = "id, first_day, retired, EXISTS(SELECT 1 FROM collector n WHERE n.name = $1 AND n.id > collector.id), name = $1";

/// It is at work. While somebody holds the row, nothing depends on that.
fn seen() -> String {
    format!(
        "UPDATE collector SET seen = now() WHERE id = \
         (SELECT id FROM collector WHERE incarnation = $2 FOR NO KEY UPDATE SKIP LOCKED) RETURNING {STANDING}"
    )
}

fn look() -> String {
    format!("SELECT {STANDING} FROM collector WHERE incarnation = $2")
}

/// It was at work, and whoever bears that number now is called as it likes.
const FORMER: &str =
    "SELECT id, first_day, retired, false, true FROM collector WHERE incarnation = $1";

/// It is called otherwise. With it all of its old name that came before it and were not seen since: what this collector was, also
/// where its files do not know that any more. No day waits for those as one of the same name came after them, and so it stays.
/// Whoever was seen since is another host, and keeps its name. All of them or none: what somebody holds is tried again later.
const RENAME: &str = "WITH ours AS (SELECT id, name, since FROM collector WHERE incarnation = $2 AND name <> $1), \
     meant AS (SELECT id FROM ours UNION SELECT c.id FROM collector c JOIN ours ON c.name = ours.name AND c.id < ours.id AND c.seen <= ours.since), \
     free AS (SELECT id FROM collector WHERE id IN (SELECT id FROM meant) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED) \
     UPDATE collector SET name = $1 WHERE id IN (SELECT id FROM free) \
     AND (SELECT count(*) FROM free) = (SELECT count(*) FROM meant) RETURNING id";

/// Whether a number is the one that a collector has, or one that it had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which<'n> {
    /// Beside those that it had before and has not told all of, the oldest first: days wait for the newest of a name, so these are
    /// registered before it.
    Current(&'n [FormerNumber]),
    Former,
}

/// A collector, as it is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Registered {
    id: i32,
    pub(crate) first_day: Day,
    pub(crate) standing: Standing,
    bears_its_name: bool,
}

/// Whether days wait for a collector.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// From that day on, nobody waits for it.
    pub(crate) retired: Option<Day>,
    /// Another has come under the same name, and is waited for in its place.
    pub(crate) is_followed: bool,
}

impl Fleet {
    /// Registers a collector.
    pub(crate) fn register(
        address: Address,
        name: &str,
        incarnation: KeyHash,
        first_day: Day,
        which: Which<'_>,
    ) -> Result<(Fleet, Registered), Fault> {
        let session = Session::new(address)
            .with_short_locks(LONGEST_LOCK)
            .connected()?;
        schema::check(&session)?;
        let name = stored_text(name);
        let transaction = session.begin()?;
        let find = || match which {
            Which::Current(_) => match transaction.query_opt(&seen(), &[&name, &incarnation])? {
                None => transaction.query_opt(&look(), &[&name, &incarnation]),
                row => Ok(row),
            },
            Which::Former => transaction.query_opt(FORMER, &[&incarnation]),
        };
        let mut row = find()?;
        if row.is_none() {
            // No day that is still to come: a clock that is ahead has said so.
            let before = match which {
                Which::Current(former) => former,
                Which::Former => &[],
            };
            let before = before.iter().map(|number| (number.id, number.first_day));
            for (number, first_day) in before.chain([(incarnation, first_day)]) {
                transaction.execute(
                    "INSERT INTO collector(name, incarnation, first_day) \
                     VALUES($1, $2, least($3::date, (clock_timestamp() AT TIME ZONE 'UTC')::date)) ON CONFLICT DO NOTHING",
                    &[&name, &number, &PgDay(first_day)],
                )?;
            }
            row = find()?;
        }
        let registered = Registered::read(row)?;
        transaction.commit()?;
        let fleet = Fleet {
            connection: session.connections(),
            collector: registered.id,
            name: name.into_owned(),
            bears_its_name: Cell::new(registered.bears_its_name),
            incarnation,
            session,
        };
        Ok((fleet, registered))
    }

    /// It is at work.
    pub(crate) fn is_seen(&self) -> Result<Standing, Fault> {
        let ask = |sql: &str| {
            self.session
                .query_opt(sql, &[&self.name, &self.incarnation])
        };
        let row = match ask(&seen())? {
            None => ask(&look())?,
            row => row,
        };
        let registered = Registered::read(row)?;
        self.bears_its_name.set(registered.bears_its_name);
        Ok(registered.standing)
    }

    /// Once it is known that this is no copy of another host, which bears its own name.
    pub(crate) fn call_by_name(&self) -> Result<(), Fault> {
        if self.bears_its_name.get() {
            return Ok(());
        }
        let of: [&(dyn tlsrptd_fleet::ToSql + Sync); 2] = [&self.name, &self.incarnation];
        self.session.query(RENAME, &of).map(drop)
    }
}

impl Registered {
    fn read(row: Option<Row>) -> Result<Registered, Fault> {
        let row = row.ok_or_else(|| Fault::Row("the collector's row is gone".to_owned()))?;
        let retired: Option<PgDay> = row.try_get(2)?;
        Ok(Registered {
            id: row.try_get(0)?,
            first_day: row.try_get::<_, PgDay>(1)?.0,
            standing: Standing {
                retired: retired.map(|day| day.0),
                is_followed: row.try_get(3)?,
            },
            bears_its_name: row.try_get(4)?,
        })
    }
}
