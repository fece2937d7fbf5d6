//! The rows of one transaction: found or made for new datagrams, added to for known ones.
//!
//! Limits are held here, against what the file says, so that they hold across restarts: beyond them, detail is folded
//! into one entry, and the counters stay exact.

use rusqlite::{CachedStatement, Connection, OptionalExtension, Result, params};
use tlsrptd_proto::{day::Day, domain::Domain, failure::FailureKey, session_result::SessionResult};

use super::{
    day_file_budget::DayFileBudget,
    pending_counts::CountedRow,
    reached_limits::{FoldedPolicy, ReachedLimits},
    shares::Shares,
};
use crate::store::{Flushed, FoldLimits};

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

/// Writes the rows of one transaction.
pub(super) struct RowWriter<'c> {
    reached: &'c mut ReachedLimits,
    shares: &'c mut Shares,
    db: &'c Connection,
    statements: Statements<'c>,
    limits: FoldLimits,
    budget: DayFileBudget,
    pub(super) flushed: Flushed,
    /// Who has used up its share, the last one.
    pub(super) over_share: Option<String>,
}

struct Statements<'c> {
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

/// Why there is no room for a row.
enum Refusal {
    FileFull,
    /// Who has used up its share.
    OverShare(String),
}

/// The row of `finalresults` that a session is counted in, with its key.
struct SessionRow<'r> {
    day: &'r str,
    domain: &'r str,
    tlsrpt_record: String,
    policy: String,
    rowid: i64,
}

