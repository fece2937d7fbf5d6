//! How a reading is told: batch by batch, each of them noted before; or beside the batches, where another may tell under the same
//! number.

use tlsrptd_fleet::KeyHash;
use tlsrptd_proto::day::Day;

use crate::{
    baseline::Baseline,
    incarnation::{Incarnation, IncarnationError},
};

/// See the module.
pub(crate) enum Way<'a> {
    /// A closed day under a number of this collector.
    Closed {
        incarnation: &'a mut Incarnation,
        number: KeyHash,
        /// Another may have the number, too: its batches are left alone.
        is_shared: bool,
    },
    Today(&'a mut Incarnation),
    /// Today under a number that another may have, too, and no more than that.
    Beside(&'a Baseline),
}

impl Way<'_> {
    /// Notes a batch before it is told, and how many sessions the database knows of then.
    pub(super) fn note(
        &mut self,
        day: Day,
        batch: i64,
        sessions: u64,
    ) -> Result<(), IncarnationError> {
        match self {
            Way::Closed {
                incarnation,
                number,
                ..
            } => incarnation.note_closed(*number, day, sessions),
            Way::Today(incarnation) => incarnation.note_telling(day, batch, sessions),
            Way::Beside(_) => Ok(()),
        }
    }

    pub(super) fn is_beside(&self) -> bool {
        match self {
            Way::Closed { is_shared, .. } => *is_shared,
            Way::Today(_) => false,
            Way::Beside(_) => true,
        }
    }
}
