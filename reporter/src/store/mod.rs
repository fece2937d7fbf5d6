//! The reporter's store: what to fetch, what collectors answered, what was decided, what to deliver.
//!
//! Each trait here is a port: what one part of the daemon asks, and no more. [`Store`] is all of them; [`OperatorStore`]
//! is what `tlsrptctl` asks beside a reporter at work. No signature names a file, SQL or an engine; [`StoreError`] says
//! what was attempted, on which database, and carries the engine's error as its source. The engine is [`sqlite`], with
//! sys4's tables.
//!
//! The daemon holds a `Box<dyn Store>`, and hands a part the port that it needs ([`Days`], [`Upkeep`], [`Additions`]), or the
//! whole where it needs several. An object, not a type parameter: which engine it is follows from the settings at the
//! start, a call costs nothing beside its transaction, the daemon is compiled once, and the same tests run on any engine
//! that [`open`] returns.
//!
//! Every fetch job, report and delivery is a row, and each step of its life is one transaction: see [`steps`]. A store runs
//! on the thread of its caller and answers within milliseconds.
//!
//! To add a step: a variant of [`Step`] with its row in `STEPS.md`, and a transaction of that step in the engine; the kill
//! tests and the simulation reach it by themselves, or fail. To add an engine: the traits for it, its case in [`open`],
//! [`open_for_operator`] and [`find_fault`], and in the tests a second reader beside `tests/environment/stored.rs`.

mod asked;
mod backlog;
mod bounces;
mod composing;
mod deliveries_view;
mod delivering;
mod digests;
mod domain_day;
mod error;
mod fetching;
mod fleet;
mod history;
mod history_addition;
mod history_failure;
mod in_hand;
mod lease;
mod mailed;
mod matching;
mod membership;
mod mx_bounds;
mod operator;
mod pending;
#[cfg(feature = "postgresql")]
pub mod postgres;
#[cfg(not(feature = "postgresql"))]
#[path = "without_postgresql.rs"]
mod postgres;
mod refusals;
mod relatives;
mod requests;
pub mod sqlite;
pub mod steps;
mod upkeep;

use std::{path::Path, time::Duration};

use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::report::InstallationId;

pub use bounces::{AppliedBounce, AppliedBounces, Bounces, NewBounce, OperatorBounces};
pub use composing::{Decisions, FailingDomains, SuppressionSource};
pub use deliveries_view::{
    Backlog, DeliveriesView, DeliveryFilter, DeliveryProgress, DeliveryQuestion, DeliveryRow,
    Frequency, SharedReason, WithoutReportRow,
};
pub use delivering::{
    AttemptEnd, ClaimLimit, Claimed, CorruptRow, Deliveries, Disposition, QueueDepth, QueueDepths,
    Suspension,
};
pub use digests::{DigestEnd, Digests, MissingCollector};
pub use domain_day::{
    DeliveryState, DomainDayState, DomainDays, DomainPresence, JobStage, JobState, LoopGuard,
    ReportState, RowStage, RowState,
};
pub use error::{Cause, StoreError};
pub use fetching::{Additions, Days, FetchJobs, GrownDays, JobChange, JobNote, ReportData};
pub use fleet::{
    FleetCollector, FleetDay, FleetMember, FleetReplica, FleetServer, FleetState, FleetView,
    MovedRows, Retired, Unretired,
};
pub use history::{
    DayTotals, FailedOnDay, FailureQuestion, FailureRow, History, KeptReport, OutcomeTotals,
    PolicyTotals, ReportContents, ResultTotals, WithoutReport,
};
pub use lease::Lease;
pub use membership::{ClosedDay, Membership, Tended};
pub use operator::{BounceTotals, CarrierTotals, OperatorStore, RunningTotals, SuppressionRow};
pub use requests::{
    CoveredDestinations, NewRequest, OpenRequest, OperatorRequests, RequestEnd, RequestOutcome,
    RequestRow, RequestedReport, Requests, StartedRequest,
};
use sqlite::{ExistingDatabase, SqliteStore};
pub use steps::{CommitHook, CommitSide, HookVerdict, Step};
pub use upkeep::Upkeep;

