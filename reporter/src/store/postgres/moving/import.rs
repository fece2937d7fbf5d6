//! From a file into a fleet that has none of its own yet.

use std::{collections::BTreeSet, path::Path};

use tlsrptd_config::reportd::Reportd;
use tlsrptd_fleet::{
    Fault, KeyHash, PgDay, SHARDS, Shard, ToSql, Transaction, schema, shard_of, stored_text,
    text_hash,
};
use tlsrptd_proto::{day::Day, domain::Domain};

use super::{
    QuietFleet, listed, members_at_work, refused, shown,
    tables::{Added, MovedTable, TABLES},
    unknown,
};
use crate::{
    model::{Destination, NamedBy},
    store::{
        Bounces as _, Days as _, Decisions as _, Deliveries as _, MovedRows, Store as _,
        StoreError,
        postgres::decisions::shard_of_delivery,
        sqlite::{MovedRow, SqliteStore, Whereabouts, installation_of, note, whereabouts},
    },
};

/// Rows, and octets, of one statement.
const ROWS: usize = 2_000;
const OCTETS: usize = 4 << 20;
/// A report's number in a file is a part of its number in the fleet.
const NUMBER_BITS: u32 = 40;

/// Brings everything from a file.
pub(in crate::store) fn import(settings: &Reportd, file: &Path) -> Result<MovedRows, StoreError> {
    let fleet = QuietFleet::open(settings)?;
    let address = fleet.place.address.to_string();
    match whereabouts(file)? {
        Whereabouts::Here => {}
        Whereabouts::MovedRows(place) if place == address => return Ok(MovedRows::Before),
        // Either nothing of it is there, or all: then it is no reporter's, not even for a moment.
        Whereabouts::Moving(place) if place == address => match is_there(&fleet, file)? {
            true => {
                note(file, &Whereabouts::MovedRows(address))?;
                return Ok(MovedRows::Finished);
            }
            false => note(file, &Whereabouts::Here)?,
        },
        Whereabouts::Moving(place) | Whereabouts::MovedRows(place) => {
            return Err(refused(
                &shown(file),
                format!("its contents were moved to {place}"),
            ));
        }
    }
    let mut store = SqliteStore::open(file, false, None)?;
    // Nobody has an attempt in hand.
    store.release()?;
    let undecided: BTreeSet<Day> = store
        .open_days()?
        .into_iter()
        .chain(store.leftover_days()?)
        .collect();
    if !undecided.is_empty() {
        return Err(refused(
            &shown(file),
            format!(
                "not all of {} is decided: start the reporter on it once more, and stop it when tlsrptctl status shows these days as done",
                listed(undecided)
            ),
        ));
    }
    let moved = move_all(&fleet, &store, file, &address);
    // Before the fleet's transaction was committed it was noted as on the way.
    match &moved {
        Ok(_) => {
            Box::new(store).close()?;
            note(file, &Whereabouts::MovedRows(address))?;
        }
        Err(_) => {
            Box::new(store).close()?;
        }
    }
    moved
}

/// Whether the fleet has the contents of a file whose move was cut short.
fn is_there(fleet: &QuietFleet, file: &Path) -> Result<bool, StoreError> {
    let look = || {
        let transaction = fleet.db.begin()?;
        // A transaction whose client is gone may be under way still: it is waited for.
        members_at_work(&transaction)?;
        schema::installation(&fleet.db)
    };
    let there = look().map_err(|fault| fleet.fault(fault))?;
    Ok(installation_of(file)?.as_ref() == Some(&there))
}

