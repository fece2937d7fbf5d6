//! Ports of what is composed: domains' days, and decisions on them.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use jiff::Timestamp;
use tlsrptd_proto::day::Day;

use super::StoreError;
use crate::{
    model::{DecidedDomain, DomainDay, MxHostDay, NamedDestination, ReportSubject},
    suppress::Suppressions,
};

/// Domains' days, from gathered to decided.
///
/// # Errors
/// All fail when the engine cannot read or write; nothing has changed then.
pub trait Decisions {
    /// Days that count as done but have domains without a decision: sys4 was stopped in the middle.
    fn leftover_days(&self) -> Result<BTreeSet<Day>, StoreError>;

    /// Days that are not decided and whose collectors have all answered or been given up.
    fn gathered_days(&self) -> Result<BTreeSet<Day>, StoreError>;

    /// Gives all domains of a gathered day their normalized names. Names that are invalid stay as they are. Gives whether it did:
    /// where several work on one database, somebody may hold the day, and it is none of the gathered days for a moment.
    fn normalize_domains(&mut self, day: Day, now: Timestamp) -> Result<bool, StoreError>;

    /// The next domains of a day that are not decided, behind `after`, in order: at most `limit`, and none after the one
    /// with which `bytes` are reached.
    fn undecided(
        &self,
        day: Day,
        after: Option<&str>,
        limit: usize,
        bytes: usize,
    ) -> Result<Vec<DomainDay>, StoreError>;

    /// The same, of those alone with a failure in their rows, among the next few thousand: at most `limit`.
    fn undecided_failing(
        &self,
        day: Day,
        after: Option<&str>,
        limit: usize,
        bytes: usize,
    ) -> Result<FailingDomains, StoreError>;

    /// How many deliveries there are of reports on that day to each of these mail domains and https hosts, on domains other
    /// than their own; those without any may be absent.
    fn deliveries_to(&self, day: Day, names: &[String])
    -> Result<HashMap<String, u64>, StoreError>;

    /// Leaves out what is another reporter's to decide by now: in a fleet, while decisions are under way.
    fn leave_out_others(&self, _decisions: &mut Vec<DecidedDomain>) {}

    /// Stores decisions, each report with its destinations.
    fn store_decisions(
        &mut self,
        day: Day,
        decisions: &[DecidedDomain],
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Decisions could not be stored together: stores what can be, and takes out what cannot. Where several work on one database, those
    /// domains and hosts stay undecided, and are tried again later. Fails as before where the fault is not about some of them.
    fn store_apart(
        &mut self,
        _day: Day,
        _decisions: &mut Vec<DecidedDomain>,
        _subject: ReportSubject,
        error: StoreError,
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        Err(error)
    }

    /// MX hosts of a day whose sessions wait for a report, in order: at most `limit`, and none after the one with which
    /// `bytes` are reached. Those that are decided on are none of them any more.
    fn mx_hosts(
        &mut self,
        day: Day,
        limit: usize,
        bytes: usize,
    ) -> Result<Vec<MxHostDay>, StoreError>;

    /// Stores decisions on MX hosts, those that were read last: their sessions stand in the decisions on domains, and count nowhere once more. Gives whether
    /// it did: where several work on one database, domains may have come late since the hosts were read, and are decided on first.
    fn store_mx_decisions(
        &mut self,
        day: Day,
        decisions: &[DecidedDomain],
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Stores the last decisions of a day, and with them that the day is decided: for sys4 too, hence together. Gives the
    /// destinations that were named so that somebody has to look at it; each once.
    fn close_day(
        &mut self,
        day: Day,
        decisions: &[DecidedDomain],
        now: Timestamp,
    ) -> Result<Vec<NamedDestination>, StoreError>;
}

/// Some domains of a day that have failures.
#[derive(Clone, Debug, Default)]
pub struct FailingDomains {
    /// These.
    pub domains: Vec<DomainDay>,
    /// Others come behind this one; `None`: there are none.
    pub after: Option<String>,
}

/// The suppression list, as composing and delivering need it.
pub trait SuppressionSource {
    /// The list as it is now, whoever changed it.
    ///
    /// # Errors
    /// When the engine cannot read it.
    fn suppressions(&mut self) -> Result<Arc<Suppressions>, StoreError>;
}
