//! What the database says between two lives of the reporter and whenever it is cleaned, kept beyond the time for which it
//! keeps it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, Row};
use tlsrptd_proto::day::Day;

use super::{collectors::number_of, sim::Key};

/// A row of `reports`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub made: Timestamp,
    pub uniqid: i64,
    pub reason: Option<String>,
    pub sessions: i64,
}

/// A row of `destinations`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    pub status: Option<String>,
    pub in_hand: bool,
    pub reason: Option<String>,
}

/// A row of `reportdata`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    pub status: Option<String>,
    pub reason: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub struct Ledger {
    pub reports: BTreeMap<(Day, String), Report>,
    /// Those of what came late, by their numbers.
    pub late: BTreeMap<(Day, String, i64), Report>,
    pub destinations: BTreeMap<Key, Destination>,
    pub data: BTreeMap<(Day, String, i64), Data>,
    pub jobs: BTreeMap<(Day, i64), Option<String>>,
    /// Waited, and went: their days had not ended, by the clock as it was set then.
    pub undone: BTreeSet<(Day, i64)>,
    /// In hand when a life ended, by the number of the life.
    pub in_hand: BTreeMap<Key, BTreeSet<usize>>,
    /// What must not be.
    pub broken: Vec<String>,
}

impl Ledger {
    /// Takes down what the database holds when a life is over.
    pub fn read_after(&mut self, path: &Path, life: usize, oldest_kept: Day) {
        self.read(path, life, oldest_kept);
        for (key, destination) in &self.destinations {
            if destination.in_hand && destination.status.is_none() {
                self.in_hand.entry(key.clone()).or_default().insert(life);
            }
        }
    }

    /// Takes down what the database holds.
    pub fn read(&mut self, path: &Path, life: usize, oldest_kept: Day) {
        let Ok(db) = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY) else {
            return;
        };
        // A reporter that crashed while it made the tables has left none.
        let tables =
            "SELECT 1 FROM pragma_table_info('destinations') WHERE name = 'tlsrptd_reason'";
        if !db
            .prepare(tables)
            .and_then(|mut select| select.exists([]))
            .unwrap()
        {
            return;
        }
        self.read_reports(&db, life, oldest_kept);
        self.read_destinations(&db, life, oldest_kept);
        let data = rows(
            &db,
            "SELECT day, domain, fetcher, status, tlsrptd_reason FROM reportdata",
            |row| {
                let data = Data {
                    status: row.get(3)?,
                    reason: row.get(4)?,
                };
                Ok(((day(row)?, row.get(1)?, collector(row, 2)?), data))
            },
        );
        self.data.extend(data);
        self.read_jobs(&db);
    }

    fn read_jobs(&mut self, db: &Connection) {
        let jobs = rows(db, "SELECT day, fetcher, status FROM fetchjobs", |row| {
            Ok(((day(row)?, collector(row, 1)?), row.get(2)?))
        });
        let now: BTreeMap<(Day, i64), Option<String>> = jobs.into_iter().collect();
        let is_gone = |(key, status): &(&(Day, i64), &Option<String>)| {
            status.is_none() && !now.contains_key(key)
        };
        let gone = self.jobs.iter().filter(is_gone).map(|(key, _)| *key);
        self.undone.extend(gone.collect::<Vec<_>>());
        self.jobs.retain(|key, _| !self.undone.contains(key));
        self.undone.retain(|key| !now.contains_key(key));
        self.jobs.extend(now);
    }

    fn read_reports(&mut self, db: &Connection, life: usize, oldest_kept: Day) {
        let sql = "SELECT day, domain, its, uniqid, tlsrptd_reason, tlsrptd_sessions FROM reports";
        let found: Vec<((Day, String), Report)> = rows(db, sql, |row| {
            let its: String = row.get(2)?;
            let report = Report {
                made: format!("{its}Z").parse().unwrap(),
                uniqid: row.get(3)?,
                reason: row.get(4)?,
                sessions: row.get(5)?,
            };
            Ok(((day(row)?, row.get(1)?), report))
        });
        let mut now = BTreeMap::new();
        for (key, report) in found {
            if report.uniqid > 1 {
                self.late.insert((key.0, key.1, report.uniqid), report);
                continue;
            }
            if now.insert(key.clone(), report).is_some() {
                self.broken
                    .push(format!("life {life}: two reports on {key:?}"));
            }
        }
        for (key, before) in &self.reports {
            match now.get(key) {
                Some(report) if report != before => {
                    self.broken.push(format!(
                        "life {life}: the report on {key:?} was {before:?} and is {report:?}"
                    ));
                }
                None if key.0 >= oldest_kept => {
                    self.broken.push(format!(
                        "life {life}: the report on {key:?} is gone, {before:?}"
                    ));
                }
                _ => {}
            }
        }
        self.reports.extend(now);
    }

    fn read_destinations(&mut self, db: &Connection, life: usize, oldest_kept: Day) {
        let sql = "SELECT day, domain, destination, status, tlsrptd_started IS NOT NULL, d.tlsrptd_reason, uniqid \
                   FROM destinations d JOIN reports ON r_id = d_r_id";
        let now: BTreeMap<Key, Destination> = rows(db, sql, |row| {
            let key = Key {
                day: day(row)?,
                domain: row.get(1)?,
                uniqid: row.get::<_, i64>(6)?.unsigned_abs(),
                uri: row.get(2)?,
            };
            let destination = Destination {
                status: row.get(3)?,
                in_hand: row.get(4)?,
                reason: row.get(5)?,
            };
            Ok((key, destination))
        })
        .into_iter()
        .collect();
        for (key, before) in &self.destinations {
            match now.get(key) {
                Some(destination)
                    if before.status.is_some() && destination.status != before.status =>
                {
                    let text = format!(
                        "life {life}: {key:?} was final, {before:?}, and is {destination:?}"
                    );
                    self.broken.push(text);
                }
                None if key.day >= oldest_kept || before.status.is_none() => {
                    self.broken
                        .push(format!("life {life}: {key:?} is gone, {before:?}"));
                }
                _ => {}
            }
        }
        self.destinations.extend(now);
    }

    /// Whether nobody can know how the attempt of that life ended.
    pub fn is_unknown(&self, key: &Key, life: usize) -> bool {
        self.in_hand
            .get(key)
            .is_some_and(|lives| lives.contains(&life))
    }
}

fn collector(row: &Row<'_>, column: usize) -> rusqlite::Result<i64> {
    let command: String = row.get(column)?;
    Ok(number_of(&command))
}

fn day(row: &Row<'_>) -> rusqlite::Result<Day> {
    let text: String = row.get(0)?;
    Ok(Day::parse(&text).unwrap())
}

fn rows<T>(db: &Connection, sql: &str, read: impl Fn(&Row<'_>) -> rusqlite::Result<T>) -> Vec<T> {
    let mut select = db.prepare(sql).unwrap();
    let found = select.query_map([], |row| read(row)).unwrap();
    found.collect::<Result<_, _>>().unwrap()
}
