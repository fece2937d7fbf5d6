//! Pending deliveries in the order in which they were made, for [`PendingQueues`](crate::store::pending::PendingQueues).

use jiff::Timestamp;
use rusqlite::Connection;

use super::text;
use crate::{
    model::QueueKey,
    store::pending::{DueRow, LOOKED_AT, PendingRows, READ_AT_ONCE},
};

const PENDING: &str = "SELECT d_r_id, nexttry, tlsrptd_queue FROM destinations \
    WHERE status IS NULL AND tlsrptd_started IS NULL AND d_r_id > ?1 ORDER BY d_r_id";
/// Whether reports have arrived at an address before, its oldest rows say.
const DUE_OF_QUEUE: &str = "SELECT d.d_r_id, d.nexttry, r.domain, EXISTS(SELECT 1 FROM \
    (SELECT status FROM destinations w WHERE w.destination = d.destination ORDER BY w.d_r_id LIMIT 20) \
    WHERE status = 'sent') FROM destinations d JOIN reports r ON r.r_id = d.d_r_id \
    WHERE d.d_r_id > ?1 AND d.tlsrptd_queue = ?2 AND d.nexttry <= ?3 AND d.status IS NULL \
    AND d.tlsrptd_started IS NULL ORDER BY d.d_r_id LIMIT ?4";

impl PendingRows for Connection {
    /// The number of a report.
    type Position = i64;
    type Fault = rusqlite::Error;

    fn read_part(
        &self,
        after: Option<i64>,
        take: &mut dyn FnMut(&QueueKey, i64, i64),
    ) -> rusqlite::Result<Option<i64>> {
        let mut select = self.prepare_cached(PENDING)?;
        let mut after = after.unwrap_or(i64::MIN);
        let mut rows = select.query([after])?;
        let mut number = 0;
        while let Some(row) = rows.next()? {
            let r_id = row.get(0)?;
            // All rows of one report are one part.
            if number >= READ_AT_ONCE && r_id != after {
                return Ok(Some(after));
            }
            (number, after) = (number + 1, r_id);
            // An invalid time counts as due: the database decides when the row is checked.
            let due = row.get_ref(1)?.as_str().ok().and_then(text::instant);
            if let Ok(queue) = row.get_ref(2)?.as_str() {
                let due = due.map_or(i64::MIN, Timestamp::as_microsecond);
                take(&QueueKey::parse(queue), due, r_id);
            }
        }
        Ok(None)
    }

    fn look_at_due(
        &self,
        queue: &QueueKey,
        now: Timestamp,
        after: Option<i64>,
        take: &mut dyn FnMut(DueRow<'_>),
    ) -> rusqlite::Result<Option<i64>> {
        let mut select = self.prepare_cached(DUE_OF_QUEUE)?;
        let after = after.unwrap_or(0);
        let most = i64::try_from(LOOKED_AT).unwrap_or(i64::MAX);
        let mut rows = select.query((after, queue.to_string(), text::nexttry(now), most))?;
        let (mut seen, mut last) = (0, None);
        while let Some(row) = rows.next()? {
            let r_id = row.get(0)?;
            let due = row.get_ref(1)?.as_str().ok().and_then(text::instant);
            take(DueRow {
                r_id,
                due: due.map_or(i64::MIN, Timestamp::as_microsecond),
                domain: row.get_ref(2)?.as_str().unwrap_or_default(),
                delivered_before: row.get(3)?,
            });
            (seen, last) = (seen + 1, Some(r_id));
        }
        Ok(last.filter(|_| seen == LOOKED_AT))
    }
}

#[cfg(test)]
mod tests;
