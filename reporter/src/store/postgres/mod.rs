//! PostgreSQL: the database of a fleet, in which several reporters are members. Nothing else in this crate knows its SQL; its
//! tables are in the crate `tlsrptd-fleet`.
//!
//! Each write is one step in one transaction, as in the SQLite engine, and names the shards that it is about: it is made only
//! while they are this member's ([`PostgresStore::transact`]). A step whose COMMIT got no answer is made once more by the
//! daemon, so each step counts and changes only what it finds undone.

mod additions;
mod answers;
mod bounces;
mod claims;
mod clean;
mod closing;
mod composing;
mod days;
mod decisions;
mod deliveries;
mod deliveries_view;
mod digests;
mod domain_day;
mod expected;
mod fleet;
mod fold;
mod health;
mod held;
mod history;
mod job_table;
mod jobs;
mod kept;
mod left;
mod mails;
mod member;
mod member_deliveries;
mod membership;
mod moving;
mod mx_hosts;
mod named;
mod open;
mod operator;
mod pending_rows;
mod r_id;
mod record;
mod requests;
mod spellings;
mod statistics;
mod suppressed;
mod upkeep;
mod version;

use tlsrptd_fleet::{Fault, Row, Session, Shard, ToSql, Transaction};
use tlsrptd_proto::{day::Day, report::InstallationId};

use self::member::Member;
use super::{
    CommitHook, CommitSide, HookVerdict, OperatorAccess, OperatorStore, Step, Store, StoreError,
    Tended, mailed::GuardedMails,
};
use crate::model::BounceKey;

pub(super) use health::{find_fault, server};
pub(super) use moving::{export, import};
pub(super) use open::{open, open_for_operator, reporter_at_work};

/// A step that was undone because another transaction was in its way is made so often at once.
const TRIES: u32 = 3;

/// The open database, as one member of the fleet.
pub struct PostgresStore {
    db: Session,
    /// How it was opened, to open it once more.
    place: open::DatabasePlace,
    hook: Option<CommitHook>,
    member: Member,
    installation: InstallationId,
    bounce_key: BounceKey,
    /// With `loop_guard`.
    guard: Option<GuardedMails>,
    /// `mx_reports`.
    mx_reports: bool,
    /// `keep_days`.
    keep_days: u32,
    failures: history::FailuresOfShards,
    composed: Option<decisions::ComposedDay>,
    closing: closing::ClosingLooks,
    /// Days that wait for whoever holds their rows.
    held: held::HeldDays,
    /// What was read of MX hosts that are decided on now.
    mx_sums: mx_hosts::MxSums,
    /// What was learnt of the work, and not told, because something failed.
    untold: Tended,
    /// The day that was worked on last has its tables.
    made: Option<Day>,
    stored: statistics::StoredReports,
    /// Of the connection over which all of this was learnt.
    connection: u64,
    deliveries: member_deliveries::MemberDeliveries,
    kept: kept::FleetKept,
    suppressions: suppressed::ReadList,
    /// Bounces up to this one were looked at, and there are more.
    bounces_after: i64,
    folds: fold::Folds,
    left: left::LeftShards,
    /// Of MX hosts, whose domains are all decided on.
    left_hosts: left::LeftShards,
}

/// Open for one command of the operator, or for the answers of a daemon.
#[derive(Debug)]
pub struct PostgresReader {
    db: Session,
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStore")
            .field("db", &self.db)
            .finish_non_exhaustive()
    }
}

impl Store for PostgresStore {
    fn installation(&self) -> &InstallationId {
        &self.installation
    }

    fn open_reader(&self) -> Result<Box<dyn OperatorStore + Send>, StoreError> {
        Ok(Box::new(PostgresReader::open(
            &self.place,
            OperatorAccess::Read,
        )?))
    }

    fn close(self: Box<Self>) -> Result<(), StoreError> {
        PostgresStore::leave(*self)
    }
}

impl PostgresStore {
    /// Everything that changes a row goes through here: one step, one transaction, while these shards are this member's. The
    /// work may be done more than once, after it was undone.
    fn transact<T>(
        &mut self,
        step: Step,
        shards: &[Shard],
        mut work: impl FnMut(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let mut tries = 1;
        loop {
            match self.attempt(step, shards, &mut work) {
                Err(fault) if fault.is_conflict() && tries < TRIES => {
                    tries += 1;
                    tracing::debug!(?step, %fault, "the step is made once more");
                }
                Err(fault) => return Err(at_step(step, fault)),
                Ok(done) => return done,
            }
        }
    }

    /// The fault is the database's, the error another's.
    fn attempt<T>(
        &mut self,
        step: Step,
        shards: &[Shard],
        work: &mut impl FnMut(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<Result<T, StoreError>, Fault> {
        let transaction = self.db.begin()?;
        self.member.token().fence(&transaction, shards)?;
        let value = work(&transaction)?;
        match self
            .hook
            .as_mut()
            .map(|hook| hook(step, CommitSide::Before))
        {
            Some(HookVerdict::Crash) => {
                return Ok(Err(StoreError::Stopped {
                    step,
                    side: CommitSide::Before,
                }));
            }
            Some(HookVerdict::Fail) => {
                return Ok(Err(StoreError::Step {
                    step,
                    source: "could not extend file: No space left on device [53100]".into(),
                    may_pass: true,
                }));
            }
            _ => {}
        }
        transaction.commit()?;
        match self.hook.as_mut().map(|hook| hook(step, CommitSide::After)) {
            Some(HookVerdict::Crash) => Ok(Err(StoreError::Stopped {
                step,
                side: CommitSide::After,
            })),
            _ => Ok(Ok(value)),
        }
    }

    /// Reads, outside of any step.
    fn read(
        &self,
        what: &'static str,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, StoreError> {
        self.db
            .query(sql, parameters)
            .map_err(|fault| unreadable(what, fault))
    }
}

impl PostgresReader {
    /// Reads.
    fn read(
        &self,
        what: &'static str,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, StoreError> {
        self.db
            .query(sql, parameters)
            .map_err(|fault| unreadable(what, fault))
    }

    /// Changes something, in one transaction.
    fn change<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let done = self.db.begin().and_then(|transaction| {
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        });
        done.map_err(|fault| StoreError::Open {
            database: self.db.address().to_string(),
            source: fault.into(),
        })
    }
}

fn at_step(step: Step, fault: Fault) -> StoreError {
    match fault {
        Fault::Fenced => StoreError::Fenced,
        fault => StoreError::Step {
            step,
            may_pass: fault.may_pass(),
            source: fault.into(),
        },
    }
}

fn unreadable(what: &'static str, fault: Fault) -> StoreError {
    StoreError::Read {
        what,
        may_pass: fault.may_pass(),
        source: fault.into(),
    }
}
