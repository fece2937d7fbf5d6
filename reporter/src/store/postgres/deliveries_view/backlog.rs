//! What waits, and why: read from the oldest deliveries alone. If there are more, how many wait follows from the totals of the days.
//!
//! Of each shard as many are looked at: what waits may be that of one member, whose shards the others do not have.

use jiff::Timestamp;
use tlsrptd_fleet::{Fault, PgDay, PgTime, Row, SHARDS, Session, Shard, Transaction};

use super::instant;
use crate::store::{
    Backlog,
    backlog::{BacklogSums, LOOKED_AT},
    postgres::history,
};

/// Days on which something waits, the oldest first.
const DAYS: &str = "SELECT y.day FROM day y WHERE y.made AND \
    (SELECT d.shard FROM delivery d WHERE d.day = y.day AND d.status IS NULL ORDER BY d.shard, d.r_id LIMIT 1) IS NOT NULL \
    ORDER BY y.day";

/// Of each of these shards: those behind the first, and no more than that many.
const WAITING: &str = "SELECT s.shard, d.due, d.reason, coalesce(d.first, CASE WHEN d.reason IS NOT NULL THEN \
    (SELECT r.created FROM report r WHERE r.day = $1 AND r.r_id = d.r_id) END) \
    FROM unnest($2::smallint[]) AS s(shard) CROSS JOIN LATERAL \
    (SELECT due, reason, first, r_id FROM delivery WHERE day = $1 AND shard = s.shard AND status IS NULL AND started IS NULL \
    ORDER BY r_id OFFSET $3 LIMIT $4) AS d LIMIT $5";

pub(super) fn read(db: &Session, late: Timestamp) -> Result<Backlog, Fault> {
    let tx = history::at_one_time(db)?;
    let mut sums = BacklogSums::new(late);
    let mut is_all = true;
    for row in tx.query(DAYS, &[])? {
        let room = i64::from(LOOKED_AT) - i64::try_from(sums.looked_at()).unwrap_or(i64::MAX);
        if room <= 0 {
            is_all = false;
            break;
        }
        is_all = look_at(&tx, row.try_get(0)?, room, &mut sums)?;
    }
    let looked_at = sums.looked_at();
    let waiting = match is_all {
        true => looked_at,
        false => by_totals(&tx)?.max(looked_at),
    };
    tx.commit()?;
    Ok(sums.end(waiting))
}

/// Looks at so many deliveries of a day. `false`: there may be more.
fn look_at(
    tx: &Transaction<'_>,
    day: PgDay,
    room: i64,
    sums: &mut BacklogSums,
) -> Result<bool, Fault> {
    let shards: Vec<Shard> = (0..SHARDS).collect();
    let of_each = room / i64::from(SHARDS) + 1;
    let mut found = vec![0_i64; shards.len()];
    let mut left = room;
    for row in tx.query(WAITING, &[&day, &shards, &0_i64, &of_each, &room])? {
        let shard: Shard = row.try_get(0)?;
        if let Some(found) = usize::try_from(shard).ok().and_then(|at| found.get_mut(at)) {
            *found += 1;
        }
        add(&row, sums)?;
        left -= 1;
    }
    // Where few shards have nearly all, there is room for more of theirs.
    let full = |shard: &Shard| {
        let at = usize::try_from(*shard).ok();
        at.and_then(|at| found.get(at))
            .is_some_and(|found| *found >= of_each)
    };
    let full: Vec<Shard> = shards.iter().copied().filter(full).collect();
    if full.is_empty() && left > 0 {
        return Ok(true);
    }
    for row in tx.query(WAITING, &[&day, &full, &of_each, &left, &left])? {
        add(&row, sums)?;
        left -= 1;
    }
    Ok(left > 0)
}

fn add(row: &Row, sums: &mut BacklogSums) -> Result<(), Fault> {
    let PgTime(due) = row.try_get(1)?;
    sums.add(Some(due), row.try_get(2)?, instant(row, 3)?);
    Ok(())
}

/// Those that have not ended, by what is remembered of each day: of rows that are delivered now, too.
fn by_totals(tx: &Transaction<'_>) -> Result<u64, Fault> {
    let row = tx.query_opt(
        "SELECT greatest(coalesce((SELECT sum(deliveries) FROM history_day), 0) \
         - coalesce((SELECT sum(number) FROM history_total WHERE kind = 'delivery'), 0), 0)::text",
        &[],
    )?;
    row.map_or(Ok(0), |row| history::wide(&row, 0))
}
