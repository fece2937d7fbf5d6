//! The rows of one transaction: found or made for new datagrams, added to for known ones.
//!
//! Limits are held here, against what the file says, so that they hold across restarts: beyond them, detail is folded
//! into one entry, and the counters stay exact.

use std::borrow::Cow;

use rusqlite::{Connection, Result};
use tlsrptd_proto::{day::Day, domain::Domain, failure::FailureKey, session_result::SessionResult};

use super::{
    day_file_budget::DayFileBudget,
    pending_counts::CountedRow,
    reached_limits::{FoldedPolicy, ReachedLimits},
    shares::Shares,
    statements::{SessionRow, Statements, unless_taken},
};
use crate::store::{Flushed, FoldLimits};

/// Writes the rows of one transaction.
pub(super) struct RowWriter<'c> {
    reached: &'c mut ReachedLimits,
    shares: &'c mut Shares,
    sql: Statements<'c>,
    limits: FoldLimits,
    budget: DayFileBudget,
    pub(super) flushed: Flushed,
    /// Who has used up its share, the last one.
    pub(super) over_share: Option<String>,
}

/// Why there is no room for a row.
enum RowRefusal {
    FileFull,
    /// Who has used up its share.
    OverShare(String),
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
            sql: Statements::prepare(db)?,
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
                CountedRow::Session { rowid, failed } => {
                    self.flushed.count_sessions(failed, times);
                    self.sql.add_session(rowid, failed, times)?
                }
                CountedRow::Failure { rowid } => self.sql.add_failure(rowid, times)?,
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
            let mut session = self.session(day, &text, result, times)?;
            self.flushed.count_sessions(result.failed, times);
            rows.push(CountedRow::Session {
                rowid: session.rowid,
                failed: result.failed,
            });
            for failure in &result.failures {
                let made = self.first_failure(&session, failure, times)?;
                session.is_new = false;
                let rowid = match made {
                    None => self.failure(&session, failure, times)?,
                    made => made,
                };
                rows.extend(rowid.map(|rowid| CountedRow::Failure { rowid }));
            }
        }
        Ok(rows)
    }

    /// Why a domain gets no new row, not even a folded one.
    fn refusal(&self, domain: &str) -> Option<RowRefusal> {
        if self.budget.is_full() {
            return Some(RowRefusal::FileFull);
        }
        let over = self.shares.over(domain, self.budget.free());
        over.map(|owner| RowRefusal::OverShare(owner.to_owned()))
    }

    fn refuse(&mut self, why: RowRefusal, times: u64) -> Vec<CountedRow> {
        match why {
            RowRefusal::FileFull => {
                self.flushed.refused += times;
                Vec::new()
            }
            RowRefusal::OverShare(owner) => {
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
            let (record, policy) = (&result.tlsrpt_record, result.policy.as_str());
            if self
                .sql
                .find_session(day, domain, record, policy)?
                .is_some()
            {
                continue;
            }
            let folded = result.policy.folded(&result.domain);
            let key = (on, result.domain.clone(), folded);
            if self.folded(day, &key)?.is_none() {
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
        let (record, policy) = (&result.tlsrpt_record, result.policy.as_str());
        let mut session = SessionRow {
            day,
            domain,
            tlsrpt_record: record.into(),
            policy: policy.into(),
            rowid: 0,
            is_new: false,
        };
        if self.make_first(&mut session, result.failed, times)? {
            return Ok(session);
        }
        if let Some(rowid) = self.sql.find_session(day, domain, record, policy)? {
            session.rowid = rowid;
            self.sql.add_session(rowid, result.failed, times)?;
            return Ok(session);
        }
        let policies = self.policies(on, day, &result.domain)?;
        let mut folded = None;
        if policies >= self.limits.policies || self.must_fold(domain) {
            self.flushed.folded_policies += 1;
            let policy = result.policy.folded(&result.domain);
            session.policy = policy.as_str().to_owned().into();
            let key = (on, result.domain.clone(), policy);
            if let Some((rowid, record)) = self.folded(day, &key)? {
                session.rowid = rowid;
                session.tlsrpt_record = record.into();
                self.sql.add_session(rowid, result.failed, times)?;
                return Ok(session);
            }
            folded = Some(key);
        }
        self.flushed.new_policies += 1;
        self.flushed.new_domains += u64::from(policies == 0);
        self.take_room(domain, session.tlsrpt_record.len() + session.policy.len());
        session.rowid = self.sql.make_session(&session, result.failed, times)?;
        session.is_new = true;
        if let Some(key) = folded {
            let row = (session.rowid, session.tlsrpt_record.clone().into());
            self.reached.remember(key, row);
        }
        Ok(session)
    }

    /// Makes the first row of a domain that surely has none, without a look into the file. False when the domain may have rows, or
    /// its details are to be folded.
    fn make_first(
        &mut self,
        session: &mut SessionRow<'_>,
        failed: bool,
        times: u64,
    ) -> Result<bool> {
        let domain = session.domain;
        if self.limits.policies < 1 || self.shares.may_have_rows(domain) || self.must_fold(domain) {
            return Ok(false);
        }
        let Some(rowid) = unless_taken(self.sql.make_session(session, failed, times))? else {
            // Another program has made it.
            return Ok(false);
        };
        self.flushed.new_policies += 1;
        self.flushed.new_domains += 1;
        self.take_room(domain, session.tlsrpt_record.len() + session.policy.len());
        (session.rowid, session.is_new) = (rowid, true);
        Ok(true)
    }

    /// How many policies a domain has, at most the limit.
    fn policies(&mut self, on: Day, day: &str, domain: &Domain) -> Result<i64> {
        let limit = self.limits.policies;
        let key = (on, domain.clone());
        if self.reached.domains.contains(&key) {
            return Ok(limit);
        }
        let policies = self.sql.count_policies(day, domain.as_str(), limit)?;
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
        let found = self
            .sql
            .find_folded(day, domain.as_str(), policy.as_str())?;
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
        if let Some(rowid) = self.sql.find_failure(session, failure.as_str())? {
            self.sql.add_failure(rowid, times)?;
            return Ok(Some(rowid));
        }
        let mut reason = Cow::from(failure.as_str());
        if self.must_fold(session.domain) || self.has_all_failures(session)? {
            self.flushed.folded_failures += 1;
            reason = failure.folded().as_str().to_owned().into();
            if let Some(rowid) = self.sql.find_failure(session, &reason)? {
                self.sql.add_failure(rowid, times)?;
                return Ok(Some(rowid));
            }
            if self.refusal(session.domain).is_some() {
                return Ok(None);
            }
        }
        let key = session.tlsrpt_record.len() + session.policy.len();
        self.take_room(session.domain, key + reason.len());
        self.sql.make_failure(session, &reason, times).map(Some)
    }

    /// Makes the row of the first failure under a session's new row, without a look into the file; `None` where that is not to be.
    fn first_failure(
        &mut self,
        session: &SessionRow<'_>,
        failure: &FailureKey,
        times: u64,
    ) -> Result<Option<i64>> {
        if !session.is_new || self.limits.failures < 1 || self.must_fold(session.domain) {
            return Ok(None);
        }
        let made = self.sql.make_failure(session, failure.as_str(), times);
        let rowid = unless_taken(made)?;
        if rowid.is_some() {
            let key = session.tlsrpt_record.len() + session.policy.len();
            self.take_room(session.domain, key + failure.as_str().len());
        }
        Ok(rowid)
    }

    /// Whether a policy has as many failures as it may have.
    fn has_all_failures(&mut self, session: &SessionRow<'_>) -> Result<bool> {
        if self.reached.policies.contains(&session.rowid) {
            return Ok(true);
        }
        let limit = self.limits.failures;
        let is_full = self.sql.count_failures(session, limit)? >= limit;
        if is_full {
            self.reached.policies.insert(session.rowid);
        }
        Ok(is_full)
    }
}
