//! Ports of mails that came back: `tlsrptctl bounce` writes a row, and the daemon applies it.

use jiff::Timestamp;
use tlsrptd_proto::day::Day;

use super::{StoreError, Suspension};
use crate::model::{BounceBlame, BounceKey, BounceKind, BounceResult, BounceTag, Destination};

/// Bounces as the daemon sees them.
///
/// # Errors
/// All fail when the engine cannot read or write; nothing has changed then.
pub trait Bounces {
    /// What tags are made with; it stays the same.
    fn bounce_key(&self) -> &BounceKey;

    /// Applies bounces that came, a bounded number, each once. While there are more, the next call goes on behind these.
    fn apply_bounces(&mut self, now: Timestamp) -> Result<AppliedBounces, StoreError>;

    /// Mails that came back without a tag of ours, or were no bounces: on all days, as far as they are remembered.
    fn unclaimed_bounces(&self) -> Result<u64, StoreError>;
}

/// What followed from bounces.
#[derive(Debug, Default)]
pub struct AppliedBounces {
    /// These are done.
    pub applied: Vec<AppliedBounce>,
    /// So many wait for their delivery to end: its outcome is not recorded yet.
    pub waiting: usize,
    /// There may be more of them than were looked at.
    pub has_more: bool,
    /// Destinations that are suspended now.
    pub suspended: Vec<Suspension>,
}

/// What followed from one.
#[derive(Debug)]
pub struct AppliedBounce {
    /// What became of it.
    pub result: BounceResult,
    /// The report that came back, its number among those of its domain and day; `None` for a test, and when it is gone.
    pub report: Option<(Day, String, u64)>,
    /// Where it had gone, as far as that is known.
    pub destination: Option<Destination>,
    /// What the bounce says.
    pub text: String,
}

/// Bounces as the operator's command sees them.
///
/// # Errors
/// All fail when the engine cannot read or write; nothing has changed then.
pub trait OperatorBounces {
    /// What tags are made with; `None` before a reporter of ours has opened it.
    fn known_bounce_key(&self) -> Result<Option<BounceKey>, StoreError>;

    /// Where the mail went that a tag of this key names; `None`: it is not known any more.
    fn bounced_destination(
        &self,
        key: &BounceKey,
        tag: &BounceTag,
    ) -> Result<Option<Destination>, StoreError>;

    /// Leaves a bounce to the daemon. `false`: the same came before, and is only counted.
    fn add_bounce(&mut self, bounce: &NewBounce, now: Timestamp) -> Result<bool, StoreError>;

    /// Counts one that is nobody's.
    fn count_bounce(&mut self, result: BounceResult, now: Timestamp) -> Result<(), StoreError>;
}

/// A bounce that bears a tag of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBounce {
    /// Which mail it is about.
    pub tag: BounceTag,
    /// What happened to it.
    pub kind: BounceKind,
    /// Whom that speaks of.
    pub blame: BounceBlame,
    /// In which words: one line.
    pub text: String,
}
