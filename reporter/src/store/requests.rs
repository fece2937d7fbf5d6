//! Ports of what the operator asks the daemon for by a row: a report once more, or a test report.
//!
//! A row is one destination. The operator's command writes it and reads the answer; the daemon looks whether there are any,
//! makes the attempts, and writes the answer. A request is no delivery: its row stands in no table of sys4's, and no total of
//! the history counts it.

use std::time::Duration;

use jiff::Timestamp;
use tlsrptd_proto::day::Day;

use super::{Disposition, StoreError};
use crate::model::{Delivery, Destination, QueueKey, RequestId, RequestKind, RequestState};

/// Requests as the daemon sees them.
///
/// # Errors
/// All fail when the engine cannot read or write; nothing has changed then.
pub trait Requests {
    /// A number that changes when another program has written. To ask for it costs microseconds, and writes nothing.
    fn change_number(&self) -> Result<i64, StoreError>;

    /// The requests that wait for an attempt, the oldest first: a bounded number.
    fn open_requests(&self) -> Result<Vec<OpenRequest>, StoreError>;

    /// Takes requests in hand. Those that were withdrawn meanwhile are left out, and so are those whose report is gone: that
    /// is their answer.
    fn start_requests(
        &mut self,
        ids: &[RequestId],
        now: Timestamp,
    ) -> Result<Vec<StartedRequest>, StoreError>;

    /// Records how attempts ended.
    fn record_requests(&mut self, ends: &[RequestEnd], now: Timestamp) -> Result<(), StoreError>;
}

/// A request that waits for an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRequest {
    /// Its number.
    pub id: RequestId,
    /// What is asked for.
    pub kind: RequestKind,
    /// `None` for a test.
    pub report: Option<RequestedReport>,
    /// Where to.
    pub destination: Destination,
    /// Whose connections it uses.
    pub queue: QueueKey,
    /// When; `None` at once.
    pub due: Option<Timestamp>,
    /// When it was asked for.
    pub asked: Option<Timestamp>,
    /// What the last attempt ended with, or what it waits for.
    pub answer: Option<String>,
}

/// A request whose attempt may begin.
#[derive(Clone, Debug)]
pub enum StartedRequest {
    /// A report once more.
    Resend(Box<Delivery>),
    /// A test report, which is to be made.
    Test {
        /// Its number.
        id: RequestId,
        /// Where to.
        destination: Destination,
    },
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestEnd {
    /// Whose.
    pub id: RequestId,
    /// The row of the report that was sent; `None` for a test.
    pub r_id: Option<i64>,
    /// Where to.
    pub destination: Destination,
    /// What becomes of it.
    pub outcome: RequestOutcome,
    /// How long the attempt took.
    pub took: Duration,
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestOutcome {
    /// As of a delivery: it may be tried again.
    Delivery(Disposition),
    /// It has ended.
    Over {
        /// How.
        state: RequestState,
        /// The answer.
        answer: String,
    },
}

/// Requests as the operator's command sees them.
///
/// # Errors
/// All fail when the engine cannot read or write; nothing has changed then.
pub trait OperatorRequests {
    /// Asks the daemon. Gives the numbers of the requests; `None` if too many wait already.
    fn ask(
        &mut self,
        requests: &[NewRequest],
        now: Timestamp,
    ) -> Result<Option<Vec<RequestId>>, StoreError>;

    /// The requests that have not ended, the oldest first.
    fn pending_requests(&self) -> Result<Vec<RequestRow>, StoreError>;

    /// How far these requests are.
    fn requests(&self, ids: &[RequestId]) -> Result<Vec<RequestRow>, StoreError>;

    /// Takes back those of these requests of which no attempt is under way. Gives their number.
    fn withdraw(&mut self, ids: &[RequestId], now: Timestamp) -> Result<usize, StoreError>;

    /// Destinations of the stored reports that a target of the suppression list covers, in the order of their texts. It looks
    /// for no longer than `time`.
    fn covered(
        &self,
        covers: &dyn Fn(&Destination) -> bool,
        most: usize,
        time: Duration,
    ) -> Result<CoveredDestinations, StoreError>;
}

/// What the operator asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRequest {
    /// What.
    pub kind: RequestKind,
    /// `None` for a test.
    pub report: Option<RequestedReport>,
    /// Where to.
    pub destination: Destination,
    /// Who asks.
    pub by: String,
}

/// The report that is asked for once more. A number alone does not name it: it may be given again when its row was cleaned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedReport {
    /// Its row.
    pub r_id: i64,
    /// The day that it is about.
    pub day: Day,
    /// The domain that it is about.
    pub domain: String,
}

/// How far a request is.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestRow {
    /// Its number.
    pub id: RequestId,
    /// What is asked for.
    pub kind: RequestKind,
    /// `None` for a test.
    pub report: Option<RequestedReport>,
    /// Where to.
    pub destination: Destination,
    /// When it was asked for.
    pub asked: Option<Timestamp>,
    /// Who asked.
    pub by: String,
    /// How far.
    pub state: RequestState,
    /// What the last attempt ended with, or what it waits for.
    pub answer: Option<String>,
    /// Attempts that failed.
    pub failures: u32,
    /// How long the last attempt took.
    pub seconds: Option<f64>,
    /// When it is tried next.
    pub next: Option<Timestamp>,
}

/// Destinations that a target covers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoveredDestinations {
    /// The first of them.
    pub first: Vec<String>,
    /// How many were found.
    pub found: u64,
    /// The time was over before all were looked at.
    pub is_cut: bool,
}
