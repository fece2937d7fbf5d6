//! The SQL of a flush.

use std::borrow::Cow;

use rusqlite::{CachedStatement, Connection, ErrorCode, OptionalExtension, Result};

const FIND_SESSION: &str =
    "SELECT rowid FROM finalresults WHERE day=?1 AND domain=?2 AND tlsrptrecord=?3 AND policy=?4";
const FIND_FOLDED: &str =
    "SELECT rowid, tlsrptrecord FROM finalresults WHERE day=?1 AND domain=?2 AND policy=?3 LIMIT 1";
const FIND_FAILURE: &str = "SELECT rowid FROM failures WHERE day=?1 AND domain=?2 AND tlsrptrecord=?3 AND policy=?4 AND reason=?5";
const COUNT_POLICIES: &str =
    "SELECT count(*) FROM (SELECT 1 FROM finalresults WHERE day=?1 AND domain=?2 LIMIT ?3)";
const COUNT_FAILURES: &str = "SELECT count(*) FROM (SELECT 1 FROM failures
    WHERE day=?1 AND domain=?2 AND tlsrptrecord=?3 AND policy=?4 LIMIT ?5)";
const MAKE_SESSION: &str =
    "INSERT INTO finalresults(day, domain, tlsrptrecord, policy, cntrtotal, cntrfailure)
    VALUES(?1, ?2, ?3, ?4, ?5, ?6)";
const MAKE_FAILURE: &str = "INSERT INTO failures(day, domain, tlsrptrecord, policy, reason, cntr)
    VALUES(?1, ?2, ?3, ?4, ?5, ?6)";
const ADD_SESSION: &str =
    "UPDATE finalresults SET cntrtotal=cntrtotal+?2, cntrfailure=cntrfailure+?3 WHERE rowid=?1";
const ADD_FAILURE: &str = "UPDATE failures SET cntr=cntr+?2 WHERE rowid=?1";

/// Prepared for one transaction.
pub(super) struct Statements<'c> {
    db: &'c Connection,
    find_session: CachedStatement<'c>,
    find_folded: CachedStatement<'c>,
    find_failure: CachedStatement<'c>,
    count_policies: CachedStatement<'c>,
    count_failures: CachedStatement<'c>,
    make_session: CachedStatement<'c>,
    make_failure: CachedStatement<'c>,
    add_session: CachedStatement<'c>,
    add_failure: CachedStatement<'c>,
}

/// The row of `finalresults` that a session is counted in, with its key.
pub(super) struct SessionRow<'r> {
    pub(super) day: &'r str,
    pub(super) domain: &'r str,
    pub(super) tlsrpt_record: Cow<'r, str>,
    pub(super) policy: Cow<'r, str>,
    pub(super) rowid: i64,
    /// It was made for the datagram at hand, so nothing stands under it yet.
    pub(super) is_new: bool,
}

impl<'c> Statements<'c> {
    pub(super) fn prepare(db: &'c Connection) -> Result<Statements<'c>> {
        Ok(Statements {
            db,
            find_session: db.prepare_cached(FIND_SESSION)?,
            find_folded: db.prepare_cached(FIND_FOLDED)?,
            find_failure: db.prepare_cached(FIND_FAILURE)?,
            count_policies: db.prepare_cached(COUNT_POLICIES)?,
            count_failures: db.prepare_cached(COUNT_FAILURES)?,
            make_session: db.prepare_cached(MAKE_SESSION)?,
            make_failure: db.prepare_cached(MAKE_FAILURE)?,
            add_session: db.prepare_cached(ADD_SESSION)?,
            add_failure: db.prepare_cached(ADD_FAILURE)?,
        })
    }

    /// The row with a session's key.
    pub(super) fn find_session(
        &mut self,
        day: &str,
        domain: &str,
        tlsrpt_record: &str,
        policy: &str,
    ) -> Result<Option<i64>> {
        let key = (day, domain, tlsrpt_record, policy);
        let found = self.find_session.query_row(key, |row| row.get(0));
        found.optional()
    }

    /// A row of that policy under any TLSRPT record, and the record.
    pub(super) fn find_folded(
        &mut self,
        day: &str,
        domain: &str,
        policy: &str,
    ) -> Result<Option<(i64, String)>> {
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let found = self.find_folded.query_row((day, domain, policy), row);
        found.optional()
    }

    /// The row of a failure under a session's.
    pub(super) fn find_failure(
        &mut self,
        session: &SessionRow<'_>,
        reason: &str,
    ) -> Result<Option<i64>> {
        let SessionRow { day, domain, .. } = session;
        let key = (day, domain, &session.tlsrpt_record, &session.policy, reason);
        let found = self.find_failure.query_row(key, |row| row.get(0));
        found.optional()
    }

    /// How many policies a domain has, at most `limit`.
    pub(super) fn count_policies(&mut self, day: &str, domain: &str, limit: i64) -> Result<i64> {
        let counted = (day, domain, limit);
        self.count_policies.query_row(counted, |row| row.get(0))
    }

    /// How many failures stand under a session's row, at most `limit`.
    pub(super) fn count_failures(&mut self, session: &SessionRow<'_>, limit: i64) -> Result<i64> {
        let SessionRow { day, domain, .. } = session;
        let counted = (day, domain, &session.tlsrpt_record, &session.policy, limit);
        self.count_failures.query_row(counted, |row| row.get(0))
    }

    /// Makes a row with its counts in one statement: most rows of a large day are never touched again.
    pub(super) fn make_session(
        &mut self,
        session: &SessionRow<'_>,
        failed: bool,
        times: u64,
    ) -> Result<i64> {
        let SessionRow { day, domain, .. } = session;
        let (record, policy) = (&session.tlsrpt_record, &session.policy);
        let (total, failures) = sessions(failed, times);
        self.make_session
            .execute((day, domain, record, policy, total, failures))?;
        Ok(self.db.last_insert_rowid())
    }

    /// Makes the row of a failure under a session's.
    pub(super) fn make_failure(
        &mut self,
        session: &SessionRow<'_>,
        reason: &str,
        times: u64,
    ) -> Result<i64> {
        let SessionRow { day, domain, .. } = session;
        let (record, policy) = (&session.tlsrpt_record, &session.policy);
        self.make_failure
            .execute((day, domain, record, policy, reason, number(times)))?;
        Ok(self.db.last_insert_rowid())
    }

    /// Adds to a row of `finalresults`; false when it does not exist.
    pub(super) fn add_session(&mut self, rowid: i64, failed: bool, times: u64) -> Result<bool> {
        let (total, failures) = sessions(failed, times);
        let changed = self.add_session.execute((rowid, total, failures))?;
        Ok(changed == 1)
    }

    /// Adds to a row of `failures`; false when it does not exist.
    pub(super) fn add_failure(&mut self, rowid: i64, times: u64) -> Result<bool> {
        let changed = self.add_failure.execute((rowid, number(times)))?;
        Ok(changed == 1)
    }
}

/// `None` when there is a row with that key already.
pub(super) fn unless_taken(made: Result<i64>) -> Result<Option<i64>> {
    match made {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => Ok(None),
        made => made.map(Some),
    }
}

/// `cntrtotal` and `cntrfailure` of a session that came so many times.
fn sessions(failed: bool, times: u64) -> (i64, i64) {
    let total = number(times);
    (total, if failed { total } else { 0 })
}

/// Counters are integers in the file; more than an i64 holds cannot have been received.
fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
