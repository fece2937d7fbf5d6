//! Which mail asks a relay that takes none whether it does again, of those that it has not seen.
//!
//! What it denies may be one stranger's mails alone: any number of them, all due before the others'. So the earliest is not
//! the right one to ask with. By turns it is one whose address has taken a report before, and one of the owner whose mails
//! have not asked for longest.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::Connection;
use tlsrptd_proto::domain::owner;

use super::{Candidate, text};
use crate::model::QueueKey;

/// Due rows that are looked at for one probe; for the next those that follow.
const LOOKED_AT: u32 = 4096;
/// Owners that are remembered.
const REMEMBERED: usize = 4096;

/// The owners whose mails have asked, and how far rows have been looked at.
#[derive(Debug, Default)]
pub(super) struct ProbeTurns {
    /// The number of the last probe of each.
    owners: HashMap<String, u64>,
    number: u64,
    after: i64,
}

/// The least asks: whether its turn is that of the others, when its owner asked last, whether nothing has arrived there
/// before, when it is due.
type Rank = (bool, u64, bool, i64);

impl ProbeTurns {
    /// One that is due.
    pub(super) fn pick(
        &mut self,
        db: &Connection,
        queue: &QueueKey,
        now: Timestamp,
    ) -> rusqlite::Result<Option<Candidate>> {
        let mut select = db.prepare_cached(PENDING)?;
        let after = std::mem::take(&mut self.after);
        let mut rows = select.query((after, queue.to_string(), text::nexttry(now), LOOKED_AT))?;
        let is_turn_of_known = self.number.is_multiple_of(2);
        let (mut seen, mut best): (u32, Option<(Rank, i64, String)>) = (0, None);
        while let Some(row) = rows.next()? {
            let (r_id, delivered_before): (i64, bool) = (row.get(0)?, row.get(3)?);
            let due = row.get_ref(1)?.as_str().ok().and_then(text::instant);
            let due = due.map_or(i64::MIN, Timestamp::as_microsecond);
            let owner = owner(row.get_ref(2)?.as_str().unwrap_or_default());
            let last = self.owners.get(owner).copied().unwrap_or(0);
            let rank = (
                is_turn_of_known && !delivered_before,
                last,
                !delivered_before,
                due,
            );
            if best.as_ref().is_none_or(|(least, ..)| rank < *least) {
                best = Some((rank, r_id, owner.to_owned()));
            }
            seen += 1;
            if seen == LOOKED_AT {
                self.after = r_id;
            }
        }
        let Some(((.., due), r_id, owner)) = best else {
            return Ok(None);
        };
        self.number += 1;
        if self.owners.len() >= REMEMBERED {
            self.owners.clear();
        }
        self.owners.insert(owner, self.number);
        let queue = queue.clone();
        Ok(Some(Candidate { queue, due, r_id }))
    }
}

/// Whether reports have arrived at an address before, its oldest rows say.
const PENDING: &str = "SELECT d.d_r_id, d.nexttry, r.domain, EXISTS(SELECT 1 FROM \
    (SELECT status FROM destinations w WHERE w.destination = d.destination ORDER BY w.d_r_id LIMIT 20) \
    WHERE status = 'sent') FROM destinations d JOIN reports r ON r.r_id = d.d_r_id \
    WHERE d.d_r_id > ?1 AND d.tlsrptd_queue = ?2 AND d.nexttry <= ?3 AND d.status IS NULL \
    AND d.tlsrptd_started IS NULL ORDER BY d.d_r_id LIMIT ?4";
