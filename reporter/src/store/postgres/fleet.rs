//! Members, collectors and days, as the operator sees them.

use tlsrptd_fleet::{Fault, PgDay, PgTime, Row, Transaction};

use super::{
    PostgresReader,
    composing::IS_COMPOSED,
    expected::{IS_EXPECTED, LAST_DAY, TODAY, WAS_TOO_OLD},
};
use crate::store::{
    FleetCollector, FleetDay, FleetMember, FleetState, FleetView, Retired, StoreError, Unretired,
};

/// A month.
const DAYS: i64 = 31;

const MEMBERS: &str = "SELECT m.id, m.name, m.since, m.until, NOT m.fenced AND m.until > clock_timestamp(), count(s.shard) \
     FROM member m LEFT JOIN shard s ON s.owner = m.id \
     WHERE m.until > clock_timestamp() - interval '1 day' GROUP BY m.id ORDER BY m.id";

const SHARDS: &str = "SELECT s.shard, m.id IS NOT NULL FROM shard s \
     LEFT JOIN member m ON m.id = s.owner AND NOT m.fenced AND m.until > clock_timestamp() ORDER BY s.shard";

/// A collector `c` that goes on under a name which another has got after it.
pub(super) const DOUBLED: &str = "c.retired IS NULL AND c.seen > clock_timestamp() - interval '15 minutes' \
     AND EXISTS(SELECT 1 FROM collector n WHERE n.name = c.name AND n.id > c.id AND n.since < c.seen)";

fn collectors() -> String {
    format!(
        "WITH doubled AS (SELECT id FROM collector c WHERE {DOUBLED}) SELECT c.name, c.first_day, c.retired, c.seen, last.day, coalesce(last.done, false), \
     (SELECT count(*) FROM day d LEFT JOIN shipment s ON s.day = d.day AND s.collector = c.id \
       WHERE d.day <= {TODAY} AND d.state = 'open' AND d.day >= c.first_day AND d.day < coalesce(last.day, d.day + 1) \
       AND NOT coalesce(s.done, false)), \
     (SELECT least(coalesce(sum(late_sessions), 0), 9223372036854775807)::bigint FROM shipment WHERE collector = c.id), c.id IN (SELECT id FROM doubled) \
     FROM collector c LEFT JOIN LATERAL \
       (SELECT day, done FROM shipment WHERE collector = c.id ORDER BY day DESC LIMIT 1) last ON true \
     ORDER BY c.name, c.id"
    )
}

/// The last days, and those that were too old when they were told.
fn last_days() -> String {
    format!(
        "SELECT d.day, CASE WHEN {IS_COMPOSED} THEN 'composed' ELSE d.state END, d.closed_at, d.missing, \
         (SELECT count(*) FROM shipment WHERE day = d.day AND done), \
         (SELECT count(*) FROM collector c WHERE {IS_EXPECTED}), \
         (SELECT count(*) FROM compose WHERE day = d.day AND done), \
         (SELECT least(coalesce(sum(late_sessions), 0), 9223372036854775807)::bigint FROM shipment WHERE day = d.day) \
         FROM day d WHERE d.day IN (SELECT day FROM day WHERE day <= {LAST_DAY} ORDER BY day DESC LIMIT $1) \
         OR d.day IN (SELECT day FROM day WHERE {WAS_TOO_OLD} ORDER BY closed_at DESC LIMIT $1) ORDER BY d.day DESC"
    )
}

impl FleetView for PostgresReader {
    fn fleet(&self) -> Result<Option<FleetState>, StoreError> {
        let what = "the fleet";
        let fault = |fault| super::unreadable(what, fault);
        let at = self.read(what, "SELECT clock_timestamp()", &[])?;
        let at: PgTime = match at.first() {
            Some(row) => row.try_get(0).map_err(|error| fault(error.into()))?,
            None => return Ok(None),
        };
        let shards = self.read(what, SHARDS, &[])?;
        let shards = all(&shards, |row| Ok((row.try_get(0)?, row.try_get(1)?))).map_err(fault)?;
        let members = self.read(what, MEMBERS, &[])?;
        let collectors = self.read(what, &collectors(), &[])?;
        let days = self.read(what, &last_days(), &[&DAYS])?;
        Ok(Some(FleetState {
            at: at.0,
            members: all(&members, member).map_err(fault)?,
            shards: shards.len() as u64,
            shards_without_owner: shards
                .iter()
                .filter(|(_, is_owned): &&(i16, bool)| !is_owned)
                .map(|(shard, _)| *shard)
                .collect(),
            collectors: all(&collectors, collector).map_err(fault)?,
            days: all(&days, day).map_err(fault)?,
        }))
    }

    fn retire(&mut self, name: &str) -> Result<Option<Retired>, StoreError> {
        self.change(|transaction| {
            Ok(Some(match retire_collector(transaction, name)? {
                Retired::Nothing => retire_member(transaction, name)?,
                retired => retired,
            }))
        })
    }

