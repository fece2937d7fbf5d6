//! What can be seen of the server, and what keeps a start from its database.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use tlsrptd_config::reportd::Reportd;
use tlsrptd_fleet::{Fault, PgTime, Row, Session, schema};

use super::{
    fleet::DOUBLED,
    open::{DatabasePlace, open_fault},
};
use crate::store::{FleetReplica, FleetServer, StoreError};

/// PostgreSQL 15.
const OLDEST_SERVER: i32 = 150_000;

/// Why a start would refuse the database, as far as can be seen without changing it.
pub(in crate::store) fn find_fault(settings: &Reportd) -> Option<StoreError> {
    let place = match DatabasePlace::of(settings, "tlsrptctl") {
        Ok(place) => place,
        Err(error) => return Some(error),
    };
    let look = || {
        let db = Session::connect(place.address.clone())?;
        check_version(&db)?;
        check_rights(&db)
    };
    look().err().map(|fault| open_fault(&place.address, fault))
}

/// Whether the server is new enough, and its texts can hold ours.
pub(super) fn check_version(db: &Session) -> Result<(), Fault> {
    let row = db.query_opt(
        "SELECT current_setting('server_version_num')::int, current_setting('server_version'), \
         current_setting('server_encoding')",
        &[],
    )?;
    let row = row.ok_or_else(|| Fault::Row("the server does not tell its version".to_owned()))?;
    let (number, version, encoding): (i32, String, String) =
        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    if number < OLDEST_SERVER {
        return Err(Fault::Version(format!(
            "the server is PostgreSQL {version} (allowed: 15 or newer)"
        )));
    }
    if encoding != "UTF8" {
        return Err(Fault::Version(format!(
            "the database's encoding is {encoding} (allowed: UTF8, by createdb --encoding UTF8 --template template0)"
        )));
    }
    Ok(())
}

/// Whether this user may do what a reporter does: make the tables, or change those that are there.
fn check_rights(db: &Session) -> Result<(), Fault> {
    let row = db.query_opt(
        "SELECT to_regnamespace('tlsrpt') IS NOT NULL, has_database_privilege(current_database(), 'CREATE'), \
         coalesce(has_schema_privilege(to_regnamespace('tlsrpt')::oid, 'CREATE, USAGE'), false), current_user::text",
        &[],
    )?;
    let row = row.ok_or_else(|| Fault::Row("the server does not tell our rights".to_owned()))?;
    let (is_there, may_make, may_use): (bool, bool, bool) =
        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let user: String = row.try_get(3)?;
    if !is_there && !may_make {
        return Err(Fault::Version(format!(
            "the schema tlsrpt is not there, and {user} may not make it (as a superuser: CREATE SCHEMA tlsrpt AUTHORIZATION {user})"
        )));
    }
    if is_there && !may_use {
        return Err(Fault::Version(format!(
            "{user} may not use the schema tlsrpt (as a superuser: ALTER SCHEMA tlsrpt OWNER TO {user})"
        )));
    }
    let Some(tables) = tables(db)? else {
        return Ok(());
    };
    // Partitions are made by whoever owns the table.
    let foreign = db.query_opt(
        "SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = to_regnamespace('tlsrpt') \
         AND c.relkind IN ('r', 'p', 'S') AND NOT pg_has_role(c.relowner, 'USAGE') ORDER BY 1 LIMIT 1",
        &[],
    )?;
    if let Some(row) = foreign {
        let table: String = row.try_get(0)?;
        return Err(Fault::Version(format!(
            "{user} does not own tlsrpt.{table} (as its owner or a superuser: REASSIGN OWNED BY ... TO {user})"
        )));
    }
    match tables > schema::VERSION {
        // As a start says it.
        true => schema::check(db),
        false => Ok(()),
    }
}

