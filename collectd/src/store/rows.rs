//! The rows of one transaction: found or made for what is fresh, added to for what is known.
//!
//! Limits are held here, against what the file says, so that they hold across restarts: beyond them, detail is folded
//! into one entry, and the counters stay exact.

use rusqlite::{CachedStatement, Connection, OptionalExtension, Result, params};
use tlsrptd_proto::{
    day::Day, domain::Domain, failure::FailureKey, policy::PolicyKey, session_result::SessionResult,
};

use super::{
    Flushed, FoldLimits, day_file_budget::DayFileBudget, full::Full, pending_counts::Row,
    shares::Shares,
};

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

/// The statements of one transaction.
pub(super) struct Rows<'c> {
    full: &'c mut Full,
    shares: &'c mut Shares,
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
    limits: FoldLimits,
    room: DayFileBudget,
    pub(super) flushed: Flushed,
    /// Whose share is used up, the last one.
    pub(super) over_share: Option<String>,
}

/// Why there is no room for a row.
enum NoRoom {
    Full,
    /// Whose share is used up.
    Share(String),
}

/// Where a record's sessions are counted.
struct Place<'r> {
    day: &'r str,
    domain: &'r str,
    txt: String,
    policy: String,
    /// The row of `finalresults`.
    session: i64,
}