fn move_all(
    fleet: &QuietFleet,
    store: &SqliteStore,
    file: &Path,
    address: &str,
) -> Result<MovedRows, StoreError> {
    let fault = |fault| fleet.fault(fault);
    let transaction = fleet.db.begin().map_err(fault)?;
    let members = members_at_work(&transaction).map_err(fault)?;
    if !members.is_empty() {
        return Err(refused(
            address,
            format!("members are at work: stop {}", members.join(", ")),
        ));
    }
    let known = schema::installation(&fleet.db).map_err(fault)?;
    if known == *store.installation() {
        return Ok(MovedRows::Before);
    }
    let own = transaction
        .query(
            "SELECT 1 FROM history_day UNION ALL SELECT 1 FROM decided LIMIT 1",
            &[],
        )
        .map_err(fault)?;
    if !own.is_empty() {
        return Err(refused(
            address,
            "it has decided days of its own: import into a new database (createdb), before the first day ends",
        ));
    }
    let days = days(&transaction, store).map_err(fault)??;
    let mut rows = 0;
    for table in TABLES {
        rows += move_table(&transaction, store, table, fleet)?;
    }
    finish(&transaction, store).map_err(fault)?;
    note(file, &Whereabouts::Moving(address.to_owned()))?;
    match transaction.commit() {
        Ok(()) => Ok(MovedRows::Now { days, rows }),
        Err(fault) => Err(unknown(&shown(file), &fleet.fault(fault))),
    }
}

/// Makes the file's days in the fleet, as decided ones. Gives their number.
fn days(
    transaction: &Transaction<'_>,
    store: &SqliteStore,
) -> Result<Result<u64, StoreError>, Fault> {
    let mut texts = BTreeSet::new();
    let mut with_reports = BTreeSet::new();
    let all = "SELECT day, 0 FROM tlsrptd_decided UNION SELECT day, 0 FROM fetchjobs UNION SELECT day, 1 FROM reports \
               UNION SELECT day, 1 FROM reportdata";
    let read = store.moved_rows(all, 2, |row| {
        if let [Some(day), Some(has_reports)] = row.as_slice()
            && let Ok(day) = Day::parse(day)
        {
            texts.insert(day);
            if has_reports == "1" {
                with_reports.insert(day);
            }
        }
        Ok(())
    });
    if let Err(error) = read {
        return Ok(Err(error));
    }
    let shipped = transaction.query(
        "SELECT DISTINCT day FROM shipment WHERE rows > 0 ORDER BY day",
        &[],
    )?;
    for row in shipped {
        let day = row.try_get::<_, PgDay>(0)?.0;
        if texts.contains(&day) {
            return Ok(Err(refused(
                &day.to_string(),
                "the file has reported it, and a shipper has shipped counts of it: import before shippers are started (drop the database, and begin anew)",
            )));
        }
    }
    let number = texts.len() as u64;
    for day in texts {
        transaction.execute(
            "INSERT INTO day(day, state, closed_at) VALUES($1, 'closed', now()) \
             ON CONFLICT (day) DO UPDATE SET state = 'closed', closed_at = now()",
            &[&PgDay(day)],
        )?;
        transaction.execute(
            "INSERT INTO composing(day, composed) VALUES($1, true) ON CONFLICT (day) DO UPDATE SET composed = true",
            &[&PgDay(day)],
        )?;
        if with_reports.contains(&day) {
            schema::make_reports_of(transaction, day)?;
        }
        transaction.execute(
            "INSERT INTO compose(day, shard, folded, decided, done) \
             SELECT $1, s, true, true, true FROM generate_series(0, $2::smallint - 1) AS s ON CONFLICT DO NOTHING",
            &[&PgDay(day), &SHARDS],
        )?;
    }
    Ok(Ok(number))
}

fn move_table(
    transaction: &Transaction<'_>,
    store: &SqliteStore,
    table: &MovedTable,
    fleet: &QuietFleet,
) -> Result<u64, StoreError> {
    let mut batch = Batch::new(table);
    let mut rows = 0;
    store.moved_rows(table.from_file, table.width, |row| {
        if batch.add(row) {
            rows += batch
                .write(transaction)
                .map_err(|fault| fleet.fault(fault))?;
        }
        Ok(())
    })?;
    rows += batch
        .write(transaction)
        .map_err(|fault| fleet.fault(fault))?;
    Ok(rows)
}

/// Rows that go together.
struct Batch<'t> {
    table: &'t MovedTable,
    sql: String,
    columns: Vec<Vec<Option<String>>>,
    rows: usize,
    octets: usize,
}

