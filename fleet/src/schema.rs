//! The tables, by version. A newer program brings them forward; an older one refuses them. There is no way back but a backup.

use tlsrptd_proto::{day::Day, report::InstallationId};

use crate::{fault::Fault, hash::SHARDS, session::Session, transaction::Transaction, value::PgDay};

/// The version that this program makes and works with.
pub const VERSION: i32 = 1;

/// What each version adds to the one before, the first to nothing.
const VERSIONS: [&[&str]; VERSION as usize] = [&[
    include_str!("schema/fleet.sql"),
    include_str!("schema/counts.sql"),
    include_str!("schema/composing.sql"),
    include_str!("schema/delivering.sql"),
    include_str!("schema/history.sql"),
]];

/// Tables with a partition a day, and those of which a day's partition has one a shard.
const BY_DAY: [&str; 3] = ["answer", "report", "delivery"];
const BY_DAY_AND_SHARD: &[&str] = &["key", "count"];

/// Brings the tables to this program's version, makes them in an empty database. Several programs may do so at once.
///
/// # Errors
/// When they are of a newer version, or may not be made.
pub fn migrate(session: &Session) -> Result<(), Fault> {
    match bring_forward(session) {
        // It says so when that is committed: now it is found, unless something else of that name is in the way.
        Err(fault) if fault.is_there_already() => bring_forward(session),
        result => result,
    }
}

/// In an empty database, whoever comes second may be told that what it makes is there already.
fn bring_forward(session: &Session) -> Result<(), Fault> {
    let there = session.query_opt("SELECT to_regclass('tlsrpt.meta')::text", &[])?;
    let is_made = match there {
        Some(row) => row.try_get::<_, Option<String>>(0)?.is_some(),
        None => false,
    };
    let before = if is_made { version(session)? } else { 0 };
    match before {
        VERSION => return Ok(()),
        newer if newer > VERSION => return Err(too_new(newer)),
        _ => {}
    }
    let transaction = session.begin()?;
    // Whoever comes second waits here, and finds the work done. A lock of the database's own catalogue: there may be no table yet.
    // Where the administrator has made the schema, ours needs no right to make one.
    let missing = "SELECT 1 WHERE to_regnamespace('tlsrpt') IS NULL";
    if transaction.query_opt(missing, &[])?.is_some() {
        transaction.batch("CREATE SCHEMA IF NOT EXISTS tlsrpt")?;
    }
    transaction.batch("SET LOCAL search_path = tlsrpt; \
         CREATE TABLE IF NOT EXISTS tlsrpt.meta(version int NOT NULL, shards smallint NOT NULL, installation text NOT NULL, \
         bounce_key bytea NOT NULL, moved text, made timestamptz NOT NULL DEFAULT now()); LOCK TABLE tlsrpt.meta")?;
    let found = transaction.query_opt("SELECT version FROM tlsrpt.meta", &[])?;
    let found: i32 = found.map_or(Ok(0), |row| row.try_get(0))?;
    if found > VERSION {
        return Err(too_new(found));
    }
    let missing = VERSIONS.iter().skip(usize::try_from(found).unwrap_or(0));
    missing
        .flat_map(|parts| parts.iter())
        .try_for_each(|part| transaction.batch(part))?;
    match found {
        0 => {
            let installation = format!("{:016x}", rand_u64()?);
            let key = random::<32>()?;
            transaction.execute(
                "INSERT INTO meta(version, shards, installation, bounce_key) VALUES($1, $2, $3, $4)",
                &[&VERSION, &SHARDS, &installation, &key.as_slice()],
            )?;
        }
        _ => drop(transaction.execute("UPDATE meta SET version = $1", &[&VERSION])?),
    }
    transaction.commit()
}

/// The version of the tables.
///
/// # Errors
/// When there are none that can be read.
pub fn version(session: &Session) -> Result<i32, Fault> {
    let row = session.query_opt("SELECT version, shards, moved FROM tlsrpt.meta", &[])?;
    let row = row.ok_or_else(|| Fault::Row("the table tlsrpt.meta is empty".to_owned()))?;
    let shards: i16 = row.try_get(1)?;
    if let Some(moved) = row.try_get::<_, Option<String>>(2)? {
        return Err(Fault::Version(format!(
            "what was in the database {moved}: nobody works on it any more"
        )));
    }
    match shards == SHARDS {
        true => Ok(row.try_get(0)?),
        false => Err(Fault::Version(format!(
            "the database has {shards} shards, and this program works with {SHARDS}"
        ))),
    }
}