    fn unretire(&mut self, name: &str) -> Result<Option<Unretired>, StoreError> {
        self.change(|transaction| Ok(Some(unretire_collector(transaction, name)?)))
    }
}

/// It is waited for on no day that it is not done with. Where another one of that name has come after it, as when a host got a new
/// disk, that one stays.
fn retire_collector(transaction: &Transaction<'_>, name: &str) -> Result<Retired, Fault> {
    let rows = transaction.query(
        "UPDATE collector c SET retired = coalesce( \
           (SELECT min(d.day) FROM day d LEFT JOIN shipment s ON s.day = d.day AND s.collector = c.id \
             WHERE d.state = 'open' AND d.day >= c.first_day AND NOT coalesce(s.done, false)), \
           (clock_timestamp() AT TIME ZONE 'UTC')::date) \
         WHERE name = $1 AND retired IS NULL \
         AND (EXISTS (SELECT 1 FROM collector n WHERE n.name = $1 AND n.id > c.id) \
           OR NOT EXISTS (SELECT 1 FROM collector o WHERE o.name = $1 AND o.id < c.id AND o.retired IS NULL)) \
         RETURNING retired",
        &[&name],
    )?;
    match rows.first() {
        None => Ok(Retired::Nothing),
        Some(row) => Ok(Retired::Collector {
            collectors: rows.len() as u64,
            from: row.try_get::<_, PgDay>(0)?.0,
        }),
    }
}

/// The other way round: the last of them that came. It is waited for again on each day that is open, from its first on.
fn unretire_collector(transaction: &Transaction<'_>, name: &str) -> Result<Unretired, Fault> {
    let row = transaction.query_opt(
        "UPDATE collector c SET retired = NULL WHERE id = \
           (SELECT id FROM collector WHERE name = $1 AND retired IS NOT NULL ORDER BY id DESC LIMIT 1) \
         RETURNING coalesce((SELECT min(d.day) FROM day d LEFT JOIN shipment s ON s.day = d.day AND s.collector = c.id \
             WHERE d.state = 'open' AND d.day >= c.first_day AND NOT coalesce(s.done, false)), \
           (clock_timestamp() AT TIME ZONE 'UTC')::date)",
        &[&name],
    )?;
    match row {
        None => Ok(Unretired::Nothing),
        Some(row) => Ok(Unretired::Collector {
            from: row.try_get::<_, PgDay>(0)?.0,
        }),
    }
}

/// By its number too: a process number may come twice.
fn retire_member(transaction: &Transaction<'_>, name: &str) -> Result<Retired, Fault> {
    let rows = transaction.query(
        "UPDATE member SET fenced = true WHERE id = (SELECT id FROM member \
           WHERE (name = $1 OR id::text = $1) AND NOT fenced ORDER BY id DESC LIMIT 1) \
         RETURNING id, until > clock_timestamp()",
        &[&name],
    )?;
    let Some(row) = rows.first() else {
        return Ok(Retired::Nothing);
    };
    let (id, was_live): (i64, bool) = (row.try_get(0)?, row.try_get(1)?);
    let shards = transaction.execute("UPDATE shard SET owner = NULL WHERE owner = $1", &[&id])?;
    Ok(Retired::Member {
        id,
        shards,
        was_live,
    })
}

fn member(row: &Row) -> Result<FleetMember, Fault> {
    Ok(FleetMember {
        id: row.try_get(0)?,
        name: row.try_get(1)?,
        since: row.try_get::<_, PgTime>(2)?.0,
        until: row.try_get::<_, PgTime>(3)?.0,
        is_live: row.try_get(4)?,
        shards: count(row, 5)?,
    })
}

fn collector(row: &Row) -> Result<FleetCollector, Fault> {
    Ok(FleetCollector {
        name: row.try_get(0)?,
        first_day: row.try_get::<_, PgDay>(1)?.0,
        retired: row.try_get::<_, Option<PgDay>>(2)?.map(|day| day.0),
        seen: row.try_get::<_, PgTime>(3)?.0,
        day: row.try_get::<_, Option<PgDay>>(4)?.map(|day| day.0),
        is_done: row.try_get(5)?,
        open_days: count(row, 6)?,
        late_sessions: count(row, 7)?,
        is_doubled: row.try_get(8)?,
    })
}

fn day(row: &Row) -> Result<FleetDay, Fault> {
    Ok(FleetDay {
        day: row.try_get::<_, PgDay>(0)?.0,
        state: row.try_get(1)?,
        closed: row.try_get::<_, Option<PgTime>>(2)?.map(|at| at.0),
        missing: row.try_get(3)?,
        done: count(row, 4)?,
        expected: count(row, 5)?,
        composed: count(row, 6)?,
        late_sessions: count(row, 7)?,
    })
}

fn count(row: &Row, column: usize) -> Result<u64, Fault> {
    Ok(u64::try_from(row.try_get::<_, i64>(column)?).unwrap_or(0))
}

fn all<T>(rows: &[Row], read: impl Fn(&Row) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
    rows.iter().map(read).collect()
}