impl<'c> Rows<'c> {
    pub(super) fn new(
        db: &'c Connection,
        full: &'c mut Full,
        shares: &'c mut Shares,
        limits: FoldLimits,
    ) -> Result<Rows<'c>> {
        full.bound();
        let room = DayFileBudget::measure(db, limits.file_bytes)?;
        Ok(Rows {
            full,
            shares,
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
            limits,
            flushed: Flushed {
                tight: room.is_tight(),
                file_bytes: room.used(),
                ..Flushed::default()
            },
            room,
            over_share: None,
        })
    }

    /// Adds a known datagram, so many times; false when one of its rows is not there any more.
    pub(super) fn add(&mut self, rows: &[Row], times: u64) -> Result<bool> {
        let mut found = true;
        for row in rows {
            found &= match *row {
                Row::Session { rowid, failed } => {
                    let failures = if failed { times } else { 0 };
                    self.add_session
                        .execute(params![rowid, number(times), number(failures)])?
                }
                Row::Failure { rowid } => {
                    self.add_failure.execute(params![rowid, number(times)])?
                }
                Row::OverShare => 1,
            } == 1;
        }
        Ok(found)
    }

    /// Adds a fresh datagram, so many times, and says which rows it has from now on: none when there is no room for it, and
    /// a row that it needs is not there. Then it is dropped as a whole, so that it is either counted or not.
    pub(super) fn make(
        &mut self,
        day: Day,
        records: &[SessionResult],
        times: u64,
    ) -> Result<Vec<Row>> {
        let text = day.to_string();
        // All records of a datagram are of one domain.
        let domain = records.first().map_or("", |record| record.domain.as_str());
        if let Some(no_room) = self.no_room(domain)
            && !self.are_known(day, &text, records)?
        {
            return Ok(self.refuse(no_room, times));
        }
        let mut rows = Vec::with_capacity(records.len());
        for record in records {
            let place = self.session(day, &text, record, times)?;
            rows.push(Row::Session {
                rowid: place.session,
                failed: record.failed,
            });
            for failure in &record.failures {
                let rowid = self.failure(&place, failure, times)?;
                rows.extend(rowid.map(|rowid| Row::Failure { rowid }));
            }
        }
        Ok(rows)
    }

    /// Why a domain gets no new row, not even a folded one.
    fn no_room(&self, domain: &str) -> Option<NoRoom> {
        if self.room.is_full() {
            return Some(NoRoom::Full);
        }
        let over = self.shares.over(domain, self.room.free());
        over.map(|owner| NoRoom::Share(owner.to_owned()))
    }

    fn refuse(&mut self, why: NoRoom, times: u64) -> Vec<Row> {
        match why {
            NoRoom::Full => {
                self.flushed.refused += times;
                Vec::new()
            }
            NoRoom::Share(owner) => {
                self.flushed.over_share += times;
                self.over_share = Some(owner);
                vec![Row::OverShare]
            }
        }
    }

    /// Whether new details of a domain are folded, for want of room.
    fn must_fold(&self, domain: &str) -> bool {
        let free = self.room.free_for_details();
        self.room.is_tight() || self.shares.over(domain, free).is_some()
    }

    /// A row of a domain is made, with key texts of that length.
    fn take_room(&mut self, domain: &str, bytes: usize) {
        let taken = self.room.take(domain.len() + bytes);
        self.shares.charge(domain, taken);
    }

    /// Whether each record has a row, be it a folded one.
    fn are_known(&mut self, on: Day, day: &str, records: &[SessionResult]) -> Result<bool> {
        for record in records {
            let domain = record.domain.as_str();
            let key = params![day, domain, record.tlsrpt_record, record.policy.as_str()];
            if self.find_session.exists(key)? {
                continue;
            }
            let folded = record.policy.folded(&record.domain);
            if self
                .folded(day, &(on, record.domain.clone(), folded))?
                .is_none()
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The row of a record's policy, counted.
    fn session<'r>(
        &mut self,
        on: Day,
        day: &'r str,
        record: &'r SessionResult,
        times: u64,
    ) -> Result<Place<'r>> {
        let domain = record.domain.as_str();
        let failures = if record.failed { times } else { 0 };
        let (total, failures) = (number(times), number(failures));
        let mut place = Place {
            day,
            domain,
            txt: record.tlsrpt_record.clone(),
            policy: record.policy.as_str().into(),
            session: 0,
        };
        let key = params![day, domain, place.txt, place.policy];
        let found = self.find_session.query_row(key, |row| row.get(0));
        if let Some(rowid) = found.optional()? {
            self.add_session.execute(params![rowid, total, failures])?;
            place.session = rowid;
            return Ok(place);
        }
        let policies = self.policies(on, day, &record.domain)?;
        let folds = policies >= self.limits.policies || self.must_fold(domain);
        let folded = folds.then(|| {
            let folded = record.policy.folded(&record.domain);
            place.policy = folded.as_str().into();
            (on, record.domain.clone(), folded)
        });
        if let Some(folded) = &folded {
            self.flushed.folded_policies += 1;
            if let Some((rowid, txt)) = self.folded(day, folded)? {
                self.add_session.execute(params![rowid, total, failures])?;
                place.txt = txt;
                place.session = rowid;
                return Ok(place);
            }
        }
        self.flushed.new_policies += 1;
        self.flushed.new_domains += u64::from(policies == 0);
        self.take_room(domain, place.txt.len() + place.policy.len());
        // In one statement: a day of a million domains is made of rows that are never touched again.
        self.make_session.execute(params![
            day,
            domain,
            place.txt,
            place.policy,
            total,
            failures
        ])?;
        place.session = self.db.last_insert_rowid();
        if let Some(folded) = folded {
            let made = (place.session, place.txt.clone());
            self.full.remember(folded, made);
        }
        Ok(place)
    }

    /// How many policies a domain has, up to the limit.
    fn policies(&mut self, on: Day, day: &str, domain: &Domain) -> Result<i64> {
        let limit = self.limits.policies;
        let key = (on, domain.clone());
        if self.full.domains.contains(&key) {
            return Ok(limit);
        }
        let counted = params![day, domain.as_str(), limit];
        let policies = self.count_policies.query_row(counted, |row| row.get(0))?;
        if policies >= limit {
            self.full.domains.insert(key);
        }
        Ok(policies)
    }

    /// The row of a folded policy. Under any TXT record: that text is a stranger's too.
    fn folded(
        &mut self,
        day: &str,
        key: &(Day, Domain, PolicyKey),
    ) -> Result<Option<(i64, String)>> {
        if let Some(known) = self.full.folded.get(key) {
            return Ok(Some(known.clone()));
        }
        let (_, domain, policy) = key;
        let searched = params![day, domain.as_str(), policy.as_str()];
        let found = self
            .find_folded
            .query_row(searched, |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        if let Some(found) = &found {
            self.full.remember(key.clone(), found.clone());
        }
        Ok(found)
    }

    /// The row of a failure under the policy's row, counted. In a file that is full, a detail may have none.
    fn failure(
        &mut self,
        place: &Place<'_>,
        failure: &FailureKey,
        times: u64,
    ) -> Result<Option<i64>> {
        if let Some(rowid) = self.find(place, failure.as_str())? {
            self.add_failure.execute(params![rowid, number(times)])?;
            return Ok(Some(rowid));
        }
        let mut reason = failure.as_str().to_owned();
        if self.must_fold(place.domain) || self.has_all_failures(place)? {
            self.flushed.folded_failures += 1;
            reason = failure.folded().as_str().into();
            if let Some(rowid) = self.find(place, &reason)? {
                self.add_failure.execute(params![rowid, number(times)])?;
                return Ok(Some(rowid));
            }
            if self.no_room(place.domain).is_some() {
                return Ok(None);
            }
        }
        let Place {
            day,
            domain,
            txt,
            policy,
            ..
        } = place;
        self.take_room(domain, txt.len() + policy.len() + reason.len());
        self.make_failure
            .execute(params![day, domain, txt, policy, reason, number(times)])?;
        Ok(Some(self.db.last_insert_rowid()))
    }

    /// Whether a policy has as many failures as it may.
    fn has_all_failures(&mut self, place: &Place<'_>) -> Result<bool> {
        if self.full.policies.contains(&place.session) {
            return Ok(true);
        }
        let Place {
            day,
            domain,
            txt,
            policy,
            ..
        } = place;
        let limit = self.limits.failures;
        let counted = params![day, domain, txt, policy, limit];
        let failures: i64 = self.count_failures.query_row(counted, |row| row.get(0))?;
        if failures >= limit {
            self.full.policies.insert(place.session);
        }
        Ok(failures >= limit)
    }

    fn find(&mut self, place: &Place<'_>, reason: &str) -> Result<Option<i64>> {
        let Place {
            day,
            domain,
            txt,
            policy,
            ..
        } = place;
        self.find_failure
            .query_row(params![day, domain, txt, policy, reason], |row| row.get(0))
            .optional()
    }
}

/// Counters are integers in the file; more than an i64 holds cannot have been received.
fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
