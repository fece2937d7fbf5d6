//! Which mail asks a relay that takes none whether it does again, of those that it has not seen.
//!
//! What it denies may be one stranger's mails alone: any number of them, all due before the others'. So the earliest is not
//! the right one to ask with. By turns it is one whose address has taken a report before, and one of the owner whose mails
//! have not asked for longest.

use std::collections::HashMap;

use jiff::Timestamp;
use tlsrptd_proto::domain::owner;

use super::{Candidate, DueRow, PendingRows};
use crate::model::QueueKey;

/// Owners that are remembered.
const REMEMBERED: usize = 4096;

/// The owners whose mails have asked, and how far rows have been looked at.
#[derive(Debug)]
pub(super) struct ProbeTurns<P> {
    /// The number of the last probe of each.
    owners: HashMap<String, u64>,
    number: u64,
    after: Option<P>,
}

impl<P> Default for ProbeTurns<P> {
    fn default() -> ProbeTurns<P> {
        ProbeTurns {
            owners: HashMap::new(),
            number: 0,
            after: None,
        }
    }
}

/// The least asks: whether its turn is that of the others, when its owner asked last, whether nothing has arrived there
/// before, when it is due.
type Rank = (bool, u64, bool, i64);

impl<P: Copy> ProbeTurns<P> {
    /// One that is due.
    pub(super) fn pick<R: PendingRows<Position = P>>(
        &mut self,
        rows: &R,
        queue: &QueueKey,
        now: Timestamp,
    ) -> Result<Option<Candidate>, R::Fault> {
        let after = self.after.take();
        let is_turn_of_known = self.number.is_multiple_of(2);
        let owners = &self.owners;
        let mut best: Option<(Rank, i64, String)> = None;
        let mut look_at = |row: DueRow<'_>| {
            let owner = owner(row.domain);
            let rank = (
                is_turn_of_known && !row.delivered_before,
                owners.get(owner).copied().unwrap_or(0),
                !row.delivered_before,
                row.due,
            );
            if best.as_ref().is_none_or(|(least, ..)| rank < *least) {
                best = Some((rank, row.r_id, owner.to_owned()));
            }
        };
        let after = rows.look_at_due(queue, now, after, &mut look_at)?;
        let Some(((.., due), r_id, owner)) = best else {
            return Ok(None);
        };
        self.after = after;
        self.number += 1;
        if self.owners.len() >= REMEMBERED {
            self.owners.clear();
        }
        self.owners.insert(owner, self.number);
        let queue = queue.clone();
        Ok(Some(Candidate { queue, due, r_id }))
    }
}
