//! Requests as the operator's command makes, reads and withdraws them.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, named_params};

use super::{MOST_OPEN, TABLES, integer, string};
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
                    ":kind": request.kind.as_str(), ":day": report.map(|(_, day, _)| day.to_string()),
                    ":domain": report.map(|(_, _, domain)| domain), ":r_id": report.map(|(r_id, ..)| r_id),
                    ":destination": request.destination.uri(), ":origin": request.destination.named_by.as_str(),
                    ":asked": text::nexttry(now), ":by": request.by, ":state": RequestState::Asked.as_str(),
                })?;
                ids.push(RequestId(tx.last_insert_rowid()));
            }
            Ok(Some(ids))
        })
    }

    fn open_resends(&self) -> Result<Vec<(i64, Destination)>, StoreError> {
        self.read(|db| {
            if !has(db, "tlsrptd_requests")? {
                return Ok(Vec::new());
            }
            db.prepare(
                "SELECT r_id, destination FROM tlsrptd_requests WHERE ended IS NULL AND kind = ?1",
            )?
            .query_map([RequestKind::Resend.as_str()], |row| {
                let uri = string(row, 1)?.unwrap_or_default();
                Ok((integer(row, 0)?, Destination::new(uri, NamedBy::Record)))
            })?
            .collect()
        })
    }

    fn requests(&self, ids: &[RequestId]) -> Result<Vec<RequestRow>, StoreError> {
        self.read(|db| {
            let mut select = db.prepare_cached(
                "SELECT state, answer, failures, seconds, nexttry FROM tlsrptd_requests WHERE id = ?1",
            )?;
            let mut rows = Vec::with_capacity(ids.len());
            for id in ids {
                let row = select.query_row([id.0], |row| {
                    let state = string(row, 0)?.as_deref().and_then(RequestState::from_word);
                    Ok(RequestRow {
                        id: *id,
                        state: state.unwrap_or(RequestState::Unknown),
                        answer: string(row, 1)?,
                        failures: u32::try_from(integer(row, 2)?).unwrap_or_default(),
                        seconds: row.get_ref(3)?.as_f64().ok(),
                        next: string(row, 4)?.as_deref().and_then(text::instant),
                    })
                });
                rows.extend(row.optional()?);
            }
            Ok(rows)
        })
    }

    fn withdraw(&mut self, ids: &[RequestId], now: Timestamp) -> Result<usize, StoreError> {
        self.change(|tx| {
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
