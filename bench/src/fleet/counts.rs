//! Counts of several hosts into one day: by one writer into SQLite, where each is a row that is changed, and by all of them into
//! PostgreSQL, where each is a row that is added.

use std::{path::Path, thread, time::Instant};

use rusqlite::Connection;
use tlsrptd_cluster::Cluster;
use tlsrptd_fleet::{Address, Fault, PgDay, SHARDS, Session, schema};
use tlsrptd_proto::day::Day;

use crate::error::BenchError;

const A_TRANSACTION: u64 = 10_000;
/// So often each host tells each of its keys.
const ROUNDS: u64 = 5;

fn day() -> Day {
    Day::of(jiff::Timestamp::now()).previous()
}

/// 16 octets that are spread, and the same in each round.
fn key(host: u64, number: u64) -> [u8; 16] {
    let mixed = (u128::from(host) << 64 | u128::from(number + 1))
        .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    mixed.to_be_bytes()
}

/// Counts a second of one writer, to whom so many hosts tell theirs: it has the same keys to keep, in the same transactions.
pub(super) fn sqlite(folder: &Path, hosts: usize, keys: u64) -> Result<f64, BenchError> {
    let folder =
        tempfile::tempdir_in(folder).map_err(BenchError::io("make a folder in", folder))?;
    let path = folder.path().join("counts.sqlite");
    count_into(&path, hosts as u64, keys).map_err(|source| BenchError::Sqlite { path, source })
}

fn count_into(path: &Path, hosts: u64, keys: u64) -> rusqlite::Result<f64> {
    let mut db = Connection::open(path)?;
    db.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    db.execute_batch(
        "PRAGMA synchronous = NORMAL; \
         CREATE TABLE count(key BLOB, collector INTEGER, total INTEGER, failed INTEGER, PRIMARY KEY(key, collector)) WITHOUT ROWID",
    )?;
    let begun = Instant::now();
    for round in 0..ROUNDS {
        for first in (0..keys).step_by(A_TRANSACTION as usize) {
            for host in 1..=hosts {
                let numbers = first..(first + A_TRANSACTION).min(keys);
                let mut sorted: Vec<[u8; 16]> = numbers.map(|number| key(host, number)).collect();
                // Any writer would: the pages of a tree are changed one after the other.
                sorted.sort_unstable();
                add(&mut db, &sorted, host, round + 1)?;
            }
        }
    }
    Ok((hosts * keys * ROUNDS) as f64 / begun.elapsed().as_secs_f64())
}

fn add(db: &mut Connection, keys: &[[u8; 16]], host: u64, total: u64) -> rusqlite::Result<()> {
    let transaction = db.transaction()?;
    {
        let mut upsert = transaction.prepare_cached(
            "INSERT INTO count VALUES(?1, ?2, ?3, 0) ON CONFLICT DO UPDATE SET total = max(total, excluded.total)",
        )?;
        for key in keys {
            upsert.execute((key, host.cast_signed(), total.cast_signed()))?;
        }
    }
    transaction.commit()
}

/// Counts a second of so many writers at once.
pub(super) fn postgresql(cluster: &Cluster, hosts: usize, keys: u64) -> Result<f64, BenchError> {
    let address = Address::parse(&cluster.database()).map_err(BenchError::other("the address"))?;
    let db = Session::new(address.clone());
    let made = schema::migrate(&db).and_then(|()| schema::make_day(&db, day()));
    made.map_err(BenchError::other("the tables of a fleet"))?;
    let begun = Instant::now();
    let writers: Vec<_> = (1..=hosts as u64)
        .map(|host| {
            let address = address.clone();
            thread::spawn(move || ship(&Session::new(address), host, keys))
        })
        .collect();
    for writer in writers {
        let shipped = writer
            .join()
            .map_err(|_| "a writer panicked")
            .map_err(BenchError::other("shipping"))?;
        shipped.map_err(BenchError::other("shipping"))?;
    }
    Ok((hosts as u64 * keys * ROUNDS) as f64 / begun.elapsed().as_secs_f64())
}

/// As a shipper does it: the batch is counted, and its rows are added, in one transaction.
fn ship(db: &Session, host: u64, keys: u64) -> Result<(), Fault> {
    let collector = db.query_opt(
        "INSERT INTO collector(name, incarnation, first_day) VALUES($1, gen_random_uuid(), $2) RETURNING id",
        &[&format!("host{host}"), &PgDay(day())],
    )?;
    let collector: i32 = collector.map_or(Ok(0), |row| row.try_get(0))?;
    db.query(
        "INSERT INTO shipment(day, collector) VALUES($1, $2)",
        &[&PgDay(day()), &collector],
    )?;
    let table = schema::of_day("count", day());
    let copy = format!(
        "COPY {table}(total, failed, day, collector, shard, key) FROM STDIN (FORMAT binary)"
    );
    let mut batch = 0_i64;
    for round in 0..ROUNDS {
        for first in (0..keys).step_by(A_TRANSACTION as usize) {
            batch += 1;
            let transaction = db.begin()?;
            transaction.batch("SET LOCAL synchronous_commit = off")?;
            transaction.execute(
                "UPDATE shipment SET batch = $3 WHERE day = $1 AND collector = $2 AND batch = $3::bigint - 1 AND NOT closed",
                &[&PgDay(day()), &collector, &batch],
            )?;
            let mut copy = transaction.copy_in(&copy)?;
            let last = (first + A_TRANSACTION).min(keys);
            copy.write(rows(host, first..last, round + 1, collector).into())?;
            copy.finish()?;
            transaction.commit()?;
        }
    }
    Ok(())
}

/// In COPY's binary format, as PostgreSQL's manual describes it.
fn rows(host: u64, numbers: std::ops::Range<u64>, total: u64, collector: i32) -> Vec<u8> {
    let mut octets = b"PGCOPY\n\xff\r\n\0".to_vec();
    octets.extend([0; 8]);
    let days = (day().start().as_second() / 86_400 - 10_957) as i32;
    for number in numbers {
        let key = key(host, number);
        let shard = i16::from(key[15]) % SHARDS;
        octets.extend(6_i16.to_be_bytes());
        field(&mut octets, &total.to_be_bytes());
        field(&mut octets, &0_i64.to_be_bytes());
        field(&mut octets, &days.to_be_bytes());
        field(&mut octets, &collector.to_be_bytes());
        field(&mut octets, &shard.to_be_bytes());
        field(&mut octets, &key);
    }
    octets.extend((-1_i16).to_be_bytes());
    octets
}

fn field(octets: &mut Vec<u8>, value: &[u8]) {
    octets.extend((value.len() as i32).to_be_bytes());
    octets.extend(value);
}
