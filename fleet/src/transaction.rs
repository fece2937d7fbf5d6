//! A transaction: all of it or nothing. Dropped, it is undone.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::{SinkExt as _, TryStreamExt as _};
use tokio_postgres::{CopyInSink, Row, types::ToSql};

use crate::{
    fault::Fault,
    session::{LOCK_TIMEOUT, Session},
};

/// A transaction under way.
#[derive(Debug)]
pub struct Transaction<'s> {
    session: &'s Session,
    is_over: bool,
}

impl<'s> Transaction<'s> {
    pub(crate) fn new(session: &'s Session) -> Transaction<'s> {
        Transaction {
            session,
            is_over: false,
        }
    }

    /// All rows. Statements are prepared once a connection: their texts are constants, and what varies are parameters.
    ///
    /// # Errors
    /// When the database cannot be reached, or says no; so of all here.
    pub fn query(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Fault> {
        self.session.ask(sql, parameters)
    }

    /// At most one row.
    ///
    /// # Errors
    /// See [`Transaction::query`].
    pub fn query_opt(
        &self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<Row>, Fault> {
        Ok(self.query(sql, parameters)?.into_iter().next())
    }

    /// Rows one by one, however many there are.
    ///
    /// # Errors
    /// See [`Transaction::query`]; and what `take` says.
    pub fn for_each(
        &self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
        mut take: impl FnMut(&Row) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let (client, statement) = (self.session.client()?, self.session.statement(sql)?);
        let parameters = parameters
            .iter()
            .map(|parameter| *parameter as &(dyn ToSql + Sync));
        let rows = self
            .session
            .wait(client.query_raw(&statement, parameters))?;
        let mut rows = std::pin::pin!(rows);
        while let Some(row) = self.session.wait(rows.try_next())? {
            take(&row)?;
        }
        Ok(())
    }

    /// The number of rows that were changed.
    ///
    /// # Errors
    /// See [`Transaction::query`].
    pub fn execute(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<u64, Fault> {
        self.session.execute(sql, parameters)
    }

    /// Several statements without parameters: tables are made by them.
    ///
    /// # Errors
    /// See [`Transaction::query`].
    pub fn batch(&self, sql: &str) -> Result<(), Fault> {
        self.session.batch(sql)
    }

    /// Does work that waits for no lock longer than a moment. `None`: somebody holds one that it needs, and nothing of it is done.
    ///
    /// # Errors
    /// See [`Transaction::query`]; and what `work` says.
    pub fn unless_locked<T>(
        &self,
        work: impl FnOnce() -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        self.batch("SET LOCAL lock_timeout = '200ms'; SAVEPOINT unlocked")?;
        let done = match work() {
            Ok(done) => Some(done),
            Err(fault) if fault.is_locked() => {
                self.batch("ROLLBACK TO SAVEPOINT unlocked")?;
                None
            }
            Err(fault) => return Err(fault),
        };
        self.batch(&format!("SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))?;
        Ok(done)
    }

    /// Begins a `COPY ... FROM STDIN`.
    ///
    /// # Errors
    /// See [`Transaction::query`].
    pub fn copy_in(&self, sql: &str) -> Result<CopyIn<'s>, Fault> {
        let client = self.session.client()?;
        let sink = self.session.wait(client.copy_in(sql))?;
        Ok(CopyIn {
            session: self.session,
            sink: Box::pin(sink),
        })
    }

    /// Makes it so.
    ///
    /// # Errors
    /// When the database says no; when its answer is lost nobody knows whether all or nothing was done.
    pub fn commit(mut self) -> Result<(), Fault> {
        let committed = self.session.batch("COMMIT");
        self.is_over = true;
        committed
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        self.session.is_in_transaction.set(false);
        if !self.is_over && self.session.is_connected() {
            self.session.is_left_open.set(true);
        }
    }
}

/// What a COPY is fed with. Dropped before its end, nothing of it is there.
pub struct CopyIn<'s> {
    session: &'s Session,
    sink: Pin<Box<CopyInSink<Bytes>>>,
}

impl std::fmt::Debug for CopyIn<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CopyIn")
    }
}

impl CopyIn<'_> {
    /// Adds octets, in the format that the statement names.
    ///
    /// # Errors
    /// See [`Transaction::query`].
    pub fn write(&mut self, octets: Bytes) -> Result<(), Fault> {
        self.session.wait(self.sink.send(octets))
    }

    /// Ends it, and gives the number of rows.
    ///
    /// # Errors
    /// See [`Transaction::query`].
    pub fn finish(mut self) -> Result<u64, Fault> {
        self.session.wait(self.sink.as_mut().finish())
    }
}
