//! Pending deliveries of this member's shards, shard by shard, in the order in which they were made.

use std::cell::Cell;

use jiff::Timestamp;
use tlsrptd_fleet::{Fault, PgTime, Row, Session, Shard, ToSql};

use crate::{
    model::QueueKey,
    store::pending::{DueRow, LOOKED_AT, PendingRows, READ_AT_ONCE},
};

/// Of all these shards in one statement: one for each would be 64 ways to the server and back. PostgreSQL takes them one by one in
/// the order of the array, and goes no further than the limit; sorted over all shards, it would read all rows for each part.
const PART: &str = "SELECT s.shard, d.r_id, d.due, d.queue FROM unnest($1::smallint[]) AS s(shard) CROSS JOIN LATERAL ( \
    SELECT o.r_id, o.due, o.queue FROM delivery o \
    WHERE o.shard = s.shard AND o.r_id > CASE WHEN s.shard = $2 THEN $3 ELSE -9223372036854775808 END \
    AND o.status IS NULL AND o.started IS NULL ORDER BY o.r_id LIMIT $4) d WHERE s.shard >= $2 LIMIT $4";
/// What is read beside a row is joined within its shard: the last row says how far this has come.
const DUE_OF_QUEUE: &str = "SELECT s.shard, d.r_id, d.due, d.domain, d.has_arrived \
    FROM unnest($1::smallint[]) AS s(shard) CROSS JOIN LATERAL ( \
    SELECT w.r_id, w.due, r.domain, a.uri_hash IS NOT NULL AS has_arrived FROM ( \
    SELECT o.day, o.r_id, o.uri_hash, o.due FROM delivery o \
    WHERE o.shard = s.shard AND o.r_id > CASE WHEN s.shard = $2 THEN $3 ELSE -9223372036854775808 END \
    AND o.status IS NULL AND o.started IS NULL AND o.queue = $5 AND o.due <= $6 ORDER BY o.r_id LIMIT $4) w \
    JOIN report r ON r.day = w.day AND r.r_id = w.r_id LEFT JOIN arrived a ON a.uri_hash = w.uri_hash \
    ORDER BY w.r_id) d WHERE s.shard >= $2 LIMIT $4";

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
        let (rows, end) = self.behind(after, PART, &[], READ_AT_ONCE)?;
        self.read.set(self.read.get() + rows.len());
        for row in &rows {
            let PgTime(due) = row.try_get(2)?;
            let queue = QueueKey::parse(row.try_get(3)?);
            take(&queue, due.as_microsecond(), row.try_get(1)?);
        }
        Ok(end)
    }

    fn look_at_due(
        &self,
        queue: &QueueKey,
        now: Timestamp,
        after: Option<Position>,
        take: &mut dyn FnMut(DueRow<'_>),
    ) -> Result<Option<Position>, Fault> {
        let (queue, now) = (queue.to_string(), PgTime(now));
        let (rows, end) = self.behind(after, DUE_OF_QUEUE, &[&queue, &now], LOOKED_AT)?;
        for row in &rows {
            let PgTime(due) = row.try_get(2)?;
            take(DueRow {
                r_id: row.try_get(1)?,
                due: due.as_microsecond(),
                domain: row.try_get(3)?,
                delivered_before: row.try_get(4)?,
            });
        }
        Ok(end)
    }
}

impl ShardRows<'_> {
    /// The next rows, which begin with their shard and report, and how far they come; `None`: these were the last.
    fn behind(
        &self,
        after: Option<Position>,
        sql: &str,
        more: &[&(dyn ToSql + Sync)],
        most: usize,
    ) -> Result<(Vec<Row>, Option<Position>), Fault> {
        // The shard may have become another's meanwhile: then those behind it follow.
        let (shard, r_id) = after.unwrap_or((Shard::MIN, i64::MIN));
        let limit = i64::try_from(most).unwrap_or(i64::MAX);
        let own: [&(dyn ToSql + Sync); 4] = [&self.shards, &shard, &r_id, &limit];
        let mut rows = self.db.query(sql, &[&own[..], more].concat())?;
        if rows.len() < most {
            return Ok((rows, None));
        }
        let positions = rows.iter().map(position).collect::<Result<Vec<_>, _>>()?;
        // The limit may have cut the last report: all rows of one are one part.
        let last = positions.last().copied();
        let whole = positions.iter().take_while(|at| Some(**at) != last).count();
        if whole > 0 {
            rows.truncate(whole);
        }
        Ok((rows, positions.get(whole.saturating_sub(1)).copied()))
    }
}

fn position(row: &Row) -> Result<Position, Fault> {
    Ok((row.try_get(0)?, row.try_get(1)?))
}