impl<'c> RowWriter<'c> {
    pub(super) fn new(
        db: &'c Connection,
        reached: &'c mut ReachedLimits,
        shares: &'c mut Shares,
        limits: FoldLimits,
    ) -> Result<RowWriter<'c>> {
        reached.bound();
        let budget = DayFileBudget::measure(db, limits.file_bytes)?;
        Ok(RowWriter {
            reached,
            shares,
            db,
            statements: Statements::prepare(db)?,
            limits,
            flushed: Flushed {
                tight: budget.is_tight(),
                file_bytes: budget.used(),
                ..Flushed::default()
            },
            budget,
            over_share: None,
        })
    }

    /// Adds a known datagram, so many times; false when one of its rows does not exist any more.
    pub(super) fn add(&mut self, rows: &[CountedRow], times: u64) -> Result<bool> {
        let mut found = true;
        for row in rows {
            found &= match *row {
                CountedRow::Session { rowid, failed } => self.add_session(rowid, failed, times)?,
                CountedRow::Failure { rowid } => self.add_failure(rowid, times)?,
                CountedRow::OverShare => true,
            };
        }
        Ok(found)
    }

    /// Adds a new datagram, so many times, and says which rows it has from now on: none when there is no room for it, and
    /// a row that it needs does not exist. Then it is dropped as a whole, so that it is either counted or not.
    pub(super) fn make(
        &mut self,
        day: Day,
        results: &[SessionResult],
        times: u64,
    ) -> Result<Vec<CountedRow>> {
        let text = day.to_string();
        // All results of a datagram are of one domain.
        let domain = results.first().map_or("", |result| result.domain.as_str());
        if let Some(refusal) = self.refusal(domain)
            && !self.are_known(day, &text, results)?
        {
            return Ok(self.refuse(refusal, times));
        }
        let mut rows = Vec::with_capacity(results.len());
        for result in results {
            let session = self.session(day, &text, result, times)?;
            rows.push(CountedRow::Session {
                rowid: session.rowid,
                failed: result.failed,
            });
            for failure in &result.failures {
                let rowid = self.failure(&session, failure, times)?;
                rows.extend(rowid.map(|rowid| CountedRow::Failure { rowid }));
            }
        }
        Ok(rows)
    }

    /// Why a domain gets no new row, not even a folded one.
    fn refusal(&self, domain: &str) -> Option<Refusal> {
        if self.budget.is_full() {
            return Some(Refusal::FileFull);
        }
        let over = self.shares.over(domain, self.budget.free());
        over.map(|owner| Refusal::OverShare(owner.to_owned()))
    }

    fn refuse(&mut self, why: Refusal, times: u64) -> Vec<CountedRow> {
        match why {
            Refusal::FileFull => {
                self.flushed.refused += times;
                Vec::new()
            }
            Refusal::OverShare(owner) => {
                self.flushed.over_share += times;
                self.over_share = Some(owner);
                vec![CountedRow::OverShare]
            }
        }
    }

    /// Whether new details of a domain are folded, for want of room.
    fn must_fold(&self, domain: &str) -> bool {
        let free = self.budget.free_for_details();
        self.budget.is_tight() || self.shares.over(domain, free).is_some()
    }

    /// A row of a domain is made, with key texts of that length.
    fn take_room(&mut self, domain: &str, bytes: usize) {
        let taken = self.budget.take(domain.len() + bytes);
        self.shares.charge(domain, taken);
    }

    /// Whether each result has a row, be it a folded one.
    fn are_known(&mut self, on: Day, day: &str, results: &[SessionResult]) -> Result<bool> {
        for result in results {
            let domain = result.domain.as_str();
            let key = params![day, domain, result.tlsrpt_record, result.policy.as_str()];
            if self.statements.find_session.exists(key)? {
                continue;
            }
            let folded = result.policy.folded(&result.domain);
            if self
                .folded(day, &(on, result.domain.clone(), folded))?
                .is_none()
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Counts a result in the row of its policy, or of those that are folded.
    fn session<'r>(
        &mut self,
        on: Day,
        day: &'r str,
        result: &'r SessionResult,
        times: u64,
    ) -> Result<SessionRow<'r>> {
        let domain = result.domain.as_str();
        let mut session = SessionRow {
            day,
            domain,
            tlsrpt_record: result.tlsrpt_record.clone(),
            policy: result.policy.as_str().into(),
            rowid: 0,
        };
        let key = params![day, domain, session.tlsrpt_record, session.policy];
        let found = self
            .statements
            .find_session
            .query_row(key, |row| row.get(0));
        if let Some(rowid) = found.optional()? {
            session.rowid = rowid;
            self.add_session(rowid, result.failed, times)?;
            return Ok(session);
        }
        let policies = self.policies(on, day, &result.domain)?;
        if policies < self.limits.policies && !self.must_fold(domain) {
            session.rowid = self.make_session(&session, result.failed, times)?;
        } else {
            let folded = result.policy.folded(&result.domain);
            session.policy = folded.as_str().into();
            let key = (on, result.domain.clone(), folded);
            self.flushed.folded_policies += 1;
            if let Some((rowid, tlsrpt_record)) = self.folded(day, &key)? {
                session.rowid = rowid;
                session.tlsrpt_record = tlsrpt_record;
                self.add_session(rowid, result.failed, times)?;
                return Ok(session);
            }
            session.rowid = self.make_session(&session, result.failed, times)?;
            let row = (session.rowid, session.tlsrpt_record.clone());
            self.reached.remember(key, row);
        }
        self.flushed.new_policies += 1;
        self.flushed.new_domains += u64::from(policies == 0);
        Ok(session)
    }

    /// Makes a row with its counts in one statement: most rows of a large day are never touched again.
    fn make_session(&mut self, row: &SessionRow<'_>, failed: bool, times: u64) -> Result<i64> {
        self.take_room(row.domain, row.tlsrpt_record.len() + row.policy.len());
        let (total, failures) = (number(times), number(if failed { times } else { 0 }));
        self.statements.make_session.execute(params![
            row.day,
            row.domain,
            row.tlsrpt_record,
            row.policy,
            total,
            failures
        ])?;
        Ok(self.db.last_insert_rowid())
    }

    /// Adds to a row of `finalresults`; false when it does not exist.
    fn add_session(&mut self, rowid: i64, failed: bool, times: u64) -> Result<bool> {
        let (total, failures) = (number(times), number(if failed { times } else { 0 }));
        let added = params![rowid, total, failures];
        Ok(self.statements.add_session.execute(added)? == 1)
    }

    /// Adds to a row of `failures`; false when it does not exist.
    fn add_failure(&mut self, rowid: i64, times: u64) -> Result<bool> {
        Ok(self
            .statements
            .add_failure
            .execute(params![rowid, number(times)])?
            == 1)
    }

    /// How many policies a domain has, at most the limit.
    fn policies(&mut self, on: Day, day: &str, domain: &Domain) -> Result<i64> {
        let limit = self.limits.policies;
        let key = (on, domain.clone());
        if self.reached.domains.contains(&key) {
            return Ok(limit);
        }
        let counted = params![day, domain.as_str(), limit];
        let policies = self
            .statements
            .count_policies
            .query_row(counted, |row| row.get(0))?;
        if policies >= limit {
            self.reached.domains.insert(key);
        }
        Ok(policies)
    }

    /// The row of a folded policy, and the TLSRPT record that it stands under: any, for that text is a stranger's too.
    fn folded(&mut self, day: &str, key: &FoldedPolicy) -> Result<Option<(i64, String)>> {
        if let Some(known) = self.reached.folded.get(key) {
            return Ok(Some(known.clone()));
        }
        let (_, domain, policy) = key;
        let searched = params![day, domain.as_str(), policy.as_str()];
        let found = self
            .statements
            .find_folded
            .query_row(searched, |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        if let Some(found) = &found {
            self.reached.remember(key.clone(), found.clone());
        }
        Ok(found)
    }

    /// Counts a failure in its row under the session's. In a file that is full, a detail may have none.
    fn failure(
        &mut self,
        session: &SessionRow<'_>,
        failure: &FailureKey,
        times: u64,
    ) -> Result<Option<i64>> {
        if let Some(rowid) = self.find_failure(session, failure.as_str())? {
            self.add_failure(rowid, times)?;
            return Ok(Some(rowid));
        }
        if !self.must_fold(session.domain) && !self.has_all_failures(session)? {
            return self
                .make_failure(session, failure.as_str(), times)
                .map(Some);
        }
        self.flushed.folded_failures += 1;
        let folded = failure.folded();
        if let Some(rowid) = self.find_failure(session, folded.as_str())? {
            self.add_failure(rowid, times)?;
            return Ok(Some(rowid));
        }
        if self.refusal(session.domain).is_some() {
            return Ok(None);
        }
        self.make_failure(session, folded.as_str(), times).map(Some)
    }

    fn make_failure(&mut self, session: &SessionRow<'_>, reason: &str, times: u64) -> Result<i64> {
        let SessionRow {
            day,
            domain,
            tlsrpt_record,
            policy,
            ..
        } = session;
        self.take_room(domain, tlsrpt_record.len() + policy.len() + reason.len());
        let row = params![day, domain, tlsrpt_record, policy, reason, number(times)];
        self.statements.make_failure.execute(row)?;
        Ok(self.db.last_insert_rowid())
    }

    /// Whether a policy has as many failures as it may have.
    fn has_all_failures(&mut self, session: &SessionRow<'_>) -> Result<bool> {
        if self.reached.policies.contains(&session.rowid) {
            return Ok(true);
        }
        let limit = self.limits.failures;
        let failures: i64 = self.statements.count_failures.query_row(
            params![
                session.day,
                session.domain,
                session.tlsrpt_record,
                session.policy,
                limit
            ],
            |row| row.get(0),
        )?;
        if failures >= limit {
            self.reached.policies.insert(session.rowid);
        }
        Ok(failures >= limit)
    }

    fn find_failure(&mut self, session: &SessionRow<'_>, reason: &str) -> Result<Option<i64>> {
        let key = params![
            session.day,
            session.domain,
            session.tlsrpt_record,
            session.policy,
            reason
        ];
        self.statements
            .find_failure
            .query_row(key, |row| row.get(0))
            .optional()
    }
}

impl<'c> Statements<'c> {
    fn prepare(db: &'c Connection) -> Result<Statements<'c>> {
        Ok(Statements {
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
}

/// Counters are integers in the file; more than an i64 holds cannot have been received.
fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