impl Batch<'_> {
    fn new(table: &MovedTable) -> Batch<'_> {
        let width = table.width + table.added.len();
        let list =
            |form: &dyn Fn(usize) -> String| (1..=width).map(form).collect::<Vec<_>>().join(", ");
        let (arrays, names) = (
            list(&|n| format!("${n}::text[]")),
            list(&|n| format!("c{n}")),
        );
        Batch {
            table,
            sql: format!(
                "WITH r AS (SELECT * FROM unnest({arrays}) WITH ORDINALITY AS r({names}, place)) INSERT INTO {}",
                table.into_fleet
            ),
            columns: vec![Vec::new(); width],
            rows: 0,
            octets: 0,
        }
    }

    /// Whether it is full.
    fn add(&mut self, mut row: MovedRow) -> bool {
        let added: Vec<String> = self
            .table
            .added
            .iter()
            .map(|added| added.of(&row))
            .collect();
        row.extend(added.into_iter().map(Some));
        for (column, value) in self.columns.iter_mut().zip(row) {
            let value = value.map(|text| stored_text(&text).into_owned());
            self.octets += value.as_ref().map_or(0, String::len);
            column.push(value);
        }
        self.rows += 1;
        self.rows >= ROWS || self.octets >= OCTETS
    }

    fn write(&mut self, transaction: &Transaction<'_>) -> Result<u64, Fault> {
        if self.rows == 0 {
            return Ok(0);
        }
        let columns: Vec<&(dyn ToSql + Sync)> =
            self.columns.iter().map(|column| column as _).collect();
        let written = transaction
            .execute(&self.sql, &columns)
            .map_err(|fault| Fault::Row(format!("{}: {fault}", self.table.name)))?;
        if written != self.rows as u64 {
            return Err(Fault::Row(format!(
                "{}: {written} of {} rows were taken",
                self.table.name, self.rows
            )));
        }
        self.columns.iter_mut().for_each(Vec::clear);
        (self.rows, self.octets) = (0, 0);
        Ok(written)
    }
}

impl Added {
    fn of(self, row: &MovedRow) -> String {
        let text = |column: usize| {
            row.get(column)
                .and_then(Option::as_deref)
                .unwrap_or_default()
        };
        let queue = |uri: &str| Destination::new(uri, NamedBy::Record).queue();
        match self {
            // As it will be stored.
            Added::Hash(column) => uuid(text_hash(&stored_text(text(column)))),
            Added::Shard(column) => shard_of_name(text(column)).to_string(),
            Added::Queue { uri, known } => match text(known) {
                "" => queue(text(uri)).to_string(),
                known => known.to_owned(),
            },
            Added::DeliveryShard { uri, domain } => {
                let destination = Destination::new(text(uri), NamedBy::Record);
                shard_of_delivery(&destination, shard_of_name(text(domain))).to_string()
            }
        }
    }
}

fn uuid(hash: KeyHash) -> String {
    hash.to_string()
}

fn normal(name: &str) -> String {
    Domain::parse(name).map_or_else(|_| name.to_owned(), |domain| domain.as_str().to_owned())
}

fn shard_of_name(name: &str) -> Shard {
    shard_of(&normal(name))
}

/// Who the fleet is from now on, and what follows from the rows.
fn finish(transaction: &Transaction<'_>, store: &SqliteStore) -> Result<(), Fault> {
    let key: &[u8] = store.bounce_key().octets();
    transaction.execute(
        "UPDATE meta SET installation = $1, bounce_key = $2",
        &[&store.installation().as_str(), &key],
    )?;
    transaction.batch(
        "INSERT INTO arrived(uri_hash, day) SELECT uri_hash, max(day) FROM delivery WHERE status = 'sent' GROUP BY uri_hash \
         ON CONFLICT DO NOTHING; \
         SELECT setval('report_id', greatest((SELECT max(r_id & ((1::bigint << 40) - 1)) FROM report), \
           (SELECT last_value FROM report_id))); \
         SELECT setval(pg_get_serial_sequence('tlsrpt.request', 'id'), max(id)) FROM request HAVING max(id) > 0",
    )?;
    let too_large = transaction.query_opt(
        "SELECT 1 FROM report WHERE (r_id >> $1::int) <> (day - date '2000-01-01') LIMIT 1",
        &[&i32::try_from(NUMBER_BITS).unwrap_or(40)],
    )?;
    match too_large {
        None => Ok(()),
        Some(_) => Err(Fault::Row(
            "a report's number in the file is too large".to_owned(),
        )),
    }
}