/// Checks that the tables are those of this program, without changing anything: for the shipper and for questions.
///
/// # Errors
/// When they are not, or are not there.
pub fn check(session: &Session) -> Result<(), Fault> {
    match version(session)? {
        VERSION => Ok(()),
        older if older < VERSION => Err(Fault::Version(format!(
            "the database's tables are of version {older}, this program's of {VERSION}: a tlsrpt-reportd of this version brings them forward when it starts"
        ))),
        newer => Err(too_new(newer)),
    }
}

fn too_new(found: i32) -> Fault {
    Fault::Version(format!(
        "the database's tables are of version {found}, newer than this program's {VERSION}: install the version that the reporters have"
    ))
}

/// Which reporter works on this database, as all of its members: it stands in their reports.
///
/// # Errors
/// When that cannot be read.
pub fn installation(session: &Session) -> Result<InstallationId, Fault> {
    let row = session.query_opt("SELECT installation FROM tlsrpt.meta", &[])?;
    let id = match row {
        Some(row) => InstallationId::parse(row.try_get(0)?),
        None => None,
    };
    id.ok_or_else(|| Fault::Row("the installation in tlsrpt.meta is none".to_owned()))
}

/// Makes all partitions of a day, those that shippers write to, too. In a transaction of its own: it takes a lock on each table for
/// a moment.
///
/// # Errors
/// When they may not be made.
pub fn make_day(session: &Session, day: Day) -> Result<(), Fault> {
    let transaction = session.begin()?;
    hold_day(&transaction, day)?;
    make_day_of(&transaction, day)?;
    transaction.commit()
}

/// Makes those partitions of a day that each day needs: it is a few, and where nobody ships that is all.
///
/// # Errors
/// When they may not be made.
pub fn make_reports(session: &Session, day: Day) -> Result<(), Fault> {
    let transaction = session.begin()?;
    hold_day(&transaction, day)?;
    make_reports_of(&transaction, day)?;
    transaction.commit()
}

/// Makes the row of a day, if it is not there, and locks it. Whoever has the password of the shippers may have locked it before.
///
/// # Errors
/// When that may not be done.
pub fn hold_day(transaction: &Transaction<'_>, day: Day) -> Result<(), Fault> {
    transaction.execute(
        "INSERT INTO day(day) VALUES($1) ON CONFLICT DO NOTHING",
        &[&PgDay(day)],
    )?;
    let hold = "SELECT 1 FROM day WHERE day = $1 FOR UPDATE";
    transaction.query_opt(hold, &[&PgDay(day)]).map(drop)
}

/// Makes all partitions of a day whose row is held.
///
/// # Errors
/// When they may not be made.
pub fn make_day_of(transaction: &Transaction<'_>, day: Day) -> Result<(), Fault> {
    make_reports_of(transaction, day)?;
    let made = "UPDATE day SET counts = true WHERE day = $1 AND NOT counts";
    match transaction.execute(made, &[&PgDay(day)])? {
        0 => Ok(()),
        _ => transaction.batch(&partitions_of_shards(day)),
    }
}

/// Makes those partitions of a day that a day needs to which nothing is shipped any more.
///
/// # Errors
/// When they may not be made.
pub fn make_reports_of(transaction: &Transaction<'_>, day: Day) -> Result<(), Fault> {
    let made = "UPDATE day SET made = true WHERE day = $1 AND NOT made";
    match transaction.execute(made, &[&PgDay(day)])? {
        0 => Ok(()),
        _ => transaction.batch(
            &BY_DAY
                .map(|table| create(table, day, room(table)) + &attach(table, day))
                .concat(),
        ),
    }
}

/// Rows change where they stand as long as their page has room for what they become, and then no index changes: a delivery is taken
/// in hand and ends, a report loses its text.
fn room(table: &str) -> &'static str {
    match table {
        "delivery" => " WITH (fillfactor = 40)",
        "report" => " WITH (fillfactor = 90)",
        _ => "",
    }
}

