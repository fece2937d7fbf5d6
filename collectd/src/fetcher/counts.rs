//! The counts of one domain, as far as an answer holds them.
//!
//! What strangers wrote has no bound that a reader could rely on, and a line that is too long is lost to it as a whole. So
//! an answer is bounded here: beyond that, details give way (a policy to one a type, a failure to one a result type), the
//! rarely seen ones first, and counters stay exact. Memory is bounded with it, whatever the file holds.

use rusqlite::{Connection, Result, params};
use tlsrptd_proto::{
    counts::{DomainCounts, PolicyCounts},
    day::Day,
    domain::Domain,
    failure::FailureKey,
    policy::PolicyKey,
};

/// Bytes of an answer. The reporter takes lines of twice that, and makes no larger report (`max_report_size`) unless told.
const MOST: usize = 8 << 20;
/// Policies leave as much for failures.
const MOST_POLICIES: usize = MOST / 2;
/// What stands around a key text, with its numbers and, in the form with line ends, its indentation.
const AROUND_POLICY: usize = 200;
const AROUND_FAILURE: usize = 60;

/// In which order rows are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// As the index has them, which costs nothing.
    AsStored,
    /// So that what gives way is what was rarely seen. Only row numbers are sorted: texts are long. (Without a limit SQLite may leave
    /// a subquery unsorted.)
    MostSeenFirst,
}

impl Order {
    fn sessions(self) -> &'static str {
        match self {
            Order::AsStored => {
                "SELECT tlsrptrecord, policy, cntrtotal, cntrfailure FROM finalresults WHERE day=?1 AND domain=?2"
            }
            Order::MostSeenFirst => {
                "SELECT tlsrptrecord, policy, cntrtotal, cntrfailure
                 FROM (SELECT rowid AS place FROM finalresults WHERE day=?1 AND domain=?2
                       ORDER BY cntrtotal DESC, octet_length(policy), rowid LIMIT -1)
                 CROSS JOIN finalresults ON finalresults.rowid=place"
            }
        }
    }

    fn failures(self) -> &'static str {
        match self {
            Order::AsStored => {
                "SELECT tlsrptrecord, policy, reason, cntr FROM failures WHERE day=?1 AND domain=?2"
            }
            Order::MostSeenFirst => {
                "SELECT tlsrptrecord, policy, reason, cntr
                 FROM (SELECT rowid AS place FROM failures WHERE day=?1 AND domain=?2
                       ORDER BY cntr DESC, octet_length(reason), rowid LIMIT -1)
                 CROSS JOIN failures ON failures.rowid=place"
            }
        }
    }
}

/// Counts that are being read. See the module.
pub(super) struct Reading<'d> {
    domain: &'d Domain,
    counts: DomainCounts,
    used: usize,
    folded: bool,
    /// The last key as the file has it, and as it is counted: rows of one policy follow each other.
    last: Option<(Key<String>, Key)>,
}

/// TXT record and policy.
type Key<P = PolicyKey> = (String, P);

impl<'d> Reading<'d> {
    pub(super) fn new(domain: &'d Domain) -> Reading<'d> {
        Reading {
            domain,
            counts: DomainCounts::default(),
            used: 0,
            folded: false,
            last: None,
        }
    }

    /// Details gave way.
    pub(super) fn is_folded(&self) -> bool {
        self.folded
    }

    pub(super) fn counts(self) -> DomainCounts {
        self.counts
    }

    /// Adds the sessions of one name.
    pub(super) fn sessions(
        &mut self,
        db: &Connection,
        day: Day,
        name: &str,
        order: Order,
    ) -> Result<()> {
        let mut statement = db.prepare_cached(order.sessions())?;
        let mut rows = statement.query(params![day.to_string(), name])?;
        while let Some(row) = rows.next()? {
            let entry = self.policy(row.get(0)?, row.get(1)?, MOST_POLICIES);
            entry.total = entry.total.saturating_add(number(row.get(2)?));
            entry.failed = entry.failed.saturating_add(number(row.get(3)?));
        }
        Ok(())
    }

    /// Adds the failures of one name. Those of a session that is not there are nobody's.
    pub(super) fn failures(
        &mut self,
        db: &Connection,
        day: Day,
        name: &str,
        order: Order,
    ) -> Result<()> {
        let mut statement = db.prepare_cached(order.failures())?;
        let mut rows = statement.query(params![day.to_string(), name])?;
        while let Some(row) = rows.next()? {
            let reason: Option<String> = row.get(2)?;
            let reason = FailureKey::normalise(&reason.unwrap_or_default())
                .unwrap_or_else(|_| FailureKey::unknown());
            let (txt, policy) = (row.get(0)?, row.get(1)?);
            self.failure(txt, policy, reason, number(row.get(3)?));
        }
        Ok(())
    }

    fn failure(
        &mut self,
        txt: Option<String>,
        policy: Option<String>,
        reason: FailureKey,
        times: u64,
    ) {
        let cost = AROUND_FAILURE + written(reason.as_str());
        let used = self.used;
        let entry = self.policy(txt, policy, MOST);
        let known = entry.failures.contains_key(&reason);
        let fits = used + cost <= MOST;
        let counted = if known || fits {
            reason
        } else {
            reason.folded()
        };
        let mine = entry.failures.entry(counted).or_default();
        *mine = mine.saturating_add(times);
        match known {
            true => {}
            false if fits => self.used += cost,
            false => self.folded = true,
        }
    }

    /// The entry of a policy, or of those that it is counted with.
    fn policy(
        &mut self,
        txt: Option<String>,
        policy: Option<String>,
        most: usize,
    ) -> &mut PolicyCounts<FailureKey> {
        let stored = (txt.unwrap_or_default(), policy.unwrap_or_default());
        let (txt, policy) = match &self.last {
            Some((last, counted)) if *last == stored => counted.clone(),
            _ => {
                let counted = self.key(&stored, most);
                self.last = Some((stored, counted.clone()));
                counted
            }
        };
        let policies = self.counts.records.entry(txt).or_default();
        policies.entry(policy).or_default()
    }

    /// Under which key the one of a row is counted.
    fn key(&mut self, (txt, policy): &Key<String>, most: usize) -> Key {
        let policy = PolicyKey::normalise(policy, self.domain)
            .unwrap_or_else(|_| PolicyKey::unknown(self.domain));
        let policies = self.counts.records.get(txt);
        if policies.is_some_and(|policies| policies.contains_key(&policy)) {
            return (txt.clone(), policy);
        }
        let of_txt = match policies {
            Some(_) => 0,
            None => AROUND_POLICY + written(txt),
        };
        let cost = AROUND_POLICY + written(policy.as_str()) + of_txt;
        if self.used + cost <= most {
            self.used += cost;
            return (txt.clone(), policy);
        }
        self.folded = true;
        (self.folded_txt(txt), policy.folded(self.domain))
    }

    /// Under which TXT record a folded policy is counted: that is a stranger's text too, and needs room.
    fn folded_txt(&self, txt: &str) -> String {
        match self.counts.records.first_key_value() {
            Some((first, _)) if !self.counts.records.contains_key(txt) => first.clone(),
            _ => txt.to_owned(),
        }
    }
}

/// The length of a text in JSON, at most.
fn written(text: &str) -> usize {
    let of = |character: char| match character {
        '"' | '\\' => 2,
        ' '..='~' => 1,
        other => 6 * other.len_utf16(),
    };
    text.chars().map(of).sum()
}

/// Nothing is counted below zero.
fn number(n: Option<i64>) -> u64 {
    u64::try_from(n.unwrap_or(0)).unwrap_or(0)
}
