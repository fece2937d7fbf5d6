//! Port of the fleet: what a reporter does for being one of several on a database.

use std::time::Duration;

use jiff::Timestamp;
use tlsrptd_proto::day::Day;

use super::{Lease, StoreError};

/// Being one of several on a database. Alone on one, there is nothing to do.
///
/// # Errors
/// All fail when the engine cannot read or write; nothing has changed then.
pub trait Membership {
    /// How long what is in hand may be acted on.
    fn lease(&self) -> Lease;

    /// Does what is due: takes the work of members that are gone, gives some to those that are new, prepares for the days to
    /// come, and closes those of which all counts have come. `deadlines` tells until when a day waits for its counts, by the time when it
    /// was seen that it has ended; without it, as with a clock that may be wrong, no day is closed.
    fn tend(
        &mut self,
        now: Timestamp,
        deadlines: Option<&dyn Fn(Day, Timestamp) -> Timestamp>,
    ) -> Result<Tended, StoreError>;
}

/// What [`Membership::tend`] has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tended {
    /// What was done last may be lost: whatever is remembered of the database has to be looked at again.
    pub is_in_doubt: bool,
    /// How many share the work, as far as this one knows; 0: it is alone on its database.
    pub members: u32,
    /// Parts of the work that are this reporter's now and were not before.
    pub taken: usize,
    /// Parts that are not any more.
    pub given: usize,
    /// Deliveries that their last owner had in hand: they are repeated.
    pub repeated: usize,
    /// Members that are gone without a word, by their names.
    pub fenced: Vec<String>,
    /// Days that are closed now.
    pub closed: Vec<ClosedDay>,
    /// How long there is nothing to do, unless the lease tells news; `None`: nothing waits.
    pub wait: Option<Duration>,
}

/// A day to which nothing is added any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedDay {
    /// Which.
    pub day: Day,
    /// The collectors that were not done with it.
    pub missing: Vec<String>,
    /// It was older than what is kept: what they bring of it is in no report.
    pub is_too_old: bool,
}