/// Made beside the tables and then attached: `CREATE TABLE ... PARTITION OF` would wait for everybody who reads the table (a
/// backup reads for hours), and all others would wait behind it.
fn create(table: &str, day: Day, more: &str) -> String {
    let name = of_day(table, day);
    format!("CREATE TABLE {name} (LIKE {table} INCLUDING ALL){more};")
}

fn attach(table: &str, day: Day) -> String {
    let (name, next) = (of_day(table, day), day.next());
    format!("ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{day}') TO ('{next}');")
}

fn partitions_of_shards(day: Day) -> String {
    let name = day.to_string().replace('-', "");
    let mut sql = String::new();
    for table in BY_DAY_AND_SHARD {
        sql += &create(table, day, " PARTITION BY LIST (shard)");
        for shard in 0..SHARDS {
            sql += &format!(
                "CREATE TABLE {table}_{name}_{shard} PARTITION OF {table}_{name} FOR VALUES IN ({shard});"
            );
        }
        sql += &attach(table, day);
    }
    sql
}

/// The leaf table of one day's shard: read directly, it is found without looking at all the others.
pub fn leaf(table: &str, day: Day, shard: crate::Shard) -> String {
    format!("{table}_{}_{shard}", day.to_string().replace('-', ""))
}

/// The partition of one day.
pub fn of_day(table: &str, day: Day) -> String {
    format!("{table}_{}", day.to_string().replace('-', ""))
}

/// Has the server look at those of these tables of a day that it knows nothing of. Its autovacuum comes once a minute: until then it
/// believes that a row in two hundred is of the table's day, and a row in two hundred without a status, and it reads the whole
/// table to find one.
///
/// # Errors
/// When they cannot be looked at.
pub fn analyze_new(session: &Session, day: Day, tables: &[&str]) -> Result<(), Fault> {
    let names: Vec<String> = tables.iter().map(|table| of_day(table, day)).collect();
    let unknown = session.query(
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'tlsrpt'::regnamespace AND relname::text = ANY($1) AND reltuples < 0",
        &[&names],
    )?;
    unknown.iter().try_for_each(|row| {
        let name: &str = row.try_get(0)?;
        // Somebody else may be looking at it.
        session.batch(&format!("ANALYZE (SKIP_LOCKED) {name}"))
    })
}

/// Takes the partitions of a day out of their tables, to be dropped. Nobody waits for that: neither readers nor writers of other
/// days. What was begun once, and did not get through, is ended.
///
/// # Errors
/// When somebody reads for longer than a moment, and when they may not be taken out.
pub fn detach_day(session: &Session, day: Day) -> Result<(), Fault> {
    let tables = BY_DAY.iter().chain(BY_DAY_AND_SHARD);
    let names: Vec<String> = tables.map(|table| of_day(table, day)).collect();
    let attached = session.query(
        "SELECT p.relname::text, c.relname::text, i.inhdetachpending FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
         JOIN pg_class p ON p.oid = i.inhparent \
         WHERE c.relnamespace = 'tlsrpt'::regnamespace AND c.relname::text = ANY($1)",
        &[&names],
    )?;
    // It waits for whoever reads the table now.
    session.batch("SET statement_timeout = '5s'")?;
    let detached = attached.iter().try_for_each(|row| {
        let (table, name): (&str, &str) = (row.try_get(0)?, row.try_get(1)?);
        let how = match row.try_get(2)? {
            true => "FINALIZE",
            false => "CONCURRENTLY",
        };
        session.batch(&format!(
            "ALTER TABLE {table} DETACH PARTITION {name} {how}"
        ))
    });
    session.batch("SET statement_timeout = '60s'")?;
    detached
}

/// Drops the partitions of a day.
///
/// # Errors
/// When they may not be dropped.
pub fn drop_day(transaction: &Transaction<'_>, day: Day) -> Result<(), Fault> {
    let tables = BY_DAY.iter().chain(BY_DAY_AND_SHARD);
    tables
        .map(|table| of_day(table, day))
        .try_for_each(|table| transaction.batch(&format!("DROP TABLE IF EXISTS {table}")))
}

fn random<const N: usize>() -> Result<[u8; N], Fault> {
    let mut octets = [0; N];
    aws_lc_rs::rand::fill(&mut octets)
        .map_err(|_| Fault::Row("the system has no random numbers".to_owned()))?;
    Ok(octets)
}

fn rand_u64() -> Result<u64, Fault> {
    random().map(u64::from_be_bytes)
}
