//! Pending deliveries of this member's shards, shard by shard, in the order in which they were made.

use std::cell::Cell;

use jiff::Timestamp;
use tlsrptd_fleet::{Fault, PgTime, Row, Session, Shard};

use crate::{
    model::QueueKey,
    store::pending::{DueRow, LOOKED_AT, PendingRows, READ_AT_ONCE},
};

/// All rows of one report are one part.
const PART: &str = "SELECT r_id, due, queue FROM delivery \
    WHERE shard = $1 AND r_id > $2 AND status IS NULL AND started IS NULL \
    ORDER BY r_id FETCH FIRST ($3::bigint) ROWS WITH TIES";
const DUE_OF_QUEUE: &str = "SELECT d.r_id, d.due, r.domain, a.uri_hash IS NOT NULL \
    FROM (SELECT day, r_id, uri_hash, due FROM delivery \
    WHERE shard = $1 AND r_id > $2 AND status IS NULL AND started IS NULL AND queue = $4 AND due <= $5 \
    ORDER BY r_id FETCH FIRST ($3::bigint) ROWS WITH TIES) d \
    JOIN report r ON r.day = d.day AND r.r_id = d.r_id LEFT JOIN arrived a ON a.uri_hash = d.uri_hash ORDER BY d.r_id";

/// The rows of these shards.
pub(super) struct ShardRows<'a> {
    pub(super) db: &'a Session,
    /// In order.
    pub(super) shards: &'a [Shard],
    /// How many were read.
    pub(super) read: &'a Cell<usize>,
}

/// A shard, and a report in it.
pub(super) type Position = (Shard, i64);

impl PendingRows for ShardRows<'_> {
    type Position = Position;
    type Fault = Fault;

    fn read_part(
        &self,
        after: Option<Position>,
        take: &mut dyn FnMut(&QueueKey, i64, i64),
    ) -> Result<Option<Position>, Fault> {
        self.walk(after, READ_AT_ONCE, |shard, behind, most| {
            let rows = self.db.query(PART, &[&shard, &behind, &most])?;
            self.read.set(self.read.get() + rows.len());
            for row in &rows {
                let PgTime(due) = row.try_get(1)?;
                let queue = QueueKey::parse(row.try_get(2)?);
                take(&queue, due.as_microsecond(), row.try_get(0)?);
            }
            Ok(rows)
        })
    }

    fn look_at_due(
        &self,
        queue: &QueueKey,
        now: Timestamp,
        after: Option<Position>,
        take: &mut dyn FnMut(DueRow<'_>),
    ) -> Result<Option<Position>, Fault> {
        let (queue, now) = (queue.to_string(), PgTime(now));
        self.walk(after, LOOKED_AT, |shard, behind, most| {
            let rows = self
                .db
                .query(DUE_OF_QUEUE, &[&shard, &behind, &most, &queue, &now])?;
            for row in &rows {
                let PgTime(due) = row.try_get(1)?;
                take(DueRow {
                    r_id: row.try_get(0)?,
                    due: due.as_microsecond(),
                    domain: row.try_get(2)?,
                    delivered_before: row.try_get(3)?,
                });
            }
            Ok(rows)
        })
    }
}

impl ShardRows<'_> {
    /// From shard to shard until there are so many rows; the number of a report is their first column.
    fn walk(
        &self,
        after: Option<Position>,
        most: usize,
        mut read: impl FnMut(Shard, i64, i64) -> Result<Vec<Row>, Fault>,
    ) -> Result<Option<Position>, Fault> {
        let (first, mut behind) = after.unwrap_or((Shard::MIN, i64::MIN));
        let mut left = most;
        for shard in self.shards.iter().copied().filter(|shard| *shard >= first) {
            // It may have become another's meanwhile.
            if shard != first {
                behind = i64::MIN;
            }
            let rows = read(shard, behind, i64::try_from(left).unwrap_or(i64::MAX))?;
            left = left.saturating_sub(rows.len());
            if let (0, Some(last)) = (left, rows.last()) {
                return Ok(Some((shard, last.try_get(0)?)));
            }
        }
        Ok(None)
    }
}