/// The version of the tables, if there are any.
fn tables(db: &Session) -> Result<Option<i32>, Fault> {
    match schema::version(db) {
        Ok(version) => Ok(Some(version)),
        Err(fault) if fault.is_unmade() => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// The server of these settings.
pub(in crate::store) fn server(settings: &Reportd) -> Result<FleetServer, StoreError> {
    let place = DatabasePlace::of(settings, "tlsrptctl")?;
    let look = || look(&Session::connect(place.address.clone())?);
    look().map_err(|fault| open_fault(&place.address, fault))
}

const SERVER: &str = "SELECT current_setting('server_version'), \
     (current_setting('max_locks_per_transaction')::bigint \
       * (current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint)), \
     current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint, \
     (SELECT coalesce(sum(numbackends), 0)::bigint FROM pg_stat_database), \
     current_setting('synchronous_commit'), current_setting('synchronous_standby_names'), \
     current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on', \
     pg_database_size(current_database()), \
     (SELECT extract(epoch FROM clock_timestamp() - min(xact_start))::bigint FROM pg_stat_activity \
       WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid() AND datname = current_database()), \
     pg_has_role('pg_monitor', 'USAGE')";

fn look(db: &Session) -> Result<FleetServer, Fault> {
    let clock_ahead = clock_ahead(db)?;
    let row = db.query_opt(SERVER, &[])?;
    let row = row.ok_or_else(|| Fault::Row("the server tells nothing".to_owned()))?;
    let count = |column: usize| -> Result<u64, Fault> {
        Ok(u64::try_from(row.try_get::<_, i64>(column)?).unwrap_or(0))
    };
    let tables = tables(db)?;
    let oldest: Option<i64> = row.try_get(8)?;
    Ok(FleetServer {
        version: row.try_get(0)?,
        tables,
        lock_table: count(1)?,
        most_connections: count(2)?,
        connections: count(3)?,
        synchronous_commit: row.try_get(4)?,
        standby_names: row.try_get(5)?,
        is_crash_safe: row.try_get(6)?,
        clock_ahead,
        size: count(7)?,
        replicas: match row.try_get(9)? {
            true => Some(replicas(db)?),
            false => None,
        },
        oldest_snapshot: oldest.map(SignedDuration::from_secs),
        members: match tables {
            Some(_) => members(db)?,
            None => Vec::new(),
        },
        doubled: match tables {
            Some(_) => doubled(db)?,
            None => Vec::new(),
        },
    })
}

/// The server reads its clock between our question and its answer.
fn clock_ahead(db: &Session) -> Result<SignedDuration, Fault> {
    const NOW: &str = "SELECT clock_timestamp()";
    // The first time it is prepared.
    db.query_opt(NOW, &[])?;
    let (asked, began) = (Timestamp::now(), Instant::now());
    let row = db.query_opt(NOW, &[])?;
    let row = row.ok_or_else(|| Fault::Row("the server has no clock".to_owned()))?;
    let there: PgTime = row.try_get(0)?;
    let half = SignedDuration::try_from(began.elapsed() / 2).unwrap_or_default();
    Ok(there
        .0
        .duration_since(asked.saturating_add(half).unwrap_or(asked)))
}

fn replicas(db: &Session) -> Result<Vec<FleetReplica>, Fault> {
    let rows = db.query(
        "SELECT coalesce(application_name, ''), coalesce(sync_state, ''), \
         greatest(coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), flush_lsn), 0), 0)::bigint \
         FROM pg_stat_replication ORDER BY 1",
        &[],
    )?;
    let replica = |row: &Row| -> Result<FleetReplica, Fault> {
        Ok(FleetReplica {
            name: row.try_get(0)?,
            kind: row.try_get(1)?,
            behind: u64::try_from(row.try_get::<_, i64>(2)?).unwrap_or(0),
        })
    };
    rows.iter().map(replica).collect()
}

fn members(db: &Session) -> Result<Vec<String>, Fault> {
    let rows = db.query(
        "SELECT name FROM tlsrpt.member WHERE NOT fenced AND until > clock_timestamp() ORDER BY id",
        &[],
    )?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

fn doubled(db: &Session) -> Result<Vec<String>, Fault> {
    let sql = format!("SELECT DISTINCT c.name FROM collector c WHERE {DOUBLED} ORDER BY 1");
    let rows = db.query(&sql, &[])?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}
