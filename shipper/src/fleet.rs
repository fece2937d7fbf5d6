//! The protocol with the fleet's database: who this collector is, which days it knows, and what it is told of a day.

mod registering;

use std::{cell::Cell, time::Duration};

use jiff::Timestamp;
use tlsrptd_fleet::{Fault, KeyHash, PgDay, PgTime, Row, Session, ToSql};
use tlsrptd_proto::day::Day;

pub(crate) use self::registering::{Registered, Standing, Which};
use crate::batch::{Batch, Texts};

/// Transactions that have changed or locked something, and do not end. Of those of other users nothing is seen.
const HOLDERS: &str = "SELECT format('process %s of the server (user %s, from %s, program \"%s\")', pid, usename, \
     coalesce(host(client_addr), 'the server itself'), application_name) FROM pg_stat_activity \
     WHERE datname = current_database() AND backend_xid IS NOT NULL AND pid <> pg_backend_pid() \
     AND xact_start < clock_timestamp() - interval '1 second' ORDER BY xact_start LIMIT 3";

/// See the module.
pub(crate) struct Fleet {
    session: Session,
    name: String,
    /// As far as was seen last.
    bears_its_name: Cell<bool>,
    incarnation: KeyHash,
    collector: i32,
    /// The connection on which all that follows was found out.
    connection: u64,
}

/// How far this collector is with a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shipment {
    pub(crate) day: Day,
    pub(crate) batch: i64,
    /// Sessions that the database knows of.
    pub(crate) sessions: u64,
    pub(crate) is_done: bool,
    pub(crate) is_closed: bool,
}

/// What has come of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    Yes,
    /// The row says another batch, or that the day is closed.
    No,
}

/// When counts are on the server's disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Commit {
    /// Within a second; when the server crashes before that, it shows.
    Later,
    /// At once.
    Durably,
}

impl Fleet {
    /// Whether the connection is the one on which all was found out.
    pub(crate) fn is_same(&self) -> bool {
        self.session.connections() == self.connection
    }