/// All that the daemon asks of a store.
pub trait Store:
    Days
    + FetchJobs
    + Additions
    + ReportData
    + Decisions
    + SuppressionSource
    + Deliveries
    + Requests
    + Bounces
    + Upkeep
    + Digests
    + History
    + Membership
    + Send
{
    /// Which reporter of its organisation works on this database: the same for as long as the database exists.
    fn installation(&self) -> &InstallationId;

    /// Opens it once more, to read beside the daemon's work.
    ///
    /// # Errors
    /// When that fails.
    fn open_reader(&self) -> Result<Box<dyn OperatorStore + Send>, StoreError>;

    /// Leaves the database in the form that sys4 wants.
    ///
    /// # Errors
    /// When that fails; the next start recovers it.
    fn close(self: Box<Self>) -> Result<(), StoreError>;
}

/// Opens the store of these settings, or makes it. `hook` sees every step, the first too.
///
/// # Errors
/// When it cannot be used, belongs to another program, or has a reporter.
pub fn open(settings: &Reportd, hook: Option<CommitHook>) -> Result<Box<dyn Store>, StoreError> {
    let Some(file) = settings.database_file() else {
        return postgres::open(settings, hook);
    };
    let mut store = SqliteStore::open(file, settings.debug_db, hook)?;
    store.limit_history(settings.history_failures, settings.max_kept_reports_size);
    if settings.mx_reports {
        store.report_on_mx_hosts();
    }
    if settings.loop_guard {
        store.guard_loops(copies_to(settings));
    }
    Ok(Box::new(store))
}

/// Where a copy of each mail goes. A sendmail_script sees no envelope, and makes no copy.
fn copies_to(settings: &Reportd) -> Option<&str> {
    let copies_to = settings.bcc_address.as_deref();
    copies_to.filter(|_| settings.sendmail_script.is_none())
}

/// What an operator's command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatorAccess {
    /// It reads.
    Read,
    /// It reads beside the work of others: it waits for their locks no longer than a moment, and all that is asked takes
    /// no longer than this.
    ReadWithin(Duration),
    /// It changes something.
    Write,
}

/// Opens the store of these settings for one command of the operator.
///
/// # Errors
/// When no reporter has made it yet, or it cannot be used.
pub fn open_for_operator(
    settings: &Reportd,
    access: OperatorAccess,
) -> Result<Box<dyn OperatorStore>, StoreError> {
    let Some(file) = settings.database_file() else {
        return postgres::open_for_operator(settings, access);
    };
    Ok(Box::new(ExistingDatabase::open(file, access)?))
}

/// Why a start would refuse the store of these settings, as far as can be seen without changing it.
pub fn find_fault(settings: &Reportd) -> Option<StoreError> {
    match settings.database_file() {
        Some(file) => sqlite::find_fault(file),
        None => postgres::find_fault(settings),
    }
}

/// Moves everything from the SQLite database of a reporter that is stopped into the fleet of these settings.
///
/// # Errors
/// When that cannot be done now: then nothing has changed, or the same command brings it to its end.
pub fn import(settings: &Reportd, file: &Path) -> Result<MovedRows, StoreError> {
    postgres::import(settings, file)
}

/// Moves everything from the fleet of these settings, whose members are stopped, into a new SQLite database.
///
/// # Errors
/// The same.
pub fn export(settings: &Reportd, file: &Path) -> Result<MovedRows, StoreError> {
    postgres::export(settings, file)
}

/// The server that has the database of a fleet.
///
/// # Errors
/// When it cannot be reached.
pub fn fleet_server(settings: &Reportd) -> Result<FleetServer, StoreError> {
    postgres::server(settings)
}

/// The reporter that works on the store of these settings, such as `process 123`; `None` if there is none. sys4's is not
/// seen.
///
/// # Errors
/// When that cannot be found out.
pub fn reporter_at_work(settings: &Reportd) -> Result<Option<String>, StoreError> {
    let Some(file) = settings.database_file() else {
        return postgres::reporter_at_work(settings);
    };
    sqlite::held_by(file).map_err(|source| StoreError::Lock {
        lock: file.display().to_string(),
        source: source.into(),
    })
}
