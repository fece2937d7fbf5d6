//! Requests as the operator's command makes, reads and withdraws them.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::{MOST_OPEN, TABLES, integer, reports, string};
use crate::{
    model::{Destination, NamedBy, RequestId, RequestKind, RequestState},
    store::{
        CoveredDestinations, NewRequest, OperatorRequests, RequestRow, StoreError,
        sqlite::{ExistingDatabase, operator::has, text},
    },
};

/// Rows between two looks at the time.
const BETWEEN_LOOKS: u64 = 256;

impl OperatorRequests for ExistingDatabase {
    fn ask(
        &mut self,
        requests: &[NewRequest],
        now: Timestamp,
    ) -> Result<Option<Vec<RequestId>>, StoreError> {
        self.change(|tx| {
            TABLES.iter().try_for_each(|table| tx.execute_batch(table))?;
            let open = "SELECT count(*) FROM tlsrptd_requests WHERE ended IS NULL";
            let open: i64 = tx.query_row(open, [], |row| row.get(0))?;
            let more = i64::try_from(requests.len()).unwrap_or(i64::MAX);
            if open.saturating_add(more) > MOST_OPEN {
                return Ok(None);
            }
            let mut insert = tx.prepare(
                "INSERT INTO tlsrptd_requests(kind, day, domain, r_id, destination, origin, asked, by, state, failures) \
                 VALUES(:kind, :day, :domain, :r_id, :destination, :origin, :asked, :by, :state, 0)",
            )?;
            let mut ids = Vec::with_capacity(requests.len());
            for request in requests {
                let report = request.report.as_ref();
                insert.execute(named_params! {
                    ":kind": request.kind.as_str(), ":day": report.map(|report| report.day.to_string()),
                    ":domain": report.map(|report| &report.domain), ":r_id": report.map(|report| report.r_id),
                    ":destination": request.destination.uri(), ":origin": request.destination.named_by.as_str(),
                    ":asked": text::nexttry(now), ":by": request.by, ":state": RequestState::Asked.as_str(),
                })?;
                ids.push(RequestId(tx.last_insert_rowid()));
            }
            Ok(Some(ids))
        })
    }

    fn pending_requests(&self) -> Result<Vec<RequestRow>, StoreError> {
        self.read(|db| {
            if !has(db, "tlsrptd_requests")? {
                return Ok(Vec::new());
            }
            let rows = db
                .prepare(&format!(
                    "{ROW} WHERE ended IS NULL ORDER BY id LIMIT {MOST_OPEN}"
                ))?
                .query_map([], request_row)?
                .collect::<Result<Vec<_>, _>>()?;
            Ok(rows.into_iter().flatten().collect())
        })
    }

    fn requests(&self, ids: &[RequestId]) -> Result<Vec<RequestRow>, StoreError> {
        self.read(|db| {
            if !has(db, "tlsrptd_requests")? {
                return Ok(Vec::new());
            }
            let mut select = db.prepare(&format!("{ROW} WHERE id = ?1"))?;
            let mut rows = Vec::with_capacity(ids.len());
            for id in ids {
                rows.extend(select.query_row([id.0], request_row).optional()?.flatten());
            }
            Ok(rows)
        })
    }

    fn withdraw(&mut self, ids: &[RequestId], now: Timestamp) -> Result<usize, StoreError> {
        self.change(|tx| {
            if !has(tx, "tlsrptd_requests")? {
                return Ok(0);
            }
            let mut update = tx.prepare(
                "UPDATE tlsrptd_requests SET state = ?2, ended = ?3 WHERE id = ?1 AND ended IS NULL AND started IS NULL",
            )?;
            let state = RequestState::Withdrawn.as_str();
            let mut withdrawn = 0;
            for id in ids {
                withdrawn += update.execute((id.0, state, text::nexttry(now)))?;
            }
            Ok(withdrawn)
        })
    }

    fn covered(
        &self,
        covers: &dyn Fn(&Destination) -> bool,
        most: usize,
        time: Duration,
    ) -> Result<CoveredDestinations, StoreError> {
        self.read(|db| covered(db, covers, most, time))
    }
}

/// The columns that [`request_row`] reads.
const ROW: &str = "SELECT id, kind, r_id, day, domain, destination, origin, asked, by, state, answer, failures, seconds, \
    nexttry FROM tlsrptd_requests";

/// A row that the daemon cannot read is no request.
fn request_row(row: &Row<'_>) -> rusqlite::Result<Option<RequestRow>> {
    let Some(kind) = string(row, 1)?.as_deref().and_then(RequestKind::from_word) else {
        return Ok(None);
    };
    let state = string(row, 9)?.as_deref().and_then(RequestState::from_word);
    let named_by = NamedBy::from_word(string(row, 6)?.as_deref());
    Ok(Some(RequestRow {
        id: RequestId(row.get(0)?),
        kind,
        report: reports::requested(row, 2)?,
        destination: Destination::new(string(row, 5)?.unwrap_or_default(), named_by),
        asked: string(row, 7)?.as_deref().and_then(text::instant),
        by: string(row, 8)?.unwrap_or_default(),
        state: state.unwrap_or(RequestState::Unknown),
        answer: string(row, 10)?,
        failures: u32::try_from(integer(row, 11)?).unwrap_or_default(),
        seconds: row.get_ref(12)?.as_f64().ok(),
        next: string(row, 13)?.as_deref().and_then(text::instant),
    }))
}

/// From one destination to the next in the order of the key: a destination that a million reports went to is one step.
fn covered(
    db: &Connection,
    covers: &dyn Fn(&Destination) -> bool,
    most: usize,
    time: Duration,
) -> rusqlite::Result<CoveredDestinations> {
    let mut next = db.prepare(
        "SELECT destination FROM destinations WHERE destination > ?1 AND typeof(destination) = 'text' \
         ORDER BY destination LIMIT 1",
    )?;
    let begun = Instant::now();
    let (mut found, mut last, mut looked_at) =
        (CoveredDestinations::default(), String::new(), 0_u64);
    while let Some(uri) = next
        .query_row([&last], |row| row.get::<_, String>(0))
        .optional()?
    {
        if covers(&Destination::new(uri.as_str(), NamedBy::Record)) {
            found.found += 1;
            if found.first.len() < most {
                found.first.push(uri.clone());
            }
        }
        last = uri;
        looked_at += 1;
        if looked_at.is_multiple_of(BETWEEN_LOOKS) && begun.elapsed() >= time {
            found.is_cut = true;
            break;
        }
    }
    Ok(found)
}