    /// Who may hold what this one wants to write.
    pub(crate) fn holders(&self) -> Result<Vec<String>, Fault> {
        let rows = self.session.query(HOLDERS, &[])?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// All days that this collector has told of.
    pub(crate) fn shipments(&self) -> Result<Vec<Shipment>, Fault> {
        let sql = "SELECT day, batch, sessions, done, closed FROM shipment WHERE collector = $1 ORDER BY day";
        let rows = self.session.query(sql, &[&self.collector])?;
        rows.iter().map(Shipment::read).collect()
    }

    /// Asks for a day: a reporter makes its tables. Whether they are there.
    pub(crate) fn want(&self, day: Day) -> Result<bool, Fault> {
        let sql = "SELECT counts FROM day WHERE day = $1";
        if let Some(row) = self.session.query_opt(sql, &[&PgDay(day)])? {
            return Ok(row.try_get(0)?);
        }
        let insert = "INSERT INTO day(day) VALUES($1) ON CONFLICT DO NOTHING";
        self.session.query(insert, &[&PgDay(day)])?;
        Ok(false)
    }

    /// The database's clock.
    pub(crate) fn now(&self) -> Result<Timestamp, Fault> {
        let row = self.session.query_opt("SELECT clock_timestamp()", &[])?;
        let row = row.ok_or_else(|| Fault::Row("the database has no time".to_owned()))?;
        Ok(row.try_get::<_, PgTime>(0)?.0)
    }

    /// How far this collector is with a day. Behind this, closing the day knows that it takes part.
    pub(crate) fn begin(&self, day: Day) -> Result<Shipment, Fault> {
        let sql = "SELECT day, batch, sessions, done, closed FROM shipment WHERE day = $1 AND collector = $2";
        if let Some(row) = self
            .session
            .query_opt(sql, &[&PgDay(day), &self.collector])?
        {
            return Shipment::read(&row);
        }
        // The lock waits for a closing under way: either that sees this row, or this one sees that the day is closed.
        self.session.query(
            "INSERT INTO shipment(day, collector, closed) \
             SELECT day, $2, state <> 'open' FROM day WHERE day = $1 FOR SHARE ON CONFLICT DO NOTHING",
            &[&PgDay(day), &self.collector],
        )?;
        let row = self
            .session
            .query_opt(sql, &[&PgDay(day), &self.collector])?;
        let row = row.ok_or_else(|| Fault::Row(format!("there is no row of {day}")))?;
        Shipment::read(&row)
    }

    /// Tells what keys stand for. The counts that follow may rely on it. What another is telling is waited for, as long as that.
    pub(crate) fn tell_texts(
        &self,
        day: Day,
        texts: &[Texts],
        longest: Duration,
    ) -> Result<(), Fault> {
        let stored = |of: fn(&Texts) -> &str| -> Vec<&str> { texts.iter().map(of).collect() };
        let shards: Vec<i16> = texts.iter().map(|texts| texts.shard).collect();
        let keys: Vec<KeyHash> = texts.iter().map(|texts| texts.key).collect();
        let failures: Vec<Option<&str>> =
            texts.iter().map(|texts| texts.failure.as_deref()).collect();
        let transaction = self.session.begin()?;
        let (longest, of) = (longest.as_millis(), "SET LOCAL synchronous_commit = off");
        transaction.batch(&format!("{of}; SET LOCAL lock_timeout = {longest}"))?;
        transaction.execute(
            "INSERT INTO key(day, shard, key, domain, record, policy, failure) \
             SELECT $1, * FROM unnest($2::smallint[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[]) \
             ON CONFLICT DO NOTHING",
            &[
                &PgDay(day),
                &shards,
                &keys,
                &stored(|texts| &texts.domain),
                &stored(|texts| &texts.record),
                &stored(|texts| &texts.policy),
                &failures,
            ],
        )?;
        transaction.commit()
    }

    /// Tells counts, as the batch behind `before`; `sessions` are those that the database knows of then.
    pub(crate) fn tell_counts(
        &self,
        day: Day,
        before: i64,
        batch: &Batch,
        sessions: u64,
    ) -> Result<Taken, Fault> {
        let rows = i64::try_from(batch.counts.len()).unwrap_or(i64::MAX);
        self.copy(
            Commit::Later,
            day,
            batch,
            "UPDATE shipment SET batch = $4, done = false, rows = least(rows::numeric + $5::bigint, 9223372036854775807), sessions = greatest(sessions, $6::bigint), shipped = now() \
             WHERE day = $1 AND collector = $2 AND batch = $3 AND NOT closed",
            &[
                &PgDay(day),
                &self.collector,
                &before,
                &following(before),
                &rows,
                &signed(sessions),
            ],
        )
    }

    /// Tells counts beside the batches, so that whoever else tells under this number goes on undisturbed: of a key the largest
    /// count stays. Once it is told it is on the server's disk, with its texts: nothing that follows says so, and what is noted as told
    /// is told no more.
    pub(crate) fn tell_beside(
        &self,
        day: Day,
        batch: &Batch,
        sessions: u64,
    ) -> Result<Taken, Fault> {
        let rows = i64::try_from(batch.counts.len()).unwrap_or(i64::MAX);
        self.copy(
            Commit::Durably,
            day,
            batch,
            "UPDATE shipment SET rows = least(rows::numeric + $3::bigint, 9223372036854775807), sessions = greatest(sessions, $4::bigint), shipped = now() \
             WHERE day = $1 AND collector = $2 AND NOT closed",
            &[&PgDay(day), &self.collector, &rows, &signed(sessions)],
        )
    }

    /// Tells counts, if the row of the shipment allows that.
    fn copy(
        &self,
        commit: Commit,
        day: Day,
        batch: &Batch,
        update: &str,
        with: &[&(dyn ToSql + Sync)],
    ) -> Result<Taken, Fault> {
        let transaction = self.session.begin()?;
        if commit == Commit::Later {
            transaction.batch("SET LOCAL synchronous_commit = off")?;
        }
        if transaction.execute(update, with)? == 0 {
            return Ok(Taken::No);
        }
        let mut copy = transaction.copy_in(
            "COPY count(total, failed, day, collector, shard, key) FROM STDIN (FORMAT binary)",
        )?;
        copy.write(batch.to_copy(day, self.collector))?;
        copy.finish()?;
        transaction.commit()?;
        Ok(Taken::Yes)
    }

    /// The collector has closed the day, and all of it is there: whoever closes it need not wait for this one.
    pub(crate) fn done(&self, day: Day, batch: i64) -> Result<Taken, Fault> {
        let sql = "UPDATE shipment SET done = true, shipped = now() \
                   WHERE day = $1 AND collector = $2 AND batch = $3 AND NOT closed RETURNING day";
        let hit = self
            .session
            .query(sql, &[&PgDay(day), &self.collector, &batch])?;
        Ok(match hit.is_empty() {
            true => Taken::No,
            false => Taken::Yes,
        })
    }

    /// So many sessions of a closed day came too late. Whether that was not known.
    pub(crate) fn late(&self, day: Day, sessions: u64) -> Result<bool, Fault> {
        let sql = "UPDATE shipment SET late_sessions = $3 \
                   WHERE day = $1 AND collector = $2 AND closed AND late_sessions < $3 RETURNING day";
        let hit = self
            .session
            .query(sql, &[&PgDay(day), &self.collector, &signed(sessions)])?;
        Ok(!hit.is_empty())
    }
}

impl Shipment {
    fn read(row: &Row) -> Result<Shipment, Fault> {
        Ok(Shipment {
            day: row.try_get::<_, PgDay>(0)?.0,
            batch: row.try_get(1)?,
            sessions: u64::try_from(row.try_get::<_, i64>(2)?).unwrap_or(0),
            is_done: row.try_get(3)?,
            is_closed: row.try_get(4)?,
        })
    }
}

/// The number of the next batch. Where somebody has written the last one there is, it stays that.
pub(crate) fn following(batch: i64) -> i64 {
    batch.saturating_add(1)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
