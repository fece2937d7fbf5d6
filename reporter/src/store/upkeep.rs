//! Port of what keeps a store in order: its time, and what is old.

use jiff::{SignedDuration, Timestamp};
use tlsrptd_proto::day::Day;

use super::StoreError;

/// The store's time, and what is old.
///
/// # Errors
/// All fail when the engine cannot read or write; nothing has changed then.
pub trait Upkeep {
    /// The newest instant that the store knows: noted by us, or that of the newest rows, ours or sys4's.
    fn known_time(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Notes when the reporter was at work: the next start compares its clock with that.
    fn record_time(&mut self, now: Timestamp) -> Result<(), StoreError>;

    /// The clock moved forward while no reporter was at work: deliveries and requests that were tried before keep
    /// the rest of their time.
    fn extend_windows(&mut self, by: SignedDuration) -> Result<(), StoreError>;

    /// The same after an absence that began at `since`, by what the store knew. Where several work on one database, none of them was
    /// there, and it is made up for once: whoever comes first does it for all, and notes in the same step that it is there.
    fn make_up_for_absence(
        &mut self,
        since: Timestamp,
        by: SignedDuration,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let _ = (since, now);
        self.extend_windows(by)
    }

    /// The clock moved back: what is due later than anything can be (after `latest`) was postponed by a clock that was
    /// ahead, and is due now.
    fn pull_back(&mut self, now: Timestamp, latest: Timestamp) -> Result<(), StoreError>;

    /// Removes a part of what is older than `oldest`, and says whether there is more. Pending deliveries stay.
    fn clean(&mut self, oldest: Day) -> Result<bool, StoreError>;

    /// The same for totals and failures of days that are older than `oldest`.
    fn clean_history(&mut self, oldest: Day) -> Result<bool, StoreError>;
}
